use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use overlay_loader::{
    Deployment, FileFinding, Generation, Health, HealthStatus, Installation, Live, Nack, Options,
    Source, environment_layer,
};
use overlay_model::{Digest, Layer};
use overlay_store::Store;
use serde::Serialize;

use super::unreadable_installation;
use crate::environment::{Environment, rfc3339};
use crate::exit::Exit;
use crate::findings::{Finding, tally};
use crate::output::{Output, Report};

/// Say what a service would serve that starts on an installation now
///
/// Loads the installation as a service does, with the variables of the
/// environment (RESON_ENV, RESON_FEATURES, RESON_FEATURES_FILE, RESONTINEX_FUSION_<KEY>).
/// Takes no lock and writes nothing.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion overlay status --root configs
  RESON_ENV=staging fusion overlay status --root configs --json

Ends with 1 where a file is refused, so that only the built-in overlay would answer; under
--strict also where anything is not as it was asked for.")]
pub(crate) struct StatusArguments {
    /// The installation, or a root of deployments; else FUSION_ROOT, else FUSION_CONFIGS, else
    /// `configs`
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

#[derive(Serialize)]
struct StatusReport {
    root: String,
    /// The number of the generation; none where the built-in overlay or a copy is served.
    generation: Option<u64>,
    deployment: Option<Deployment>,
    digest: Digest,
    source: Source,
    applied_at: String,
    environment: Option<String>,
    health: Health,
    emergency: bool,
    held_by: Vec<String>,
    nacks: u64,
    last_error: Option<Nack>,
    staleness_ms: i64,
    shadowed: Vec<String>,
    overlays: usize,
    features: usize,
    diagnostics: Vec<FoundInFile>,
    #[serde(skip)]
    findings: Vec<FileFinding>,
}

#[derive(Serialize)]
struct FoundInFile {
    path: String,
    #[serde(flatten)]
    finding: Finding,
}

impl Report for StatusReport {
    const SCHEMA: &'static str = "fusion/overlay-status/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        // Writing to a string cannot fail.
        for finding in &self.findings {
            let _ = writeln!(res, "{finding}");
        }
        let status = match self.health.status {
            HealthStatus::Healthy => "healthy",
            HealthStatus::Degraded => "degraded",
            HealthStatus::Unhealthy => "unhealthy",
        };
        let Self { root, digest, applied_at, overlays, features, .. } = self;
        let generation = self.generation.map_or_else(|| "none".to_owned(), |it| it.to_string());
        let tally = tally(self.findings.iter().map(|it| &it.diagnostic));
        let tally = if tally.is_empty() { tally } else { format!(" ({tally})") };
        let _ = writeln!(res, "{root}: {status}{tally}");
        for reason in &self.health.reasons {
            let _ = writeln!(res, "  because     {reason}");
        }
        let source = match self.source {
            Source::Files => "files",
            Source::LastGood => "last good copy",
            Source::Embedded => "built-in overlay",
        };
        let _ = writeln!(res, "  generation  {generation}, {}, at {applied_at}", digest.short());
        if let Some(it) = &self.deployment {
            let phase = serde_json::to_value(it.phase).unwrap_or_default();
            let phase = phase.as_str().unwrap_or_default();
            let _ = writeln!(res, "  deployment  {phase}, epoch {}{}", it.epoch, on_trial(it));
        }
        let _ = writeln!(res, "  source      {source}: {overlays} overlays, {features} flags");
        res
    }
}

impl StatusArguments {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let dir = self.root.or_else(|| environment.path("FUSION_ROOT"));
        let dir = environment.configs(dir.as_deref());
        let dir = dir.unwrap_or_else(|| PathBuf::from("configs"));
        let variables = environment.variables().map(|(name, value)| (name.into(), value.into()));
        let (layer, odd) = environment_layer(variables);
        let is_deployed = Store::is_root(&dir);
        let of_files = match is_deployed {
            true => Vec::new(),
            false => findings(&dir, &layer, environment)?,
        };
        let live = Live::start(options(&dir, layer, environment)).context("starting the loader")?;
        let (status, snapshot) = (live.status(), live.snapshot());
        let installation = snapshot.stable().generation().installation();
        let mut findings = if is_deployed { installation.findings().to_vec() } else { of_files };
        let odd = odd.into_iter().map(|diagnostic| FileFinding { path: String::new(), diagnostic });
        findings.extend(odd);
        let report = StatusReport {
            root: dir.display().to_string(),
            generation: Some(snapshot.number(None)).filter(|it| *it > 0),
            deployment: status.deployment.clone(),
            digest: status.digest,
            source: status.source,
            applied_at: rfc3339(environment.now()),
            environment: environment.get("RESON_ENV").map(str::to_owned),
            health: status.health(),
            emergency: status.emergency,
            held_by: status.held_by,
            nacks: status.nacks,
            last_error: status.last_error,
            staleness_ms: status.staleness_ms,
            shadowed: status.shadowed,
            overlays: installation.overlays().len(),
            features: installation.flags().names().count(),
            diagnostics: findings.iter().map(found_in_file).collect(),
            findings,
        };
        output.show(&report)?;
        let least = if output.strict { HealthStatus::Degraded } else { HealthStatus::Unhealthy };
        Ok(if report.health.status >= least { Exit::FINDINGS } else { Exit::DONE })
    }
}

/// How a service loads the installation in `dir`; no copy of it is kept.
fn options(dir: &Path, layer: Layer, environment: &Environment) -> Options {
    let now_ms = i64::try_from(environment.now()).unwrap_or(i64::MAX).saturating_mul(1000);
    let mut options = Options::new(dir, Arc::new(move || now_ms));
    options.extra = vec![layer];
    options.environment = environment.get("RESON_ENV").map(str::to_owned);
    options.features = environment.text("RESON_FEATURES").map(str::to_owned);
    options.features_file = environment.path("RESON_FEATURES_FILE");
    options
}

/// `, generation 7 on trial for 5 %`.
fn on_trial(deployment: &Deployment) -> String {
    let share = f64::from(deployment.weight) / 1_000.0;
    let text = |it: u64| format!(", generation {it} on trial for {share} % of the units");
    deployment.candidate.map(text).unwrap_or_default()
}

/// Everything there is to say about the files.
fn findings(
    dir: &Path,
    layer: &Layer,
    environment: &Environment,
) -> anyhow::Result<Vec<FileFinding>> {
    let read = Installation::read_for(dir, environment.get("RESON_ENV"));
    let read = read.map_err(|err| unreadable_installation(&err))?;
    let mut res = read.findings().to_vec();
    let compiled = Generation::compile(read, std::slice::from_ref(layer), Source::Files);
    let more = compiled.err().unwrap_or_default();
    let more: Vec<_> = more.into_iter().filter(|it| !res.contains(it)).collect();
    res.extend(more);
    Ok(res)
}

fn found_in_file(it: &FileFinding) -> FoundInFile {
    FoundInFile { path: it.path.clone(), finding: Finding::from(&it.diagnostic) }
}
