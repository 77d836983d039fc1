use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Builder;
use std::time::Duration;

use fusion_flags::BreakerState;
use overlay_loader::{ByHand, Event};
use serde_json::{Value, json};

use super::audit;
use super::notice::Notice;
use crate::environment::{Environment, rfc3339, wall_clock};

/// How long the next line and record may take once the service has stopped: longer than the
/// lock of the root is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A deployment root whose audit log says what the API switches.
pub(super) struct Audited {
    pub(super) root: PathBuf,
    pub(super) environment: Environment,
}

/// What is written down of a service while it runs.
pub(super) struct Log {
    audited: Option<Arc<Audited>>,
    /// Has something where more was written down, and ends with the last line.
    written: Receiver<()>,
}

impl Log {
    /// Writes one line on standard error for everything that happens, and a record of what
    /// somebody did through the API, as long as the configuration lives.
    /// The `notice` of a service is posted where it is missing.
    pub(super) fn follow(
        events: Receiver<Event>,
        audited: Option<Audited>,
        notice: Option<Arc<Notice>>,
    ) -> io::Result<Self> {
        // One says as much as many: more was written down.
        let (more, written) = sync_channel(1);
        let audited = audited.map(Arc::new);
        let of_thread = audited.clone();
        let follow = move || {
            for event in events {
                if let Some(notice) = &notice {
                    notice.post();
                }
                // Said already by the switch that changed.
                if !matches!(event, Event::Thrown(_) | Event::TakenBack(_)) {
                    line(&event.to_string());
                }
                let is_written = match (&of_thread, entry(&event)) {
                    (Some(audited), Some((action, detail))) => note(audited, action, detail),
                    _ => true,
                };
                if is_written {
                    // Where it is full, nobody has asked since.
                    let _ = more.try_send(());
                }
            }
        };
        Builder::new().name("fusion-log".into()).spawn(follow)?;
        Ok(Self { audited, written })
    }

    /// Waits for the last line of a configuration that is gone, and writes down that a switch
    /// of the API is gone with it.
    pub(super) fn finish(self, killed: Option<&ByHand>) {
        // Until it ends, or nothing comes any more.
        while self.written.recv_timeout(PATIENCE).is_ok() {}
        let Some(killed) = killed else { return };
        line(&format!("switch taken back: that of the API{killed} ends with the service"));
        if let Some(audited) = &self.audited {
            let why = "the service stopped";
            note(audited, "revive", json!({ "form": "api", "killed": killed, "reason": why }));
        }
    }
}

/// The action of an event and what there is to say of it, where somebody did it through the
/// API.
fn entry(event: &Event) -> Option<(&'static str, Value)> {
    match event {
        Event::Thrown(ByHand { reason, by }) => {
            Some(("kill", json!({ "by": by, "form": "api", "reason": reason })))
        }
        Event::TakenBack(killed) => Some(("revive", json!({ "form": "api", "killed": killed }))),
        Event::Breaker { overlay, state, by: Some(ByHand { reason, by }) } => {
            let action = if *state == BreakerState::Isolated { "isolate" } else { "close" };
            let detail = json!({ "by": by, "form": "api", "overlay": overlay, "reason": reason });
            Some((action, detail))
        }
        _ => None,
    }
}

/// Adds to the audit log, and says whether it has it.
fn note(audited: &Audited, action: &str, detail: Value) -> bool {
    let noted = audit::wait_and_record(&audited.root, action, detail, &audited.environment);
    if let Err(err) = &noted {
        line(&format!("failed: the audit log does not have it: {err:#}"));
    }
    noted.is_ok()
}

pub(super) fn line(text: &str) {
    let now = rfc3339(u64::try_from(wall_clock()() / 1000).unwrap_or_default());
    let text: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    // Where nobody reads standard error there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{now} {text}");
}
