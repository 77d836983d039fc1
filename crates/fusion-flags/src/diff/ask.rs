use std::collections::{BTreeMap, BTreeSet};

use super::changes::ChangedFlag;
use super::plan::TypePlan;
use super::side::Side;
use super::{CaseDiff, Comparison, DiffCase, DiffPlan, FlagChange, FlagDiff, Move};
use crate::condition::Attribute;
use crate::decide::{Context, Decision};
use crate::lint::finding;
use crate::reason::FlagId;
use crate::route::Route;

impl Comparison {
    /// Asks both files what answers `units`, in each case of `plan`; `asked` is called after
    /// each. Where all units are answered alike, one is asked for all.
    ///
    /// The units are routed through both files, so the shares are exact for these units; for
    /// units that were drawn at random, a share of 100,000 is within 0.32 % of the truth (95 %).
    pub fn run(&self, plan: &DiffPlan, units: &[String], asked: &mut dyn FnMut()) -> FlagDiff {
        let mut res = FlagDiff {
            scenarios_changed: 0.0,
            units_changed: 0.0,
            cases: Vec::with_capacity(plan.len()),
            flags: self.changes.changed.iter().map(|it| self.unseen(it)).collect(),
            added: self.changes.added.clone(),
            removed: self.changes.removed.clone(),
            findings: self.changes.findings.clone(),
        };
        let mut routes = (Route::default(), Route::default());
        for of_type in &plan.types {
            let first = res.cases.len();
            for case in &of_type.cases {
                let case = self.ask(case, of_type, units, &mut routes, &mut res.flags);
                res.cases.push(case);
                asked();
            }
            let cases = res.cases.get(first..).unwrap_or_default();
            res.scenarios_changed += f64::from(u8::from(cases.iter().any(|it| it.changed > 0.0)));
            res.units_changed +=
                cases.iter().map(|it| it.changed).sum::<f64>() / cases.len().max(1) as f64;
        }
        let types = plan.scenario_types.max(1) as f64;
        res.scenarios_changed /= types;
        res.units_changed /= types;
        self.name_unseen(plan, &mut res);
        res
    }

    fn unseen(&self, changed: &ChangedFlag) -> FlagChange {
        let sides = [self.old.flag(changed.old), self.new.flag(changed.new)];
        FlagChange {
            feature: self.new.snapshot().name(FlagId(changed.new)).to_owned(),
            changed: 0.0,
            routes: sides.into_iter().flatten().any(|it| it.offered().next().is_some()),
        }
    }

    /// A finding for each flag whose change no case shows. What is drawn anew has one.
    fn name_unseen(&self, plan: &DiffPlan, diff: &mut FlagDiff) {
        let changed = self.changes.changed.iter().zip(&diff.flags).zip(&plan.concerned);
        for ((changed, flag), is_concerned) in changed {
            let is_said = changed.fields.iter().all(|it| ["salt", "bucket_by"].contains(it));
            if flag.changed > 0.0 || !is_concerned || is_said {
                continue;
            }
            let said = format!(
                "`{}` has another `{}`, and nothing that was asked shows it",
                flag.feature,
                changed.fields.join("`, `")
            );
            diff.findings.push(finding("FLG6003", said));
        }
    }

    fn ask(
        &self,
        case: &DiffCase,
        of_type: &TypePlan,
        units: &[String],
        routes: &mut (Route, Route),
        flags: &mut [FlagChange],
    ) -> CaseDiff {
        let units = if of_type.one_for_all { units.get(..1).unwrap_or(units) } else { units };
        let unseen = |idx: &&usize| flags.get(**idx).is_some_and(|it| it.changed == 0.0);
        let watched = of_type.changed.iter().filter(unseen).filter_map(|idx| {
            Some(Watched { idx: *idx, flag: self.changes.changed.get(*idx)?, count: 0 })
        });
        let mut watched: Vec<Watched<'_>> = watched.collect();
        let steps = self.steps(case, units, routes, &mut watched);
        let share = |count: u64| count as f64 / units.len().max(1) as f64;
        for it in watched {
            if let Some(flag) = flags.get_mut(it.idx) {
                flag.changed = share(it.count);
            }
        }
        let of_kind = |is_reserve: bool| {
            let steps = steps.iter().filter(|(it, _)| it.is_reserve == is_reserve);
            let mut res: Vec<Move> =
                steps.map(|(step, count)| step.with_share(share(*count))).collect();
            res.sort_by(|a, b| b.share.total_cmp(&a.share));
            res
        };
        let answered = steps.iter().filter(|(it, _)| !it.is_reserve);
        CaseDiff {
            case: case.clone(),
            changed: share(answered.map(|(_, count)| count).sum()),
            moves: of_kind(false),
            reserves: of_kind(true),
        }
    }

    /// How many units go from what to what. Counts those for which a watched flag is
    /// otherwise.
    fn steps(
        &self,
        case: &DiffCase,
        units: &[String],
        (before, after): &mut (Route, Route),
        watched: &mut [Watched<'_>],
    ) -> BTreeMap<Step<'_>, u64> {
        let mut steps: BTreeMap<Step<'_>, u64> = BTreeMap::new();
        let mut attributes = self.attributes(case);
        for unit in units {
            for (_, value) in attributes.iter_mut().skip(case.attributes.len()) {
                *value = Attribute::Text(unit);
            }
            let context = Context {
                unit: Some(unit),
                scenario_type: &case.scenario_type,
                confidence: case.confidence,
                attributes: &attributes,
                now_ms: case.now_ms,
                quality: None,
            };
            self.old.view.route(&context, before);
            self.new.view.route(&context, after);
            if let Some(step) = self.step(before, after) {
                *steps.entry(step).or_default() += 1;
            }
            for it in &mut *watched {
                it.count += u64::from(self.is_otherwise(it.flag, &context));
            }
        }
        steps
    }

    /// The attributes of a case, then those that units are bucketed by.
    fn attributes<'a>(&'a self, case: &'a DiffCase) -> Vec<(&'a str, Attribute<'a>)> {
        let given = case.attributes.iter();
        let mut res: Vec<(&str, Attribute<'_>)> =
            given.map(|(name, value)| (name.as_str(), value.as_attribute())).collect();
        let sides = [&self.old, &self.new].into_iter();
        let by: BTreeSet<&str> = sides
            .filter_map(|it| it.flags().first().and_then(|it| it.bucket_by.as_deref()))
            .filter(|name| case.attributes.iter().all(|(it, _)| it != name))
            .collect();
        res.extend(by.into_iter().map(|it| (it, Attribute::Text(""))));
        res
    }

    /// The first place where the two lines of succession differ.
    fn step<'a>(&'a self, before: &Route, after: &Route) -> Option<Step<'a>> {
        let len = before.candidates.len().max(after.candidates.len());
        for at in 0..=len {
            let from = answer(&self.old, before, at);
            let to = answer(&self.new, after, at);
            if from != to {
                return Some(Step { is_reserve: at > 0, from, to });
            }
        }
        None
    }

    /// Whether a changed flag is decided otherwise, or offers something else.
    fn is_otherwise(&self, flag: &ChangedFlag, context: &Context<'_>) -> bool {
        let old = self.old.view.decide_flag(FlagId(flag.old), context);
        let new = self.new.view.decide_flag(FlagId(flag.new), context);
        let arms = || arm(&self.old, flag.old, &old) != arm(&self.new, flag.new, &new);
        old.enabled != new.enabled || old.enabled && (flag.offers || arms())
    }
}

/// The overlay of a unit's variant.
fn arm<'a>(side: &'a Side, flag: u32, decision: &Decision) -> Option<&'a str> {
    let arm = side.flag(flag)?.variants.get(decision.variant? as usize)?;
    arm.overlay.map(|it| side.overlay(it))
}

/// What answers where `at` candidates have failed.
fn answer<'a>(side: &'a Side, route: &Route, at: usize) -> Answer<'a> {
    match route.candidates.get(at) {
        Some(overlay) => Answer::Overlay(side.view.overlay_name(*overlay)),
        None => Answer::Fallback(side.view.fallback(route)),
    }
}

/// A changed flag, and for how many units it is seen to have changed.
struct Watched<'a> {
    idx: usize,
    flag: &'a ChangedFlag,
    count: u64,
}

#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Answer<'a> {
    Overlay(&'a str),
    Fallback(&'a str),
}

impl Answer<'_> {
    fn overlay(self) -> Option<String> {
        match self {
            Self::Overlay(name) => Some(name.to_owned()),
            Self::Fallback(_) => None,
        }
    }

    fn fallback(self) -> Option<String> {
        match self {
            Self::Overlay(_) => None,
            Self::Fallback(word) => Some(word.to_owned()),
        }
    }
}

/// From what to what a unit goes.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
struct Step<'a> {
    /// Whether it is only what answers where something else fails.
    is_reserve: bool,
    from: Answer<'a>,
    to: Answer<'a>,
}

impl Step<'_> {
    fn with_share(self, share: f64) -> Move {
        Move {
            from: self.from.overlay(),
            to: self.to.overlay(),
            from_fallback: self.from.fallback(),
            to_fallback: self.to.fallback(),
            share,
        }
    }
}
