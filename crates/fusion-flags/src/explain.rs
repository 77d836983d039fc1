use serde::Serialize;

use crate::bucket::BUCKETS;
use crate::decide::Context;
use crate::flag::Flag;
use crate::flags::View;
use crate::reason::{FlagId, Reason};
use crate::route::Route;

/// Why a flag is on or off, with what the decision rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlagReport {
    /// The flag's name.
    pub feature: String,
    /// Whether it is on.
    pub enabled: bool,
    /// Why.
    pub reason: Reason,
    /// The unit's bucket, from 0 to 99,999, where one was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<u32>,
    /// Buckets below this are in, at this moment and in this environment; `None` before a
    /// ramp begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u32>,
    /// The variant, where the flag is on and has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// What would turn it on; `None` where it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub would_need: Option<String>,
    /// The generation of the configuration that decided.
    pub generation: u64,
}

/// A route in words, as `fusion flags route --json` prints it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RouteReport {
    /// The kind of work that was asked for.
    pub scenario_type: String,
    /// The flags that are on, in file order.
    pub enabled_features: Vec<String>,
    /// The overlays that may answer, best first.
    pub overlay_candidates: Vec<String>,
    /// The first of them.
    pub primary_overlay: Option<String>,
    /// What answers where there is none.
    pub fallback_strategy: String,
    /// Whether a switch is active.
    pub env_overrides_active: bool,
    /// What was not taken, and why.
    pub rejected: Vec<RejectedReport>,
    /// The generation of the configuration that decided.
    pub generation: u64,
}

/// Something that was not taken, in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RejectedReport {
    /// The flag.
    pub feature: String,
    /// The overlay, where the flag was on and only this overlay was not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlay: Option<String>,
    /// Why.
    pub reason: Reason,
}

impl View {
    /// Why the flag of this name is on or off; `None` where there is none.
    pub fn explain(&self, name: &str, context: &Context<'_>) -> Option<FlagReport> {
        let id = self.snapshot().flag(name)?;
        let flag = self.snapshot().flags.get(id.0 as usize)?;
        Some(self.report(id, flag, context))
    }

    /// Why each flag is on or off, in file order.
    pub fn explain_all(&self, context: &Context<'_>) -> Vec<FlagReport> {
        let flags = (0..).map(FlagId).zip(&self.snapshot().flags);
        flags.map(|(id, flag)| self.report(id, flag, context)).collect()
    }

    /// The route, in words.
    pub fn explain_route(&self, context: &Context<'_>) -> RouteReport {
        let mut route = Route::default();
        self.route(context, &mut route);
        self.report_route(context.scenario_type, &route)
    }

    /// A route of this view, in words.
    pub fn report_route(&self, scenario_type: &str, route: &Route) -> RouteReport {
        let name = |it: &FlagId| self.snapshot().name(*it).to_owned();
        let rejected = route.rejected.iter().map(|it| RejectedReport {
            feature: name(&it.flag),
            overlay: it.overlay.map(|it| self.overlay_name(it).to_owned()),
            reason: it.reason,
        });
        let candidates = route.candidates.iter().map(|it| self.overlay_name(*it).to_owned());
        let candidates: Vec<String> = candidates.collect();
        RouteReport {
            scenario_type: scenario_type.to_owned(),
            enabled_features: route.enabled.iter().map(name).collect(),
            primary_overlay: candidates.first().cloned(),
            overlay_candidates: candidates,
            fallback_strategy: self.fallback(route).to_owned(),
            env_overrides_active: route.overrides_active,
            rejected: rejected.collect(),
            generation: route.generation,
        }
    }

    fn report(&self, id: FlagId, flag: &Flag, context: &Context<'_>) -> FlagReport {
        let decision = self.decide_flag(id, context);
        let variant = decision.variant.and_then(|it| flag.variants.get(it as usize));
        FlagReport {
            feature: flag.name.to_string(),
            enabled: decision.enabled,
            reason: decision.reason,
            // Shown even where another condition decided first.
            bucket: decision.bucket.or_else(|| self.bucket(flag, context)),
            threshold: flag.share_at(context.now_ms),
            variant: variant.map(|it| it.name.to_string()),
            would_need: self.needed(flag, decision.reason, context),
            generation: decision.generation,
        }
    }

    fn bucket(&self, flag: &Flag, context: &Context<'_>) -> Option<u32> {
        let share = flag.share_at(context.now_ms)?;
        let unit = self.evaluation(context).unit(flag)?;
        (share > 0 && share < BUCKETS).then(|| flag.salt.bucket(unit))
    }

    /// What would turn the flag on, as far as its first obstacle goes.
    fn needed(&self, flag: &Flag, reason: Reason, context: &Context<'_>) -> Option<String> {
        Some(match reason {
            Reason::EmergencyBaseline => "the emergency switch to be lifted".to_owned(),
            Reason::ForcedOff => format!("`-{}` to be taken out of the switches", flag.name),
            Reason::Disabled => "`enabled: true`".to_owned(),
            Reason::ScenarioMismatch => {
                let names: Vec<&str> = flag.scenarios().iter().collect();
                format!("a scenario type of {}", names.join(", "))
            }
            Reason::AttributeMismatch => {
                let unmet = flag.conditions.iter().filter(|it| !it.holds(context.attributes));
                let unmet: Vec<&str> = unmet.map(|it| it.attribute()).collect();
                format!("another value of {}", unmet.join(", "))
            }
            Reason::ConfidenceBelow | Reason::ConfidenceMissing => {
                format!("a confidence of at least {}", flag.confidence)
            }
            Reason::RolloutMiss => match self.bucket(flag, context) {
                Some(bucket) => {
                    format!("a rollout above {} %", f64::from(bucket) / 1000.0)
                }
                None => "a rollout above 0 %".to_owned(),
            },
            Reason::TargetingKeyMissing => match &flag.bucket_by {
                Some(attribute) => format!("a text as attribute {attribute}"),
                None => "a unit id".to_owned(),
            },
            Reason::PrerequisiteFailed(other) => {
                let other_name = self.snapshot().name(other);
                let is_on = self.decide_flag(other, context).enabled;
                format!("`{other_name}` to be {}", if is_on { "off" } else { "on" })
            }
            Reason::OutsideSchedule => "another moment".to_owned(),
            _ => return None,
        })
    }
}
