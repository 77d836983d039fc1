use std::io::ErrorKind;
use std::path::PathBuf;

use clap::Args;
use overlay_store::audit::{Checkpoint, keep_checkpoint, public_key};
use serde::Serialize;

use super::key;
use crate::deploy::{Site, store_error};
use crate::environment::now_us;
use crate::exit::{Exit, refusal};
use crate::output::{Output, Report};
use crate::replace::create;

/// Sign where the log ends now, to be kept where others cannot write
///
/// The log is verified first. The signed text is printed, and kept in `audit/checkpoints/` too.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion audit checkpoint --root prod --new-key audit.key > checkpoint.note
  fusion audit checkpoint --root prod --key-file audit.key -o checkpoint.note

Ends with 8 where the log is not as it was written: nothing is signed then.")]
pub(super) struct CheckpointArguments {
    #[command(flatten)]
    key: KeyArguments,
    /// Where the signed text goes; standard output without it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file of `--output` where there is one
    #[arg(long)]
    force: bool,
}

/// Which key signs.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct KeyArguments {
    /// The secret key: a file with 64 hexadecimal digits
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Make a new key here, and its public half in `FILE.pub`
    #[arg(long, value_name = "FILE")]
    new_key: Option<PathBuf>,
}

impl KeyArguments {
    fn secret(&self) -> anyhow::Result<[u8; 32]> {
        match (&self.key_file, &self.new_key) {
            (Some(path), _) => key::signing(path),
            (None, Some(path)) => key::create(path),
            (None, None) => Err(refusal(Exit::USAGE, "give --key-file or --new-key")),
        }
    }
}

#[derive(Serialize)]
struct CheckpointReport {
    origin: String,
    /// How many records the log has.
    records: u64,
    public_key: String,
    /// The signed text.
    checkpoint: String,
}

impl Report for CheckpointReport {
    const SCHEMA: &'static str = "fusion/audit-checkpoint/1";

    fn text(&self, _width: usize) -> String {
        self.checkpoint.clone()
    }
}

impl CheckpointArguments {
    pub(super) fn run(self, site: &Site, output: &mut Output) -> anyhow::Result<Exit> {
        let store = site.store();
        let pointer = store.current().map_err(store_error)?;
        let verified = store.audit().verify(pointer.map(|it| it.audit));
        let verified = verified.map_err(|err| store_error(err.into()))?;
        let secret = self.key.secret()?;
        let checkpoint = Checkpoint { origin: site.origin(), head: verified.head, at_us: now_us() };
        let text = checkpoint.sign(&secret)?;
        match keep_checkpoint(store.fs(), verified.records, &text) {
            // Where this end was signed before, that text stays.
            Err(err) if err.kind() != ErrorKind::AlreadyExists => {
                let said = format!("the copy in the root was not kept: {err}\n");
                output.remark(&said)?;
            }
            _ => {}
        }
        if let Some(path) = &self.output {
            create(path, text.as_bytes(), self.force)?;
            output.remark(&format!("wrote {}\n", path.display()))?;
        }
        if self.output.is_none() || output.is_json() {
            output.show(&CheckpointReport {
                origin: checkpoint.origin,
                records: verified.records,
                public_key: key::hex(&public_key(&secret)),
                checkpoint: text,
            })?;
        }
        Ok(Exit::DONE)
    }
}
