/// SplitMix64 (Steele, Lea, Flood 2014, OOPSLA): small, fast, the same numbers everywhere.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A seed for a generator of its own.
    pub(crate) fn fork(&mut self) -> u64 {
        self.next()
    }

    /// Two indices below `n`, which must be above 0 and below 2^32: the bias is below n/2^32.
    pub(crate) fn two_below(&mut self, n: u64) -> (usize, usize) {
        let word = self.next();
        (scaled(word >> 32, n), scaled(word & 0xffff_ffff, n))
    }

    /// An index below `n`.
    pub(crate) fn below(&mut self, n: u64) -> usize {
        self.two_below(n).0
    }

    /// A fair coin.
    pub(crate) fn coin(&mut self) -> bool {
        self.next() >> 63 == 1
    }
}

fn scaled(half: u64, n: u64) -> usize {
    usize::try_from((half * n) >> 32).unwrap_or(0)
}
