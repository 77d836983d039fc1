use std::fmt;

use serde::Serialize;

/// The value of the label `result`: a closed set, so that no caller can grow it.
///
/// Each metric takes the outcomes of its row in [`CATALOGUE`](crate::CATALOGUE), and
/// [`Unset`](Self::Unset); every other one counts as [`Other`](Self::Other).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Outcome {
    /// The label is absent.
    Unset,
    /// An answer that was accepted.
    Success,
    /// A failure of the provider or of Fusion.
    Error,
    /// No answer within the deadline.
    Timeout,
    /// Refused by a rule: a veto, a budget, a policy, a file that is not valid.
    Rejected,
    /// Answered by the baseline instead of the overlay.
    Fallback,
    /// A budget passed its warning line.
    Warn,
    /// A budget passed its blocking line.
    Block,
    /// A flag decided for the overlay.
    On,
    /// A flag decided against the overlay.
    Off,
    /// A circuit breaker opened.
    Open,
    /// A circuit breaker began to probe.
    HalfOpen,
    /// A circuit breaker closed.
    Closed,
    /// A person isolated what the circuit breaker guards.
    Isolated,
    /// An answer got worse than its golden.
    Regression,
    /// A golden without a recording for the request it now renders.
    Stale,
    /// Everything else: rendered as `__other__`.
    Other,
}

impl Outcome {
    /// Every outcome, in the order of the enum.
    pub const ALL: [Self; 17] = [
        Self::Unset,
        Self::Success,
        Self::Error,
        Self::Timeout,
        Self::Rejected,
        Self::Fallback,
        Self::Warn,
        Self::Block,
        Self::On,
        Self::Off,
        Self::Open,
        Self::HalfOpen,
        Self::Closed,
        Self::Isolated,
        Self::Regression,
        Self::Stale,
        Self::Other,
    ];

    /// The label value; empty for [`Unset`](Self::Unset).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unset => "",
            Self::Success => "success",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Rejected => "rejected",
            Self::Fallback => "fallback",
            Self::Warn => "warn",
            Self::Block => "block",
            Self::On => "on",
            Self::Off => "off",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Closed => "closed",
            Self::Isolated => "isolated",
            Self::Regression => "regression",
            Self::Stale => "stale",
            Self::Other => crate::label::OTHER,
        }
    }

    /// The outcome with the label value `text`; [`Other`](Self::Other) where there is none.
    pub fn of(text: &str) -> Self {
        match text {
            "" => Self::Unset,
            "success" => Self::Success,
            "error" => Self::Error,
            "timeout" => Self::Timeout,
            "rejected" => Self::Rejected,
            "fallback" => Self::Fallback,
            "warn" => Self::Warn,
            "block" => Self::Block,
            "on" => Self::On,
            "off" => Self::Off,
            "open" => Self::Open,
            "half_open" => Self::HalfOpen,
            "closed" => Self::Closed,
            "isolated" => Self::Isolated,
            "regression" => Self::Regression,
            "stale" => Self::Stale,
            _ => Self::Other,
        }
    }

    /// The value of the gauge `fusion.circuit_breaker.state` after this event: 0 closed,
    /// 1 half-open, 2 open or isolated. `None` where it is no event of a breaker.
    pub const fn breaker_state(self) -> Option<u8> {
        match self {
            Self::Closed => Some(0),
            Self::HalfOpen => Some(1),
            Self::Open | Self::Isolated => Some(2),
            _ => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
