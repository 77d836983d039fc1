use std::path::Path;

use similar::TextDiff;

use crate::exit::Exit;
use crate::output::Output;
use crate::replace::replace;

/// What is done with a file whose text changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Writing {
    /// It is replaced, at once or not at all.
    Replace,
    /// The change is shown, and nothing is written.
    Show,
}

impl Writing {
    /// `--dry-run` or not.
    pub(crate) fn of(dry_run: bool) -> Self {
        if dry_run { Self::Show } else { Self::Replace }
    }
}

/// Gives the file `path` the text `after`, or shows the change to people.
///
/// Ends with `PENDING` where there is a change that was not written.
pub(crate) fn rewrite(
    path: &Path,
    before: &str,
    after: &str,
    writing: Writing,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    if before == after {
        return Ok(Exit::DONE);
    }
    match writing {
        Writing::Replace => {
            replace(path, after.as_bytes())?;
            Ok(Exit::DONE)
        }
        Writing::Show => {
            if !output.is_json() {
                output.text(&unified(&path.display().to_string(), before, after))?;
            }
            Ok(Exit::PENDING)
        }
    }
}

/// The change of a file as a unified diff.
pub(crate) fn unified(name: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff().context_radius(3).header(name, name).to_string()
}
