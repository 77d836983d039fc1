use std::sync::Arc;

use crate::sync::{AtomicBool, AtomicU32, Ordering};

/// How many breakers of a set may be open at a time.
#[derive(Debug)]
pub(crate) struct Quota {
    open: AtomicU32,
    pub(crate) members: AtomicU32,
    /// Share of the members, in thousandths.
    pub(crate) share: AtomicU32,
}

impl Quota {
    /// For a set without breakers, of which `share` thousandths may be open.
    pub(crate) fn new(share: u32) -> Self {
        let (open, members) = (AtomicU32::new(0), AtomicU32::new(0));
        Self { open, members, share: AtomicU32::new(share) }
    }

    /// Takes a place, where there is one; one breaker may always open.
    fn take(&self) -> bool {
        let members = self.members.load(Ordering::Acquire);
        let most =
            (u64::from(members) * u64::from(self.share.load(Ordering::Acquire)) / 1000).max(1);
        let mut open = self.open.load(Ordering::Acquire);
        while u64::from(open) < most {
            let next = open + 1;
            match self.open.compare_exchange(open, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(now) => open = now,
            }
        }
        false
    }

    fn give_back(&self) {
        let mut open = self.open.load(Ordering::Acquire);
        while open > 0 {
            match self.open.compare_exchange(open, open - 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(now) => open = now,
            }
        }
    }
}

/// The place of one breaker among the open ones of its set; one without a set always has one.
#[derive(Debug)]
pub(crate) struct Place {
    quota: Option<Arc<Quota>>,
    is_taken: AtomicBool,
    /// Whether the breaker is a member of its set no more.
    has_left: AtomicBool,
    /// Whether there was none when it was asked for last.
    is_refused: AtomicBool,
}

impl Place {
    pub(crate) fn of_set(quota: Arc<Quota>) -> Self {
        Self { quota: Some(quota), ..Self::default() }
    }

    /// Takes it, where there is one or none is needed.
    pub(crate) fn take(&self) -> bool {
        let Some(quota) = &self.quota else { return true };
        if self.has_left.load(Ordering::SeqCst) {
            return true;
        }
        if !quota.take() {
            self.is_refused.store(true, Ordering::SeqCst);
            return false;
        }
        self.forget_refusal();
        if self.is_taken.swap(true, Ordering::SeqCst) {
            // Another thread is about to open the breaker.
            quota.give_back();
            return false;
        }
        // It may have left meanwhile: then nobody else frees the place.
        if self.has_left.load(Ordering::SeqCst) {
            self.free();
        }
        true
    }

    /// Whether there was none when it was asked for last.
    pub(crate) fn was_refused(&self) -> bool {
        self.is_refused.load(Ordering::SeqCst)
    }

    /// It is not asked for any more.
    pub(crate) fn forget_refusal(&self) {
        self.is_refused.store(false, Ordering::SeqCst);
    }

    pub(crate) fn free(&self) {
        if let (true, Some(quota)) = (self.is_taken.swap(false, Ordering::SeqCst), &self.quota) {
            quota.give_back();
        }
    }

    /// The breaker is a member no more, and takes no place.
    pub(crate) fn leave(&self) {
        self.has_left.store(true, Ordering::SeqCst);
        self.free();
    }
}

impl Default for Place {
    fn default() -> Self {
        let (is_taken, has_left) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { quota: None, is_taken, has_left, is_refused: AtomicBool::new(false) }
    }
}
