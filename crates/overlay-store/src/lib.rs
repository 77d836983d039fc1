//! A crash-safe store of configuration generations, with a hash-chained audit log.
//!
//! A deployment root is a directory of immutable, numbered generations and one small file,
//! `CURRENT`, that says which is live ([`Pointer`]). [`Store`] reads it, without a lock;
//! [`Store::lock`] gives the one [`Writer`], which [publishes](Writer::publish) generations
//! and [switches](Writer::switch) the pointer. Rollout policy, the meaning of the files and
//! the clock are not known here.
//!
//! | in the root | holds |
//! |---|---|
//! | `LOCK` | the writers' lock, and who has it |
//! | `CURRENT` | the [`Pointer`]: one checksummed line of JSON |
//! | `gen/00000042/` | `manifest.json` ([`Manifest`]) and the files below `tree/`, never written again |
//! | `pins/<name>` | the number of a generation to keep |
//! | `rollouts/<id>.json`, `.lock` | what the controller of a rollout keeps, and its lock |
//! | `audit/` | the [audit log](audit) |
//! | `tmp/` | what is being written or removed; always free to be emptied |
//! | `db/`, `state/` | of others: indexes, and what instances have applied |
//!
//! Nothing is written in place. A generation is written to `tmp/`, synced, renamed to its
//! number, and that synced; the pointer the same way, and its rename is the commit. A sync
//! that fails is not tried again: the change is given up. From the commit on a failure
//! means that the outcome is unknown ([`WriteError::OutcomeUnknown`]); the next writer
//! settles it. Modification times mean nothing.
//!
//! ```
//! use overlay_store::audit::Entry;
//! use overlay_store::{Change, Holder, Origin, Store, Tree};
//!
//! let root = tempfile::tempdir()?;
//! let store = Store::create(root.path())?;
//! assert!(store.current()?.is_none());
//!
//! let now_us = 1_767_225_600_000_000;
//! # let (pid, host) = (4711, "db1".to_owned());
//! let mut writer = store.lock(&Holder { pid, host, started_us: now_us, deployment: None })?;
//! # let entry = |action: &str| Entry {
//! #     at_us: now_us,
//! #     actor: "mara".to_owned(),
//! #     host: "db1".to_owned(),
//! #     action: action.to_owned(),
//! #     env: "production".to_owned(),
//! #     deployment: None,
//! #     generation: None,
//! #     base: None,
//! #     manifest_sha256: None,
//! #     detail: serde_json::Value::Null,
//! # };
//! let mut tree = Tree::new();
//! tree.insert("overlays/refund.txt", "TRUST_FLOOR=0.65\n")?;
//! let first = writer.publish(&tree, Origin::default(), "refunds-1", now_us)?;
//! writer.switch(Some(0), Change::to(first), entry("deploy"))?;
//!
//! tree.insert("overlays/refund.txt", "TRUST_FLOOR=0.10\n")?;
//! let second = writer.publish(&tree, Origin::default(), "refunds-2", now_us)?;
//! writer.switch(Some(1), Change::to(second), entry("deploy"))?;
//! let pointer = writer.switch(Some(2), Change::to(first), entry("rollback"))?;
//! assert_eq!(pointer.epoch, 3);
//!
//! let (_, live) = store.read_current()?.ok_or("nothing deployed")?;
//! assert_eq!(live.tree.get("overlays/refund.txt"), Some(&b"TRUST_FLOOR=0.65\n"[..]));
//! assert_eq!(store.audit().verify(Some(pointer.audit))?.records, 6);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod audit;
mod change;
mod commitment;
mod error;
mod gc;
mod generation;
mod holder;
mod layout;
mod manifest;
pub mod model;
mod pointer;
mod publish;
mod rebuild;
mod recovery;
mod removal;
mod store;
mod switch;
mod tampering;
mod tree;
pub mod vfs;
mod writer;

pub use crate::change::Change;
pub use crate::error::{StoreError, WriteError};
pub use crate::gc::{Collected, Retention, Why};
pub use crate::holder::{Holder, LockError};
pub use crate::manifest::{Manifest, ManifestFile, Origin};
pub use crate::pointer::{
    GenerationId, GenerationRef, InvalidGenerationId, InvalidPointer, MAX_POINTER_BYTES,
    MAX_WEIGHT, Phase, Pointer,
};
pub use crate::recovery::{Recovery, Settled};
pub use crate::store::{Leased, Store};
pub use crate::tampering::{Problem, Tampering};
pub use crate::tree::{InvalidPath, MAX_TREE_BYTES, MAX_TREE_FILES, PathFault, Tree, TreeError};
pub use crate::writer::Writer;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
