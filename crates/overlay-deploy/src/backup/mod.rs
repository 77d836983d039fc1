//! Copies of a deployment root: each is a folder that is a root of its own, with a list of
//! its files written last.

mod copy;
mod create;
mod manifest;
mod proof;
mod prune;
mod restore;

pub use self::create::create;
pub use self::manifest::{BackupError, BackupFile, BackupManifest, NotCopied, verify};
pub use self::proof::environment_of;
pub use self::prune::{Due, Kept, Surplus, list, newest, prune, surplus};
pub use self::restore::{Allowed, restore};
