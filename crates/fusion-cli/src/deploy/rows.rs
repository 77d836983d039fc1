//! How long performance rows and samples of rollouts are kept.

use std::path::Path;
use std::time::Duration;

use overlay_doctor::options_in_force;
use overlay_model::Severity;
use overlay_sqlite::{DatabaseKind, Performance, SqliteError};
use overlay_store::Store;

use crate::doctor::variables;
use crate::environment::{Environment, now_us};
use crate::findings::are_fatal;
use crate::output::Output;
use crate::serve::warn;

/// The moment before which rows are older than they are kept. `None` where the options of what
/// is in force cannot be read: a default in their place could remove what somebody wants to
/// keep.
fn kept_since(
    store: &Store,
    output: &mut Output,
    environment: &Environment,
) -> anyhow::Result<Option<i64>> {
    let unknown = "it is not known how long rows are kept, and none is removed";
    match options_in_force(store, &variables(environment)) {
        Ok((options, findings)) if !are_fatal(&findings, false) => {
            Ok(Some(before(options.retention())))
        }
        Ok((_, findings)) => {
            let errors = findings.iter().filter(|it| it.severity == Severity::Error);
            let errors: Vec<String> = errors.map(ToString::to_string).collect();
            warn(output, &format!("{unknown}: {}", errors.join("; ")))?;
            Ok(None)
        }
        Err(err) => {
            warn(output, &format!("{unknown}: {:#}", anyhow::Error::new(err)))?;
            Ok(None)
        }
    }
}

fn before(kept: Duration) -> i64 {
    now_us().saturating_sub(i64::try_from(kept.as_micros()).unwrap_or(i64::MAX))
}

/// Removes the rows of the root `store` that are older than they are kept, and counts them. It
/// comes after what a command is for, and does not fail it: the command would be given again.
pub(super) fn prune(
    rows: &mut Performance,
    store: &Store,
    output: &mut Output,
    environment: &Environment,
) -> anyhow::Result<u64> {
    let Some(before_us) = kept_since(store, output, environment)? else { return Ok(0) };
    counted(rows.prune(before_us), output)
}

/// [`prune`] of the root in `dir`, where it has rows; with `dry` only counts them.
pub(super) fn prune_in(
    dir: &Path,
    store: &Store,
    dry: bool,
    output: &mut Output,
    environment: &Environment,
) -> anyhow::Result<u64> {
    let path = dir.join(DatabaseKind::Performance.path());
    if !path.exists() {
        return Ok(0);
    }
    let Some(before_us) = kept_since(store, output, environment)? else { return Ok(0) };
    let older = || Performance::look(&path, |rows| rows.older(before_us));
    // Where there is none nothing has to be opened for writing.
    let removed = match older() {
        Ok(1..) if !dry => Performance::open(&path).and_then(|mut it| it.prune(before_us)),
        older => older,
    };
    counted(removed, output)
}

fn counted(removed: Result<u64, SqliteError>, output: &mut Output) -> anyhow::Result<u64> {
    match removed {
        Ok(count) => Ok(count),
        Err(err) => {
            warn(output, &format!("old rows are not removed: {:#}", anyhow::Error::new(err)))?;
            Ok(0)
        }
    }
}
