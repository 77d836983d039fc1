use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Weak;
use std::sync::mpsc::Receiver;
use std::thread::Builder;

use fusion_gateway::Service;
use overlay_loader::Event;
use serde_json::json;

use super::audit;
use crate::environment::{Environment, rfc3339, wall_clock};

/// A deployment root whose audit log says what the API switches.
pub(super) struct Audited {
    pub(super) root: PathBuf,
    pub(super) environment: Environment,
}

/// Writes one line on standard error for everything that happens, as long as the service
/// runs.
pub(super) fn follow(
    events: Receiver<Event>,
    service: Weak<Service>,
    audited: Option<Audited>,
) -> io::Result<()> {
    let follow = move || {
        let mut killed = None;
        for event in events {
            line(&event.to_string());
            let (Event::Emergency(_), Some(audited)) = (&event, &audited) else { continue };
            let Some(service) = service.upgrade() else { return };
            let now = service.killed_by();
            if now != killed {
                note(audited, now.as_ref());
                killed = now;
            }
        }
    };
    Builder::new().name("fusion-log".into()).spawn(follow).map(drop)
}

/// Notes in the audit log that the API switched.
fn note(audited: &Audited, killed: Option<&(String, String)>) {
    let (action, detail) = match killed {
        Some((reason, by)) => ("kill", json!({ "by": by, "form": "api", "reason": reason })),
        None => ("revive", json!({ "form": "api" })),
    };
    if let Err(err) = audit::record(&audited.root, action, detail, &audited.environment) {
        line(&format!("failed: the audit log does not have it: {err:#}"));
    }
}

fn line(text: &str) {
    let now = rfc3339(u64::try_from(wall_clock()() / 1000).unwrap_or_default());
    let text: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    // Where nobody reads standard error there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{now} {text}");
}
