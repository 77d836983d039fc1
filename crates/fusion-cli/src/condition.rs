//! How a deployment root is: the one verdict of every command about it.
//!
//! Pointer, generations, rollout and audit log are judged by `overlay-deploy`; databases,
//! response times, the switch of the root and what its instances say by `overlay-doctor`.
//! Figures of a service that runs come on top in `fusion health` alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use overlay_deploy::{DeployError, EnvironmentName, Health, HealthStatus, StatusReport, status};
use overlay_doctor::{
    Concern, Options, Thresholds, Verdict, Vitals, concerns, options_in_force, vitals_of_root,
};
use overlay_loader::acknowledgements;
use overlay_store::Store;

use crate::deploy::{deploy_error, store_error};
use crate::environment::now_us;

/// What is live in the root `store`, in the folder `dir`, and how it is. `variables` beat the
/// options of what is in force.
pub(crate) fn condition(
    dir: &Path,
    store: &Store,
    environment: &EnvironmentName,
    variables: &BTreeMap<String, String>,
) -> anyhow::Result<StatusReport> {
    let mut report = status(store, environment).map_err(deploy_error)?;
    let options = in_force(store, variables);
    let vitals = vitals_of_root(dir, None, now_us()).map_err(store_error)?.under(&options);
    with_concerns(&mut report.health, concerns(&vitals, &Thresholds::of(&options)));
    Ok(report)
}

/// The options of what is in force. Where they cannot be read the defaults count: that what is
/// in force cannot be used is somebody else's finding.
pub(crate) fn in_force(store: &Store, variables: &BTreeMap<String, String>) -> Options {
    let read = options_in_force(store, variables);
    read.map_or_else(|_| Options::read(None, variables).0, |(options, _)| options)
}

/// How often, and how long, an instance is waited for that has not followed the pointer yet.
const ATTEMPTS: u32 = 10;
const ATTEMPT: Duration = Duration::from_millis(50);

/// Waits until the instances of a root have followed its pointer, for half a second at most:
/// who has just been told is not behind.
pub(crate) fn wait_for_instances(dir: &Path, store: &Store) {
    for _ in 0..ATTEMPTS {
        let epoch = store.current().ok().flatten().map(|it| it.epoch);
        let said = acknowledgements(dir).unwrap_or_default();
        let said = said.iter().filter_map(|(_, it)| it.as_ref().ok());
        if !said.into_iter().any(|it| it.refused.is_none() && it.epoch < epoch) {
            return;
        }
        std::thread::sleep(ATTEMPT);
    }
}

/// Lets what else speaks against a root count in the health of its deployment.
fn with_concerns(health: &mut Health, concerns: Vec<Concern>) {
    if health.status == HealthStatus::Unknown {
        return;
    }
    for Concern { weight, what } in concerns {
        health.status = worse(health.status, weight);
        health.reasons.push(what);
    }
}

/// Lets what speaks against the deployment count in the vitals of its service.
pub(crate) fn with_deployment(vitals: &mut Vitals, report: Result<StatusReport, DeployError>) {
    let concerns: Vec<Concern> = match report {
        Err(err) => vec![Concern::unhealthy(format!("{:#}", anyhow::Error::new(err)))],
        Ok(StatusReport { health: Health { status, reasons }, .. }) => match status {
            HealthStatus::Healthy => Vec::new(),
            HealthStatus::Degraded => reasons.into_iter().map(Concern::degraded).collect(),
            HealthStatus::Unhealthy => reasons.into_iter().map(Concern::unhealthy).collect(),
            HealthStatus::Unknown => vec![Concern::unhealthy("nothing is deployed")],
        },
    };
    vitals.concerns.splice(0..0, concerns);
}

fn worse(status: HealthStatus, weight: Verdict) -> HealthStatus {
    match (status, weight) {
        (HealthStatus::Unhealthy, _) | (_, Verdict::Unhealthy) => HealthStatus::Unhealthy,
        (HealthStatus::Degraded, _) | (_, Verdict::Degraded) => HealthStatus::Degraded,
        (status, Verdict::Healthy) => status,
    }
}
