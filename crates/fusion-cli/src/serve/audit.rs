use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use overlay_store::audit::Entry;
use overlay_store::{Holder, LockError};
use serde_json::Value;

use crate::deploy::RootArguments;
use crate::environment::{Environment, now_us};

/// How often the lock of a root is tried that somebody else holds: 15 seconds in all, and two
/// seconds where a person waits.
const ATTEMPTS: u32 = 750;
const FEW_ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// Adds `action`, about what is live, to the audit log of the root in `dir`.
///
/// # Errors
///
/// Where the root is being changed by another, or the log cannot be written.
pub(crate) fn record(
    dir: &Path,
    action: &str,
    detail: Value,
    environment: &Environment,
) -> anyhow::Result<()> {
    append(dir, action, detail, environment, FEW_ATTEMPTS)
}

/// As [`record`], where nobody waits for it.
pub(super) fn wait_and_record(
    dir: &Path,
    action: &str,
    detail: Value,
    environment: &Environment,
) -> anyhow::Result<()> {
    append(dir, action, detail, environment, ATTEMPTS)
}

fn append(
    dir: &Path,
    action: &str,
    detail: Value,
    environment: &Environment,
    most_attempts: u32,
) -> anyhow::Result<()> {
    let site = RootArguments::at(dir.to_owned()).existing(environment)?;
    let holder = Holder {
        pid: std::process::id(),
        host: site.host().to_owned(),
        started_us: now_us(),
        deployment: None,
    };
    let mut attempts = 1;
    let mut writer = loop {
        match site.store().lock(&holder) {
            Err(LockError::Busy(_)) if attempts < most_attempts => {
                attempts += 1;
                std::thread::sleep(PAUSE);
            }
            locked => break locked.context("writing the audit log")?,
        }
    };
    let live = writer.current().cloned();
    let stable = live.as_ref().map(|it| it.stable);
    let entry = Entry {
        at_us: now_us(),
        actor: site.actor().to_owned(),
        host: site.host().to_owned(),
        action: action.to_owned(),
        env: site.environment().to_string(),
        deployment: live.and_then(|it| it.deployment),
        generation: stable.map(|it| it.generation.0),
        base: None,
        manifest_sha256: stable.map(|it| it.manifest),
        detail,
    };
    writer.append(entry).context("writing the audit log")?;
    Ok(())
}
