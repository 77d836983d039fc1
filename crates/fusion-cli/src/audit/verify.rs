use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use overlay_store::audit::{AuditError, Broken, Checkpoint, CheckpointError, Head, Verified};
use overlay_store::{Store, StoreError};
use serde::Serialize;

use super::key;
use super::verify_file::verify_file;
use crate::deploy::{moment, store_error};
use crate::exit::{Exit, refusal};
use crate::findings::plural;
use crate::input;
use crate::output::{Output, Report};

/// Go through the whole chain and name the first record that does not fit
///
/// Held against `audit/HEAD` and the pointer; with a checkpoint also against what was signed
/// then, which finds a log that was rewritten as a whole. With --file an export, anywhere: no root
/// is needed for that.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion audit verify --root prod
  fusion audit verify --root prod --checkpoint checkpoint.note --public-key audit.key.pub --json
  fusion audit verify --file audit.jsonl --checkpoint checkpoint.note --public-key audit.key.pub

Ends with 8 where a record was altered, dropped, moved, repeated or cut off, or the pointer is not
the one that the log saw last; with 3 where an export begins after its checkpoint.")]
pub(super) struct Verify {
    /// Lines that `fusion audit export` wrote, instead of a root; `-` reads standard input
    #[arg(long, value_name = "EXPORT")]
    file: Option<PathBuf>,
    /// A checkpoint that was exported before
    #[arg(long, value_name = "FILE", requires = "public_key")]
    checkpoint: Option<PathBuf>,
    /// A public key that may have signed it: 64 hexadecimal digits, or a file with them; may be
    /// given several times
    #[arg(long, value_name = "KEY", requires = "checkpoint")]
    public_key: Vec<String>,
}

#[derive(Serialize)]
struct VerifyReport {
    valid: bool,
    /// How many records there are, where all of them fit.
    #[serde(flatten)]
    verified: Option<Verified>,
    /// The checkpoint it was held against.
    checkpoint: Option<CheckpointView>,
    /// The first record that does not fit.
    broken: Option<Broken>,
    /// What is wrong with the pointer, by the log.
    pointer: Option<String>,
}

/// A checkpoint as reports show it.
#[derive(Serialize)]
pub(super) struct CheckpointView {
    pub(super) origin: String,
    pub(super) head: Head,
    pub(super) at_us: i64,
}

impl CheckpointView {
    pub(super) fn of(it: Checkpoint) -> Self {
        Self { origin: it.origin, head: it.head, at_us: it.at_us }
    }
}

impl Report for VerifyReport {
    const SCHEMA: &'static str = "fusion/audit-verify/1";

    fn text(&self, _width: usize) -> String {
        if let Some(broken) = &self.broken {
            return format!("not as it was written: {broken}\n");
        }
        let Some(Verified { records, head, unfinished_bytes }) = self.verified else {
            return String::new();
        };
        let records = plural(records, "record");
        let mut res = format!("{records}, each as it was written; head {}\n", head.hash);
        if let Some(CheckpointView { origin, head, at_us }) = &self.checkpoint {
            let (at, seq) = (moment(*at_us), head.seq);
            // Writing to a string cannot fail.
            let _ = writeln!(res, "goes on from the checkpoint of {origin} at record {seq}, {at}");
        }
        if unfinished_bytes > 0 {
            let bytes = plural(unfinished_bytes, "byte");
            let _ = writeln!(
                res,
                "{bytes} of an unfinished record behind it: a writer is at work, or `fusion deploy \
                 recover` has to run"
            );
        }
        if let Some(problem) = &self.pointer {
            let hint = "`fusion deploy recover --rebuild` writes it anew from this log";
            let _ = writeln!(res, "{problem}: {hint}");
        }
        res
    }
}

impl Verify {
    /// The export to go through, where that is wanted.
    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Goes through an export.
    pub(super) fn run_file(&self, file: &Path, output: &mut Output) -> anyhow::Result<Exit> {
        verify_file(file, self.checkpoint()?, output)
    }

    fn checkpoint(&self) -> anyhow::Result<Option<Checkpoint>> {
        self.checkpoint.as_deref().map(|it| self.open(it)).transpose()
    }

    pub(super) fn run(self, store: &Store, output: &mut Output) -> anyhow::Result<Exit> {
        let checkpoint = self.checkpoint()?;
        let log = store.audit();
        // The pointer comes first: the log only goes on from what it names.
        let known = store.current().ok().flatten().map(|it| it.audit);
        let mut verified = log.verify(known);
        if let (Ok(_), Some(checkpoint)) = (&verified, &checkpoint) {
            verified = log.check(checkpoint);
        }
        let (verified, broken) = match verified {
            Ok(verified) => (Some(verified), None),
            Err(AuditError::Broken(broken)) => (None, Some(broken)),
            Err(err) => return Err(store_error(err.into())),
        };
        let pointer = match store.checked_current() {
            Ok(_) => None,
            Err(err @ StoreError::Damaged { .. }) => Some(err.to_string()),
            // What is wrong with the log has been said.
            Err(_) if broken.is_some() => None,
            Err(err) => return Err(store_error(err)),
        };
        let valid = broken.is_none() && pointer.is_none();
        output.show(&VerifyReport {
            valid,
            verified,
            checkpoint: checkpoint.map(CheckpointView::of),
            broken,
            pointer,
        })?;
        Ok(if valid { Exit::DONE } else { Exit::INTEGRITY })
    }

    /// The checkpoint in a file, signed by one of the keys.
    fn open(&self, path: &Path) -> anyhow::Result<Checkpoint> {
        let keys = self.public_key.iter().map(|it| key::public(it));
        let keys: Vec<[u8; 32]> = keys.collect::<anyhow::Result<_>>()?;
        let input = input::read(path)?;
        Checkpoint::open(input.text()?, &keys).map_err(|err| {
            let exit = match err {
                CheckpointError::Form { .. } => Exit::UNREADABLE,
                _ => Exit::INTEGRITY,
            };
            refusal(exit, format!("{}: {err}", input.name))
        })
    }
}
