//! Moments and lengths of time, as flag files write them.

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};

/// The moment that RFC 3339 text means, in milliseconds since 1970. Seconds may be
/// missing: `2026-12-01T09:00Z`.
pub(crate) fn instant_ms(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// The milliseconds of `90s`, `30m`, `1h`, `1d` and their sums: `1d12h`.
pub(crate) fn duration_ms(text: &str) -> Option<i64> {
    let (mut rest, mut total) = (text, 0_i64);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at_checked(digits)?;
        let unit = tail.chars().next()?;
        let millis = match unit {
            's' => 1_000,
            'm' => 60_000,
            'h' => 3_600_000,
            'd' => 86_400_000,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(millis)?)?;
        rest = tail.get(unit.len_utf8()..)?;
    }
    Some(total)
}

/// The minute of the day, from 0 to 1440, that `09:00` means; `24:00` is 1440.
pub(crate) fn minute_of_day(text: &str) -> Option<u32> {
    if text == "24:00" {
        return Some(1440);
    }
    let time = Time::strptime("%H:%M", text).ok()?;
    u32::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).ok()
}

/// The minute of the day at a moment in a time zone.
pub(crate) fn minute_at(zone: &jiff::tz::TimeZone, now_ms: i64) -> u32 {
    let now = Timestamp::from_duration(SignedDuration::from_millis(now_ms)).unwrap_or_default();
    let time = zone.to_datetime(now).time();
    u32::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).unwrap_or_default()
}
