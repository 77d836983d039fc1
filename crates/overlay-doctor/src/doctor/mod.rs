//! Whether an environment is fit for what is to start in it.

mod installation;
mod machine;
mod models;
mod outcome;
mod port;
mod rollout;
mod runtime;
mod secrets;
mod sinks;
mod store;
mod text;

use std::collections::BTreeMap;
use std::path::Path;

use overlay_loader::environment_layer;
use overlay_model::{Diagnostic, Layer};
use serde::Serialize;

pub use self::models::{VendorEnd, VendorEnds};
pub use self::outcome::CheckStatus;
use self::outcome::Outcome;
use crate::environment::Environment;
use crate::host::Host;
use crate::options::{OptionOrigin, OptionValue, Options};
use crate::site::Site;

/// What the reader of a file finds in its text, by the name of the file; nothing for a file
/// that has none.
pub type Readers<'a> = &'a dyn Fn(&str, &str) -> Vec<Diagnostic>;

/// What a doctor looks at. It has no debug form: the variables hold secrets.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// What it has to be fit for.
    pub environment: Environment,
    /// The deployment root, where there is one.
    pub root: Option<&'a Path>,
    /// The installation; the generation that is live in the root where it is missing.
    pub configs: Option<&'a Path>,
    /// The variables of the environment.
    pub variables: &'a BTreeMap<String, String>,
    /// The adapters that this build has.
    pub adapters: &'a [&'a str],
    /// What the readers of files find that are read beside the loader and the options.
    pub readers: Readers<'a>,
    /// When models end that `providers.toml` names no day for.
    pub ends: VendorEnds<'a>,
    /// The version of the program.
    pub version: &'a str,
    /// What the machine gives.
    pub host: &'a Host,
    /// The time, microseconds since 1970.
    pub now_us: i64,
    /// The time it cannot be before: that of the build, microseconds since 1970.
    pub not_before_us: i64,
}

/// One check.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Check {
    /// Its stable name.
    pub id: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// How it came out.
    pub status: CheckStatus,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Everything that was found, worst first, where it is more than one thing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<String>,
}

/// An option with its origin.
#[derive(Clone, Debug, Serialize)]
pub struct OptionShown {
    /// Section and key: `service.pool`.
    pub option: String,
    /// Its value.
    pub value: OptionValue,
    /// Who set it.
    pub origin: OptionOrigin,
}

/// What a doctor says. Its JSON form is `{environment, verdict, checks}`.
#[derive(Clone, Debug, Serialize)]
pub struct DoctorReport {
    /// What it has to be fit for.
    pub environment: Environment,
    /// The worst of the checks; what was skipped counts as fine.
    pub verdict: CheckStatus,
    /// Every check, in a fixed order.
    pub checks: Vec<Check>,
    /// The options with their origins, where they are asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<OptionShown>,
}

/// All that checks look at.
struct Scene<'a> {
    inputs: &'a Inputs<'a>,
    site: Site,
    options: Options,
    option_findings: Vec<Diagnostic>,
    /// The variables that set parameters, and what is wrong with them.
    layer: Layer,
    layer_findings: Vec<Diagnostic>,
}

type Row = (&'static str, &'static str, fn(&Scene<'_>) -> Outcome);

/// The checks in the order they are shown: id, title, check.
const CHECKS: &[Row] = &[
    ("version", "Program and overlay format", runtime::version),
    ("clock", "Clock", runtime::clock),
    ("inotify", "Inotify watches", runtime::inotify),
    ("open-files", "Open files", runtime::open_files),
    ("options", "Options", installation::options),
    ("variables", "Variables of the environment", installation::variables),
    ("files", "Configuration files", installation::files),
    ("references", "References", installation::references),
    ("models", "Models", models::models),
    ("secrets", "Secrets", secrets::secrets),
    ("adapters", "Adapters", sinks::adapters),
    ("sinks", "Audit and metrics sinks", sinks::sinks),
    ("series", "Metric series", sinks::series),
    ("permissions", "Permissions", machine::permissions),
    ("disk", "Disk", machine::disk),
    ("port", "Port", port::port),
    ("store", "Live generation", store::generation),
    ("rollout", "Rollout", rollout::rollout),
    ("audit", "Audit chain", store::audit),
    ("audit-database", "Audit index", store::audit_database),
    ("performance-database", "Performance rows", store::performance_database),
];

/// The ids of all checks, in the order of a report.
pub fn check_ids() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|(id, _, _)| *id)
}

/// Runs every check; none stops the others.
pub fn doctor(inputs: &Inputs<'_>) -> DoctorReport {
    let site = Site::read(inputs.root, inputs.configs, Some(inputs.environment.name()));
    let (options, option_findings) = site.options(inputs.variables);
    let variables = inputs.variables.iter().map(|(name, it)| (name.clone(), it.clone()));
    let (layer, layer_findings) = environment_layer(variables);
    let scene = Scene { inputs, site, options, option_findings, layer, layer_findings };
    let checks: Vec<Check> = CHECKS.iter().map(|row| scene.run(row)).collect();
    let worst = checks.iter().map(|it| it.status).max();
    DoctorReport {
        environment: inputs.environment,
        verdict: worst.unwrap_or(CheckStatus::Ok).max(CheckStatus::Ok),
        checks,
        options: scene.shown(),
    }
}

impl Scene<'_> {
    fn run(&self, (id, title, check): &Row) -> Check {
        let Outcome { mut status, mut message, hint, found } = check(self);
        let named = self.options.words("doctor", "fail_on").iter().any(|it| it == id);
        if self.is_production() && named && status == CheckStatus::Warn {
            status = CheckStatus::Fail;
            message.push_str(" (doctor.fail_on: no mere warning in production)");
        }
        Check { id, title, status, message, hint, found }
    }

    fn is_production(&self) -> bool {
        self.inputs.environment == Environment::Production
    }

    fn shown(&self) -> Vec<OptionShown> {
        let show = |it: &crate::options::OptionInForce| OptionShown {
            option: format!("{}.{}", it.row.section, it.row.key),
            value: it.value.clone(),
            origin: it.origin.clone(),
        };
        self.options.iter().map(show).collect()
    }
}
