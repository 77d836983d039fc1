use std::time::Duration;

use crate::policy::WindowPolicy;
use crate::sync::{AtomicU64, Ordering};

/// How many parts a window has.
const PARTS: u64 = 16;

/// Calls, failures and slow calls of the last while, in sixteen parts.
///
/// A part is one word: its tick in the upper 16 bits, then calls, failures and slow calls
/// of 16 bits each, all halved at their limit, which keeps the shares.
#[derive(Debug)]
pub(crate) struct Window {
    policy: WindowPolicy,
    part_ms: u64,
    parts: [AtomicU64; PARTS as usize],
}

#[derive(Clone, Copy, Default)]
struct Counts {
    tick: u16,
    calls: u16,
    failures: u16,
    slow: u16,
}

impl Counts {
    fn unpack(word: u64) -> Self {
        Self {
            tick: (word >> 48) as u16,
            calls: (word >> 32) as u16,
            failures: (word >> 16) as u16,
            slow: word as u16,
        }
    }

    fn pack(self) -> u64 {
        u64::from(self.tick) << 48
            | u64::from(self.calls) << 32
            | u64::from(self.failures) << 16
            | u64::from(self.slow)
    }
}

impl Counts {
    fn halved_at_limit(self) -> Self {
        if self.calls < u16::MAX {
            return self;
        }
        Self { calls: self.calls / 2, failures: self.failures / 2, slow: self.slow / 2, ..self }
    }

    fn plus(self, failures: u16, slow: u16) -> Self {
        let (failures, slow) = (self.failures + failures, self.slow + slow);
        Self { calls: self.calls + 1, failures, slow, ..self }
    }
}

impl Window {
    pub(crate) fn new(policy: WindowPolicy) -> Self {
        let length = u64::try_from(policy.length.as_millis()).unwrap_or(u64::MAX);
        Self {
            policy,
            part_ms: (length / PARTS).max(1),
            parts: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Counts a call that worked; whether a rate is reached.
    pub(crate) fn success(&self, now_ms: i64, elapsed: Duration) -> bool {
        let slow = elapsed > self.policy.slow;
        self.count(now_ms, 0, u16::from(slow));
        slow && self.is_reached(now_ms)
    }

    /// Counts a call that failed; whether a rate is reached.
    pub(crate) fn failure(&self, now_ms: i64) -> bool {
        self.count(now_ms, 1, 0);
        self.is_reached(now_ms)
    }

    pub(crate) fn clear(&self) {
        for part in &self.parts {
            part.store(0, Ordering::Release);
        }
    }

    fn tick(&self, now_ms: i64) -> u64 {
        u64::try_from(now_ms).unwrap_or(0) / self.part_ms
    }

    fn count(&self, now_ms: i64, failures: u16, slow: u16) {
        let tick = self.tick(now_ms);
        let Some(part) = self.parts.get((tick % PARTS) as usize) else { return };
        let mut word = part.load(Ordering::Acquire);
        loop {
            let mut counts = Counts::unpack(word);
            if counts.tick != tick as u16 {
                counts = Counts { tick: tick as u16, ..Counts::default() };
            }
            let next = counts.halved_at_limit().plus(failures, slow).pack();
            match part.compare_exchange(word, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Whether a rate is reached.
    pub(crate) fn is_reached(&self, now_ms: i64) -> bool {
        let now = self.tick(now_ms) as u16;
        let (mut calls, mut failures, mut slow) = (0_u32, 0_u32, 0_u32);
        for part in &self.parts {
            let counts = Counts::unpack(part.load(Ordering::Acquire));
            if u64::from(now.wrapping_sub(counts.tick)) < PARTS {
                calls += u32::from(counts.calls);
                failures += u32::from(counts.failures);
                slow += u32::from(counts.slow);
            }
        }
        let share = |count: u32| f64::from(count) / f64::from(calls.max(1));
        calls >= self.policy.min_calls.max(1)
            && (share(failures) >= self.policy.failure_rate || share(slow) >= self.policy.slow_rate)
    }
}
