use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A length of time as files and the command line write it: `5m`, `1h 30m`, `250ms`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

impl Span {
    /// Of whole minutes.
    pub const fn minutes(minutes: u64) -> Self {
        Self(Duration::from_secs(minutes * 60))
    }

    /// In microseconds; what does not fit is the most that does.
    pub fn micros(self) -> i64 {
        i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX)
    }
}

/// A text that is no length of time.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{0}` is no length of time: write `250ms`, `30s`, `5m` or `1h 30m`, at most 30 days")]
pub struct InvalidSpan(pub String);

/// Longer than any rollout takes.
const MOST: Duration = Duration::from_secs(30 * 86_400);

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.parse::<SignedDuration>().ok();
        let span = parsed.and_then(|it| Duration::try_from(it).ok()).filter(|it| *it <= MOST);
        span.map(Self).ok_or_else(|| InvalidSpan(text.to_owned()))
    }
}

impl TryFrom<String> for Span {
    type Error = InvalidSpan;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

/// The largest units first, none of them zero; `0s` for nothing.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let parts = [
            (millis / 3_600_000, "h"),
            (millis / 60_000 % 60, "m"),
            (millis / 1000 % 60, "s"),
            (millis % 1000, "ms"),
        ];
        let shown = parts.iter().filter(|(count, _)| *count > 0);
        let shown: Vec<String> = shown.map(|(count, unit)| format!("{count}{unit}")).collect();
        f.pad(&if shown.is_empty() { "0s".to_owned() } else { shown.join(" ") })
    }
}
