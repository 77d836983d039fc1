use std::str::FromStr;

use clap::Args;
use jiff::Timestamp;
use overlay_deploy::Span;
use overlay_store::audit::Filter;

use crate::environment::now_us;

/// Which records.
#[derive(Args, Debug)]
pub(super) struct Wanted {
    /// Only of this deployment
    #[arg(long, value_name = "ID")]
    deployment: Option<String>,
    /// Only of this action: deploy_intent, rollback_committed, golden_verdict, …
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only by this person or service
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only from this moment on: `2026-11-21T12:00:00Z`, or so long ago: `24h`
    #[arg(long, value_name = "WHEN")]
    since: Option<Since>,
    /// Only before this moment, written as for `--since`
    #[arg(long, value_name = "WHEN")]
    before: Option<Since>,
    /// Only from this record on
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub(super) from: u64,
}

impl Wanted {
    pub(super) fn filter(&self) -> Filter {
        let now_us = now_us();
        Filter {
            deployment: self.deployment.clone(),
            action: self.action.clone(),
            actor: self.actor.clone(),
            from_us: self.since.map(|it| it.micros(now_us)),
            before_us: self.before.map(|it| it.micros(now_us)),
        }
    }
}

/// A moment: an absolute one, or so long ago.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Since {
    At(Timestamp),
    Ago(Span),
}

impl Since {
    /// In microseconds since 1970.
    fn micros(self, now_us: i64) -> i64 {
        match self {
            Self::At(moment) => moment.as_microsecond(),
            Self::Ago(span) => now_us.saturating_sub(span.micros()),
        }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(moment) = text.parse() {
            return Ok(Self::At(moment));
        }
        let no_moment =
            |_| format!("`{text}` is no moment: write `2026-11-21T12:00:00Z`, `30m` or `24h`");
        text.parse().map(Self::Ago).map_err(no_moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_absolute_or_so_long_ago() {
        let micros = |text: &str| text.parse::<Since>().map(|it| it.micros(7_200_000_000));
        assert_eq!(micros("1970-01-01T00:00:01Z"), Ok(1_000_000));
        assert_eq!(micros("1h"), Ok(3_600_000_000));
        assert!(micros("yesterday").is_err());
    }
}
