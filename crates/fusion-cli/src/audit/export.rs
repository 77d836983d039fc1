use std::path::PathBuf;

use clap::Args;
use overlay_store::Store;
use overlay_store::audit::{AuditError, Broken};
use serde::Serialize;

use super::since::Wanted;
use crate::deploy::store_error;
use crate::exit::Exit;
use crate::findings::plural;
use crate::output::{Output, Report};
use crate::replace::create;
use crate::serve::warn;

/// Write records as JSON lines, byte for byte as they stand in the log
///
/// The log is verified on the way. A whole export can be verified anywhere: each line holds the
/// hash of the one before (`fusion audit verify --file`). Lines on standard output are JSON as they
/// are; with --output, --json says what was written.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion audit export --root prod > audit.jsonl
  fusion audit export --root prod --since 2026-11-01T00:00:00Z -o november.jsonl

Ends with 8 where the log is not as it was written: what can be read of it is written all the
same.")]
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

#[derive(Serialize)]
struct ExportReport {
    path: String,
    /// How many records were written.
    records: usize,
    /// Whether the whole log is as it was written.
    valid: bool,
    /// The first record that is not.
    broken: Option<Broken>,
}

impl Report for ExportReport {
    const SCHEMA: &'static str = "fusion/audit-export/1";

    fn text(&self, _width: usize) -> String {
        String::new()
    }
}

impl Export {
    pub(super) fn run(self, store: &Store, output: &mut Output) -> anyhow::Result<Exit> {
        let log = store.audit();
        let known = store.current().ok().flatten().map(|it| it.audit);
        let mut broken = found(log.verify(known).map(drop))?;
        let mut lines = Vec::new();
        // What stands before a line that is none is written all the same.
        let exported = log.export(self.wanted.from, &self.wanted.filter(), &mut lines);
        broken = broken.or(found(exported.map(drop))?);
        if let Some(path) = &self.output {
            create(path, &lines, self.force)?;
        }
        self.answer(&lines, broken.as_ref(), output)?;
        if let Some(broken) = &broken {
            let message = format!(
                "the log is not as it was written: {broken}; the export was made all the same, and \
                 proves nothing"
            );
            warn(output, &message)?;
        }
        Ok(if broken.is_none() { Exit::DONE } else { Exit::INTEGRITY })
    }

    /// Says what was written where, or prints the lines.
    fn answer(
        &self,
        lines: &[u8],
        broken: Option<&Broken>,
        output: &mut Output,
    ) -> anyhow::Result<()> {
        let Some(path) = &self.output else {
            return output.json(&String::from_utf8_lossy(lines));
        };
        let records = lines.iter().filter(|it| **it == b'\n').count();
        let path = path.display().to_string();
        if output.is_json() {
            let broken = broken.cloned();
            return output.show(&ExportReport { path, records, valid: broken.is_none(), broken });
        }
        output.remark(&format!("wrote {} to {path}\n", plural(records, "record")))
    }
}

/// The record that is not as it was written, where that is the reason.
fn found(done: Result<(), AuditError>) -> anyhow::Result<Option<Broken>> {
    match done {
        Ok(()) => Ok(None),
        Err(AuditError::Broken(broken)) => Ok(Some(broken)),
        Err(err) => Err(store_error(err.into())),
    }
}
