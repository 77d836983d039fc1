use overlay_model::Diagnostic;
use serde::{Deserialize, Serialize};

use super::fields::Fields;
use crate::analysis::Limits;
use crate::code;
use crate::mode::Mode;
use crate::span::Span;
use crate::stages::Stages;
use crate::word::{CheckName, EnvironmentName};

/// How an environment is deployed to.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Environment {
    /// The mode, unless the command line says another.
    pub mode: Mode,
    /// The shares of a staged rollout.
    pub stages: Stages,
    /// The shortest time of a stage, and how long a new generation is watched.
    pub bake: Span,
    /// After this time a stage without verdict pauses; at least `bake`.
    pub max_stage: Span,
    /// The names of the checks, built-in ones included.
    pub checks: Vec<CheckName>,
    /// The environment in which the same tree has to pass first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<EnvironmentName>,
    /// What stages are held to.
    pub limits: Limits,
}

pub(super) const KEYS: [&str; 8] =
    ["mode", "stages", "bake", "min_samples", "max_stage", "checks", "after", "analysis"];

const ANALYSIS_KEYS: [&str; 6] =
    ["false_abort", "error_ratio", "p95", "tolerate_errors", "tolerate_latency", "tolerate_tokens"];

impl Environment {
    /// What holds for `name` where the file does not say.
    pub fn default_of(name: &EnvironmentName) -> Self {
        let is_development = name.is_development();
        let word = |text: &str| text.parse().ok();
        let golden = (!is_development).then_some("golden");
        Self {
            mode: if is_development { Mode::Direct } else { Mode::Staged },
            stages: Stages::default(),
            bake: if is_development { Span::default() } else { Span::minutes(5) },
            max_stage: Span::minutes(6 * 60),
            checks: ["schema", "load"].into_iter().chain(golden).filter_map(word).collect(),
            after: None,
            limits: Limits::default(),
        }
    }
}

/// Reads the table of an environment, above `limits` of the whole file. Checks and `after`
/// come with their places.
pub(super) fn read(
    name: &EnvironmentName,
    limits: &Limits,
    fields: &mut Fields<'_>,
) -> Environment {
    fields.known(&KEYS);
    let default = Environment::default_of(name);
    let mut limits = limits.clone();
    if let Some(table) = fields.table("analysis") {
        analysis(&mut limits, &mut fields.inner(table));
    }
    limits.min_samples = fields.count("min_samples", 1..=10_000_000).unwrap_or(limits.min_samples);
    let bake = fields.span("bake").map_or(default.bake, |it| it.0);
    Environment {
        mode: fields.parsed("mode").unwrap_or(default.mode),
        stages: stages(fields).unwrap_or(default.stages),
        bake,
        max_stage: max_stage(bake, fields).unwrap_or(default.max_stage.max(bake)),
        checks: default.checks,
        after: fields.parsed("after"),
        limits,
    }
}

fn stages(fields: &mut Fields<'_>) -> Option<Stages> {
    let (percent, at) = fields.numbers("stages")?;
    Stages::of_percent(&percent).map_err(|err| fields.refuse(&err, at)).ok()
}

/// No stage pauses before it has baked.
fn max_stage(bake: Span, fields: &mut Fields<'_>) -> Option<Span> {
    let (span, at) = fields.span("max_stage")?;
    if span < bake {
        let message = format!("`max_stage` is {span}, and a stage bakes for {bake} at least");
        let finding = Diagnostic::error(code::MAX_STAGE, message);
        fields.find(finding.hint("give a longer `max_stage`, or a shorter `bake`"), at);
        return None;
    }
    Some(span)
}

/// Puts the limits of a table into `limits`.
pub(super) fn analysis(limits: &mut Limits, fields: &mut Fields<'_>) {
    fields.known(&ANALYSIS_KEYS);
    let numbers = [
        ("false_abort", &mut limits.false_abort, 1e-6..=0.2),
        ("error_ratio", &mut limits.error_ratio, 1.1..=1000.0),
        ("tolerate_errors", &mut limits.tolerate_errors, 1.0..=100.0),
        ("tolerate_latency", &mut limits.tolerate_latency, 1.0..=100.0),
        ("tolerate_tokens", &mut limits.tolerate_tokens, 1.0..=100.0),
    ];
    for (key, limit, range) in numbers {
        *limit = fields.number(key, range).unwrap_or(*limit);
    }
    limits.p95 = fields.span("p95").map(|it| it.0).or(limits.p95);
}
