mod ask;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use overlay_deploy::status;
use overlay_doctor::{
    Concern, Health, HealthStatus, Thresholds, Verdict, Vitals, answer_within, diagnose, health,
    options_at, vitals_of_root,
};
use overlay_loader::{HealthStatus as Loaded, Live, Options, environment_layer};
use overlay_model::Severity;
use overlay_store::Store;
use serde::Serialize;

use self::ask::{Service, ask_beside, ask_there};
use crate::budget::Fall;
use crate::condition::with_deployment;
use crate::deploy::{RootArguments, host, store_error};
use crate::doctor::variables;
use crate::environment::{Environment, wall_clock};
use crate::exit::{Exit, refusal};
use crate::findings::{Finding, are_fatal, views};
use crate::output::{Output, Report};
use crate::serve::warn;

/// Say how a deployment and its service are
///
/// Reads the deployment root: what is live, the rollout and who drives it, the token budget, the
/// audit chain, the databases, the emergency switch, what instances acknowledged, the response
/// times of the last hour. The services that follow the root on this host, or the one at --url,
/// are asked whether they answer, and for their pool and their memory; of several the worst counts.
/// Where none runs, a request is taken through what is live here, up to the bytes that would be
/// sent. What there is no data for is unknown, and counts for nothing. Writes nothing.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion health --root /var/lib/fusion
  fusion health --root /var/lib/fusion --url http://127.0.0.1:9630/health
  fusion health --root /var/lib/fusion --env production --json

An option that is wrong is named, and its default counts. Ends with 0 where it is healthy or
degraded (under --strict, healthy, and no finding about an option), 1 where it is not, 65
where there is no such root, and 69 where nobody answers at the URL.")]
pub(crate) struct HealthArguments {
    /// The deployment root; else FUSION_ROOT
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The page `/health` of a service; else those are asked that follow the root on this host
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The environment whose response times count; else RESON_ENV, else all of them
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Short for --format json
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize)]
struct Shown {
    root: String,
    url: Option<String>,
    /// The services that follow the root, as they say in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    services: Vec<Service>,
    #[serde(flatten)]
    health: Health,
    /// Where the built-in minimum is in force because of the token budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_fall: Option<Fall>,
    /// What is wrong with `fusion.toml` and its variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    options: Vec<Finding>,
}

impl Report for Shown {
    const SCHEMA: &'static str = "fusion/health/1";

    fn text(&self, _width: usize) -> String {
        let Health { message, checks, unknown, .. } = &self.health;
        let mut res = format!("{}: {message}\n", self.root);
        for check in checks {
            let status = match check.status {
                HealthStatus::Pass => "pass",
                HealthStatus::Unknown => "unknown",
                HealthStatus::Warn => "warn",
                HealthStatus::Fail => "fail",
            };
            // Writing to a string cannot fail.
            let _ = writeln!(res, "  {:<15} {status:<8} {}", check.name, check.message);
        }
        if !unknown.is_empty() {
            let _ = writeln!(res, "  no data for {}", unknown.join(", "));
        }
        res.extend(self.services.iter().map(Service::text));
        res.extend(self.budget_fall.iter().map(Fall::text));
        res
    }
}

impl HealthArguments {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        output.refuse_sarif()?;
        let root = self.root.clone().or_else(|| environment.path("FUSION_ROOT"));
        let Some(root) = root else {
            return Err(refusal(Exit::USAGE, "which deployment root? give --root DIR"));
        };
        let named = self.env.as_deref().or_else(|| environment.get("RESON_ENV"));
        let now_ms = wall_clock()();
        let vitals = vitals_of_root(&root, named, now_ms.saturating_mul(1_000));
        let mut vitals = vitals.map_err(|err| refusal(Exit::UNREADABLE, err.to_string()))?;
        deployment(&root, &mut vitals)?;
        let (options, findings) = options_at(Some(&root), None, &variables(environment));
        for finding in findings.iter().filter(|it| it.severity > Severity::Note) {
            warn(output, &format!("option: {finding}"))?;
        }
        let (thresholds, mut vitals) = (Thresholds::of(&options), vitals.under(&options));
        let limit = thresholds.answer_within;
        let services = match &self.url {
            Some(url) => ask_there(url, limit, &mut vitals).map(|()| Vec::new())?,
            None => ask_beside(&root, &host(environment), limit, &mut vitals),
        };
        if vitals.answer.is_none() && Store::is_root(&root) {
            here(&root, named, environment, &thresholds, &mut vitals)?;
        }
        let health = health(&vitals, &thresholds);
        let least = if output.strict { Verdict::Degraded } else { Verdict::Unhealthy };
        let is_bad = health.status >= least || output.strict && are_fatal(&findings, true);
        let exit = if is_bad { Exit::FINDINGS } else { Exit::DONE };
        let budget_fall = Store::open(&root).ok().and_then(|it| Fall::of(&it));
        let root = root.display().to_string();
        let options = views(&findings);
        output.show(&Shown { root, url: self.url, services, health, budget_fall, options })?;
        Ok(exit)
    }
}

/// Lets what `fusion deploy status` says of the root count.
fn deployment(root: &Path, vitals: &mut Vitals) -> anyhow::Result<()> {
    let store = Store::open(root).map_err(store_error)?;
    let name = RootArguments::at(root.to_owned()).shown_environment(&store)?;
    with_deployment(vitals, status(&store, &name));
    Ok(())
}

/// Loads what is live as a service does, and takes a request through it.
fn here(
    root: &Path,
    named: Option<&str>,
    environment: &Environment,
    thresholds: &Thresholds,
    vitals: &mut Vitals,
) -> anyhow::Result<()> {
    let (layer, _) = environment_layer(variables(environment).into_iter());
    let mut options = Options::new(root, wall_clock());
    options.extra = vec![layer];
    options.environment = named.map(str::to_owned);
    options.features = environment.text("RESON_FEATURES").map(str::to_owned);
    options.features_file = environment.path("RESON_FEATURES_FILE");
    let live = Live::start(options).context("starting the loader")?;
    let loaded = live.health();
    for reason in loaded.reasons {
        // What the root shows already the loader only says again.
        if vitals.concerns.iter().any(|it| reason.contains(&it.what)) {
            continue;
        }
        vitals.concerns.push(match loaded.status {
            Loaded::Unhealthy => Concern::unhealthy(reason),
            Loaded::Healthy | Loaded::Degraded => Concern::degraded(reason),
        });
    }
    let (snapshot, now_ms) = (Arc::clone(&live.snapshot()), wall_clock()());
    let limit = thresholds.answer_within;
    vitals.answer = Some(answer_within(limit, move || diagnose(&snapshot, now_ms)));
    Ok(())
}
