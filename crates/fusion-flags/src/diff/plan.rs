use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::classes::{Tests, fitting, live, moments, tests, timed, values};
use super::side::Side;
use super::{Comparison, DiffCase, DiffScope, GivenValue};
use crate::condition::Condition;
use crate::flag::Flag;

/// How often flags are looked at, at most, for attributes and moments: about half a minute
/// where all units are answered alike, and less where not.
const MOST_LOOKS: usize = 1_000_000_000;

/// What will be asked of two flag files.
pub struct DiffPlan {
    pub(super) types: Vec<TypePlan>,
    /// How many kinds of work there are, with those that nothing can change.
    pub(super) scenario_types: usize,
    /// By the place of a changed flag: whether it is for any of the kinds of work.
    pub(super) concerned: Vec<bool>,
}

impl DiffPlan {
    /// How many cases there are.
    pub fn len(&self) -> usize {
        self.types.iter().map(|it| it.cases.len()).sum()
    }

    /// Whether there is no case: nothing can change.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }
}

/// What is asked of one kind of work.
pub(super) struct TypePlan {
    pub(super) cases: Vec<DiffCase>,
    /// The changed flags that play a part, by their place among them.
    pub(super) changed: Vec<usize>,
    /// Whether all units are answered alike.
    one_for_all: bool,
}

impl TypePlan {
    /// Those of `units` that are asked.
    pub(super) fn asked<'a>(&self, units: &'a [String]) -> &'a [String] {
        if self.one_for_all { units.get(..1).unwrap_or(units) } else { units }
    }
}

impl Comparison {
    /// The cases that can show a change: kinds of work that a flag that differs plays a part
    /// in, with attributes and moments of each kind that its conditions tell apart. Where
    /// there are too many, the last ones are left out, and what they would have shown is
    /// among the findings.
    pub fn plan(&self, scope: &DiffScope<'_>) -> DiffPlan {
        let changed = self.changes.changed.iter().enumerate();
        let mut planner = Planner {
            comparison: self,
            scope,
            changed: [
                changed.clone().map(|(idx, it)| (it.old, idx)).collect(),
                changed.map(|(idx, it)| (it.new, idx)).collect(),
            ],
            looks: 0,
        };
        let types = scope.scenario_types.iter().filter_map(|it| planner.of_type(it)).collect();
        DiffPlan {
            types,
            scenario_types: scope.scenario_types.len(),
            concerned: self.concerned(scope),
        }
    }

    fn concerned(&self, scope: &DiffScope<'_>) -> Vec<bool> {
        let types: HashSet<&str> = scope.scenario_types.iter().map(String::as_str).collect();
        let is_for = |flag: &Flag| {
            flag.scenarios().is_empty()
                || flag.scenarios().iter().any(|it| types.contains(it))
                || types.iter().any(|it| flag.matches(it))
        };
        let changed = self.changes.changed.iter();
        let sides = changed.map(|it| [self.old.flag(it.old), self.new.flag(it.new)]);
        sides.map(|it| it.into_iter().flatten().any(is_for)).collect()
    }
}

struct Planner<'a> {
    comparison: &'a Comparison,
    scope: &'a DiffScope<'a>,
    /// The changed flags by their place in the old and the new file.
    changed: [HashMap<u32, usize>; 2],
    looks: usize,
}

/// A flag that differs, in one of the files.
struct Focus<'a> {
    /// The flag and what it rests on, in the old file and in the new one.
    basis: [Vec<&'a Flag>; 2],
    /// The file it applies by.
    at: usize,
}

impl<'a> Focus<'a> {
    fn flags(&self) -> impl Iterator<Item = &'a Flag> {
        self.basis.iter().flatten().copied()
    }

    /// The flag and what it rests on, in the file it applies by.
    fn own(&self) -> &[&'a Flag] {
        self.basis.get(self.at).map_or(&[], |it| it)
    }

    /// Whether attributes or the moment play a part.
    fn is_conditional(&self) -> bool {
        self.flags().any(|it| it.is_timed() || !it.conditions.is_empty())
    }
}

impl<'a> Planner<'a> {
    fn sides(&self) -> [(&'a Side, &'a [bool]); 2] {
        let it = self.comparison;
        [(&it.old, &it.changes.old), (&it.new, &it.changes.new)]
    }

    /// What is asked of a kind of work; nothing where nothing can change.
    fn of_type(&mut self, scenario_type: &str) -> Option<TypePlan> {
        let sides = self.sides();
        let relevant = sides.map(|(side, _)| side.relevant(scenario_type));
        let touched: Vec<(usize, u32)> = (0..)
            .zip(sides.iter().zip(&relevant))
            .flat_map(|(at, ((_, marks), flags))| {
                let is_marked = |it: &u32| marks.get(*it as usize).copied().unwrap_or(false);
                flags.iter().copied().filter(is_marked).map(move |it| (at, it))
            })
            .collect();
        if touched.is_empty() && !self.comparison.changes.everywhere {
            return None;
        }
        let flags = sides.into_iter().zip(&relevant);
        let all: Vec<&Flag> =
            flags.flat_map(|(side, it)| it.iter().filter_map(|it| side.0.flag(*it))).collect();
        let focuses: Vec<Focus<'_>> = touched.iter().map(|it| self.focus(*it)).collect();
        let confidences = self.confidences(&all, &focuses);
        let mut cases = Cases { scenario_type, known: HashSet::new(), list: Vec::new() };
        cases.add(&confidences, &BTreeMap::new(), self.scope.now_ms);
        let one_for_all =
            sides.iter().zip(&relevant).all(|((side, _), it)| side.is_one_for_all(it));
        let cost = all.len().saturating_mul(if one_for_all { 1 } else { self.scope.units });
        let beside = LazyCell::new(|| (timed(&all), tests(all.iter().copied())));
        for focus in focuses.iter().filter(|it| it.is_conditional()) {
            if self.looks < MOST_LOOKS {
                let before = cases.list.len();
                self.vary(focus, &beside, &confidences, &mut cases);
                let more = cases.list.len() - before;
                self.looks = self.looks.saturating_add(more.saturating_mul(cost));
            }
        }
        Some(TypePlan { cases: cases.list, changed: self.changed_in(&touched), one_for_all })
    }

    fn focus(&self, (at, flag): (usize, u32)) -> Focus<'a> {
        let sides = self.sides().map(|it| it.0);
        let name = sides.get(at).and_then(|it| it.flag(flag)).map_or("", |it| &*it.name);
        let basis = sides.map(|side| {
            let flags = side.find(name).map(|it| side.basis(it)).unwrap_or_default();
            flags.into_iter().filter_map(|it| side.flag(it)).collect()
        });
        Focus { basis, at }
    }

    /// The changed flags that touched ones rest on.
    fn changed_in(&self, touched: &[(usize, u32)]) -> Vec<usize> {
        let mut res = BTreeSet::new();
        for (at, flag) in touched {
            let (Some((side, _)), Some(changed)) =
                (self.sides().get(*at).copied(), self.changed.get(*at))
            else {
                continue;
            };
            res.extend(side.basis(*flag).iter().filter_map(|it| changed.get(it)));
        }
        res.into_iter().collect()
    }

    /// The confidences that are told apart: each threshold, one, and zero where a flag has
    /// no threshold and others do; none at all where the files differ about that.
    fn confidences(&self, all: &[&Flag], focuses: &[Focus<'_>]) -> Vec<Option<f64>> {
        if !self.scope.confidences.is_empty() {
            return self.scope.confidences.iter().copied().map(Some).collect();
        }
        let flags = || focuses.iter().flat_map(|it| it.own()).chain(all);
        let mut res: Vec<f64> = flags().filter_map(|it| it.threshold()).collect();
        if !res.is_empty() && flags().any(|it| it.threshold().is_none()) {
            res.push(0.0);
        }
        res.push(1.0);
        res.sort_by(f64::total_cmp);
        res.dedup();
        let mut res: Vec<Option<f64>> = res.into_iter().map(Some).collect();
        let passes: BTreeSet<bool> =
            flags().filter(|it| it.threshold().is_some()).map(|it| it.missing_passes).collect();
        if passes.len() > 1 {
            res.push(None);
        }
        res
    }

    /// Adds what shows a change of `focus`: it applies, then one thing at a time is otherwise.
    fn vary(
        &self,
        focus: &Focus<'_>,
        (timed, beside): &(Vec<&Flag>, Tests<'_>),
        confidences: &[Option<f64>],
        cases: &mut Cases<'_>,
    ) {
        let asking: Vec<&Flag> = focus.flags().collect();
        let domains = domains(&tests(asking.iter().copied()), beside);
        let own = tests(focus.own().iter().copied());
        let fits: BTreeMap<&str, GivenValue> = own
            .iter()
            .filter_map(|(name, tests)| Some((*name, fitting(domains.get(name)?, tests)?.clone())))
            .collect();
        let moments = moments(self.scope.now_ms, &asking, timed);
        let at = live(&moments, focus.own()).unwrap_or(self.scope.now_ms);
        cases.add(confidences, &fits, at);
        for (name, values) in &domains {
            for value in values {
                let mut attributes = fits.clone();
                attributes.insert(name, value.clone());
                cases.add(confidences, &attributes, at);
            }
        }
        for at in moments {
            cases.add(confidences, &fits, at);
        }
    }
}

/// The values of each attribute.
fn domains<'a>(named: &Tests<'a>, all: &Tests<'_>) -> BTreeMap<&'a str, Vec<GivenValue>> {
    let beside = |name: &str| -> &[&Condition] { all.get(name).map_or(&[], |it| it) };
    named.iter().map(|(name, tests)| (*name, values(tests, beside(name)))).collect()
}

/// The cases of a kind of work, each once.
struct Cases<'a> {
    scenario_type: &'a str,
    known: HashSet<String>,
    list: Vec<DiffCase>,
}

impl Cases<'_> {
    fn add(
        &mut self,
        confidences: &[Option<f64>],
        attributes: &BTreeMap<&str, GivenValue>,
        now_ms: i64,
    ) {
        if !self.known.insert(format!("{attributes:?} {now_ms}")) {
            return;
        }
        let attributes: Vec<_> =
            attributes.iter().map(|(name, it)| ((*name).to_owned(), it.clone())).collect();
        self.list.extend(confidences.iter().map(|confidence| DiffCase {
            scenario_type: self.scenario_type.to_owned(),
            confidence: *confidence,
            attributes: attributes.clone(),
            now_ms,
        }));
    }
}
