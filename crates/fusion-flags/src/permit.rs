use std::time::Duration;

use crate::breaker::Breaker;
use crate::ticket::Ticket;
use crate::word::Lease;

/// The right to make one call. Dropped without a result, it counts as cancelled: neither
/// success nor failure, and a probe's place is free again.
#[derive(Debug)]
#[must_use = "a permit without a result counts as cancelled"]
pub struct Permit<'a> {
    pub(crate) breaker: &'a Breaker,
    pub(crate) generation: u32,
    /// Place and lease of a probe.
    pub(crate) probe: Option<(usize, u64)>,
}

impl Permit<'_> {
    /// Whether the call is a probe of a half-open breaker.
    pub fn is_probe(&self) -> bool {
        self.probe.is_some()
    }

    /// The call worked, and took `elapsed`.
    #[inline]
    pub fn success(self, now_ms: i64, elapsed: Duration) {
        match self.probe {
            None => self.breaker.record_success(self.generation, now_ms, elapsed),
            Some((place, lease)) => {
                self.breaker.record_probe(self.generation, place, lease, now_ms, elapsed);
            }
        }
    }

    /// The call failed.
    pub fn failure(self, now_ms: i64) {
        self.breaker.record_failure(self.generation, now_ms);
    }

    /// The permit as a value, for a call whose result somebody else tells: a probe's place
    /// stays taken until then, or until its lease runs out.
    pub fn into_ticket(self) -> Ticket {
        let ticket = Ticket { generation: self.generation, probe: self.probe };
        // Its drop would give the place back.
        std::mem::forget(self);
        ticket
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some((place, lease)) = self.probe {
            self.breaker.exchange_lease(place, lease, Lease::FREE);
        }
    }
}
