//! How many connections a service takes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// File handles that are no connections': what the configuration is read with, the log, the
/// copies, the audit log.
const RESERVE: usize = 128;
/// The handles of a process where nobody says.
const UNKNOWN: usize = 256;
/// The handles that are counted on where there is no limit.
const UNLIMITED: usize = 65_536;

/// How long a connection may be without a request.
const IDLE: Duration = Duration::from_secs(75);
/// How long while others wait, or soon will.
const CROWDED: Duration = Duration::from_secs(5);

/// As many connections as leave this process file handles for everything else.
pub(crate) fn most_connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    most_of(handles(&limits))
}

fn most_of(handles: usize) -> usize {
    handles.saturating_sub(RESERVE).max(handles / 2).max(1)
}

/// The soft limit of open files in the text of `/proc/self/limits`.
fn handles(limits: &str) -> usize {
    let row = limits.lines().find_map(|it| it.strip_prefix("Max open files"));
    match row.and_then(|it| it.split_whitespace().next()) {
        None => UNKNOWN,
        Some(number) => number.parse().unwrap_or(UNLIMITED).min(UNLIMITED),
    }
}

/// The places of connections.
pub(crate) struct Connections {
    places: Arc<Semaphore>,
    most: usize,
}

impl Connections {
    pub(crate) fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(most)), most }
    }

    /// A place for one connection, as soon as one is free.
    pub(crate) async fn place(&self) -> Place {
        let held = Arc::clone(&self.places).acquire_owned().await;
        // It is never closed.
        Place { held: held.ok(), places: Arc::clone(&self.places), most: self.most }
    }
}

/// The place of a connection, until it is dropped.
pub(crate) struct Place {
    #[expect(dead_code, reason = "held for its drop")]
    held: Option<OwnedSemaphorePermit>,
    places: Arc<Semaphore>,
    most: usize,
}

impl Place {
    /// How long its connection may be without a request: less where few places are left.
    pub(crate) fn idle(&self) -> Duration {
        if self.places.available_permits() < self.most.div_ceil(4) { CROWDED } else { IDLE }
    }
}

#[cfg(test)]
mod tests {
    use super::{handles, most_of};

    #[test]
    fn some_handles_are_left() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 4096                 files\n";
        assert_eq!(handles(limits), 1024);
        assert_eq!(handles(&limits.replace("1024", "unlimited")), 65_536);
        assert_eq!(handles(""), 256);
        assert_eq!([1024, 256, 100, 1, 0].map(most_of), [896, 128, 50, 1, 1]);
    }
}
