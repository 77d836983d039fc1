use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rapidhash::v3::rapidhash_v3;
use serde::Serialize;

use crate::permit::Permit;
use crate::policy::{BreakerPolicy, MAX_PROBES};
use crate::quota::{Place, Quota};
use crate::sync::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use crate::ticket::Ticket;
use crate::window::Window;
use crate::word::{Lease, State, Word};

/// What a breaker does with calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Lets all through.
    Closed,
    /// Lets none through.
    Open,
    /// Lets some probes through.
    HalfOpen,
    /// Lets none through until somebody closes it.
    Isolated,
}

/// A circuit breaker. Time is an argument; every method may be called from any thread.
///
/// A healthy call reads two atomics and writes none. Results of calls that began in an
/// earlier state of the breaker are ignored.
#[derive(Debug)]
pub struct Breaker {
    word: AtomicU64,
    /// Whether the policy has a window: the healthy path looks no further where not.
    has_window: AtomicBool,
    tuning: ArcSwap<Tuning>,
    /// When it closed last, in milliseconds.
    closed_at: AtomicI64,
    /// How many times in a row it opened.
    streak: AtomicU32,
    /// The probes' places, of which the policy uses the first ones; see [`Lease`].
    leases: [AtomicU64; MAX_PROBES as usize],
    seed: u64,
    /// Its place among the open breakers of its set.
    place: Place,
}

/// A policy with the counts it asks for.
#[derive(Debug)]
struct Tuning {
    policy: BreakerPolicy,
    window: Option<Window>,
}

impl Tuning {
    fn new(policy: BreakerPolicy) -> Self {
        Self { policy, window: policy.window.map(Window::new) }
    }
}

impl Breaker {
    /// A closed breaker; `seed` spreads its recovery times.
    pub fn new(policy: BreakerPolicy, seed: u64) -> Self {
        Self {
            word: AtomicU64::new(Word::CLOSED.pack()),
            has_window: AtomicBool::new(policy.window.is_some()),
            tuning: ArcSwap::from_pointee(Tuning::new(policy)),
            closed_at: AtomicI64::new(i64::MIN),
            streak: AtomicU32::new(0),
            leases: std::array::from_fn(|_| AtomicU64::new(Lease::FREE)),
            seed,
            place: Place::default(),
        }
    }

    pub(crate) fn of_set(policy: BreakerPolicy, seed: u64, quota: Arc<Quota>) -> Self {
        Self { place: Place::of_set(quota), ..Self::new(policy, seed) }
    }

    /// The policy it works by.
    pub fn policy(&self) -> BreakerPolicy {
        self.tuning.load().policy
    }

    /// Works by `policy` from now on. The state stays; a rate over time counts anew. A
    /// policy that is not enabled closes it, unless it was isolated by hand.
    pub fn retune(&self, policy: BreakerPolicy) {
        if self.policy() == policy {
            return;
        }
        self.tuning.store(Arc::new(Tuning::new(policy)));
        self.has_window.store(policy.window.is_some(), Ordering::Release);
        self.place.forget_refusal();
        if !policy.enabled && self.load().state != State::Isolated {
            self.close();
        }
    }

    /// The state at this moment; an open breaker whose time has come is half-open.
    pub fn state(&self, now_ms: i64) -> BreakerState {
        match self.load().state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { until } if now_ms < until => BreakerState::Open,
            State::Open { .. } | State::HalfOpen { .. } => BreakerState::HalfOpen,
            State::Isolated => BreakerState::Isolated,
        }
    }

    /// Whether it is closed only because as many breakers of its set are open as may be: its
    /// calls would have opened it.
    pub fn is_held_closed(&self) -> bool {
        matches!(self.load().state, State::Closed { .. }) && self.place.was_refused()
    }

    /// Whether [`Breaker::acquire`] would give a permit now, without taking one.
    #[inline]
    pub fn allows(&self, now_ms: i64) -> bool {
        Word::is_closed(self.word.load(Ordering::Acquire)) || self.allows_probe(now_ms)
    }

    fn allows_probe(&self, now_ms: i64) -> bool {
        let word = self.load();
        match word.state {
            State::Closed { .. } => true,
            State::Isolated => false,
            State::Open { until } => now_ms >= until,
            State::HalfOpen { .. } => self.places().any(|(_, place)| {
                Lease::is_free(place.load(Ordering::Acquire), word.generation, now_ms)
            }),
        }
    }

    /// The right to make one call; `None` where none may be made.
    #[inline]
    pub fn acquire(&self, now_ms: i64) -> Option<Permit<'_>> {
        let word = self.word.load(Ordering::Acquire);
        if Word::is_closed(word) {
            return Some(self.permit(Word::generation_of(word)));
        }
        self.acquire_probe(now_ms)
    }

    /// The permit that `ticket` stands for. The result of one whose time is over counts as
    /// little as with the permit itself.
    pub fn resume(&self, ticket: Ticket) -> Permit<'_> {
        Permit { breaker: self, generation: ticket.generation, probe: ticket.probe }
    }

    /// Whether a result by `ticket` would count: the breaker has not changed its state since,
    /// and a probe's place is still its own.
    pub fn counts(&self, ticket: Ticket) -> bool {
        let holds = |(place, lease): (usize, u64)| {
            self.leases.get(place).is_some_and(|it| it.load(Ordering::Acquire) == lease)
        };
        self.is_live(ticket.generation) && ticket.probe.is_none_or(holds)
    }

    #[inline]
    fn permit(&self, generation: u32) -> Permit<'_> {
        Permit { breaker: self, generation, probe: None }
    }

    fn acquire_probe(&self, now_ms: i64) -> Option<Permit<'_>> {
        loop {
            let raw = self.word.load(Ordering::Acquire);
            let word = Word::unpack(raw);
            match word.state {
                State::Isolated => return None,
                State::Closed { .. } => return Some(self.permit(word.generation)),
                State::Open { until } if now_ms < until => return None,
                State::Open { .. } => {
                    // Whoever wins, the next turn of the loop sees it half-open.
                    let next = word.next(State::HalfOpen { successes: 0 }).pack();
                    let _ =
                        self.word.compare_exchange(raw, next, Ordering::AcqRel, Ordering::Relaxed);
                }
                State::HalfOpen { .. } => return self.lease(word.generation, now_ms),
            }
        }
    }

    fn lease(&self, generation: u32, now_ms: i64) -> Option<Permit<'_>> {
        let length = millis(self.tuning.load().policy.lease);
        let mine = Lease::until(now_ms.saturating_add(length), generation);
        self.places().find_map(|(idx, place)| {
            let held = place.load(Ordering::Acquire);
            let won = Lease::is_free(held, generation, now_ms)
                && place.compare_exchange(held, mine, Ordering::AcqRel, Ordering::Relaxed).is_ok();
            // Not `then_some`: a permit that is made is given back when it is dropped.
            won.then(|| Permit { breaker: self, generation, probe: Some((idx, mine)) })
        })
    }

    /// The probes' places that the policy uses.
    fn places(&self) -> impl Iterator<Item = (usize, &AtomicU64)> {
        let count = self.tuning.load().policy.max_probes;
        self.leases.iter().enumerate().take(usize::from(count))
    }

    /// Replaces the lease of a place, where it is still this one: it may have run out and
    /// been given on.
    pub(crate) fn exchange_lease(&self, place: usize, from: u64, to: u64) -> bool {
        self.leases.get(place).is_some_and(|it| {
            it.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        })
    }

    /// Opens the breaker until [`Breaker::close`] is called.
    pub fn isolate(&self) {
        let before = self.update(|word| Some(word.next(State::Isolated)));
        self.give_back(before);
    }

    /// Closes the breaker, whatever it saw.
    pub fn close(&self) {
        let before = self.update(|word| Some(word.next(Word::CLOSED.state)));
        self.give_back(before);
        self.streak.store(0, Ordering::Release);
        self.place.forget_refusal();
        self.forget_window();
    }

    fn forget_window(&self) {
        if let Some(window) = &self.tuning.load().window {
            window.clear();
        }
    }

    /// Milliseconds until an open breaker lets probes through.
    pub fn retry_in_ms(&self, now_ms: i64) -> Option<i64> {
        match self.load().state {
            State::Open { until } if now_ms < until => Some(until.saturating_sub(now_ms)),
            _ => None,
        }
    }

    fn load(&self) -> Word {
        Word::unpack(self.word.load(Ordering::Acquire))
    }

    /// Replaces the word by what `change` makes of it; the word before, where it did.
    fn update(&self, change: impl Fn(Word) -> Option<Word>) -> Option<Word> {
        loop {
            let raw = self.word.load(Ordering::Acquire);
            let before = Word::unpack(raw);
            let after = change(before)?;
            let swapped =
                self.word.compare_exchange(raw, after.pack(), Ordering::AcqRel, Ordering::Relaxed);
            if swapped.is_ok() {
                return Some(before);
            }
        }
    }

    #[inline]
    pub(crate) fn record_success(&self, generation: u32, now_ms: i64, elapsed: Duration) {
        let word = self.word.load(Ordering::Acquire);
        if !Word::is_healthy(word, generation) {
            self.end_failures(generation);
        }
        if self.has_window.load(Ordering::Acquire) {
            self.count_success(generation, now_ms, elapsed);
        }
    }

    fn count_success(&self, generation: u32, now_ms: i64, elapsed: Duration) {
        let tuning = self.tuning.load();
        let Some(window) = tuning.window.as_ref().filter(|_| self.is_live(generation)) else {
            return;
        };
        if window.success(now_ms, elapsed) {
            self.trip(&tuning.policy, generation, now_ms);
        } else if self.place.was_refused() && !window.is_reached(now_ms) {
            self.place.forget_refusal();
        }
    }

    fn is_live(&self, generation: u32) -> bool {
        self.load().generation == generation
    }

    /// A success ends the failures in a row; a window may still say that they are too many.
    fn end_failures(&self, generation: u32) {
        let ended = self.update(|word| match word.state {
            State::Closed { failures: 1.. } if word.generation == generation => {
                Some(Word { state: Word::CLOSED.state, ..word })
            }
            _ => None,
        });
        if ended.is_some() && !self.has_window.load(Ordering::Acquire) {
            self.place.forget_refusal();
        }
    }

    /// A probe worked. It counts only while its place is its own. The place is used up
    /// where the places left suffice for what is still needed, so that no more calls than
    /// that are risked.
    pub(crate) fn record_probe(
        &self,
        generation: u32,
        place: usize,
        lease: u64,
        now_ms: i64,
        elapsed: Duration,
    ) {
        let policy = self.tuning.load().policy;
        if policy.window.is_some_and(|it| it.is_slow(elapsed)) {
            self.record_failure(generation, now_ms);
            return;
        }
        let spent = Lease::spent(generation);
        if !self.exchange_lease(place, lease, spent) {
            return;
        }
        let before = self.update(|word| match word.state {
            State::HalfOpen { successes } if word.generation == generation => {
                let successes = successes.saturating_add(1);
                Some(match successes >= policy.need {
                    true => word.next(Word::CLOSED.state),
                    false => Word { state: State::HalfOpen { successes }, ..word },
                })
            }
            _ => None,
        });
        let Some(State::HalfOpen { successes }) = before.map(|it| it.state) else { return };
        let left = policy.need.saturating_sub(successes.saturating_add(1));
        if left == 0 {
            self.closed_at.store(now_ms, Ordering::Release);
            self.give_back(before);
            self.forget_window();
        } else if left >= policy.max_probes {
            self.exchange_lease(place, spent, Lease::FREE);
        }
    }

    pub(crate) fn record_failure(&self, generation: u32, now_ms: i64) {
        let tuning = self.tuning.load();
        let word = self.load();
        if word.generation != generation || !tuning.policy.enabled {
            return;
        }
        if matches!(word.state, State::HalfOpen { .. }) {
            self.trip(&tuning.policy, generation, now_ms);
            return;
        }
        let rate_reached = tuning.window.as_ref().is_some_and(|it| it.failure(now_ms));
        let before = self.update(|word| match word.state {
            State::Closed { failures } if word.generation == generation => {
                let failures = failures.saturating_add(1);
                Some(Word { state: State::Closed { failures }, ..word })
            }
            _ => None,
        });
        let Some(State::Closed { failures }) = before.map(|it| it.state) else { return };
        if rate_reached || failures.saturating_add(1) >= tuning.policy.failure_threshold {
            self.trip(&tuning.policy, generation, now_ms);
        }
    }

    /// Opens the breaker, where its generation is still `generation` and the set has room
    /// for one more open breaker.
    fn trip(&self, policy: &BreakerPolicy, generation: u32, now_ms: i64) {
        let word = self.load();
        if word.generation != generation || !policy.enabled {
            return;
        }
        let from_closed = matches!(word.state, State::Closed { .. });
        if from_closed && !self.place.take() {
            return;
        }
        let streak = self.streak_at(policy, now_ms, from_closed);
        let until = now_ms.saturating_add(self.recovery_ms(policy, streak));
        let opened = self.update(|word| {
            let live = matches!(word.state, State::Closed { .. } | State::HalfOpen { .. });
            (live && word.generation == generation).then(|| word.next(State::Open { until }))
        });
        match opened {
            Some(_) => self.streak.store(streak.saturating_add(1), Ordering::Release),
            None if from_closed => self.place.free(),
            None => (),
        }
    }

    /// It is no member of its set any more, and takes none of its places.
    pub(crate) fn leave(&self) {
        self.place.leave();
    }

    /// How many times in a row it opened before: forgotten once it stayed closed for as
    /// long as it had been open.
    fn streak_at(&self, policy: &BreakerPolicy, now_ms: i64, from_closed: bool) -> u32 {
        let streak = self.streak.load(Ordering::Acquire);
        let closed_at = self.closed_at.load(Ordering::Acquire);
        let clean = self.recovery_ms(policy, streak.saturating_sub(1));
        let stayed = from_closed && now_ms.saturating_sub(closed_at) > clean;
        if stayed { 0 } else { streak }
    }

    /// The recovery time after `streak` earlier openings: doubled each time, spread by a
    /// tenth to either side, never more than eight times the first one, which is exact.
    fn recovery_ms(&self, policy: &BreakerPolicy, streak: u32) -> i64 {
        let first = millis(policy.recovery).min(MAX_RECOVERY_MS);
        let base = first * (1 << streak.min(3));
        if streak == 0 {
            return base;
        }
        let draw = rapidhash_v3(&(self.seed ^ u64::from(streak) << 32).to_le_bytes()) % 2001;
        let spread = i64::try_from(draw).unwrap_or(1000) - 1000;
        (base + base * spread / 10_000).min(first * 8)
    }

    /// Gives the set's place of an open breaker back, where `before` held one.
    fn give_back(&self, before: Option<Word>) {
        let held = before
            .is_some_and(|it| matches!(it.state, State::Open { .. } | State::HalfOpen { .. }));
        if held {
            self.place.free();
        }
    }
}

/// A year; more means never, and would not fit the word.
const MAX_RECOVERY_MS: i64 = 366 * 86_400_000;

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
