//! A file system in memory that knows what a crash may leave: a checker for code that
//! rests on a [`Vfs`](crate::vfs::Vfs).
//!
//! [`ModelFs`] keeps every operation and what the disk could look like around it. From one
//! run [`ModelFs::crashes`] gives the states that a power failure after so many operations
//! may leave, by weak rules that no file system in use is weaker than:
//!
//! - a name that was made, changed or taken away since its directory was synced may be as
//!   before or as after, each independently of the others; a rename within one directory is
//!   one change, a rename across two is two, so that the file may be under both names or
//!   under none (a directory never is under both);
//! - the bytes of a file since it was synced may be as before, cut off where they differ,
//!   from there on half there, there as zeros, or all there.
//!
//! [`ModelFs::killed`] gives the state after the process alone has died: nothing is lost
//! and nothing became durable. [`ModelFs::without_sync`] leaves out one sync, to see that
//! a test would notice. [`Faulty`] lets one operation fail.
//!
//! ```
//! use overlay_store::model::{ModelFs, Sampling};
//! use overlay_store::vfs::Vfs;
//!
//! // Replaces a file, and forgets to sync the new one before the rename.
//! fn replace(fs: &impl Vfs) -> std::io::Result<()> {
//!     fs.write_new("new", b"second", 0o644)?;
//!     fs.rename("new", "file")?;
//!     fs.sync_dir("")
//! }
//!
//! let fs = ModelFs::new();
//! fs.write_new("file", b"first", 0o644)?;
//! fs.sync_file("file")?;
//! fs.sync_dir("")?;
//! replace(&fs)?;
//! let after = fs.operations().len();
//! let mut torn = 0;
//! for state in fs.crashes(after, Sampling::default()) {
//!     torn += usize::from(state.read("file", 100)? != b"second");
//! }
//! assert_eq!(torn, 3, "nothing, half, and zeros");
//! # Ok::<(), std::io::Error>(())
//! ```

mod crash;
mod disk;
mod fault;
mod record;

pub use self::crash::Sampling;
pub use self::fault::{Fault, Faulty};
pub use self::record::{ModelFs, Operation};
