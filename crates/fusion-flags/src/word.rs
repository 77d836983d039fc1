//! The two words of a breaker: its state, and a probe's place.

/// The state of a breaker as one atomic word holds it: kind 2 bits, generation 20 bits,
/// then 42 bits of what the kind has to say.
///
/// One word, so that the end of an open period can never be read with the state of
/// another one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Word {
    pub(crate) state: State,
    /// Counts state changes, so that results of calls from an earlier state are known.
    pub(crate) generation: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// Failures in a row.
    Closed { failures: u16 },
    /// The moment that probes begin at, in milliseconds since 1970.
    Open { until: i64 },
    /// Probes that worked.
    HalfOpen { successes: u8 },
    /// Open by hand.
    Isolated,
}

const GENERATIONS: u32 = (1 << 20) - 1;
/// A moment of the years 1970 to 2109.
const TIME: u64 = (1 << 42) - 1;

/// A moment as 42 bits hold it.
fn moment(at_ms: i64) -> u64 {
    u64::try_from(at_ms).unwrap_or(0).min(TIME - 1)
}

impl Word {
    pub(crate) const CLOSED: Self = Self { state: State::Closed { failures: 0 }, generation: 0 };

    /// Whether `word` is a closed breaker's: the healthy path looks at nothing else.
    #[inline]
    pub(crate) fn is_closed(word: u64) -> bool {
        word & 3 == 0
    }

    /// The generation of a word, without the rest.
    #[inline]
    pub(crate) fn generation_of(word: u64) -> u32 {
        (word >> 2) as u32 & GENERATIONS
    }

    /// Whether `word` is a closed breaker's of `generation`, without a failure.
    #[inline]
    pub(crate) fn is_healthy(word: u64, generation: u32) -> bool {
        word == u64::from(generation) << 2
    }

    pub(crate) fn unpack(word: u64) -> Self {
        let rest = word >> 22;
        let state = match word & 3 {
            0 => State::Closed { failures: rest as u16 },
            1 => State::Open { until: rest as i64 },
            2 => State::HalfOpen { successes: rest as u8 },
            _ => State::Isolated,
        };
        Self { state, generation: Self::generation_of(word) }
    }

    pub(crate) fn pack(self) -> u64 {
        let (kind, rest) = match self.state {
            State::Closed { failures } => (0, u64::from(failures)),
            State::Open { until } => (1, moment(until)),
            State::HalfOpen { successes } => (2, u64::from(successes)),
            State::Isolated => (3, 0),
        };
        kind | u64::from(self.generation & GENERATIONS) << 2 | rest << 22
    }

    /// Another state, in the next generation.
    pub(crate) fn next(self, state: State) -> Self {
        Self { state, generation: self.generation.wrapping_add(1) & GENERATIONS }
    }
}

/// A probe's place as one atomic word holds it: generation above, then the end of the
/// lease in milliseconds.
pub(crate) struct Lease;

impl Lease {
    /// A place that nobody holds.
    pub(crate) const FREE: u64 = 0;

    pub(crate) fn until(end_ms: i64, generation: u32) -> u64 {
        u64::from(generation) << 42 | moment(end_ms).max(1)
    }

    /// A place that is used up until the next generation.
    pub(crate) fn spent(generation: u32) -> u64 {
        u64::from(generation) << 42 | TIME
    }

    pub(crate) fn is_free(lease: u64, generation: u32, now_ms: i64) -> bool {
        let end = lease & TIME;
        end == 0 || lease >> 42 != u64::from(generation) || end <= moment(now_ms)
    }
}
