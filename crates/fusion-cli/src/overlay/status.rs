use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use overlay_loader::{
    FileFinding, Generation, Health, HealthStatus, Installation, Live, Options, Source,
    environment_layer,
};
use overlay_model::{Diagnostic, Digest, Layer};
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
    /// The installation; else FUSION_CONFIGS, else `configs`
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

#[derive(Serialize)]
struct StatusReport {
    root: String,
    generation: u64,
    digest: Digest,
    source: Source,
    applied_at: String,
    environment: Option<String>,
    health: Health,
    emergency: bool,
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
        for FileFinding { path, diagnostic } in &self.findings {
            let _ = writeln!(res, "{path}: {diagnostic}");
        }
        let status = match self.health.status {
            HealthStatus::Healthy => "healthy",
            HealthStatus::Degraded => "degraded",
            HealthStatus::Unhealthy => "unhealthy",
        };
        let Self { root, generation, digest, applied_at, overlays, features, .. } = self;
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
        let dir = environment.configs(self.root.as_deref());
        let dir = dir.unwrap_or_else(|| PathBuf::from("configs"));
        let variables = environment.variables().map(|(name, value)| (name.into(), value.into()));
        let (layer, odd) = environment_layer(variables);
        let findings = findings(&dir, &layer, odd, environment)?;
        let live = Live::start(options(&dir, layer, environment)).context("starting the loader")?;
        let (status, snapshot) = (live.status(), live.snapshot());
        let installation = snapshot.stable().generation().installation();
        let report = StatusReport {
            root: dir.display().to_string(),
            generation: status.epoch,
            digest: status.digest,
            source: status.source,
            applied_at: rfc3339(environment.now()),
            environment: environment.get("RESON_ENV").map(str::to_owned),
            health: status.health(),
            emergency: status.emergency,
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

/// Everything there is to say about the files, and about `odd` variables.
fn findings(
    dir: &Path,
    layer: &Layer,
    odd: Vec<Diagnostic>,
    environment: &Environment,
) -> anyhow::Result<Vec<FileFinding>> {
    let read = Installation::read_for(dir, environment.get("RESON_ENV"));
    let read = read.map_err(|err| unreadable_installation(&err))?;
    let mut res = read.findings().to_vec();
    res.extend(odd.into_iter().map(|diagnostic| FileFinding { path: String::new(), diagnostic }));
    let compiled = Generation::compile(read, std::slice::from_ref(layer), Source::Files);
    let more = compiled.err().unwrap_or_default();
    let more: Vec<_> = more.into_iter().filter(|it| !res.contains(it)).collect();
    res.extend(more);
    Ok(res)
}

fn found_in_file(it: &FileFinding) -> FoundInFile {
    FoundInFile { path: it.path.clone(), finding: Finding::from(&it.diagnostic) }
}
