use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use clap::Args;
use fusion_golden::budget::Budgets;
use overlay_deploy::DeployFile;
use overlay_doctor::{CheckStatus, DoctorReport, Host, Inputs, VendorEnd, doctor};
use overlay_migrate::{RETIRED_MODELS, Retired};
use overlay_model::Diagnostic;
use overlay_store::Store;
use serde::Serialize;

use crate::environment::{Environment, wall_clock};
use crate::exit::Exit;
use crate::output::{Output, Report};

/// The adapters that this build has.
pub(crate) const ADAPTERS: &[&str] = &["file", "flagd", "null", "prometheus", "sqlite"];

/// No clock is before this moment, 2025-01-01: this program is younger.
const YOUNGEST_S: i64 = 1_735_689_600;

/// Say whether an environment is fit, before anything starts in it
///
/// Runs every check, and says what to do about each that fails: program and limits of the
/// machine, clock, options, files and what they name, models that retire, secrets, adapters,
/// sinks, permissions, disk, port, the live generation, the rollout, the audit chain and the
/// databases.
/// Writes nothing, and shows no secret.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion doctor --env development
  fusion doctor --env production --root /var/lib/fusion
  RESON__SERVICE__LISTEN=0.0.0.0:9630 fusion doctor --env staging --show-origin

Ends with 0 where nothing failed (under --strict, nothing warned), else with 1.")]
pub(crate) struct Doctor {
    /// What it has to be fit for: development, staging or production
    #[arg(long, value_name = "NAME")]
    env: overlay_doctor::Environment,
    /// The deployment root; else FUSION_ROOT, where --configs is not given
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The installation; else what is live in --root, else FUSION_CONFIGS, else `configs`
    #[arg(long, value_name = "DIR")]
    configs: Option<PathBuf>,
    /// Also list every option of fusion.toml with its value and who set it
    #[arg(long)]
    show_origin: bool,
    /// Short for --format json
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    report: DoctorReport,
    #[serde(skip)]
    origins: String,
}

impl Report for Shown {
    const SCHEMA: &'static str = "fusion/doctor/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        for line in self.report.text().lines() {
            // Writing to a string cannot fail.
            let _ = writeln!(res, "{}", colored(line));
        }
        if !self.origins.is_empty() {
            let _ = write!(res, "\nOptions:\n{}", self.origins);
        }
        res
    }
}

/// The line with its mark in the colour of the status.
fn colored(line: &str) -> String {
    let statuses = [CheckStatus::Ok, CheckStatus::Warn, CheckStatus::Fail];
    let colors = [AnsiColor::Green, AnsiColor::Yellow, AnsiColor::Red];
    for (status, color) in statuses.into_iter().zip(colors) {
        if let Some(rest) = line.strip_prefix(status.mark()) {
            let style: Style = color.on_default().bold();
            return format!("{style}{}{style:#}{rest}", status.mark());
        }
    }
    line.to_owned()
}

impl Doctor {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        output.refuse_sarif()?;
        let (root, configs) = self.places(environment);
        let variables = variables(environment);
        let retired = Retired::parse(RETIRED_MODELS)?;
        let mut report = doctor(&Inputs {
            environment: self.env,
            root: root.as_deref(),
            configs: configs.as_deref(),
            variables: &variables,
            adapters: ADAPTERS,
            readers: &read_beside,
            ends: &|host, model| {
                let found = retired.find(Some(host), model)?;
                let successor = found.successor.map(str::to_owned);
                Some(VendorEnd { on: found.on, successor })
            },
            version: env!("CARGO_PKG_VERSION"),
            host: &Host::read(),
            now_us: wall_clock()().saturating_mul(1_000),
            not_before_us: not_before_s(environment).saturating_mul(1_000_000),
        });
        let origins = if self.show_origin { report.origins_text() } else { String::new() };
        if !self.show_origin {
            report.options.clear();
        }
        let least = if output.strict { CheckStatus::Warn } else { CheckStatus::Fail };
        let exit = if report.verdict >= least { Exit::FINDINGS } else { Exit::DONE };
        output.show(&Shown { report, origins })?;
        Ok(exit)
    }

    /// The deployment root and the installation. A root that is an installation itself is
    /// taken for one, as other commands do.
    fn places(&self, environment: &Environment) -> (Option<PathBuf>, Option<PathBuf>) {
        let of_environment = || environment.path("FUSION_ROOT").filter(|_| self.configs.is_none());
        let root = self.root.clone().or_else(of_environment);
        match (root, &self.configs) {
            (Some(root), None) if !Store::is_root(&root) && root.join("overlays").is_dir() => {
                (None, Some(root))
            }
            (Some(root), configs) => (Some(root), configs.clone()),
            (None, configs) => {
                let configs = environment.configs(configs.as_deref());
                (None, Some(configs.unwrap_or_else(|| PathBuf::from("configs"))))
            }
        }
    }
}

/// What a deployment finds in the files that it reads itself.
fn read_beside(name: &str, text: &str) -> Vec<Diagnostic> {
    match name {
        "deploy.toml" => DeployFile::parse(text).1,
        "budgets.toml" => Budgets::parse(text).1,
        _ => Vec::new(),
    }
}

/// The variables of the environment by name.
pub(crate) fn variables(environment: &Environment) -> BTreeMap<String, String> {
    environment.variables().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The moment no clock is before, seconds since 1970: that of the build, where it is known,
/// and the one that files are dated with.
fn not_before_s(environment: &Environment) -> i64 {
    let of_build = option_env!("SOURCE_DATE_EPOCH").and_then(|it| it.parse().ok());
    let of_files = environment.get("SOURCE_DATE_EPOCH").and_then(|it| it.parse().ok());
    [of_build, of_files].into_iter().flatten().fold(YOUNGEST_S, i64::max)
}
