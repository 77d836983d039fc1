use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rapidhash::v3::rapidhash_v3;

use crate::breaker::{Breaker, BreakerState};
use crate::policy::BreakerPolicy;
use crate::quota::Quota;
use crate::sync::Ordering;

/// The breakers of all overlays, by name. They outlive every reload.
#[derive(Clone, Debug)]
pub struct BreakerSet {
    quota: Arc<Quota>,
    seed: u64,
    members: Arc<Mutex<Members>>,
    /// The names whose settings are not this configuration's to change.
    held: Arc<BTreeSet<String>>,
}

#[derive(Debug)]
struct Members {
    /// Of breakers that no flag file has settings for.
    policy: BreakerPolicy,
    breakers: BTreeMap<String, Arc<Breaker>>,
}

impl BreakerSet {
    /// The share of the breakers that may be open at a time, where nobody says.
    pub const MAX_OPEN_SHARE: f64 = 0.5;

    /// A set without breakers; each is made, closed, when it is first asked for.
    ///
    /// `max_open_share`, from 0 to 1, is the share of them that may be open at a time (one
    /// always may), so that a bad judge cannot take out every overlay at once. `seed`
    /// spreads the recovery times: processes with seeds of their own do not probe in step.
    pub fn new(policy: BreakerPolicy, max_open_share: f64, seed: u64) -> Self {
        let quota = Quota::new(thousandths(max_open_share));
        let members = Mutex::new(Members { policy, breakers: BTreeMap::new() });
        Self { quota: Arc::new(quota), seed, members: Arc::new(members), held: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The policy of breakers that no flag file has settings for.
    pub fn policy(&self) -> BreakerPolicy {
        self.lock().policy
    }

    /// From now on `policy` is that of breakers that no flag file has settings for, and
    /// `max_open_share` the share that may be open; breakers that are open stay so.
    pub fn govern(&self, policy: BreakerPolicy, max_open_share: f64) {
        self.lock().policy = policy;
        self.quota.share.store(thousandths(max_open_share), Ordering::Release);
    }

    /// The same breakers for a configuration on trial beside one that has the names of
    /// `stable`: its settings hold for breakers of other names, and leave those as they are.
    #[must_use]
    pub fn for_trial(&self, stable: BTreeSet<String>) -> Self {
        Self { held: Arc::new(stable), ..self.clone() }
    }

    /// The breaker of `name`.
    pub fn get(&self, name: &str) -> Arc<Breaker> {
        self.member(name, None).0
    }

    /// The breaker of `name`, under `policy` from now on. Its state stays.
    pub fn tuned(&self, name: &str, policy: BreakerPolicy) -> Arc<Breaker> {
        if self.held.contains(name) {
            return self.get(name);
        }
        let (breaker, is_new) = self.member(name, Some(policy));
        if !is_new {
            breaker.retune(policy);
        }
        breaker
    }

    /// The breaker of `name`, and whether it was made for this call.
    fn member(&self, name: &str, policy: Option<BreakerPolicy>) -> (Arc<Breaker>, bool) {
        let mut members = self.lock();
        if let Some(breaker) = members.breakers.get(name) {
            return (Arc::clone(breaker), false);
        }
        let seed = self.seed ^ rapidhash_v3(name.as_bytes());
        let policy = policy.unwrap_or(members.policy);
        self.quota.members.fetch_add(1, Ordering::AcqRel);
        let breaker = Arc::new(Breaker::of_set(policy, seed, Arc::clone(&self.quota)));
        members.breakers.insert(name.to_owned(), Arc::clone(&breaker));
        (breaker, true)
    }

    /// Lets the breakers go whose name `keep` does not know; an open one takes no place of
    /// the set any more. What somebody isolated by hand stays so until it is closed.
    pub fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.lock().breakers.retain(|name, breaker| {
            let stays = keep(name) || breaker.state(i64::MIN) == BreakerState::Isolated;
            if !stays {
                self.quota.members.fetch_sub(1, Ordering::AcqRel);
                breaker.leave();
            }
            stays
        });
    }

    /// The breaker of `name`, where it is a member already.
    pub fn find(&self, name: &str) -> Option<Arc<Breaker>> {
        self.lock().breakers.get(name).cloned()
    }

    /// All breakers with their names, sorted.
    pub fn all(&self) -> Vec<(String, Arc<Breaker>)> {
        self.lock().breakers.iter().map(|(name, it)| (name.clone(), Arc::clone(it))).collect()
    }
}

/// A share in thousandths, brought into 0 to 1 before.
fn thousandths(share: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the share is brought into 0 to 1 first"
    )]
    let share = (share.clamp(0.0, 1.0) * 1000.0).round() as u32;
    share
}

impl Default for BreakerSet {
    /// The default policy; at most half of the breakers open at a time.
    fn default() -> Self {
        Self::new(BreakerPolicy::default(), Self::MAX_OPEN_SHARE, 0)
    }
}
