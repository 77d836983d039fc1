use fusion_flags::Context;

use crate::{flags, said};

/// 2026-12-01T00:00Z, a Tuesday.
pub(crate) const DAY: i64 = 1_796_083_200_000;
pub(crate) const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;

#[track_caller]
fn check(feature: &str, now_ms: i64, expected: &str) {
    let text = format!("{{schema_version: 2, features: {{a: {feature}}}}}");
    let context = Context { unit: Some("user-1"), now_ms, ..Context::default() };
    assert_eq!(said(&flags(&text).decide("a", &context)), expected, "{feature} at {now_ms}");
}

#[test]
fn hours_have_a_first_minute_and_none_at_the_end() {
    let hours = "{active: {hours: ['09:00-12:00', '13:30-17:00']}}";
    check(hours, DAY + 9 * HOUR - 1, "off OUTSIDE_SCHEDULE");
    check(hours, DAY + 9 * HOUR, "on TARGETING_MATCH");
    check(hours, DAY + 12 * HOUR - 1, "on TARGETING_MATCH");
    check(hours, DAY + 12 * HOUR, "off OUTSIDE_SCHEDULE");
    check(hours, DAY + 13 * HOUR + 30 * MINUTE, "on TARGETING_MATCH");
}

#[test]
fn hours_may_span_midnight() {
    let night = "{active: {hours: ['22:00-06:00']}}";
    check(night, DAY + 21 * HOUR, "off OUTSIDE_SCHEDULE");
    check(night, DAY + 23 * HOUR, "on TARGETING_MATCH");
    check(night, DAY, "on TARGETING_MATCH");
    check(night, DAY + 6 * HOUR - 1, "on TARGETING_MATCH");
    check(night, DAY + 6 * HOUR, "off OUTSIDE_SCHEDULE");
    check("{active: {hours: ['22:00-24:00']}}", DAY + 24 * HOUR - 1, "on TARGETING_MATCH");
    check("{active: {hours: ['22:00-24:00']}}", DAY, "off OUTSIDE_SCHEDULE");
}

#[test]
fn hours_are_of_their_time_zone_summer_time_included() {
    let berlin = "{active: {hours: ['09:00-12:00'], tz: Europe/Berlin}}";
    check(berlin, DAY + 8 * HOUR, "on TARGETING_MATCH");
    check(berlin, DAY + 7 * HOUR, "off OUTSIDE_SCHEDULE");
    // 2026-07-01T07:00Z is 09:00 in summer.
    let july = 1_782_864_000_000 + 7 * HOUR;
    check(berlin, july, "on TARGETING_MATCH");
    check(berlin, july - HOUR, "off OUTSIDE_SCHEDULE");
}

#[test]
fn a_ramp_goes_step_by_step() {
    let ramp = "{ramp: {start: '2026-12-01T09:00Z', steps: [
        {percent: 0, hold: 1h}, {percent: 50, hold: 1d12h}, {percent: 100}]}}";
    check(ramp, DAY + 9 * HOUR - 1, "off OUTSIDE_SCHEDULE");
    check(ramp, DAY + 9 * HOUR, "off ROLLOUT_MISS");
    // The bucket of user-1 for flag `a` is 28,246 or not: either way the same all along.
    let text = format!("{{schema_version: 2, features: {{a: {ramp}}}}}");
    let flags = flags(&text);
    let at = |now_ms, unit| {
        flags.decide("a", &Context { unit: Some(unit), now_ms, ..Context::default() })
    };
    let units: Vec<String> = (0..1000).map(|idx| format!("user-{idx}")).collect();
    let on = |now_ms| units.iter().filter(|it| at(now_ms, it).enabled).count();
    let half = on(DAY + 10 * HOUR);
    assert!((430..570).contains(&half), "{half}");
    assert_eq!(on(DAY + 10 * HOUR + 36 * HOUR - 1), half);
    assert_eq!(on(DAY + 10 * HOUR + 36 * HOUR), 1000);
    assert_eq!(on(DAY + 365 * 24 * HOUR), 1000);
}

#[test]
fn the_environment_scales_a_ramp_too() {
    let text = "{schema_version: 2, features: {a: {ramp: {start: '2026-12-01T09:00:00+01:00',
        steps: [{percent: 100}]}}}, environments: {none: {global_rollout_percentage: 0}}}";
    let context = Context { now_ms: DAY + 8 * HOUR, ..Context::default() };
    assert_eq!(said(&flags(text).decide("a", &context)), "on STATIC");
    let none = crate::flags_in(text, Some("none"));
    assert_eq!(said(&none.decide("a", &context)), "off ROLLOUT_MISS");
}
