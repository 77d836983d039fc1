//! Gates where every pair has limits of its own: what they let pass, and how often that is wrong.

use std::io::Write as _;
use std::time::Duration;

use fusion_golden::Verdict;
use fusion_golden::statistics::{
    Bootstrap, Levels, Limits, OwnPair, Pair, cost_gate, error_gate, latency_gate, limits_together,
    own_error_gate, own_latency_gate, own_totals_gate,
};
use proptest::prelude::*;

const BOOTSTRAP: Bootstrap = Bootstrap { draws: 200, seed: 1 };
const LABELS: [&str; 4] = ["a", "b", "c", "d"];

/// Pairs of times in milliseconds, some with the same request, some in a cluster.
fn times() -> impl Strategy<Value = Vec<Pair<'static, Duration>>> {
    let pair = (1_u64..9_000, 1_u64..9_000, 0..6_usize, any::<bool>());
    let made = pair.prop_map(|(base, candidate, label, identical)| {
        let [base, candidate] = [base, candidate].map(Duration::from_millis);
        let pair = if identical { Pair::identical(base) } else { Pair::new(base, candidate) };
        LABELS.get(label).map_or(pair, |it| pair.in_cluster(it))
    });
    prop::collection::vec(made, 1..90)
}

fn with<'a, T: Copy>(pairs: &[Pair<'a, T>], limits: Limits) -> Vec<OwnPair<'a, T>> {
    pairs.iter().map(|it| (*it, limits)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Without limits of their own nothing is another number, to the last bit.
    #[test]
    fn the_same_limits_for_all_change_nothing(times in times()) {
        let (levels, limits) = (Levels::BUDGET, Limits::LATENCY);
        let own = own_latency_gate(&with(&times, limits), limits, levels);
        prop_assert_eq!(own, latency_gate(&times, limits, levels));

        let cost = |it: &Pair<'static, Duration>| {
            let pair = Pair::new(it.base.as_secs_f64(), it.candidate.as_secs_f64());
            Pair { identical: it.identical, cluster: it.cluster, ..pair }
        };
        let costs: Vec<_> = times.iter().map(cost).collect();
        let own = own_totals_gate(&with(&costs, Limits::TOKENS), Limits::TOKENS, levels, BOOTSTRAP);
        prop_assert_eq!(own, cost_gate(&costs, Limits::TOKENS, levels, BOOTSTRAP));

        let failed = |it: &Pair<'static, Duration>| {
            let pair = Pair::new(it.base.as_millis() > 8_000, it.candidate.as_millis() > 7_000);
            Pair { identical: it.identical, cluster: it.cluster, ..pair }
        };
        let failures: Vec<_> = times.iter().map(failed).collect();
        let own = own_error_gate(&with(&failures, Limits::ERRORS), Limits::ERRORS, levels);
        prop_assert_eq!(own, error_gate(&failures, Limits::ERRORS, levels));
    }

    /// A scenario that may take four times as long, and does, is as one that may not.
    #[test]
    fn times_count_by_the_limits_of_their_scenario(times in times(), slow in 0_usize..4) {
        let plain = latency_gate(&times, Limits::LATENCY, Levels::BUDGET);
        let own: Vec<OwnPair<'_, Duration>> = times.iter().enumerate().map(|(at, it)| {
            let factor: u32 = if at % 4 == slow { 4 } else { 1 };
            let pair = Pair { base: it.base * factor, candidate: it.candidate * factor, ..*it };
            let limit = |it: f64| it * f64::from(factor);
            let Limits { warn, block } = Limits::LATENCY;
            (pair, Limits { warn: limit(warn), block: limit(block) })
        }).collect();
        let found = own_latency_gate(&own, Limits::LATENCY, Levels::BUDGET);
        prop_assert_eq!(
            (found.verdict, found.reason, found.n, found.n_needed),
            (plain.verdict, plain.reason, plain.n, plain.n_needed)
        );
    }
}

#[test]
fn general_limits_that_coincide_hold_no_time_between_them() {
    let general = Limits { warn: 3.0, block: 3.0 };
    let own = Limits { warn: 6.0, block: 9.0 };
    let second = Duration::from_secs;
    let pairs = |long: u64| -> Vec<_> {
        let pair = |it: u64| match it % 2 {
            0 => (Pair::new(second(1), second(2)), general),
            _ => (Pair::new(second(1), second(long)), own),
        };
        (0..120).map(pair).collect()
    };
    let verdict = |long| own_latency_gate(&pairs(long), general, Levels::BUDGET).verdict;
    assert_eq!([6, 8, 10].map(verdict), [Verdict::Pass, Verdict::Warn, Verdict::Fail]);
}

#[test]
fn limits_together_are_what_all_may_have() {
    let of = |percent: f64| Limits { warn: percent / 200.0, block: percent / 100.0 };
    let found = limits_together(&[(of(10.0), 300.0), (of(50.0), 100.0)]).unwrap();
    assert_eq!((found.warn, found.block), (0.1, 0.2));
    assert_eq!(limits_together(&[]), None);
    assert_eq!(limits_together(&[(of(10.0), 0.0), (of(50.0), 0.0)]), None);
    assert_eq!(limits_together(&[(of(10.0), 0.0)]), Some(of(10.0)));
}

/// Numbers from 0 to 1, the same everywhere.
struct Chance(u64);

impl Chance {
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((self.0 >> 40) + 1) as f64 / ((1_u64 << 24) + 1) as f64
    }

    /// By the sum of twelve, which is close enough to a normal one.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

/// The limits of scenario `at`: every third has loose ones, every third strict ones.
fn mixed(general: Limits, at: usize) -> Limits {
    let factor = [1.0, 4.0, 0.5][at % 3];
    Limits { warn: general.warn * factor, block: general.block * factor }
}

/// The share of rounds in which what lies exactly at its line is blocked.
fn blocked(rounds: usize, gate: impl Fn(&mut Chance) -> Verdict) -> f64 {
    let mut chance = Chance(11);
    let found = (0..rounds).filter(|_| gate(&mut chance) == Verdict::Fail).count();
    found as f64 / rounds as f64
}

/// One in twenty, and what so many rounds leave open (two standard errors).
fn at_most(rounds: usize) -> f64 {
    0.05 + 2.0 * (0.05 * 0.95 / rounds as f64).sqrt()
}

#[test]
fn what_lies_at_its_own_line_is_rarely_blocked() {
    const ROUNDS: usize = 300;
    for n in [20, 60] {
        // Every scenario grows by just what it may, and as much as all together may.
        let by_own = blocked(ROUNDS, |chance| tokens(chance, n, |own, _| own.block));
        let as_one = blocked(ROUNDS, |chance| tokens(chance, n, |_, mean| mean));
        let times = blocked(ROUNDS, |chance| {
            let pair = |at| {
                let own = mixed(Limits::LATENCY, at);
                // One of twenty is over it.
                let mut time = |_| Duration::from_secs_f64(own.block * 0.05 / chance.share());
                (Pair::new(Duration::from_millis(1), time(())), own)
            };
            let pairs: Vec<_> = (0..n).map(pair).collect();
            own_latency_gate(&pairs, Limits::LATENCY, Levels::BUDGET).verdict
        });
        let failures = blocked(ROUNDS, |chance| {
            let pair = |at| {
                let own = mixed(Limits::ERRORS, at);
                let before = chance.share() < 0.1;
                // Those that held fail so much more often.
                let after = before || chance.share() < own.block / 0.9;
                (Pair::new(before, after), own)
            };
            let pairs: Vec<_> = (0..n).map(pair).collect();
            own_error_gate(&pairs, Limits::ERRORS, Levels::BUDGET).verdict
        });
        let line = format!(
            "blocked at the line, n {n}: tokens {by_own:.3}, tokens as one {as_one:.3}, p95 \
             {times:.3}, failures {failures:.3}\n"
        );
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        for share in [by_own, as_one, times, failures] {
            assert!(share <= at_most(ROUNDS), "{n}: {share}");
        }
    }
}

/// Answers that grow by what `growth` says of their own limits and of their mean.
fn tokens(chance: &mut Chance, n: usize, growth: fn(Limits, f64) -> f64) -> Verdict {
    let mean = (0.25 + 1.0 + 0.125) / 3.0;
    let pair = |_| {
        // Drawn, so that how many are strict is chance, too.
        let own = mixed(Limits::TOKENS, (chance.share() * 3.0) as usize);
        let base = 100.0 + 300.0 * chance.share();
        let noise = (0.3 * chance.normal() - 0.045).exp();
        let candidate = base * (1.0 + growth(own, mean)) * noise;
        (Pair::new(base, candidate), own)
    };
    let pairs: Vec<_> = (0..n).map(pair).collect();
    own_totals_gate(&pairs, Limits::TOKENS, Levels::BUDGET, BOOTSTRAP).verdict
}
