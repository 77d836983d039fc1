//! How a deployment root is: the one verdict of `fusion deploy status` and `fusion health`.
//!
//! Pointer, generations, rollout and audit log are judged by `overlay-deploy`, what service and
//! databases leave in the root by `overlay-doctor`. Figures of a service that runs come on top
//! in `fusion health` alone.

use overlay_deploy::{DeployError, Health, HealthStatus, StatusReport};
use overlay_doctor::{Concern, Verdict, Vitals};

/// Lets what service and databases say count in the health of a deployment.
pub(crate) fn with_service(health: &mut Health, vitals: &Vitals) {
    if health.status == HealthStatus::Unknown {
        return;
    }
    let databases = vitals.database.iter().filter_map(|it| it.as_ref().err());
    let databases = databases.map(|why| Concern::degraded(format!("database: {why}")));
    for Concern { weight, what } in vitals.concerns.iter().cloned().chain(databases) {
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
