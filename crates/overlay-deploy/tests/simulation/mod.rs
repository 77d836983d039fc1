//! Rollouts drawn at random and judged at every look, beside a test that may be looked at
//! once and is looked at every time.

use std::fmt;

use overlay_deploy::{Arm, Limits, Moments, Observed, Rule, Verdict, judge};

/// How a look adds to the arms, and what the candidate does.
#[derive(Clone, Copy)]
pub(crate) struct World {
    pub(crate) name: &'static str,
    /// Samples a look adds to the candidate, and to the control.
    pub(crate) samples: (u64, u64),
    /// Error rates of the candidate and of the control.
    pub(crate) rates: (f64, f64),
    pub(crate) looks: u64,
}

/// No harm, thirty looks of a hundred samples an arm.
pub(crate) const HARMLESS: World =
    World { name: "2 % against 2 %", samples: (100, 100), rates: (0.02, 0.02), looks: 30 };
/// No harm, few errors, and an arm nineteen times the other one.
pub(crate) const UNEVEN: World = World {
    name: "0.1 % against 0.1 %, 5 % of the units",
    samples: (100, 1900),
    rates: (0.001, 0.001),
    looks: 30,
};
/// Six times the errors, judged until 500 samples an arm.
pub(crate) const SIXFOLD: World =
    World { name: "12 % against 2 %", samples: (100, 100), rates: (0.12, 0.02), looks: 5 };

/// How many of the rollouts were aborted.
pub(crate) struct Aborted {
    pub(crate) world: World,
    pub(crate) rollouts: u64,
    pub(crate) ours: u64,
    pub(crate) naive: u64,
    /// Samples an arm until our abort, added up.
    samples: u64,
}

impl Aborted {
    pub(crate) fn share(&self) -> f64 {
        self.ours as f64 / self.rollouts as f64
    }
}

impl fmt::Display for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |count: u64| 100.0 * count as f64 / self.rollouts as f64;
        write!(
            f,
            "{}: aborted {:.2} % of {} rollouts within {} looks; a z-test at every look {:.2} %",
            self.world.name,
            percent(self.ours),
            self.rollouts,
            self.world.looks,
            percent(self.naive),
        )?;
        match self.samples.checked_div(self.ours) {
            Some(mean) => write!(f, "; mean samples of the candidate {mean}"),
            None => Ok(()),
        }
    }
}

pub(crate) fn run(world: World, rollouts: u64) -> Aborted {
    let mut random = Random(0x5eed ^ world.looks);
    let mut res = Aborted { world, rollouts, ours: 0, naive: 0, samples: 0 };
    for _ in 0..rollouts {
        let (ours, naive) = rollout(&world, &mut random);
        res.ours += u64::from(ours.is_some());
        res.samples += ours.unwrap_or_default();
        res.naive += u64::from(naive);
    }
    res
}

/// The candidate's samples at our abort, and whether the naive test aborts.
fn rollout(world: &World, random: &mut Random) -> (Option<u64>, bool) {
    let mut observed = Observed::default();
    let (mut ours, mut naive) = (None, false);
    for _ in 0..world.looks {
        let candidate = random.arm(world.samples.0, world.rates.0);
        let control = random.arm(world.samples.1, world.rates.1);
        observed.candidate = observed.candidate.merged(&candidate);
        observed.control = observed.control.merged(&control);
        if ours.is_none() {
            let judgement = judge(Rule::Concurrent, &observed, &Limits::default());
            ours = (judgement.verdict == Verdict::Fail).then_some(observed.candidate.samples);
        }
        naive |= z(&observed.candidate, &observed.control) > 1.645;
        if ours.is_some() && naive {
            break;
        }
    }
    (ours, naive)
}

/// The test statistic of two shares, with their pooled variance.
fn z(candidate: &Arm, control: &Arm) -> f64 {
    let [drawn, rest] = [candidate.samples, control.samples].map(|it| it as f64);
    let [hits, misses] = [candidate.errors, control.errors].map(|it| it as f64);
    let pooled = (hits + misses) / (drawn + rest);
    let variance = pooled * (1.0 - pooled) * (1.0 / drawn + 1.0 / rest);
    if variance > 0.0 { (hits / drawn - misses / rest) / variance.sqrt() } else { 0.0 }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Errors by the toss, durations and tokens log-normal by their sums.
    fn arm(&mut self, samples: u64, rate: f64) -> Arm {
        let threshold = (rate * (1_u64 << 53) as f64) as u64;
        let errors = (0..samples).filter(|_| self.next() >> 11 < threshold).count() as u64;
        let [durations, tokens] =
            [self.moments(samples, 13.0, 0.8), self.moments(samples, 6.0, 0.5)];
        Arm { samples, errors, durations, tokens, ..Arm::default() }
    }

    fn moments(&mut self, count: u64, mean: f64, spread: f64) -> Moments {
        let freedom = count as f64 - 1.0;
        let mean = mean + spread * self.normal() / (count as f64).sqrt();
        let squares = freedom + (2.0 * freedom).sqrt() * self.normal();
        Moments { count, mean, squares: spread * spread * squares.max(0.0) }
    }
}
