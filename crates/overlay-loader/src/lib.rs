//! Reads an installation: the tree of overlays, micro overlays, scenarios and providers
//! that a service runs on.
//!
//! [`Installation::read`] takes a folder, parses and checks every file, and keeps all
//! findings; [`Installation::settings`] merges the layers of one overlay. [`Live`] keeps
//! such a tree in force while it changes on disk. What the settings are used for is not
//! known here.
//!
//! ```
//! use overlay_loader::Installation;
//!
//! let (effective, settings) = Installation::embedded().settings(None, None, &[]);
//! assert_eq!(effective.value("TRUST_FLOOR"), Some("0.60"));
//! assert_eq!(settings?.trust_floor.get(), 0.6);
//! # Ok::<(), overlay_schema::InvalidSetting>(())
//! ```
//!
//! A running service reads one [`Snapshot`] for a request, without a lock. A change on disk
//! becomes another snapshot, as a whole or not at all:
//!
//! ```
//! use std::sync::Arc;
//!
//! use overlay_loader::{HealthStatus, Live, Options};
//!
//! # let dir = tempfile::tempdir()?;
//! # let root = dir.path();
//! # std::fs::create_dir(root.join("overlays"))?;
//! let overlay = root.join("overlays/fusion_overlay.baseline.txt");
//! let text = |floor| {
//!     format!(
//!         "FUSION_OVERLAY_VERSION=2.1.0\nOVERLAY_NAME=baseline\nFUSION_MODE=baseline_only\n\
//!          ENTROPY_REDUCTION_TARGET=0.3\nCONTINUITY_ENFORCEMENT=basic_thread\n\
//!          TRUST_SCORING_MODEL=simple_alignment\nTRUST_FLOOR={floor}\n"
//!     )
//! };
//! std::fs::write(&overlay, text("0.5"))?;
//!
//! let live = Live::start(Options::new(root, Arc::new(|| 1_767_225_600_000)))?;
//! let epochs = live.subscribe();
//! let trust_floor = || {
//!     let snapshot = live.snapshot();
//!     snapshot.pick(Some("user-7")).generation().settings(None).map(|it| it.trust_floor.get())
//! };
//! assert_eq!(trust_floor(), Some(0.5));
//! assert_eq!(live.health().status, HealthStatus::Healthy);
//!
//! std::fs::write(&overlay, text("0.7"))?;
//! assert_eq!(epochs.recv()?, 2);
//! assert_eq!(trust_floor(), Some(0.7));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod code;
mod installation;
mod kill_switch;
mod ledger;
mod live;
mod read;
mod root_switch;
mod settings;
mod state_folder;
mod tree;

pub use crate::code::CODES;
pub use crate::installation::{FileFinding, Installation, LoadedOverlay, ReadError};
pub use crate::kill_switch::kill_switch;
pub use crate::ledger::CapabilityScore;
pub use crate::live::{
    Acknowledgement, Arm, ByHand, Clock, Deployment, Event, Generation, Health, HealthStatus, Live,
    Nack, Options, Part, Reader, Refusal, RootKind, Snapshot, Source, Status, Switched,
    acknowledgements, has_deployments, switch_text,
};
pub use crate::root_switch::{RootSwitch, Thrown};
pub use crate::settings::{VARIABLE_PREFIX, environment_layer};
pub use crate::state_folder::make_state_folder;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
