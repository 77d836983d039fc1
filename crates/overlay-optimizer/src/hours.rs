use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use thiserror::Error;

/// The minutes of a day.
const DAY: u16 = 24 * 60;

/// A range of the day, written `09:00-12:00`; one that ends before it begins spans
/// midnight.
///
/// Invariant: begin is a minute of the day, end one or 24:00, and the two differ.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct HourRange {
    begin: u16,
    end: u16,
}

impl HourRange {
    /// The hours from `first` on, `count` of them, past midnight where they go so far;
    /// `None` unless `first` is from 0 to 23 and `count` from 1 to 24.
    pub fn hours(first: u16, count: u16) -> Option<Self> {
        if first > 23 || !(1..=24).contains(&count) {
            return None;
        }
        let (begin, end) = (first * 60, first * 60 + count * 60);
        if count == 24 {
            return Some(Self { begin: 0, end: DAY });
        }
        Some(Self { begin, end: if end > DAY { end - DAY } else { end } })
    }
}

impl fmt::Display for HourRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { begin, end } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", begin / 60, begin % 60, end / 60, end % 60)
    }
}

impl Serialize for HourRange {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl FromStr for HourRange {
    type Err = InvalidHours;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidHours(text.to_owned());
        let (begin, end) = text.split_once('-').ok_or_else(invalid)?;
        let begin = minute(begin.trim()).ok_or_else(invalid)?;
        let end = minute(end.trim()).ok_or_else(invalid)?;
        if begin == DAY || begin == end {
            return Err(invalid());
        }
        Ok(Self { begin, end })
    }
}

/// The minute of the day, from 0 to 1440, that `09:00` means.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two = |it: &str| it.len() == 2 && it.bytes().all(|b| b.is_ascii_digit());
    if !two(hour) || !two(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let res = hour * 60 + minute;
    (minute < 60 && res <= DAY).then_some(res)
}

/// A text that is no range of hours.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{0}` is no range of hours: write `09:00-12:00`")]
pub struct InvalidHours(String);

/// The field `active` of a flag: the hours it applies in.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ActiveHours {
    /// Ranges of the day.
    pub hours: Vec<HourRange>,
    /// The time zone, as the IANA database names it.
    pub tz: String,
}
