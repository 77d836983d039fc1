use std::fs;

use rustix::process::{Resource, geteuid, getrlimit};

/// What the machine gives this process.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Host {
    /// The number of the user the process runs as.
    pub user: u32,
    /// How many inotify watches a user may have; `None` where the system does not say.
    pub inotify_watches: Option<u64>,
    /// How many files the process may have open; `None` for any number.
    pub open_files: Option<u64>,
}

impl Host {
    /// Asks the system.
    pub fn read() -> Self {
        let watches = fs::read_to_string("/proc/sys/fs/inotify/max_user_watches").ok();
        Self {
            user: geteuid().as_raw(),
            inotify_watches: watches.and_then(|it| it.trim().parse().ok()),
            open_files: getrlimit(Resource::Nofile).current,
        }
    }
}

/// The resident memory of this process in bytes; `None` where the system does not say.
pub fn resident_bytes() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(u64::try_from(rustix::param::page_size()).ok()?)
}
