use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

const REGISTERS: usize = 4096;
const INDEX_BITS: u32 = REGISTERS.trailing_zeros();

/// An estimate of how many different series were asked for, in 4 kB.
///
/// HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007) with 4,096 registers: the
/// standard error is 1.04/√4096 = 1.6 %. Below 2.5 times the registers it counts the
/// empty ones, as the paper does.
pub(crate) struct Demand(Box<[AtomicU8]>);

impl Default for Demand {
    fn default() -> Self {
        Self((0..REGISTERS).map(|_| AtomicU8::new(0)).collect())
    }
}

impl Demand {
    /// Notes a series by its hash.
    pub(crate) fn note(&self, hash: u64) {
        let rank = (hash << INDEX_BITS).leading_zeros().min(64 - INDEX_BITS) as u8 + 1;
        let register = self.0.get((hash >> (64 - INDEX_BITS)) as usize);
        // Mostly nothing changes, and reading does not take the line from others.
        if let Some(it) = register.filter(|it| it.load(Relaxed) < rank) {
            it.fetch_max(rank, Relaxed);
        }
    }

    /// How many different hashes were noted.
    pub(crate) fn estimate(&self) -> u64 {
        let count = REGISTERS as f64;
        let (mut harmonic, mut empty) = (0.0, 0_u32);
        for register in &self.0 {
            let rank = register.load(Relaxed);
            harmonic += (-f64::from(rank)).exp2();
            empty += u32::from(rank == 0);
        }
        let raw = 0.7213 / (1.0 + 1.079 / count) * count * count / harmonic;
        let few = raw <= 2.5 * count && empty > 0;
        let estimate = if few { count * (count / f64::from(empty)).ln() } else { raw };
        estimate.round() as u64
    }
}
