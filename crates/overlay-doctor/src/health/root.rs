use std::path::Path;

use overlay_loader::{ByHand, RootSwitch, acknowledgements};
use overlay_sqlite::{DatabaseKind, Performance, Span, schema_report};
use overlay_store::{Pointer, Store, StoreError};

use super::{Concern, Vitals};
use crate::live::{FALLEN, fallen};
use crate::site::with_cause;

/// What a deployment root tells about its service at `now_us`, microseconds since 1970:
/// databases, response times of the last hour (of one environment, or of all), what instances
/// say, whether its switch is thrown, and whether the token budget has put the built-in minimum
/// in force. The service itself
/// is not asked; how pointer, generations, rollout and audit log are, `overlay-deploy` says.
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
    let fallen = match store.read_current() {
        Ok(Some((_, leased))) => fallen(&leased).map(|it| format!("{it}: {FALLEN}")),
        _ => None,
    };
    let mut concerns: Vec<_> = fallen.map(Concern::degraded).into_iter().collect();
    concerns.extend(switched_off(root).map(Concern::degraded));
    concerns.extend(of_instances(root, store.current().ok().flatten().as_ref()));
    let (database, latency) = rows(root, environment, now_us);
    Ok(Vitals { database, latency, concerns, ..Vitals::default() })
}

/// The switch of the root, in the words of a service that obeys it.
fn switched_off(root: &Path) -> Option<String> {
    // Whether there is one that cannot be read, a service says that follows the root.
    let RootSwitch { reason, by, .. } = RootSwitch::read(root).ok()??;
    let by = ByHand { reason, by };
    Some(format!("every overlay is off by KILL in the deployment root{by}"))
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
