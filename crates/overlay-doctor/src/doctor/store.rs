//! The deployment root: what is live, what was written down, what answers questions.

use std::path::Path;

use overlay_model::plural;
use overlay_sqlite::{DatabaseKind, Faithfulness, SqliteError, faithfulness, schema_report};
use overlay_store::{Store, StoreError};
use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::Scene;
use super::outcome::{CheckStatus, Found, Outcome};
use crate::live::{FALLEN, NO_POINTER, fallen, replaced};
use crate::site::with_cause;

/// The root, or why there is nothing to check.
fn opened<'a>(scene: &'a Scene<'_>) -> Result<&'a Store, Outcome> {
    match &scene.site.store {
        None => Err(Outcome::skip("no deployment root is named")),
        Some(Err(err)) => {
            let found = Found::fail(with_cause(err));
            Err(found.hint("name the deployment root with --root DIR").into())
        }
        Some(Ok(store)) => Ok(store),
    }
}

/// Whether what is live has the files it was published with.
pub(super) fn generation(scene: &Scene<'_>) -> Outcome {
    let store = match opened(scene) {
        Ok(store) => store,
        Err(outcome) => return outcome,
    };
    let replaced = replaced(store).map(|it| Found::fail(it).hint(NO_POINTER));
    match &scene.site.live {
        Some(Ok(Some((pointer, leased)))) => {
            let candidate = pointer
                .candidate
                .and_then(|it| store.verify(it.generation, Some(it.manifest)).err());
            let candidate = candidate.map(|err| {
                let hint = "`fusion deploy abort` takes it back";
                Found::warn(format!("the candidate: {}", with_cause(&err))).hint(hint)
            });
            let fallen = fallen(leased).map(|it| Found::warn(it).hint(FALLEN));
            let fine = format!(
                "generation {} at epoch {}, {} as published",
                pointer.stable.generation.0,
                pointer.epoch,
                plural(leased.manifest.files.len(), "file")
            );
            let found = [replaced, fallen, candidate];
            Outcome::of(found.into_iter().flatten().collect(), fine)
        }
        Some(Err(err)) => {
            let hint = match err {
                StoreError::Damaged { .. } => NO_POINTER,
                _ => {
                    "`fusion deploy verify` names what was changed, `fusion deploy rollback` \
                     goes back"
                }
            };
            Found::fail(with_cause(err)).hint(hint).into()
        }
        Some(Ok(None)) | None => {
            let nothing =
                || Found::warn("nothing is deployed").hint("`fusion deploy apply` deploys");
            replaced.unwrap_or_else(nothing).into()
        }
    }
}

pub(super) fn audit(scene: &Scene<'_>) -> Outcome {
    let Ok(store) = opened(scene) else {
        return Outcome::skip("there is no deployment root to read");
    };
    let expected = match &scene.site.live {
        Some(Ok(Some((pointer, _)))) => Some(pointer.audit),
        _ => None,
    };
    match store.audit().verify(expected) {
        Ok(verified) if verified.unfinished_bytes > 0 => {
            let bytes = plural(verified.unfinished_bytes, "byte");
            let records = plural(verified.records, "record");
            let text = format!("{records}, and {bytes} of an unfinished one");
            Found::warn(text).hint("`fusion deploy recover` puts it in order").into()
        }
        Ok(verified) => Outcome::ok(format!("{}, unbroken", plural(verified.records, "record"))),
        Err(err) => {
            let hint = "keep a copy of the root, and compare with an exported checkpoint";
            Found::fail(with_cause(&err)).hint(hint).into()
        }
    }
}

pub(super) fn audit_database(scene: &Scene<'_>) -> Outcome {
    let outcome = database(scene, DatabaseKind::Audit);
    match (opened(scene), scene.inputs.root) {
        (Ok(store), Some(root)) if outcome.status == CheckStatus::Ok => held(store, root, outcome),
        _ => outcome,
    }
}

/// Whether the rows of the index say what the records of the log say.
fn held(store: &Store, root: &Path, whole: Outcome) -> Outcome {
    let kind = DatabaseKind::Audit;
    match faithfulness(&root.join(kind.path()), &store.audit()) {
        Ok(Faithfulness { differs: Some(seq), .. }) => {
            let text = format!("{}: row {seq} is not what the audit log says", kind.path());
            Found::fail(text).hint(anew(kind)).into()
        }
        Ok(Faithfulness { waiting: 0, same, .. }) => {
            let rows = plural(same, "row");
            Outcome::ok(format!("{}, and {rows} as the log has them", whole.message))
        }
        Ok(Faithfulness { waiting, .. }) => {
            let waiting = plural(waiting, "record");
            Outcome::ok(format!("{}; {waiting} of the log to be taken in", whole.message))
        }
        // The check of the log says what is wrong with it.
        Err(SqliteError::Log(_)) => whole,
        Err(err) => {
            let path = root.join(kind.path());
            Found::fail(with_cause(&err)).hint(unread(kind, &path, &err)).into()
        }
    }
}

pub(super) fn performance_database(scene: &Scene<'_>) -> Outcome {
    database(scene, DatabaseKind::Performance)
}

/// Whether a database can be reached, has its whole schema, and can be written to.
fn database(scene: &Scene<'_>, kind: DatabaseKind) -> Outcome {
    let Some(root) = scene.inputs.root.filter(|_| opened(scene).is_ok()) else {
        return Outcome::skip("there is no deployment root to read");
    };
    if !scene.options.keeps_rows() {
        return Outcome::skip("database.kind is `null`");
    }
    let path = root.join(kind.path());
    if !path.exists() {
        let instead = match kind {
            DatabaseKind::Audit => "the audit log itself answers",
            DatabaseKind::Performance => "response times are unknown",
        };
        return Outcome::skip(format!("there is no {}: {instead}", kind.path()));
    }
    let found = match schema_report(kind, &path) {
        Err(err) => vec![Found::fail(with_cause(&err)).hint(unread(kind, &path, &err))],
        Ok(findings) => findings
            .iter()
            .map(|it| Found::fail(format!("{}: {it}", kind.path())).hint(anew(kind)))
            .chain(access(&path, Access::WRITE_OK).err().map(|err| {
                let text = format!("{} cannot be written to: {err}", kind.path());
                Found::fail(text).hint(unwritable(&path, err))
            }))
            .collect(),
    };
    Outcome::of(found, format!("{} has its whole schema", kind.path()))
}

/// How a database that is damaged comes back.
fn anew(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Audit => {
            "remove db/audit.sqlite: it is built again from the audit log, which is the truth"
        }
        DatabaseKind::Performance => {
            "take db/perf.sqlite from a backup, or move it away: rows begin anew"
        }
    }
}

/// What to do about a database that cannot be read. One that is only out of reach holds
/// what it held.
fn unread(kind: DatabaseKind, path: &Path, err: &SqliteError) -> String {
    match err {
        SqliteError::Unreachable { .. } => {
            let path = path.display();
            format!(
                "nothing is lost: give this user the right to read {path}; where a {path}-wal \
                 stands beside it, its folder has to be writable too"
            )
        }
        SqliteError::Full { .. } => "nothing is lost: make room on the disk".to_owned(),
        SqliteError::Busy { .. } => "another program writes to it: ask again".to_owned(),
        _ => anew(kind).to_owned(),
    }
}

fn unwritable(path: &Path, err: Errno) -> String {
    match err {
        Errno::ROFS => "the disk is mounted read-only: mount it writable".to_owned(),
        _ => format!("chmod u+w {}", path.display()),
    }
}
