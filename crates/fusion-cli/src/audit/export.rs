use std::path::PathBuf;

use clap::Args;
use overlay_store::Store;

use super::since::Wanted;
use crate::deploy::store_error;
use crate::exit::Exit;
use crate::findings::plural;
use crate::output::Output;
use crate::replace::create;

/// Write records as JSON lines, byte for byte as they stand in the log
///
/// A whole export can be verified anywhere: each line holds the hash of the one before.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion audit export --root prod > audit.jsonl
  fusion audit export --root prod --since 2026-11-01T00:00:00Z -o november.jsonl")]
pub(super) struct Export {
    #[command(flatten)]
    wanted: Wanted,
    /// Where the lines go; standard output without it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file of `--output` where there is one
    #[arg(long)]
    force: bool,
}

impl Export {
    pub(super) fn run(self, store: &Store, output: &mut Output) -> anyhow::Result<Exit> {
        let mut lines = Vec::new();
        let exported = store.audit().export(self.wanted.from, &self.wanted.filter(), &mut lines);
        let count = exported.map_err(|err| store_error(err.into()))?;
        match &self.output {
            Some(path) => {
                create(path, &lines, self.force)?;
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                let said = format!("wrote {} to {}\n", plural(count, "record"), path.display());
                output.remark(&said)?;
            }
            None => output.json(&String::from_utf8_lossy(&lines))?,
        }
        Ok(Exit::DONE)
    }
}
