use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Serialize;

use crate::cell::{SHARDS, shard};

/// Why a recording was counted under `__other__`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FoldReason {
    /// All metrics together have as many series as there can be.
    Overall,
    /// The metric has as many series as it can have.
    PerMetric,
    /// A name is unknown to the installation, and such names have used up their part.
    UnknownValue,
}

impl FoldReason {
    /// Every reason, in the order they are rendered.
    pub const ALL: [Self; 3] = [Self::Overall, Self::PerMetric, Self::UnknownValue];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overall => "overall",
            Self::PerMetric => "per_metric",
            Self::UnknownValue => "unknown_value",
        }
    }
}

/// What the store counts about itself.
#[derive(Clone, Copy)]
pub(crate) enum Event {
    Folded(FoldReason),
    DroppedTag,
    RejectedName,
}

impl Event {
    const COUNT: usize = 5;

    const fn place(self) -> usize {
        match self {
            Self::Folded(FoldReason::Overall) => 0,
            Self::Folded(FoldReason::PerMetric) => 1,
            Self::Folded(FoldReason::UnknownValue) => 2,
            Self::DroppedTag => 3,
            Self::RejectedName => 4,
        }
    }
}

/// Counts of events in shards. Under attack each call counts here: were it one place, two
/// attackers would triple the price for each other.
#[derive(Default)]
pub(crate) struct EventCounts([Shard; SHARDS]);

/// As far apart as processors fetch memory, two lines of 64 bytes.
#[derive(Default)]
#[repr(align(128))]
struct Shard([AtomicU64; Event::COUNT]);

impl EventCounts {
    pub(crate) fn count(&self, event: Event) {
        self.0[shard() % SHARDS].0[event.place() % Event::COUNT].fetch_add(1, Relaxed);
    }

    pub(crate) fn total(&self, event: Event) -> u64 {
        self.0.iter().filter_map(|it| it.0.get(event.place())).map(|it| it.load(Relaxed)).sum()
    }
}
