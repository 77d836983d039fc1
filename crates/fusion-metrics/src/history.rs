use std::time::Duration;

use crate::slo::Tally;

/// The events of a period in buckets of five minutes: 30 days take 138 kB.
///
/// Time is the time since 1970 and an argument throughout. A clock that steps back finds
/// its old buckets; one that leaps ahead empties what it passes.
#[derive(Clone, Debug)]
pub struct History {
    buckets: Box<[Tally]>,
    /// The number of the newest bucket, counted from 1970.
    newest: u64,
}

impl History {
    /// The width of a bucket.
    pub const BUCKET: Duration = Duration::from_secs(300);

    /// An empty history of `period`, rounded up to whole buckets, at least one and at most
    /// a year.
    pub fn of(period: Duration) -> Self {
        let most = Duration::from_secs(366 * 86_400);
        let buckets = period.min(most).as_secs().div_ceil(Self::BUCKET.as_secs()).max(1);
        Self { buckets: vec![Tally::default(); buckets as usize].into(), newest: 0 }
    }

    /// Adds events that happened at `at`. Gives `false` for events from before the period,
    /// which are not counted.
    pub fn add(&mut self, at: Duration, events: Tally) -> bool {
        let bucket = number(at);
        self.advance(bucket);
        let kept = self.newest - bucket < self.len();
        if let Some(it) = self.slot(bucket).filter(|_| kept) {
            it.good = it.good.saturating_add(events.good);
            it.total = it.total.saturating_add(events.total);
        }
        kept
    }

    /// The events of the window that ends at `now`: of the bucket that holds `now` and of
    /// those before it that make up the window.
    pub fn window(&self, now: Duration, window: Duration) -> Tally {
        let wanted = window.as_secs().div_ceil(Self::BUCKET.as_secs()).max(1);
        let end = number(now).saturating_add(1);
        let oldest = (self.newest + 1).saturating_sub(self.len());
        let numbers = end.saturating_sub(wanted).max(oldest)..end.min(self.newest + 1);
        let mut res = Tally::default();
        for bucket in numbers.filter_map(|it| self.buckets.get(self.place(it))) {
            res.good = res.good.saturating_add(bucket.good);
            res.total = res.total.saturating_add(bucket.total);
        }
        res
    }

    /// Makes `bucket` the newest where it is newer, and empties what it passes.
    fn advance(&mut self, bucket: u64) {
        let passed = bucket.saturating_sub(self.newest).min(self.len());
        self.newest = self.newest.max(bucket);
        for number in (self.newest + 1).saturating_sub(passed)..=self.newest {
            self.slot(number).into_iter().for_each(|it| *it = Tally::default());
        }
    }

    fn slot(&mut self, number: u64) -> Option<&mut Tally> {
        let place = self.place(number);
        self.buckets.get_mut(place)
    }

    fn place(&self, number: u64) -> usize {
        (number % self.len()) as usize
    }

    fn len(&self) -> u64 {
        self.buckets.len() as u64
    }
}

/// The number of the bucket that holds `at`.
const fn number(at: Duration) -> u64 {
    at.as_secs() / History::BUCKET.as_secs()
}
