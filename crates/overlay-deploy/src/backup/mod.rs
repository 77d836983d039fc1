//! Copies of a deployment root: each is a folder that is a root of its own, with a list of
//! its files written last.

mod copy;
mod create;
mod manifest;
mod proof;
mod prune;
mod restore;
mod verify;

pub use self::create::create;
pub use self::manifest::{BackupError, BackupFile, BackupManifest, NotCopied};
pub use self::proof::environment_of;
pub use self::prune::{Due, Kept, Surplus, list, newest, prune, surplus};
pub use self::restore::{Allowed, restore};
pub use self::verify::verify;
