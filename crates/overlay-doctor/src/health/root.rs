use std::path::Path;

use overlay_loader::acknowledgements;
use overlay_sqlite::{DatabaseKind, Performance, Span, schema_report};
use overlay_store::{Phase, Pointer, Store, StoreError};

use super::{Concern, Verdict, Vitals};
use crate::live::{FALLEN, LEFT_ALONE, fallen, left_alone, replaced};
use crate::site::with_cause;

/// What a deployment root tells about its service at `now_us`, microseconds since 1970:
/// databases, response times of the last hour (of one environment, or of all), and what
/// speaks against what is live. The service itself is not asked.
///
/// # Errors
///
/// Where `root` is no folder that can be opened.
pub fn vitals_of_root(
    root: &Path,
    environment: Option<&str>,
    now_us: i64,
) -> Result<Vitals, StoreError> {
    let store = Store::open(root)?;
    let mut concerns = Vec::new();
    let pointer = match store.read_current() {
        Ok(Some((pointer, leased))) => {
            let fallen = fallen(&leased).map(|it| format!("{it}: {FALLEN}"));
            concerns.extend(fallen.map(Concern::degraded));
            Some(pointer)
        }
        // Said below, where it was there once.
        Ok(None) => None,
        Err(err) => {
            concerns.push(Concern::unhealthy(with_cause(&err)));
            store.current().ok().flatten()
        }
    };
    if concerns.iter().all(|it| it.weight < Verdict::Unhealthy) {
        let nothing = || pointer.is_none().then(|| "nothing is deployed".to_owned());
        concerns.extend(replaced(&store).or_else(nothing).map(Concern::unhealthy));
    }
    if let Err(err) = store.audit().verify(pointer.as_ref().map(|it| it.audit)) {
        concerns.push(Concern::unhealthy(format!("audit: {}", with_cause(&err))));
    }
    if let Some(pointer) = &pointer {
        concerns.extend(of_pointer(pointer));
        let left_alone = left_alone(&store, pointer).map(|it| format!("{it}: {LEFT_ALONE}"));
        concerns.extend(left_alone.map(Concern::degraded));
    }
    concerns.extend(of_instances(root, pointer.as_ref()));
    let (database, latency) = rows(root, environment, now_us);
    Ok(Vitals { database, latency, concerns, ..Vitals::default() })
}

fn of_pointer(pointer: &Pointer) -> Option<Concern> {
    match pointer.phase {
        Phase::Frozen => Some(Concern::degraded("the deployment is frozen: no generation is good")),
        Phase::Aborting => Some(Concern::degraded("a rollout is being taken back")),
        Phase::Paused => Some(Concern::degraded("a rollout waits for a person")),
        _ => None,
    }
}

/// What instances say of what is live.
fn of_instances(root: &Path, pointer: Option<&Pointer>) -> Vec<Concern> {
    let all = match acknowledgements(root) {
        Ok(all) => all,
        Err(err) => return vec![Concern::degraded(format!("state: {err}"))],
    };
    let said = all.into_iter().filter_map(|(instance, said)| match said {
        Err(why) => Some(format!("instance {instance} cannot be read: {why}")),
        Ok(it) => match it.refused {
            Some(why) => Some(format!("instance {instance} refuses what is deployed: {why}")),
            None if it.epoch < pointer.map(|it| it.epoch) => {
                let epoch = it.epoch.map_or_else(|| "none".to_owned(), |it| it.to_string());
                Some(format!("instance {instance} is behind, at epoch {epoch}"))
            }
            None => None,
        },
    });
    said.map(Concern::degraded).collect()
}

type Rows = (Option<Result<(), String>>, Option<overlay_sqlite::Latency>);

/// Whether the databases can be used, and the response times of the last hour.
fn rows(root: &Path, environment: Option<&str>, now_us: i64) -> Rows {
    let kinds = [DatabaseKind::Audit, DatabaseKind::Performance];
    let there: Vec<_> = kinds.into_iter().filter(|it| root.join(it.path()).exists()).collect();
    if there.is_empty() {
        return (None, None);
    }
    let checked = there.iter().map(|kind| schema(*kind, root)).collect::<Result<Vec<()>, _>>();
    let span = Span::last_hour(now_us);
    let ask = || {
        let path = root.join(DatabaseKind::Performance.path());
        Performance::look(&path, |rows| rows.latency(environment, span))
    };
    let asked = there.contains(&DatabaseKind::Performance).then(ask).transpose();
    match asked {
        Ok(latency) => (Some(checked.map(drop)), latency.flatten()),
        Err(err) => (Some(checked.and(Err(with_cause(&err)))), None),
    }
}

fn schema(kind: DatabaseKind, root: &Path) -> Result<(), String> {
    let findings = schema_report(kind, &root.join(kind.path())).map_err(|err| with_cause(&err))?;
    match findings.first() {
        None => Ok(()),
        Some(first) => Err(format!("{}: {first}", kind.path())),
    }
}
