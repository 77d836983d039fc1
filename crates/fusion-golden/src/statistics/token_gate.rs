use super::alpha::{Alpha, Interval};
use super::clusters::groups;
use super::gate::{Gate, Levels, Limits, Pair, Reason, asked, guarded_error};
use super::own_limits::{OwnPair, all_have, alone, limits_together};
use super::ratio::{Bootstrap, Totals, ratio_of_totals};
use super::sample_size::{MOST, guarded_n};
use super::special::{as_f64, smallest, t_quantile, u64_as_f64};
use crate::Verdict;

/// Two pairs are added to those recorded, one half as long again, one half as long, around
/// the ratio found: a few equal counts have no spread and would prove anything.
const GUARD: f64 = 0.5;
/// What these two add to the sum of squares.
const SQUARES: f64 = 2.0 * GUARD * GUARD;
/// The spread of log token ratios of real answers, where fewer than two pairs show none.
const USUAL_LOG_SD: f64 = 0.5;

/// Prompt tokens of one scenario, base and candidate: exact, so they gate at n = 1. Warns
/// from `limits.warn` on, blocks above `limits.block`.
pub fn prompt_gate(base: u64, candidate: u64, limits: Limits) -> Gate {
    let (gate, _) = match Gate::open(&[Pair::new(base, candidate)], limits) {
        Ok(open) => open,
        Err(decided) => return *decided,
    };
    exact(gate, [base, candidate].map(u64_as_f64), limits)
}

/// Cost of the same answers at other prices: nothing is drawn, so that the totals are exact
/// and gate at n = 1, as [`prompt_gate`].
pub fn price_gate(pairs: &[Pair<'_, f64>], limits: Limits) -> Gate {
    let (gate, pairs) = match Gate::open(pairs, limits) {
        Ok(open) => open,
        Err(decided) => return *decided,
    };
    if pairs.iter().flat_map(|it| [it.base, it.candidate]).any(|it| !it.is_finite() || it < 0.0) {
        return gate.bad_value();
    }
    let sum = |of: fn(&Pair<'_, f64>) -> f64| pairs.iter().map(of).sum::<f64>();
    exact(gate, [sum(|it| it.base), sum(|it| it.candidate)], limits)
}

fn exact(gate: Gate, [base, candidate]: [f64; 2], limits: Limits) -> Gate {
    let more = candidate - base;
    let gate = Gate { base: Some(base), candidate: Some(candidate), ..gate };
    if base == 0.0 && more > 0.0 {
        return gate.bad_value();
    }
    let delta = if base == 0.0 { 0.0 } else { more / base };
    let gate = Gate {
        delta: Some(delta),
        interval: Some(Interval { lower: delta, upper: delta }),
        ..gate
    };
    // Multiplied rather than divided, so that 112 over 100 is 12 %.
    let verdict = if more > limits.block * base {
        Verdict::Fail
    } else if more > 0.0 && more >= limits.warn * base {
        Verdict::Warn
    } else {
        Verdict::Pass
    };
    gate.decided(verdict, Reason::Exact)
}

/// Output tokens, candidate against base: the ratio of totals less 1, over the pairs whose
/// requests differ.
///
/// Passes where the upper bound is at most `limits.warn`, warns where the lower bound is
/// above it, blocks where it is above `limits.block`; else insufficient. Clusters are
/// resampled whole.
pub fn token_gate(
    pairs: &[Pair<'_, u64>],
    limits: Limits,
    levels: Levels,
    bootstrap: Bootstrap,
) -> Gate {
    let number = |it: &Pair<'_, u64>| (u64_as_f64(it.base), u64_as_f64(it.candidate));
    totals_gate(pairs, number, limits, levels, bootstrap)
}

/// Cost, candidate against base, in any unit from 0 on; as [`token_gate`].
pub fn cost_gate(
    pairs: &[Pair<'_, f64>],
    limits: Limits,
    levels: Levels,
    bootstrap: Bootstrap,
) -> Gate {
    totals_gate(pairs, |it| (it.base, it.candidate), limits, levels, bootstrap)
}

/// As [`token_gate`] and [`cost_gate`], where every pair has limits of its own. All together
/// may have what each of those that differ may have at most ([`limits_together`]); `general`
/// where that is nothing.
///
/// The bounds are those of the ratio to it: every base is scaled by its own limit, so that
/// the total stays, and a pair that grows by what it alone may is no sign of spread. The
/// bounds shown are those that decided.
pub fn own_totals_gate(
    pairs: &[OwnPair<'_, f64>],
    general: Limits,
    levels: Levels,
    bootstrap: Bootstrap,
) -> Gate {
    let differing: Vec<_> = pairs.iter().filter(|it| !it.0.identical).copied().collect();
    let limits = of_totals(&differing, general);
    if all_have(&differing, limits) {
        return cost_gate(&alone(pairs), limits, levels, bootstrap);
    }
    let against = |line: fn(Limits) -> f64| {
        let scaled = pairs.iter().map(|(pair, own)| {
            let share = (1.0 + line(*own)) / (1.0 + line(limits));
            Pair { base: pair.base * share, ..*pair }
        });
        cost_gate(&scaled.collect::<Vec<_>>(), limits, levels, bootstrap)
    };
    let (warn, block) = (against(|it| it.warn), against(|it| it.block));
    match (block.verdict, warn.verdict) {
        (Verdict::Fail, _) => block,
        (_, Verdict::Fail) => warn.decided(Verdict::Warn, Reason::Decided),
        _ => warn,
    }
}

/// As [`price_gate`], where every pair has limits of its own; see [`own_totals_gate`].
pub fn own_price_gate(pairs: &[OwnPair<'_, f64>], general: Limits) -> Gate {
    let differing: Vec<_> = pairs.iter().filter(|it| !it.0.identical).copied().collect();
    price_gate(&alone(pairs), of_totals(&differing, general))
}

fn of_totals(differing: &[OwnPair<'_, f64>], general: Limits) -> Limits {
    let weighted: Vec<_> = differing.iter().map(|(pair, own)| (*own, pair.base)).collect();
    limits_together(&weighted).unwrap_or(general)
}

fn totals_gate<T: Copy>(
    pairs: &[Pair<'_, T>],
    number: fn(&Pair<'_, T>) -> (f64, f64),
    limits: Limits,
    levels: Levels,
    bootstrap: Bootstrap,
) -> Gate {
    let (gate, pairs) = match Gate::open(pairs, limits) {
        Ok(open) => open,
        Err(decided) => return *decided,
    };
    let units = units(&pairs, number);
    let (base, candidate) = sums(&units);
    let gate = Gate { base: Some(base), candidate: Some(candidate), n: units.len(), ..gate };
    let Some(guarded) = ratio_of_totals(&with_guard(&units), bootstrap) else {
        return gate.bad_value();
    };
    // The guard lies around the ratio and leaves it, but for what rounding does.
    let gate = Gate { delta: Some((candidate - base) / base), ..gate };
    if units.len() < 2 {
        let spread = Spread { n: units.len(), sd: USUAL_LOG_SD, skew: 0.0 };
        return gate.place(None, || needed((candidate / base).ln(), &spread, limits, levels));
    }
    let interval = Interval {
        lower: guarded.lower(levels.worse) - 1.0,
        upper: guarded.upper(levels.pass) - 1.0,
    };
    let gate = Gate { interval: Some(interval), ..gate };
    gate.place(limits.place(interval.lower, interval.upper), || {
        let effect = (candidate / base).ln();
        let is_over = effect > limits.warn.ln_1p();
        let bound = if is_over { interval.lower } else { interval.upper };
        let alpha = if is_over { levels.worse } else { levels.pass };
        let spread = Spread::of(&units, (bound.ln_1p() - effect).abs(), alpha);
        needed(effect, &spread, limits, levels)
    })
}

/// How far log ratios of single units spread.
struct Spread {
    /// How many units were seen.
    n: usize,
    sd: f64,
    /// What the bootstrap adds to Student's t, times √n: skewness is gone that fast.
    skew: f64,
}

impl Spread {
    /// That of these units, where a guarded bound at `alpha` is `half` away from the ratio.
    fn of(units: &[Totals], half: f64, alpha: Alpha) -> Self {
        let plain = ratio_of_totals(units, Bootstrap { draws: 1, seed: 1 });
        let n = as_f64(units.len());
        let sd = plain.map_or(USUAL_LOG_SD, |it| it.log_error * n.sqrt());
        let student = t_quantile(1.0 - alpha.get(), n + 1.0);
        let more = half / guarded_error(sd, SQUARES, n) - student;
        let skew = if more.is_finite() { more.max(0.0) * n.sqrt() } else { 0.0 };
        Self { n: units.len(), sd, skew }
    }

    /// How far away a bound would be with `n` units.
    fn half(&self, n: u64, alpha: Alpha) -> f64 {
        let n = u64_as_f64(n);
        let errors = t_quantile(1.0 - alpha.get(), n + 1.0) + self.skew / n.sqrt();
        errors * guarded_error(self.sd, SQUARES, n)
    }
}

/// The n with which the bounds would clear the line at the log ratio found.
fn needed(effect: f64, spread: &Spread, limits: Limits, levels: Levels) -> Option<u64> {
    let line = limits.warn.ln_1p();
    let distance = (effect - line).abs();
    let alpha = if effect > line { levels.worse } else { levels.pass };
    let found = smallest(1, MOST, |n| spread.half(n, alpha) <= distance);
    asked(spread.n, [effect, line], found, || guarded_n(spread.sd, SQUARES, line, levels.pass))
}

/// The independent units: each pair alone, or each cluster summed up.
fn units<T>(pairs: &[Pair<'_, T>], number: fn(&Pair<'_, T>) -> (f64, f64)) -> Vec<Totals> {
    let groups = groups(pairs.iter().map(|it| (number(it), it.cluster)));
    let total = |group: Vec<(f64, f64)>| {
        let (base, candidate) =
            group.iter().fold((0.0, 0.0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
        Totals { base, candidate }
    };
    groups.into_iter().map(total).collect()
}

fn sums(units: &[Totals]) -> (f64, f64) {
    units.iter().fold((0.0, 0.0), |sum, it| (sum.0 + it.base, sum.1 + it.candidate))
}

fn with_guard(units: &[Totals]) -> Vec<Totals> {
    let (base, candidate) = sums(units);
    let n = as_f64(units.len());
    let (base, candidate) = (base / n, candidate / n);
    let guard = [1.0 + GUARD, 1.0 - GUARD];
    let guard = guard.map(|it| Totals { base, candidate: candidate * it });
    units.iter().copied().chain(guard).collect()
}

/// The mean of the pairs' own ratios less 1, as the original counts; `None` without pairs
/// that have a base.
///
/// It gates nothing: short answers that vary by a few words weigh as much as long ones, so
/// that it is far above 0 where nothing was changed. It stands beside [`token_gate`] to
/// show that.
pub fn mean_of_ratios(pairs: &[Pair<'_, u64>]) -> Option<f64> {
    let ratios: Vec<_> = pairs
        .iter()
        .filter(|it| it.base > 0)
        .map(|it| u64_as_f64(it.candidate) / u64_as_f64(it.base) - 1.0)
        .collect();
    (!ratios.is_empty()).then(|| ratios.iter().sum::<f64>() / as_f64(ratios.len()))
}
