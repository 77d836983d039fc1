use std::fmt;

use fusion_flags::BreakerState;
use overlay_model::Digest;
use serde::Serialize;

use super::deployed::Deployment;
use super::status::Nack;

/// Something that happened to a configuration in force, for a log: its text is one line.
#[derive(Clone, Debug)]
pub enum Event {
    /// A change of the files, or of the pointer of a root of deployments, is in force.
    Accepted {
        /// The epoch it made.
        epoch: u64,
        /// The digest of the stable tree.
        digest: Digest,
        /// Where the deployment stands, for a root of deployments.
        deployment: Option<Deployment>,
    },
    /// A change was refused.
    Refused(Nack),
    /// What was refused is gone: the files are those in force again.
    Restored(Digest),
    /// What has every overlay off changed.
    Emergency {
        /// What has them off from now on; nothing where the flags decide again.
        held_by: Vec<String>,
        /// What had them off until now.
        before: Vec<String>,
    },
    /// Somebody threw the switch of the API, with this. [`Self::Emergency`] says it in a log.
    Thrown(ByHand),
    /// Somebody took the switch of the API back that was thrown with this.
    TakenBack(ByHand),
    /// The flags that switches force changed.
    Forced {
        /// Those that are forced from now on, off with a `-` before the name.
        names: Vec<String>,
        /// The names among them that no flag and no overlay has.
        unknown: Vec<String>,
    },
    /// A breaker stands otherwise than before.
    Breaker {
        /// The overlay.
        overlay: String,
        /// How it stands.
        state: BreakerState,
        /// Who did that, where nobody's calls did.
        by: Option<ByHand>,
    },
    /// A breaker stays closed whose calls fail, since as many are open as may be.
    HeldClosed {
        /// The overlay.
        overlay: String,
    },
    /// Something does not work, and why.
    Failed(Part, String),
    /// It works again.
    Recovered(Part),
}

/// What a person did by hand, in their words.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct ByHand {
    /// Why; empty where nobody said.
    pub reason: String,
    /// Who, as far as that is known.
    pub by: String,
}

/// ` (reason, by)`, without what is not known.
impl fmt::Display for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.reason.as_str(), self.by.as_str()) {
            ("", "") => Ok(()),
            (one, "") | ("", one) => write!(f, " ({one})"),
            (reason, by) => write!(f, " ({reason}, {by})"),
        }
    }
}

/// What keeps a configuration up to date.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The watch for changes; they are polled for without it.
    Watch,
    /// The file of `RESON_FEATURES_FILE`, or the switch of a root of deployments.
    SwitchFile,
    /// The copy of what is in force.
    Copy,
    /// The word to a root of deployments of what is in force here.
    Acknowledgement,
}

impl Part {
    pub(crate) const ALL: [Self; 4] =
        [Self::Watch, Self::SwitchFile, Self::Copy, Self::Acknowledgement];

    /// What health says where it fails.
    pub(crate) fn failing(self) -> &'static str {
        match self {
            Self::Watch => "changes are polled for",
            Self::SwitchFile => "the switch file cannot be read",
            Self::Copy => "no copy of this configuration is kept",
            Self::Acknowledgement => "the deployment root is not told what is in force here",
        }
    }

    fn working(self) -> &'static str {
        match self {
            Self::Watch => "changes are watched for again",
            Self::SwitchFile => "the switch file can be read again",
            Self::Copy => "a copy of this configuration is kept again",
            Self::Acknowledgement => "the deployment root is told what is in force here again",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted { epoch, digest, deployment } => {
                write!(f, "accepted: epoch {epoch}, digest {}", digest.short())?;
                let Some(it) = deployment else { return Ok(()) };
                write!(f, ", pointer {} to generation {}", it.epoch, it.generation)?;
                match it.candidate {
                    Some(candidate) => write!(f, ", candidate {candidate}"),
                    None => Ok(()),
                }
            }
            Self::Refused(nack) => {
                let first = nack.findings.first();
                let first = first.map_or_else(String::new, ToString::to_string);
                write!(f, "refused: {first}")?;
                match nack.findings.len() {
                    0 | 1 => Ok(()),
                    more => write!(f, " (and {} more)", more - 1),
                }
            }
            Self::Restored(digest) => {
                write!(
                    f,
                    "recovered: the files are those in force again, digest {}",
                    digest.short()
                )
            }
            Self::Emergency { held_by, before } => emergency(f, held_by, before),
            Self::Thrown(by) => write!(f, "the switch of the API was thrown{by}"),
            Self::TakenBack(by) => write!(f, "the switch of the API was taken back{by}"),
            Self::Forced { names, .. } if names.is_empty() => {
                f.write_str("switch taken back: no flag is forced")
            }
            Self::Forced { names, unknown } => {
                write!(f, "switch: flags are forced: {}", names.join(","))?;
                match unknown.as_slice() {
                    [] => Ok(()),
                    names => write!(f, "; warning: nothing is named {}", names.join(", ")),
                }
            }
            Self::Breaker { overlay, state, by } => {
                let by = by.as_ref().map(|it| format!(" by hand{it}")).unwrap_or_default();
                write!(f, "breaker: {overlay} is {}{by}", word(*state))
            }
            Self::HeldClosed { overlay } => {
                write!(f, "breaker: {overlay} fails and stays closed: max_open_share")
            }
            Self::Failed(part, why) => write!(f, "failed: {}: {why}", part.failing()),
            Self::Recovered(part) => write!(f, "recovered: {}", part.working()),
        }
    }
}

/// What happened to the switches that have every overlay off.
fn emergency(f: &mut fmt::Formatter<'_>, held_by: &[String], before: &[String]) -> fmt::Result {
    let now = held_by.join(", ");
    if held_by.is_empty() {
        return f.write_str("switch taken back: the flags decide");
    }
    if held_by.iter().any(|it| !before.contains(it)) {
        return write!(f, "switch thrown: every overlay is off by {now}");
    }
    let gone = before.iter().filter(|it| !held_by.contains(it));
    let gone: Vec<_> = gone.map(String::as_str).collect();
    write!(f, "switch taken back: {}; every overlay stays off by {now}", gone.join(", "))
}

/// A state of a breaker, for people.
fn word(state: BreakerState) -> &'static str {
    match state {
        BreakerState::Closed => "closed",
        BreakerState::HalfOpen => "half-open",
        BreakerState::Open => "open",
        BreakerState::Isolated => "isolated",
    }
}
