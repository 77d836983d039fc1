use std::time::Duration;

use expect_test::expect;
use fusion_metrics::History;
use fusion_metrics::slo::{Objective, Tally};
use proptest::prelude::*;

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);

#[track_caller]
fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-9, "{a} is not {b}");
}

fn factors(days: u32) -> [f64; 4] {
    Objective::new(0.999, DAY * days).unwrap().alerts().map(|it| it.factor)
}

#[test]
fn factors_are_those_of_the_sources() {
    for (days, wanted) in [(30, [14.4, 6.0, 3.0, 1.0]), (7, [13.44, 3.5, 1.4, 0.98])] {
        factors(days).into_iter().zip(wanted).for_each(|(a, b)| near(a, b));
    }
    near(factors(28)[0], 13.44);
}

#[test]
fn windows_are_those_of_the_workbook() {
    let alerts = Objective::new(0.999, DAY * 30).unwrap().alerts();
    let told: Vec<_> =
        alerts.iter().map(|it| format!("P{} {:?} {:?}", it.priority, it.long, it.short)).collect();
    expect!["P1 3600s 300s, P2 21600s 1800s, P3 86400s 7200s, P4 259200s 21600s"]
        .assert_eq(&told.join(", "));
}

#[test]
fn burn_rate_and_budget() {
    let objective = Objective::new(0.999, DAY * 30).unwrap();
    let tally = Tally { good: 9_500, total: 10_000 };
    near(objective.burn_rate(tally).unwrap(), 50.0);
    near(objective.budget_left(tally).unwrap(), -49.0);
    near(objective.budget_left(Tally { good: 9_995, total: 10_000 }).unwrap(), 0.5);
    assert_eq!(objective.burn_rate(Tally::default()), None);
    assert_eq!(Tally { good: 5, total: 3 }.bad(), 0);
}

#[test]
fn an_objective_without_budget_is_refused() {
    let refused = [(1.0, 30), (0.0, 30), (f64::NAN, 30), (0.999, 0), (0.999, 91)];
    let told: Vec<_> = refused
        .into_iter()
        .map(|(target, days)| Objective::new(target, DAY * days).unwrap_err().to_string())
        .collect();
    expect![[r#"
        target of 1: use a share above 0 and below 1
        target of 0: use a share above 0 and below 1
        target of NaN: use a share above 0 and below 1
        period of 0 s: use 1 to 90 days
        period of 7862400 s: use 1 to 90 days"#]]
    .assert_eq(&told.join("\n"));
}

/// The priority that fires after an hour with this share of errors in 12,000 events.
fn priority(bad_of_1000: u64, events: u64) -> Option<u8> {
    let objective = Objective::new(0.999, DAY * 30).unwrap();
    let mut history = History::of(objective.period());
    let now = DAY * 20_000;
    for minute in 0..60 {
        let total = events / 60;
        let tally = Tally { good: total - total * bad_of_1000 / 1000, total };
        history.add(now - Duration::from_secs(60 * minute), tally);
    }
    objective.firing(100, |window| history.window(now, window)).map(|it| it.priority)
}

#[test]
fn the_most_urgent_alert_fires() {
    assert_eq!(priority(0, 60_000), None);
    assert_eq!(priority(20, 60_000), Some(1));
    assert_eq!(priority(10, 60_000), Some(2));
    assert_eq!(priority(5, 60_000), Some(3));
    assert_eq!(priority(2, 60_000), Some(4));
}

#[test]
fn too_few_events_wake_nobody() {
    assert_eq!(priority(1000, 60), None);
    assert_eq!(priority(1000, 120), Some(1));
}

#[test]
fn an_alert_ends_soon_after_its_cause() {
    let objective = Objective::new(0.999, DAY * 30).unwrap();
    let mut history = History::of(objective.period());
    let start = DAY * 20_000;
    history.add(start, Tally { good: 0, total: 1_000 });
    let later = start + Duration::from_secs(600);
    history.add(later, Tally { good: 1_000, total: 1_000 });
    let fires = |now| objective.firing(100, |window| history.window(now, window));
    assert_eq!(fires(start).unwrap().priority, 1);
    assert_eq!(fires(later).unwrap().priority, 2, "five minutes are clean, thirty are not");
    assert_eq!(fires(start + DAY * 31), None);
}

#[test]
fn a_history_forgets_what_is_older_than_its_period() {
    let one = Tally { good: 1, total: 1 };
    let mut history = History::of(HOUR);
    let now = DAY * 20_000;
    assert!(history.add(now, one));
    assert!(!history.add(now - HOUR, one), "a bucket that has left");
    assert!(history.add(now - HOUR + History::BUCKET, one));
    assert_eq!(history.window(now, HOUR), Tally { good: 2, total: 2 });
    assert_eq!(history.window(now, History::BUCKET), one);
    assert_eq!(history.window(now + HOUR, HOUR), Tally::default());
    assert!(history.add(now + DAY, one));
    assert_eq!(history.window(now + DAY, DAY), one);
}

proptest! {
    #[test]
    fn a_history_counts_as_a_plain_list_does(
        steps in prop::collection::vec((0..900_u64, 0..3_u64, 1..5_u64), 1..60),
        window in 1..9_000_u64,
    ) {
        let width = History::BUCKET.as_secs();
        let (mut history, mut list) = (History::of(Duration::from_secs(7_200)), Vec::new());
        let mut now = 1_000_000;
        for (pass, bad, total) in steps {
            now += pass;
            let tally = Tally { good: total.saturating_sub(bad), total };
            prop_assert!(history.add(Duration::from_secs(now), tally));
            list.push((now / width, tally));
        }
        let buckets = window.div_ceil(width).min(7_200 / width);
        let inside = list.iter().filter(|it| it.0 + buckets > now / width);
        let wanted = inside.fold(Tally::default(), |sum, it| Tally {
            good: sum.good + it.1.good,
            total: sum.total + it.1.total,
        });
        prop_assert_eq!(history.window(Duration::from_secs(now), Duration::from_secs(window)), wanted);
    }
}
