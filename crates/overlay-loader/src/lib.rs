//! Reads an installation: the tree of overlays, micro overlays, scenarios and providers
//! that a service runs on.
//!
//! [`Installation::read`] takes a folder, parses and checks every file, and keeps all
//! findings; [`Installation::settings`] merges the layers of one overlay. What the
//! settings are used for is not known here, nor is when a tree changes.
//!
//! ```
//! use overlay_loader::Installation;
//!
//! let (effective, settings) = Installation::embedded().settings(None, None, &[]);
//! assert_eq!(effective.value("TRUST_FLOOR"), Some("0.60"));
//! assert_eq!(settings?.trust_floor.get(), 0.6);
//! # Ok::<(), overlay_schema::InvalidSetting>(())
//! ```

mod code;
mod installation;
mod ledger;
mod live;
mod read;
mod settings;
mod tree;

pub use crate::code::CODES;
pub use crate::installation::{FileFinding, Installation, LoadedOverlay, ReadError};
pub use crate::ledger::CapabilityScore;
pub use crate::live::{
    Clock, Generation, Health, HealthStatus, Live, Nack, Options, Reader, Refusal, Snapshot,
    Source, Status, Switched,
};
pub use crate::settings::{VARIABLE_PREFIX, environment_layer};
