use serde::Serialize;

use crate::profile::WorkloadProfile;
use crate::strategy::Strategy;

/// What a workload profile was found to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Analysis {
    /// The class that decides: the first that matches.
    pub workload_type: &'static str,
    /// What the class is short of.
    pub primary_constraint: &'static str,
    /// The strategy for it.
    pub recommended_strategy: Strategy,
    /// How sure the original was of its rule; no measured share.
    pub confidence: f64,
    /// Every class that matches, in the order of the rules.
    pub matches: Vec<ClassMatch>,
}

/// A class of work that a profile belongs to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassMatch {
    /// The stable identifier of the rule: `class.latency`.
    pub rule: &'static str,
    /// The class.
    pub workload_type: &'static str,
    /// What it is short of.
    pub primary_constraint: &'static str,
    /// The strategy for it.
    pub strategy: Strategy,
    /// How sure the original was of its rule.
    pub confidence: f64,
    /// Which numbers of the profile made it match.
    pub because: String,
}

/// Sorts `profile` into the original's classes, with the original's thresholds. The first
/// that matches decides; all that match are shown.
pub fn analyse(profile: &WorkloadProfile) -> Analysis {
    let matches: Vec<_> =
        [latency(profile), quality(profile), resources(profile)].into_iter().flatten().collect();
    match matches.first() {
        Some(first) => Analysis {
            workload_type: first.workload_type,
            primary_constraint: first.primary_constraint,
            recommended_strategy: first.strategy,
            confidence: first.confidence,
            matches,
        },
        None => Analysis {
            workload_type: "unknown",
            primary_constraint: "balanced",
            recommended_strategy: Strategy::Balanced,
            confidence: 0.5,
            matches,
        },
    }
}

fn latency(profile: &WorkloadProfile) -> Option<ClassMatch> {
    let (rate, time) = (profile.requests_per_minute, profile.average_latency_ms);
    (rate > 100.0 && time < 300.0).then(|| ClassMatch {
        rule: "class.latency",
        workload_type: "high_volume_latency_critical",
        primary_constraint: "latency",
        strategy: Strategy::Latency,
        confidence: 0.9,
        because: format!("requests_per_minute {rate} > 100 and average_latency_ms {time} < 300"),
    })
}

fn quality(profile: &WorkloadProfile) -> Option<ClassMatch> {
    let least = profile.quality_score_minimum;
    (least > 0.9).then(|| ClassMatch {
        rule: "class.quality",
        workload_type: "quality_critical",
        primary_constraint: "quality",
        strategy: Strategy::Quality,
        confidence: 0.85,
        because: format!("quality_score_minimum {least} > 0.9"),
    })
}

fn resources(profile: &WorkloadProfile) -> Option<ClassMatch> {
    let memory = profile.resource_constraints.max_memory_mb?;
    (memory < 1024.0).then(|| ClassMatch {
        rule: "class.resources",
        workload_type: "resource_constrained",
        primary_constraint: "resources",
        strategy: Strategy::Resource,
        confidence: 0.8,
        because: format!("max_memory_mb {memory} < 1024"),
    })
}
