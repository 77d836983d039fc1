use std::fmt;

use overlay_model::Digest;

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
    /// What has every overlay off from now on; nothing where the flags decide again.
    Emergency(Vec<String>),
    /// The flags that switches force from now on, off with a `-` before the name.
    Forced(Vec<String>),
    /// Something does not work, and why.
    Failed(Part, String),
    /// It works again.
    Recovered(Part),
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
            Self::Emergency(by) if by.is_empty() => {
                f.write_str("switch taken back: the flags decide")
            }
            Self::Emergency(by) => {
                write!(f, "switch thrown: every overlay is off by {}", by.join(", "))
            }
            Self::Forced(names) if names.is_empty() => {
                f.write_str("switch taken back: no flag is forced")
            }
            Self::Forced(names) => write!(f, "switch: flags are forced: {}", names.join(",")),
            Self::Failed(part, why) => write!(f, "failed: {}: {why}", part.failing()),
            Self::Recovered(part) => write!(f, "recovered: {}", part.working()),
        }
    }
}
