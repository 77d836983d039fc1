use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A permit on its way: which state of the breaker it is of, and the place and lease of a
/// probe. Its text is for other processes to give back as they got it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ticket {
    pub(crate) generation: u32,
    pub(crate) probe: Option<(usize, u64)>,
}

impl Ticket {
    /// Whether it is of a probe of a half-open breaker.
    pub fn is_probe(&self) -> bool {
        self.probe.is_some()
    }
}

/// `7` for a permit, `7.0.4711` for a probe.
impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.probe {
            None => write!(f, "{}", self.generation),
            Some((place, lease)) => write!(f, "{}.{place}.{lease}", self.generation),
        }
    }
}

/// A text that is no ticket.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{0}` is no permit that a route gave")]
pub struct InvalidTicket(String);

impl FromStr for Ticket {
    type Err = InvalidTicket;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidTicket(text.chars().take(64).collect());
        let mut parts = text.split('.');
        let generation = parts.next().and_then(|it| it.parse().ok()).ok_or_else(invalid)?;
        let probe = match (parts.next(), parts.next(), parts.next()) {
            (None, ..) => None,
            (Some(place), Some(lease), None) => {
                let place = place.parse().map_err(|_| invalid())?;
                Some((place, lease.parse().map_err(|_| invalid())?))
            }
            _ => return Err(invalid()),
        };
        Ok(Self { generation, probe })
    }
}
