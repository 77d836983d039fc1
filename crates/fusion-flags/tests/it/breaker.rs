use std::sync::{Arc, Barrier};
use std::time::Duration;

use fusion_flags::{
    Breaker, BreakerPolicy, BreakerSet, BreakerState, Permit, Ticket, WindowPolicy,
};

const QUICK: Duration = Duration::from_millis(10);
const SECOND: i64 = 1_000;

fn breaker() -> Breaker {
    Breaker::new(BreakerPolicy::default(), 7)
}

#[track_caller]
fn fail(breaker: &Breaker, now_ms: i64, times: u32) {
    for _ in 0..times {
        breaker.acquire(now_ms).expect("a permit").failure(now_ms);
    }
}

#[track_caller]
fn succeed(breaker: &Breaker, now_ms: i64, times: u32) {
    for _ in 0..times {
        breaker.acquire(now_ms).expect("a permit").success(now_ms, QUICK);
    }
}

#[test]
fn the_fifth_failure_in_a_row_opens_for_300_s() {
    let breaker = breaker();
    fail(&breaker, 0, 4);
    succeed(&breaker, 0, 1);
    fail(&breaker, 0, 4);
    assert_eq!(breaker.state(0), BreakerState::Closed);
    fail(&breaker, 0, 1);
    assert_eq!(breaker.state(0), BreakerState::Open);
    assert!(breaker.acquire(299_999).is_none() && !breaker.allows(299_999));
    assert_eq!(breaker.retry_in_ms(100_000), Some(200_000));
    assert_eq!(breaker.state(300_000), BreakerState::HalfOpen);
    assert!(breaker.allows(300_000));
    assert_eq!(breaker.retry_in_ms(300_000), None);
}

#[test]
fn half_open_admits_exactly_three_of_64_at_once() {
    for _ in 0..20 {
        let breaker = breaker();
        fail(&breaker, 0, 5);
        let barrier = Barrier::new(64);
        let admitted: usize = std::thread::scope(|scope| {
            let ask = || {
                barrier.wait();
                let permit = breaker.acquire(300_000);
                let admitted = usize::from(permit.is_some());
                // Kept until all have asked.
                barrier.wait();
                drop(permit);
                admitted
            };
            let threads: Vec<_> = (0..64).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|it| it.join().unwrap()).sum()
        });
        assert_eq!(admitted, 3);
    }
}

#[test]
fn half_open_admits_exactly_three_even_where_some_answer_at_once() {
    for _ in 0..20 {
        let breaker = breaker();
        fail(&breaker, 0, 5);
        let barrier = Barrier::new(64);
        let probes: usize = std::thread::scope(|scope| {
            let ask = || {
                barrier.wait();
                let Some(permit) = breaker.acquire(300_000) else { return 0 };
                let probe = usize::from(permit.is_probe());
                permit.success(300_000, QUICK);
                probe
            };
            let threads: Vec<_> = (0..64).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|it| it.join().unwrap()).sum()
        });
        assert_eq!(probes, 3);
        assert_eq!(breaker.state(300_000), BreakerState::Closed);
    }
}

#[test]
fn three_good_probes_close_it() {
    let breaker = breaker();
    fail(&breaker, 0, 5);
    succeed(&breaker, 300_000, 2);
    assert_eq!(breaker.state(300_000), BreakerState::HalfOpen);
    succeed(&breaker, 300_000, 1);
    assert_eq!(breaker.state(300_000), BreakerState::Closed);
    fail(&breaker, 300_000, 4);
    assert_eq!(breaker.state(300_000), BreakerState::Closed);
}

#[test]
fn more_needed_than_places_frees_the_places_again() {
    let policy = BreakerPolicy { need: 5, max_probes: 2, ..BreakerPolicy::default() };
    let breaker = Breaker::new(policy, 0);
    fail(&breaker, 0, 5);
    for _ in 0..4 {
        succeed(&breaker, 300_000, 1);
        assert_eq!(breaker.state(300_000), BreakerState::HalfOpen);
    }
    let last = breaker.acquire(300_000).expect("one more is needed");
    assert!(breaker.acquire(300_000).is_none(), "and not two");
    last.success(300_000, QUICK);
    assert_eq!(breaker.state(300_000), BreakerState::Closed);
}

#[test]
fn one_bad_probe_opens_it_again_for_longer() {
    let breaker = breaker();
    fail(&breaker, 0, 5);
    let mut now = 300_000;
    let mut lengths = Vec::new();
    for _ in 0..6 {
        fail(&breaker, now, 1);
        let length = breaker.retry_in_ms(now).unwrap();
        lengths.push(length);
        now += length;
        assert_eq!(breaker.state(now - 1), BreakerState::Open);
        assert_eq!(breaker.state(now), BreakerState::HalfOpen);
    }
    let within = |length: i64, base: i64| (base * 9 / 10..=base * 11 / 10).contains(&length);
    let expected = [600_000, 1_200_000, 2_400_000, 2_400_000, 2_400_000, 2_400_000];
    for (length, base) in lengths.iter().zip(expected) {
        assert!(within(*length, base) && *length <= 2_400_000, "{lengths:?}");
    }
}

#[test]
fn recoveries_are_spread() {
    let second_opening = |seed| {
        let breaker = Breaker::new(BreakerPolicy::default(), seed);
        fail(&breaker, 0, 5);
        fail(&breaker, 300_000, 1);
        breaker.retry_in_ms(300_000).unwrap()
    };
    let lengths: std::collections::BTreeSet<i64> = (0..50).map(second_opening).collect();
    assert!(lengths.len() > 40, "{lengths:?}");
    assert!(lengths.iter().all(|it| (540_000..=660_000).contains(it)), "{lengths:?}");
}

#[test]
fn a_clean_time_forgets_the_doubling() {
    let breaker = breaker();
    fail(&breaker, 0, 5);
    succeed(&breaker, 300_000, 3);
    fail(&breaker, 300_001, 5);
    let second = breaker.retry_in_ms(300_001).unwrap();
    assert!((540_000..=660_000).contains(&second), "it had just closed: {second}");
    let now = 300_001 + second;
    succeed(&breaker, now, 3);
    fail(&breaker, now + 700_000, 5);
    assert_eq!(breaker.retry_in_ms(now + 700_000), Some(300_000));
}

#[test]
fn a_lost_probe_gives_its_place_back() {
    let breaker = breaker();
    fail(&breaker, 0, 5);
    let lost: Vec<Permit<'_>> = (0..3).filter_map(|_| breaker.acquire(300_000)).collect();
    assert_eq!(lost.len(), 3);
    assert!(breaker.acquire(359_999).is_none() && !breaker.allows(359_999));
    let probes: Vec<_> = (0..3).filter_map(|_| breaker.acquire(360_000)).collect();
    assert_eq!(probes.len(), 3, "the leases have run out");
    for permit in lost {
        permit.success(360_000, QUICK);
    }
    assert_eq!(breaker.state(360_000), BreakerState::HalfOpen, "their answers come too late");
    assert!(breaker.acquire(360_000).is_none(), "and free no place of others");
    for permit in probes {
        permit.success(360_000, QUICK);
    }
    assert_eq!(breaker.state(360_000), BreakerState::Closed);
}

#[test]
fn a_dropped_permit_counts_for_nothing() {
    let breaker = breaker();
    fail(&breaker, 0, 4);
    drop(breaker.acquire(0));
    assert_eq!(breaker.state(0), BreakerState::Closed);
    fail(&breaker, 0, 1);
    for _ in 0..10 {
        drop(breaker.acquire(300_000).expect("the place is free again"));
    }
    assert_eq!(breaker.state(300_000), BreakerState::HalfOpen);
}

#[test]
fn late_results_are_ignored() {
    let breaker = breaker();
    let early: Vec<_> = (0..12).filter_map(|_| breaker.acquire(0)).collect();
    fail(&breaker, 0, 5);
    let mut early = early.into_iter();
    for _ in 0..6 {
        early.next().unwrap().failure(300_000);
    }
    assert_eq!(breaker.state(300_000), BreakerState::HalfOpen, "nothing opened it again");
    succeed(&breaker, 300_000, 2);
    early.next().unwrap().success(300_000, QUICK);
    assert_eq!(breaker.state(300_000), BreakerState::HalfOpen, "and it is no probe");
    succeed(&breaker, 300_000, 1);
    for permit in early {
        permit.failure(300_001);
    }
    assert_eq!(breaker.state(300_001), BreakerState::Closed);
}

#[test]
fn isolated_by_hand_it_stays_so_until_closed_by_hand() {
    let breaker = breaker();
    let before = breaker.acquire(0).unwrap();
    breaker.isolate();
    assert_eq!(breaker.state(i64::MAX), BreakerState::Isolated);
    assert!(breaker.acquire(i64::MAX).is_none() && !breaker.allows(i64::MAX));
    before.success(0, QUICK);
    assert_eq!(breaker.state(0), BreakerState::Isolated);
    breaker.close();
    assert_eq!(breaker.state(0), BreakerState::Closed);
    fail(&breaker, 0, 4);
    assert_eq!(breaker.state(0), BreakerState::Closed);
}

fn windowed(failure_rate: f64, slow_rate: f64) -> Breaker {
    Breaker::new(with_window(failure_rate, slow_rate), 0)
}

fn with_window(failure_rate: f64, slow_rate: f64) -> BreakerPolicy {
    let window = WindowPolicy {
        length: Duration::from_secs(60),
        failure_rate,
        min_calls: 20,
        slow: Duration::from_secs(5),
        slow_rate,
    };
    BreakerPolicy { window: Some(window), ..BreakerPolicy::default() }
}

#[test]
fn a_failure_rate_opens_it() {
    let breaker = windowed(0.5, 2.0);
    for idx in 0..9 {
        fail(&breaker, idx * SECOND, 1);
        succeed(&breaker, idx * SECOND, 1);
    }
    fail(&breaker, 9 * SECOND, 1);
    assert_eq!(breaker.state(9 * SECOND), BreakerState::Closed, "19 calls are too few");
    fail(&breaker, 9 * SECOND, 1);
    assert_eq!(breaker.state(9 * SECOND), BreakerState::Open);
}

#[test]
fn a_window_forgets() {
    let breaker = windowed(0.5, 2.0);
    for _ in 0..4 {
        fail(&breaker, 0, 4);
        succeed(&breaker, 0, 1);
    }
    let later = 70 * SECOND;
    for _ in 0..18 {
        succeed(&breaker, later, 1);
    }
    fail(&breaker, later, 4);
    assert_eq!(breaker.state(later), BreakerState::Closed);
}

#[test]
fn slow_calls_open_it() {
    let breaker = windowed(2.0, 0.5);
    let call = |slow| {
        let elapsed = Duration::from_secs(if slow { 6 } else { 1 });
        breaker.acquire(SECOND).unwrap().success(SECOND, elapsed);
    };
    for idx in 0..19 {
        call(idx % 2 == 0);
    }
    assert_eq!(breaker.state(SECOND), BreakerState::Closed);
    call(true);
    assert_eq!(breaker.state(SECOND), BreakerState::Open);
    let probe = breaker.acquire(301 * SECOND).unwrap();
    probe.success(301 * SECOND, Duration::from_secs(6));
    assert_eq!(breaker.state(301 * SECOND), BreakerState::Open, "a slow probe is no good one");
}

#[test]
fn very_many_calls_keep_their_share() {
    let breaker = windowed(0.5, 2.0);
    for _ in 0..150_000 {
        breaker.acquire(0).unwrap().success(0, QUICK);
        breaker.acquire(0).unwrap().success(0, QUICK);
        breaker.acquire(0).unwrap().failure(0);
    }
    assert_eq!(breaker.state(0), BreakerState::Closed);
}

#[test]
fn a_window_starts_anew_after_it_closed() {
    let breaker = windowed(0.5, 2.0);
    for _ in 0..4 {
        fail(&breaker, 0, 4);
        succeed(&breaker, 0, 1);
    }
    breaker.isolate();
    breaker.close();
    fail(&breaker, 0, 4);
    assert_eq!(breaker.state(0), BreakerState::Closed);
}

#[test]
fn a_policy_that_is_off_never_opens() {
    let policy = BreakerPolicy { enabled: false, ..BreakerPolicy::default() };
    let breaker = Breaker::new(policy, 0);
    fail(&breaker, 0, 100);
    assert_eq!(breaker.state(0), BreakerState::Closed);
    breaker.retune(BreakerPolicy::default());
    fail(&breaker, 0, 5);
    assert_eq!(breaker.state(0), BreakerState::Open);
    breaker.retune(policy);
    assert_eq!(breaker.state(0), BreakerState::Closed);
}

#[test]
fn only_a_share_of_a_set_is_open_at_a_time() {
    let set = BreakerSet::new(BreakerPolicy::default(), 0.5, 1);
    let all: Vec<Arc<Breaker>> = ["a", "b", "c", "d"].iter().map(|it| set.get(it)).collect();
    for breaker in &all {
        fail(breaker, 0, 8.min(if breaker.allows(0) { 5 } else { 0 }));
    }
    let open = |now| all.iter().filter(|it| it.state(now) == BreakerState::Open).count();
    assert_eq!(open(0), 2);
    succeed(&all[0], 300_000, 3);
    fail(&all[2], 300_000, 1);
    assert_eq!(all[2].state(300_000), BreakerState::Open, "there is room again");
    all[2].isolate();
    fail(&all[3], 300_000, 1);
    assert_eq!(all[3].state(300_000), BreakerState::Open, "what is isolated takes no room");
    let names: Vec<_> = set.all().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
}

#[test]
fn one_of_a_set_may_always_open() {
    let set = BreakerSet::new(BreakerPolicy::default(), 0.0, 1);
    let (a, b) = (set.get("a"), set.get("b"));
    fail(&a, 0, 5);
    fail(&b, 0, 50);
    assert_eq!((a.state(0), b.state(0)), (BreakerState::Open, BreakerState::Closed));
}

#[test]
fn moments_before_1970_and_long_recoveries_do_no_harm() {
    let policy = BreakerPolicy { recovery: Duration::MAX, ..BreakerPolicy::default() };
    let breaker = Breaker::new(policy, 0);
    fail(&breaker, -5, 5);
    assert_eq!(breaker.state(1_000_000), BreakerState::Open);
    assert_eq!(breaker.state(i64::MAX), BreakerState::HalfOpen);
}

#[test]
fn who_leaves_a_set_takes_no_room_of_it() {
    let set = BreakerSet::new(BreakerPolicy::default(), 0.5, 1);
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|it| set.get(it));
    fail(&a, 0, 5);
    fail(&b, 0, 5);
    fail(&c, 0, 5);
    assert_eq!(c.state(0), BreakerState::Closed, "two of four are open");
    let late = a.acquire(300_000).unwrap();
    set.retain(|it| it != "a" && it != "d");
    assert_eq!(set.all().len(), 2);
    // One of two is open: no room. What has left changes nothing any more.
    late.failure(300_000);
    fail(&c, 0, 5);
    assert_eq!(c.state(0), BreakerState::Closed);
    fail(&d, 0, 5);
    assert_eq!(d.state(0), BreakerState::Open, "it opens for those who still hold it");
    set.retain(|it| it == "c");
    fail(&c, 0, 1);
    assert_eq!(c.state(0), BreakerState::Open, "there is room again");

    set.get("e").isolate();
    set.retain(|_| false);
    assert_eq!(set.get("e").state(0), BreakerState::Isolated, "until somebody closes it");
    assert!(set.find("c").is_none() && set.find("e").is_some());
}

#[test]
fn the_share_of_a_set_may_change() {
    let set = BreakerSet::new(BreakerPolicy::default(), 0.5, 1);
    let all = ["a", "b", "c", "d"].map(|it| set.get(it));
    let open = || all.iter().filter(|it| it.state(0) == BreakerState::Open).count();
    let fail_all = || {
        for breaker in all.iter().cycle().take(40).filter(|it| it.allows(0)) {
            fail(breaker, 0, 1);
        }
    };
    for (share, expected) in [(0.25, 1), (0.75, 3), (0.25, 3)] {
        set.govern(BreakerPolicy::default(), share);
        fail_all();
        assert_eq!(open(), expected, "{share}");
    }
}

#[test]
fn what_is_on_trial_tunes_what_only_it_has() {
    let strict = BreakerPolicy { failure_threshold: 1, ..BreakerPolicy::default() };
    let set = BreakerSet::new(BreakerPolicy::default(), 0.5, 1);
    let stable = set.tuned("a", BreakerPolicy::default());
    let names = ["a", "later"].map(str::to_owned);
    let trial = set.for_trial(names.into());
    assert_eq!(trial.tuned("a", strict).policy(), BreakerPolicy::default());
    assert_eq!(trial.tuned("later", strict).policy(), BreakerPolicy::default());
    let tried = trial.tuned("b", strict);
    fail(&tried, 0, 1);
    assert_eq!(tried.state(0), BreakerState::Open);
    // The candidate changes: what it says holds at once, and the state stays.
    let lenient = BreakerPolicy { failure_threshold: 9, ..strict };
    assert_eq!(trial.tuned("b", lenient).policy(), lenient);
    assert_eq!(tried.state(0), BreakerState::Open, "it is the same breaker");
    assert_eq!(set.tuned("a", strict).policy(), strict);
    assert_eq!(stable.policy(), strict, "it is the same breaker");
    set.govern(strict, 0.5);
    assert_eq!(set.get("c").policy(), strict);
}

#[test]
fn processes_probe_at_moments_of_their_own() {
    let second_opening = |seed| {
        let breaker = BreakerSet::new(BreakerPolicy::default(), 1.0, seed).get("a");
        fail(&breaker, 0, 5);
        fail(&breaker, 300_000, 1);
        breaker.retry_in_ms(300_000).unwrap()
    };
    let moments: std::collections::BTreeSet<_> = (0..20).map(second_opening).collect();
    assert!(moments.len() > 15, "{moments:?}");
}

#[test]
fn a_result_comes_back_by_ticket() {
    let breaker = breaker();
    let early: Ticket = breaker.acquire(0).unwrap().into_ticket().to_string().parse().unwrap();
    assert!(!early.is_probe());
    fail(&breaker, 0, 5);
    let probes: Vec<Ticket> = std::iter::from_fn(|| breaker.acquire(300_000))
        .map(|it| it.into_ticket().to_string().parse().unwrap())
        .collect();
    assert_eq!(probes.len(), 3, "the places stay taken");
    assert!(!breaker.counts(early) && breaker.counts(probes[0]));
    breaker.resume(early).failure(300_000);
    assert_eq!(breaker.state(300_000), BreakerState::HalfOpen, "an early call says nothing");
    for probe in &probes[..2] {
        breaker.resume(*probe).success(300_000, QUICK);
        assert!(!breaker.counts(*probe));
        breaker.resume(*probe).success(300_000, QUICK);
    }
    assert_eq!(breaker.state(300_000), BreakerState::HalfOpen, "each probe counts once");
    breaker.resume(probes[2]).success(300_000, QUICK);
    assert_eq!(breaker.state(300_000), BreakerState::Closed);
    for text in ["", "a", "1.2", "1.2.x", "1.2.3.4", "-1"] {
        assert!(text.parse::<Ticket>().is_err(), "{text}");
    }
}

/// What is wrong is not hidden by the limit that keeps overlays answering.
#[test]
fn a_breaker_that_the_share_holds_closed_says_so() {
    let set = BreakerSet::new(BreakerPolicy::default(), 0.5, 1);
    let (first, second) = (set.get("a"), set.get("b"));
    fail(&first, 0, 5);
    assert_eq!(first.state(0), BreakerState::Open);
    fail(&second, 0, 4);
    assert!(!second.is_held_closed());
    fail(&second, 0, 1);
    assert!(second.is_held_closed() && second.state(0) == BreakerState::Closed);
    succeed(&second, 0, 1);
    assert!(!second.is_held_closed());
    fail(&second, 0, 5);
    assert!(second.is_held_closed());
    // Where there is room again it opens, and nothing holds it.
    first.close();
    fail(&second, 0, 1);
    assert_eq!((second.state(0), second.is_held_closed()), (BreakerState::Open, false));
}

/// One success among the failures does not end what the rate says.
#[test]
fn a_rate_that_the_share_holds_closed_says_so_until_it_falls() {
    let policy = with_window(0.5, 2.0);
    let set = BreakerSet::new(policy, 0.5, 1);
    let (first, second) = (set.get("a"), set.get("b"));
    fail(&first, 0, 5);
    let held: Vec<bool> = (0..30)
        .map(|idx| {
            if idx % 2 == 0 {
                fail(&second, 0, 1);
            } else {
                succeed(&second, 0, 1);
            }
            second.is_held_closed()
        })
        .collect();
    let changes = held.windows(2).filter(|it| it[0] != it[1]).count();
    assert_eq!((changes, held[0], held[29]), (1, false, true), "{held:?}");
    succeed(&second, 0, 1);
    assert!(!second.is_held_closed(), "15 of 31 are below the rate");

    // Failures in a row are over with a success, where the rate says nothing of them.
    let (calm, later) = (70 * SECOND, 140 * SECOND);
    fail(&second, calm, 5);
    assert!(second.is_held_closed());
    succeed(&second, calm, 1);
    assert!(!second.is_held_closed());

    // Who asks for no rate any more does not hear of it.
    for _ in 0..11 {
        fail(&second, later, 1);
        succeed(&second, later, 1);
    }
    assert!(second.is_held_closed());
    second.retune(BreakerPolicy::default());
    assert!(!second.is_held_closed());
}
