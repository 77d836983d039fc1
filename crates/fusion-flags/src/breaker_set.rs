use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rapidhash::v3::rapidhash_v3;

use crate::breaker::Breaker;
use crate::policy::BreakerPolicy;
use crate::sync::{AtomicU32, Ordering};

/// How many breakers of a set may be open at a time.
#[derive(Debug)]
pub(crate) struct Quota {
    open: AtomicU32,
    members: AtomicU32,
    /// Share of the members, in thousandths.
    share: u32,
}

impl Quota {
    /// Takes a place, where there is one; one breaker may always open.
    pub(crate) fn take(&self) -> bool {
        let members = self.members.load(Ordering::Acquire);
        let most = (u64::from(members) * u64::from(self.share) / 1000).max(1);
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

    pub(crate) fn give_back(&self) {
        let mut open = self.open.load(Ordering::Acquire);
        while open > 0 {
            match self.open.compare_exchange(open, open - 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(now) => open = now,
            }
        }
    }
}

/// The breakers of all overlays, by name. They outlive every reload.
#[derive(Clone, Debug)]
pub struct BreakerSet {
    policy: BreakerPolicy,
    quota: Arc<Quota>,
    seed: u64,
    breakers: Arc<Mutex<BTreeMap<String, Arc<Breaker>>>>,
}

impl BreakerSet {
    /// A set without breakers; each is made, closed, when it is first asked for.
    ///
    /// `max_open_share`, from 0 to 1, is the share of them that may be open at a time (one
    /// always may), so that a bad judge cannot take out every overlay at once.
    pub fn new(policy: BreakerPolicy, max_open_share: f64, seed: u64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the share is brought into 0 to 1 first"
        )]
        let share = (max_open_share.clamp(0.0, 1.0) * 1000.0).round() as u32;
        let quota = Quota { open: AtomicU32::new(0), members: AtomicU32::new(0), share };
        Self { policy, quota: Arc::new(quota), seed, breakers: Arc::default() }
    }

    /// The policy of breakers that no flag file has settings for.
    pub fn policy(&self) -> BreakerPolicy {
        self.policy
    }

    /// The breaker of `name`.
    pub fn get(&self, name: &str) -> Arc<Breaker> {
        let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(breaker) = breakers.get(name) {
            return Arc::clone(breaker);
        }
        let seed = self.seed ^ rapidhash_v3(name.as_bytes());
        self.quota.members.fetch_add(1, Ordering::AcqRel);
        let breaker = Arc::new(Breaker::of_set(self.policy, seed, Arc::clone(&self.quota)));
        breakers.insert(name.to_owned(), Arc::clone(&breaker));
        breaker
    }

    /// The breaker of `name`, under `policy` from now on. Its state stays.
    pub fn tuned(&self, name: &str, policy: BreakerPolicy) -> Arc<Breaker> {
        let breaker = self.get(name);
        breaker.retune(policy);
        breaker
    }

    /// All breakers with their names, sorted.
    pub fn all(&self) -> Vec<(String, Arc<Breaker>)> {
        let breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        breakers.iter().map(|(name, it)| (name.clone(), Arc::clone(it))).collect()
    }
}

impl Default for BreakerSet {
    /// The default policy; at most half of the breakers open at a time.
    fn default() -> Self {
        Self::new(BreakerPolicy::default(), 0.5, 0)
    }
}
