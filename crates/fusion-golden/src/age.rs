//! How old a recording is.

use crate::cassette::{Line, Recorder};
use crate::code;
use crate::report::{Check, Rung, Verdict};
use crate::suite::Suite;
use crate::validate::ValidateOptions;

const SECONDS_A_DAY: u64 = 86_400;

/// A check for each recording of a model or a command that is too old, or has no date.
pub(crate) fn checks(
    suite: &Suite,
    scenario: &str,
    lines: &[&Line],
    options: &ValidateOptions,
) -> Vec<Check> {
    let limit = options.max_age_days.or(suite.max_age_days());
    let Some((limit, now)) = limit.zip(options.now) else { return Vec::new() };
    let mut checks = Vec::new();
    for line in lines.iter().filter(|it| it.interaction.recorder != Recorder::Authored) {
        let recorded = line.interaction.recorded_at.as_deref().and_then(seconds);
        let (code, message) = match recorded {
            None => (code::UNKNOWN_AGE, format!("line {} has no date", line.number)),
            Some(at) => {
                let days = now.saturating_sub(at) / SECONDS_A_DAY;
                if days <= limit {
                    continue;
                }
                let message =
                    format!("line {} is {days} days old, {limit} are allowed", line.number);
                (code::TOO_OLD, message)
            }
        };
        let check = Check::new(Rung::Integrity, code, Verdict::Warn, message);
        checks.push(check.file(suite.cassette_name(scenario)).hint("record it again"));
    }
    checks
}

/// The seconds since 1970 of an RFC 3339 moment; fractions are left out.
fn seconds(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let rest = text.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match rest {
        "Z" | "z" => 0,
        _ => {
            let sign = if rest.starts_with('-') { -1 } else { 1 };
            let (hours, minutes) = rest.get(1..)?.split_once(':')?;
            sign * (hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60)
        }
    };
    let days = days_since_1970(year, month, day)?;
    u64::try_from(days * 86_400 + hour * 3600 + minute * 60 + second - offset).ok()
}

/// Days from 1970-01-01 in the Gregorian calendar, by the method of Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // The year begins in March, so that the leap day is its last one.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}
