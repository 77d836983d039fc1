//! Limits that became looser in the very change they are to judge.

use std::collections::BTreeMap;

use super::attribution::{Change, Explanation};
use super::file::Budgets;
use super::measured::{Measured, Measurement};
use super::report::{BudgetCheck, Subject};
use crate::report::Verdict;
use crate::statistics::Gate;
use crate::suite::Suite;

/// The key of the cap that an overlay declares over the bare baseline.
pub(super) const CAP: &str = "BASELINE_TOKEN_CAP_PCT";

/// A warning where the candidate raised a limit, or took a cap away: the change is judged by
/// the new ones, and nobody who reads "pass" would see that. `None` where nothing became
/// looser.
pub(super) fn limits_check(
    suite: &Suite,
    base: &Measurement,
    pairs: &[(&Measured, &Measured)],
    budgets: &Budgets,
) -> Option<(BudgetCheck, Explanation)> {
    let mut all = raised(suite, &base.limits, budgets);
    for (base, candidate) in pairs.iter().filter(|(base, it)| base.overlay == it.overlay) {
        all.extend(cap(base, candidate).filter(|it| !all.contains(it)));
    }
    if all.is_empty() {
        return None;
    }
    let words: Vec<_> = all.iter().map(Change::words).collect();
    let message = format!("looser in this change, which is judged by them: {}", words.join(", "));
    let gate = Gate::counted(all.len(), all.len(), Verdict::Warn);
    let check = BudgetCheck::of(Subject::Limits, None, None, gate, message);
    Some(check.because(all, "the limits of the base and of the candidate"))
}

/// The limits of `budgets.toml` that are higher than those of the base. A record of before
/// they were kept has none.
fn raised(suite: &Suite, base: &BTreeMap<String, f64>, budgets: &Budgets) -> Vec<Change> {
    let candidate = budgets.in_file();
    let keys = base.keys().chain(candidate.keys());
    let mut keys: Vec<_> = keys.collect();
    keys.sort();
    keys.dedup();
    let raised = keys.into_iter().filter_map(|key| {
        let (from, to) = (in_force(base, key)?, in_force(&candidate, key)?);
        (to > from).then(|| {
            let line = budgets.line(key);
            // Where the line is gone, the file is what changed.
            Change {
                key: key.clone(),
                from: Some(from.to_string()),
                to: Some(to.to_string()),
                file: Some(suite.installation_file("budgets.toml")),
                line,
                tokens: None,
            }
        })
    });
    raised.collect()
}

/// A limit, for a scenario without one of its own that of all: `tokens.warn` for
/// `scenarios.<id>.tokens.warn`.
fn in_force(limits: &BTreeMap<String, f64>, key: &str) -> Option<f64> {
    let of_all = || {
        let (rest, end) = key.strip_prefix("scenarios.")?.rsplit_once('.')?;
        let (_, kind) = rest.rsplit_once('.')?;
        limits.get(&format!("{kind}.{end}"))
    };
    limits.get(key).or_else(of_all).copied()
}

/// The cap of an overlay, where it was raised or taken away.
fn cap(base: &Measured, candidate: &Measured) -> Option<Change> {
    let number = |it: &Measured| it.values.get(CAP).and_then(|it| it.parse::<f64>().ok());
    let (from, to) = (number(base)?, number(candidate));
    if to.is_some_and(|it| it <= from) {
        return None;
    }
    let place = candidate.places.get(CAP).or_else(|| base.places.get(CAP)).cloned();
    let (file, line) = place.unzip();
    let value = |it: &Measured| it.values.get(CAP).cloned();
    Some(Change {
        key: CAP.to_owned(),
        from: value(base),
        to: value(candidate),
        file,
        line: line.filter(|_| to.is_some()),
        tokens: None,
    })
}
