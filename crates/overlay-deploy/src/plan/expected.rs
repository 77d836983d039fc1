use serde::Serialize;

use crate::file::Environment;
use crate::mode::Mode;
use crate::span::Span;
use crate::stages::Weight;

/// How long a deployment takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expected {
    /// With traffic enough.
    pub at_least: Span,
    /// After this a stage without verdict has paused.
    pub at_most: Span,
    /// By stages; empty but for a staged rollout.
    pub stages: Vec<ExpectedStage>,
    /// In hours, at the traffic of now, where that is known and no stage pauses.
    pub hours: Option<f64>,
}

/// How long a stage takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExpectedStage {
    /// The candidate's share of the units, in percent.
    pub percent: f64,
    /// In hours, at the traffic of now, where that is known.
    pub hours: Option<f64>,
    /// Whether it then does not reach its samples in the time it may take.
    pub pauses: bool,
}

const HOUR: f64 = 3600.0;

/// What to expect of a deployment by these rules.
pub(super) fn expected(mode: Mode, rules: &Environment, per_hour: Option<f64>) -> Expected {
    let Environment { bake, max_stage, .. } = rules;
    if mode != Mode::Staged {
        let hours = Some(bake.0.as_secs_f64() / HOUR);
        return Expected { at_least: *bake, at_most: *bake, stages: Vec::new(), hours };
    }
    let per_hour = per_hour.filter(|it| it.is_finite() && *it > 0.0);
    let stage = |weight: &Weight| stage(*weight, rules, per_hour);
    let stages: Vec<_> = rules.stages.weights().iter().map(stage).collect();
    let count = u32::try_from(stages.len()).unwrap_or(u32::MAX);
    let hours = stages.iter().map(|it| it.hours.filter(|_| !it.pauses)).sum();
    Expected {
        at_least: Span(bake.0.saturating_mul(count)),
        at_most: Span(max_stage.0.saturating_mul(count)),
        stages,
        hours,
    }
}

fn stage(weight: Weight, rules: &Environment, per_hour: Option<f64>) -> ExpectedStage {
    let share = weight.share();
    // Everybody is on the candidate in the last stage; before it the smaller arm decides.
    let smaller = if share < 1.0 { share.min(1.0 - share) } else { 1.0 };
    let needed = rules.limits.min_samples as f64;
    let baked = rules.bake.0.as_secs_f64() / HOUR;
    let hours = per_hour.map(|it| (needed / (it * smaller)).max(baked));
    let most = rules.max_stage.0.as_secs_f64() / HOUR;
    let pauses = hours.is_some_and(|it| it > most);
    ExpectedStage { percent: weight.percent(), hours, pauses }
}
