//! Migrations of overlay files and configuration trees: planned, journalled, undone.
//!
//! [`plan`] reads a [`Tree`] and says which steps take it to this format; what has no
//! counterpart here is a [`Finding`], never a guess. [`apply`] takes the steps with a backup
//! of each file and a journal, so that a run that was killed goes on with [`recover`];
//! [`rollback`] takes them back byte for byte. [`validate`] holds the result against the
//! loader.
//!
//! Which overlay is live is not decided here: a file's time is shown as evidence, and two
//! candidates are a person's decision. The files of other tools are read, never edited.
//! Databases migrate themselves, where their schema is.
//!
//! ```
//! use overlay_migrate::{
//!     Decisions, Options, RETIRED_MODELS, Retired, Site, Tree, apply, plan, rollback,
//! };
//!
//! # let dir = tempfile::tempdir()?;
//! # let root = dir.path();
//! let file = root.join("fusion_overlay.refund_v2.1.txt");
//! let text = "FUSION_OVERLAY_VERSION=v2.1.0\nDESCRIPTION=Refunds\nFUSION_MODE=quality_first\n\
//!             ENTROPY_REDUCTION_TARGET=0.3\nCONTINUITY_ENFORCEMENT=strict_memory\n\
//!             TRUST_SCORING_MODEL=simple_alignment\n";
//! std::fs::write(&file, text)?;
//!
//! let (decisions, retired) = (Decisions::default(), Retired::parse(RETIRED_MODELS)?);
//! let options =
//!     Options { today: "2026-11-21".parse()?, decisions: &decisions, retired: &retired };
//! let (plan, findings) = plan(&Tree::read(root)?, options)?;
//! let manual: Vec<_> = findings.iter().filter(|it| it.is_manual()).collect();
//! assert_eq!(
//!     manual[0].to_string(),
//!     "overlays/fusion_overlay.refund.txt:5:24: error[MIG1103]: no rule says which word of \
//!      CONTINUITY_ENFORCEMENT `strict_memory` is (choose: --set \
//!      fusion_overlay.refund.txt:CONTINUITY_ENFORCEMENT=…, one of basic_thread, \
//!      enhanced_thread, comprehensive_thread, aggressive_thread)",
//! );
//!
//! let site = Site::new(root, &|| 1_767_225_600_000_000);
//! apply(site, &plan)?;
//! let moved = std::fs::read_to_string(root.join("overlays/fusion_overlay.refund.txt"))?;
//! assert!(moved.contains("OVERLAY_DESCRIPTION=Refunds"));
//!
//! rollback(site, None)?;
//! assert_eq!(std::fs::read_to_string(&file)?, text);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod codes;
mod decision;
mod disk;
mod draft;
mod finding;
mod foreign;
mod history;
mod journal;
mod kind;
mod order;
mod plan;
mod planning;
mod report;
mod retired;
mod rules;
mod run;
mod step;
mod tree;
mod validate;

pub use crate::codes::CODES;
pub use crate::decision::{Choice, Decisions, InvalidChoice};
pub use crate::disk::{About, Disk, Lock, RealDisk};
pub use crate::finding::Finding;
pub use crate::history::History;
pub use crate::journal::Progress;
pub use crate::kind::Kind;
pub use crate::order::{OrderError, order};
pub use crate::plan::{FOLDER, InvalidPlan, Plan, StepDiff};
pub use crate::planning::{Options, plan};
pub use crate::report::PlanReport;
pub use crate::retired::{RETIRED_MODELS, Retired, RetiredError, Retirement};
pub use crate::rules::origin_keys::{Fate, ORIGIN_KEYS, OriginKey};
pub use crate::run::{
    BrokenOff, Clock, Outcome, Passed, RunError, Site, Watch, apply, broken_off, recover, rollback,
    rollback_setting_aside,
};
pub use crate::step::{Replace, Step, Unsound};
pub use crate::tree::{Tree, TreeError, TreeFile};
pub use crate::validate::{ValidateError, Validation, validate};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
