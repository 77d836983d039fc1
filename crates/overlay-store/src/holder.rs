use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::error::StoreError;

/// Who changes a root, as others see it while they wait.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Holder {
    /// The number of the process; 0 where it is not known.
    pub pid: u32,
    /// The machine it runs on.
    pub host: String,
    /// Since when, microseconds since 1970.
    pub started_us: i64,
    /// For which deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
}

impl Holder {
    /// One that has not written its name yet.
    pub(crate) fn unknown() -> Self {
        Self { pid: 0, host: String::new(), started_us: 0, deployment: None }
    }
}

/// `process 4711 on db1 (deployment refunds-7)`.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == 0 {
            return f.write_str("another process");
        }
        write!(f, "process {} on {}", self.pid, self.host)?;
        match &self.deployment {
            Some(deployment) => write!(f, " (deployment {deployment})"),
            None => Ok(()),
        }
    }
}

/// Why a root cannot be changed now.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another changes it.
    #[error("the root is being changed by {0}")]
    Busy(Holder),
    /// The lock could not be taken, or what an earlier writer left could not be put in
    /// order.
    #[error(transparent)]
    Store(#[from] StoreError),
}
