//! Randomness that a seed, a trial and a purpose determine, and nothing else.

use std::f64::consts::TAU;

/// A stream of random numbers (`SplitMix64`, Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub(crate) struct Stream(u64);

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Stream {
    /// The stream of `purpose` at number `counter` of a run with `seed`. No two share a
    /// start, so that a run can be taken up at any number.
    pub(crate) fn new(seed: u64, purpose: u64, counter: u64) -> Self {
        let start = mix(seed.wrapping_add(GAMMA));
        let start = mix(start ^ purpose.wrapping_mul(GAMMA));
        Self(mix(start ^ counter.wrapping_add(1).wrapping_mul(0xd1b5_4a32_d192_ed03)))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// Evenly from 0 to 1, 1 not included.
    pub(crate) fn uniform(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let bits = (self.next() >> 11) as f64;
        bits / 9_007_199_254_740_992.0
    }

    /// Evenly from 0 to `bound`, `bound` not included; 0 where that is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let product = u128::from(self.next()) * (bound as u128);
        usize::try_from(product >> 64).unwrap_or_default()
    }

    /// From the standard normal distribution (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (TAU * self.uniform()).cos()
    }

    /// The numbers below `count` in random order (Fisher and Yates).
    pub(crate) fn shuffled(&mut self, count: usize) -> Vec<usize> {
        let mut res: Vec<_> = (0..count).collect();
        for last in (1..count).rev() {
            let other = self.below(last + 1);
            res.swap(last, other);
        }
        res
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
