use std::fmt;

use overlay_model::Digest;
use serde::Serialize;

use super::deployed::Deployment;
use super::event::Part;
use super::generation::Source;
use crate::installation::FileFinding;

/// What is in force, and what was refused.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Counts up with every change.
    pub epoch: u64,
    /// The digest of the stable tree: under a root of deployments that of its manifest, as
    /// `deploy status` shows it; else of the files that an installation is.
    pub digest: Digest,
    /// Where it comes from.
    pub source: Source,
    /// Where the deployment stands, for a root of deployments.
    pub deployment: Option<Deployment>,
    /// When this configuration was put in force, in milliseconds since 1970; a switch
    /// changes nothing of that.
    pub applied_at_ms: i64,
    /// Changes of the files that were accepted since the start, and a start that was.
    pub accepted: u64,
    /// Changes that were refused since the start, and a start that was.
    pub nacks: u64,
    /// Those of them that were no configuration to judge: the folder was not there, or could
    /// not be read.
    pub unreadable: u64,
    /// The last refusal, until a change is accepted.
    pub last_error: Option<Nack>,
    /// Why changes are seen only by polling, where that is so.
    pub watch_error: Option<String>,
    /// Why the file of `RESON_FEATURES_FILE`, or the switch of a root of deployments, cannot
    /// be read, where that is so; what it said last holds.
    pub switch_error: Option<String>,
    /// Why there is no copy of what is in force in the folder for copies, where that is so.
    pub copy_error: Option<String>,
    /// Why a root of deployments is not told what is in force here, where that is so.
    pub acknowledgement_error: Option<String>,
    /// When files were last compared with what is in force, in milliseconds since 1970.
    pub checked_at_ms: i64,
    /// Milliseconds since then, at the moment of asking.
    pub staleness_ms: i64,
    /// Keys that environment or command line set over an overlay.
    pub shadowed: Vec<String>,
    /// Whether every overlay is off.
    pub emergency: bool,
    /// What has them off.
    pub held_by: Vec<String>,
    /// Whether the flag file of the candidate has every overlay off, for its share of the
    /// units.
    pub candidate_emergency: bool,
    /// The flags that switches force, off with a `-` before the name.
    pub forced: Vec<String>,
    /// Names in switches that no flag and no overlay has.
    pub unknown_switches: Vec<String>,
    /// Why the environment's name is none of the flag file's, where that is so.
    pub unknown_environment: Option<String>,
}

/// A change that was refused.
#[derive(Clone, Debug, Serialize)]
pub struct Nack {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Why; at most a hundred findings.
    pub findings: Vec<Refusal>,
}

/// One reason of a refusal.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Refusal {
    /// The file, relative to the installation.
    pub path: String,
    /// The finding's code.
    pub code: String,
    /// Place and message.
    pub message: String,
    #[serde(skip)]
    is_placed: bool,
}

/// `path:line:column: error[…]: …`, without what is not known.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, message, .. } = self;
        match path.as_str() {
            "" => f.write_str(message),
            path if self.is_placed => write!(f, "{path}:{message}"),
            path => write!(f, "{path}: {message}"),
        }
    }
}

impl Refusal {
    pub(crate) fn of(finding: &FileFinding) -> Self {
        Self {
            path: finding.path.clone(),
            code: finding.diagnostic.code.to_owned(),
            message: finding.diagnostic.to_string(),
            is_placed: finding.diagnostic.at.is_some(),
        }
    }
}

/// How a configuration is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// As it was asked for.
    Healthy,
    /// Serving, but not what was asked for: see the reasons.
    Degraded,
    /// Serving the embedded overlay only.
    Unhealthy,
}

/// How a configuration is, and why.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Health {
    /// The verdict.
    pub status: HealthStatus,
    /// What is not as it should be.
    pub reasons: Vec<String>,
}

impl Status {
    /// Why a part does not work, where that is so.
    pub(crate) fn error(&self, part: Part) -> Option<&String> {
        let error = match part {
            Part::Watch => &self.watch_error,
            Part::SwitchFile => &self.switch_error,
            Part::Copy => &self.copy_error,
            Part::Acknowledgement => &self.acknowledgement_error,
        };
        error.as_ref()
    }

    /// How the configuration in force is.
    pub fn health(&self) -> Health {
        let mut reasons = Vec::new();
        if let Some(nack) = &self.last_error {
            let first = nack.findings.first();
            let what = first.map_or_else(String::new, |it| format!(": {it}"));
            reasons.push(format!("the last change was refused{what}"));
        }
        match self.source {
            Source::Files => (),
            Source::LastGood => reasons.push("serving the last configuration that was good".into()),
            Source::Embedded => reasons.push("serving the built-in overlay only".into()),
        }
        let failing = Part::ALL.into_iter().filter_map(|it| Some((it, self.error(it)?)));
        reasons.extend(failing.map(|(part, why)| format!("{}: {why}", part.failing())));
        reasons.extend(self.unknown_environment.clone());
        if !self.shadowed.is_empty() {
            reasons.push(format!("set from outside: {}", self.shadowed.join(", ")));
        }
        if !self.held_by.is_empty() {
            reasons.push(format!("every overlay is off by {}", self.held_by.join(", ")));
        }
        if self.candidate_emergency {
            let of_candidate = "the candidate has every overlay off, for its share of the units";
            reasons.push(of_candidate.into());
        }
        if !self.unknown_switches.is_empty() {
            reasons.push(format!("unknown switches: {}", self.unknown_switches.join(", ")));
        }
        let status = match (self.source, reasons.is_empty()) {
            (Source::Embedded, _) => HealthStatus::Unhealthy,
            (_, true) => HealthStatus::Healthy,
            (_, false) => HealthStatus::Degraded,
        };
        Health { status, reasons }
    }
}
