use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::fields::Fields;
use crate::span::Span;

/// When a check runs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Before any unit sees the candidate.
    Pre,
    /// At the end of each stage.
    Stage,
    /// Once the candidate is the stable generation.
    Post,
}

impl When {
    const ALL: [Self; 3] = [Self::Pre, Self::Stage, Self::Post];

    /// The word, as the file has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::Stage => "stage",
            Self::Post => "post",
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is no time of a check.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("unknown time `{0}` of a check: use pre, stage or post")]
pub struct UnknownWhen(String);

impl FromStr for When {
    type Err = UnknownWhen;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let when = Self::ALL.into_iter().find(|it| it.as_str() == text);
        when.ok_or_else(|| UnknownWhen(text.to_owned()))
    }
}

/// What a check looks at.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// Every file of the tree is what its name says.
    Schema,
    /// The loader takes the tree.
    Load,
    /// The golden tests passed for the tree.
    Golden,
    /// The tree passed in the environment before.
    Promoted,
    /// A command.
    Command,
    /// A page.
    Http,
    /// A query.
    Metric,
}

impl CheckKind {
    /// The kind of a check that needs no definition, by its name.
    pub(crate) fn built_in(name: &str) -> Option<Self> {
        match name {
            "schema" => Some(Self::Schema),
            "load" => Some(Self::Load),
            "golden" => Some(Self::Golden),
            _ => None,
        }
    }

    /// Whether it asks the tree and the deployment root alone, so that it can run before
    /// anything is written.
    pub fn is_inner(self) -> bool {
        matches!(self, Self::Schema | Self::Load | Self::Golden | Self::Promoted)
    }
}

/// A check of one's own: what it asks, and when.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct CheckSpec {
    /// When it runs.
    pub when: BTreeSet<When>,
    /// How long it may take.
    pub timeout: Span,
    /// What it asks.
    #[serde(flatten)]
    pub probe: Probe,
}

/// What a check asks.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Probe {
    /// A command; exit code 0 passes.
    Command {
        /// The program and its arguments, without a shell.
        argv: Vec<String>,
    },
    /// A page.
    Http {
        /// Its address.
        url: String,
        /// The status it has to answer with.
        status: u16,
        /// A text the answer has to hold.
        contains: Option<String>,
    },
    /// A query of a Prometheus server that gives one number.
    Metric {
        /// The address of the server.
        prometheus: String,
        /// The query, in PromQL.
        query: String,
        /// What the number is held to.
        limit: Bound,
    },
}

impl Probe {
    /// Its kind.
    pub fn kind(&self) -> CheckKind {
        match self {
            Self::Command { .. } => CheckKind::Command,
            Self::Http { .. } => CheckKind::Http,
            Self::Metric { .. } => CheckKind::Metric,
        }
    }
}

/// What a number is held to.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// It is smaller.
    Below(f64),
    /// It is larger.
    Above(f64),
}

impl Bound {
    /// Whether `number` keeps it.
    pub fn holds(self, number: f64) -> bool {
        match self {
            Self::Below(limit) => number < limit,
            Self::Above(limit) => number > limit,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Below(limit) => write!(f, "below {limit}"),
            Self::Above(limit) => write!(f, "above {limit}"),
        }
    }
}

/// The keys of any check, and those of each kind.
const COMMON: [&str; 3] = ["kind", "timeout", "when"];
const COMMAND: [&str; 1] = ["argv"];
const HTTP: [&str; 3] = ["url", "status", "contains"];
const METRIC: [&str; 4] = ["prometheus", "query", "below", "above"];

/// How long a check may take unless the file says otherwise.
const TIMEOUT: Span = Span(std::time::Duration::from_secs(30));

/// Reads the table of a check.
pub(super) fn read(fields: &mut Fields<'_>) -> Option<CheckSpec> {
    let (kind, at) = fields.required("kind")?;
    let probe = match kind.as_str() {
        "command" => command(fields),
        "http" => http(fields),
        "metric" => metric(fields),
        _ => {
            let message = format!("unknown kind `{kind}` of a check: use command, http or metric");
            fields.refuse(&message, at);
            None
        }
    };
    let when = when(fields);
    let timeout = fields.span("timeout").map_or(TIMEOUT, |it| it.0);
    Some(CheckSpec { when, timeout, probe: probe? })
}

fn known(fields: &mut Fields<'_>, own: &[&str]) {
    let all: Vec<&str> = COMMON.iter().chain(own).copied().collect();
    fields.known(&all);
}

fn when(fields: &mut Fields<'_>) -> BTreeSet<When> {
    let Some(words) = fields.texts("when") else { return BTreeSet::from([When::Pre]) };
    words.into_iter().filter_map(|(word, at)| fields.parse(&word, at)).collect()
}

fn command(fields: &mut Fields<'_>) -> Option<Probe> {
    known(fields, &COMMAND);
    let Some(words) = fields.texts("argv") else {
        fields.required("argv");
        return None;
    };
    let argv: Vec<String> = words.into_iter().map(|(word, _)| word).collect();
    if argv.first().is_none_or(String::is_empty) {
        fields.here(&"`argv` names no program");
        return None;
    }
    Some(Probe::Command { argv })
}

fn http(fields: &mut Fields<'_>) -> Option<Probe> {
    known(fields, &HTTP);
    let status = fields.count("status", 100..=599).unwrap_or(200);
    let contains = fields.text("contains").map(|(text, _)| text);
    let url = address(fields, "url")?;
    Some(Probe::Http { url, status: u16::try_from(status).ok()?, contains })
}

fn metric(fields: &mut Fields<'_>) -> Option<Probe> {
    known(fields, &METRIC);
    let prometheus = address(fields, "prometheus");
    let query = fields.required("query").map(|(text, _)| text);
    let any = f64::MIN..=f64::MAX;
    let [below, above] = ["below", "above"].map(|key| fields.number(key, any.clone()));
    let limit = match (below, above) {
        (Some(limit), None) => Bound::Below(limit),
        (None, Some(limit)) => Bound::Above(limit),
        _ => {
            fields.here(&"a metric is held to one limit: `below` or `above`");
            return None;
        }
    };
    Some(Probe::Metric { prometheus: prometheus?, query: query?, limit })
}

fn address(fields: &mut Fields<'_>, key: &str) -> Option<String> {
    let (url, at) = fields.required(key)?;
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    if host.is_none_or(|it| it.is_empty() || it.starts_with('/')) {
        fields.refuse(&format!("`{key}` is no http or https address"), at);
        return None;
    }
    Some(url)
}
