use super::alpha::Interval;
use super::gate::{Gate, Levels, Limits, Pair};
use super::proportion::{PairedCounts, newcombe_paired};
use super::sample_size::{MOST, POWER, paired_proportion_n};
use super::special::{as_f64, smallest, u64_as_f64};

/// How much more often the candidate fails than the base, where `true` is a failure: of
/// the request, or of a rule. Over the pairs whose requests differ, by Newcombe's interval
/// for paired shares. Clusters are not looked at: give one sample of each scenario.
///
/// Passes where the upper bound is at most `limits.warn`, warns where the lower bound is
/// above it, blocks where it is above `limits.block`; else insufficient.
pub fn error_gate(pairs: &[Pair<'_, bool>], limits: Limits, levels: Levels) -> Gate {
    let (gate, pairs) = match Gate::open(pairs, limits) {
        Ok(open) => open,
        Err(decided) => return *decided,
    };
    let counts = counts(&pairs);
    let n = as_f64(counts.n());
    let bounds = (newcombe_paired(&counts, levels.worse), newcombe_paired(&counts, levels.pass));
    let (Some(worse), Some(pass)) = bounds else { return gate.bad_value() };
    let interval = Interval { lower: worse.lower, upper: pass.upper };
    let gate = Gate {
        base: Some(as_f64(counts.both + counts.only_base) / n),
        candidate: Some(as_f64(counts.both + counts.only_candidate) / n),
        delta: counts.difference(),
        interval: Some(interval),
        ..gate
    };
    gate.place(limits.place(interval.lower, interval.upper), || needed(&counts, limits, levels))
}

fn counts(pairs: &[Pair<'_, bool>]) -> PairedCounts {
    let mut counts = PairedCounts::default();
    for pair in pairs {
        match (pair.candidate, pair.base) {
            (true, true) => counts.both += 1,
            (true, false) => counts.only_candidate += 1,
            (false, true) => counts.only_base += 1,
            (false, false) => counts.neither += 1,
        }
    }
    counts
}

/// The n that lets a candidate pass that fails where the base fails; where that many are
/// there already, the one that tells the difference found from the line.
fn needed(counts: &PairedCounts, limits: Limits, levels: Levels) -> u64 {
    let n = counts.n();
    let unchanged = smallest(1, MOST, |wanted| {
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        let both = wanted.saturating_mul(counts.both) / n.max(1);
        let same = PairedCounts { both, neither: wanted - both, ..PairedCounts::default() };
        newcombe_paired(&same, levels.pass).is_some_and(|it| it.upper <= limits.warn)
    });
    if u64_as_f64(unchanged) > as_f64(n) {
        return unchanged;
    }
    let differing = as_f64(counts.only_base + counts.only_candidate) / as_f64(n);
    let distance = (counts.difference().unwrap_or(0.0) - limits.warn).abs();
    paired_proportion_n(differing, distance, levels.stricter(), POWER)
}
