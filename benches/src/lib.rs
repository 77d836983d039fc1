//! Home of the benchmarks; `cargo xtask bench` runs them and prints each figure beside its
//! goal. `peers/` compares with other libraries, in a workspace of its own.

/// Randomness of problems.
pub mod dice;
pub mod functions;
pub mod problem;

/// Places of a list in an order that no processor foresees, round and round.
#[derive(Debug)]
pub struct Turns {
    order: Vec<usize>,
    turn: usize,
}

impl Turns {
    /// The places of a list of `count`.
    #[must_use]
    pub fn new(count: usize) -> Self {
        let mut state = 1_u64;
        let mut next = || {
            // Knuth's multiplier for linear congruences; the upper bits are the random ones.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(state >> 33).unwrap_or_default() % count.max(1)
        };
        Self { order: (0..1 << 14).map(|_| next()).collect(), turn: 0 }
    }

    /// The number of the turn and the place that is next.
    #[inline]
    pub fn take(&mut self) -> (usize, usize) {
        self.turn = self.turn.wrapping_add(1);
        (self.turn, self.order.get(self.turn % (1 << 14)).copied().unwrap_or_default())
    }
}
