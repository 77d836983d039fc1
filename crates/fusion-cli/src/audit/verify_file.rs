use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use overlay_store::audit::{AuditError, Broken, Checkpoint, Damage, VerifiedExport, verify_export};
use serde::Serialize;

use super::verify::CheckpointView;
use crate::deploy::{moment, store_error};
use crate::exit::{Exit, refusal};
use crate::findings::plural;
use crate::input::{is_stdin, name_of};
use crate::output::{Output, Report};

#[derive(Serialize)]
struct ExportReport {
    file: String,
    valid: bool,
    /// How many records there are, where all of them fit.
    #[serde(flatten)]
    verified: Option<VerifiedExport>,
    /// The checkpoint it was held against.
    checkpoint: Option<CheckpointView>,
    /// The first record that does not fit.
    broken: Option<Broken>,
}

impl Report for ExportReport {
    const SCHEMA: &'static str = "fusion/audit-verify-export/1";

    fn text(&self, _width: usize) -> String {
        if let Some(broken) = &self.broken {
            let hint = match broken.what {
                Damage::OutOfPlace { .. } => " (an export of chosen records is no chain)",
                _ => "",
            };
            return format!("not as it was written: {broken}{hint}\n");
        }
        let Some(VerifiedExport { records, after, head }) = self.verified else {
            return String::new();
        };
        let mut res = format!("{}, each as it was written", plural(records, "record"));
        // Writing to a string cannot fail.
        if after.seq > 0 {
            let _ = write!(res, " after record {}", after.seq);
        }
        let _ = writeln!(res, "; head {}", head.hash);
        match &self.checkpoint {
            Some(it) => {
                let (at, seq) = (moment(it.at_us), it.head.seq);
                let origin = &it.origin;
                let _ =
                    writeln!(res, "goes on from the checkpoint of {origin} at record {seq}, {at}");
            }
            None if records > 0 => res.push_str(
                "nothing says what the last record held: a checkpoint does (--checkpoint)\n",
            ),
            None => {}
        }
        res
    }
}

/// Holds an export against itself, and against a checkpoint where one is given.
pub(super) fn verify_file(
    path: &Path,
    checkpoint: Option<Checkpoint>,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let (file, mut lines) = (name_of(path), open(path)?);
    let (verified, broken) =
        match verify_export(&file, &mut lines, checkpoint.as_ref().map(|it| it.head)) {
            Ok(verified) => (Some(verified), None),
            Err(AuditError::Broken(broken)) => (None, Some(broken)),
            Err(err) => return Err(store_error(err.into())),
        };
    if let (Some(verified), Some(checkpoint)) = (&verified, &checkpoint)
        && verified.after.seq > checkpoint.head.seq
    {
        let message = format!(
            "{file}: begins after record {}, and the checkpoint is of record {}: export from there \
             on (--from {})",
            verified.after.seq, checkpoint.head.seq, checkpoint.head.seq
        );
        return Err(refusal(Exit::INSUFFICIENT, message));
    }
    let valid = broken.is_none();
    let checkpoint = checkpoint.map(CheckpointView::of);
    output.show(&ExportReport { file, valid, verified, checkpoint, broken })?;
    Ok(if valid { Exit::DONE } else { Exit::INTEGRITY })
}

/// The lines of a file, however large, or of standard input for `-`.
fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if is_stdin(path) {
        return Ok(Box::new(io::stdin().lock()));
    }
    let unreadable = |why: String| refusal(Exit::UNREADABLE, format!("{}: {why}", path.display()));
    let about = fs::metadata(path).map_err(|err| unreadable(err.to_string()))?;
    // A named pipe would be waited for; `<(command)` is open already.
    if !about.is_file() && !path.starts_with("/dev/fd") {
        return Err(unreadable("is no regular file; `-` reads standard input".to_owned()));
    }
    let file = File::open(path).map_err(|err| unreadable(err.to_string()))?;
    Ok(Box::new(BufReader::new(file)))
}
