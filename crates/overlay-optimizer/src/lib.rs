//! Workload profiles turned into reasoned changes of overlays, and a tuner that asks and
//! is told.
//!
//! Two layers, never mixed. [`optimize`] applies one of four fixed strategies, the
//! original's to the digit, to the overlay whose [`WorkloadProfile`] asks for it; every
//! change has a rule and a reason, and pinned keys keep their values. A [`Tuner`] searches:
//! it says which candidate of a [`Space`] to evaluate on which scenarios, is told what came
//! of it, and proposes the settings that are expected to be best within the hard budgets.
//! [`accept`] decides on evaluations the tuner did not see.
//!
//! How an evaluation is made is not known here, and nothing is simulated: callers loop
//! ask → evaluate → tell, and keep the [journal](Tuner::journal), from which
//! [`Tuner::resume`] goes on as if nothing had happened. No file, clock, environment or
//! randomness of the system is used; a plan's seed decides.
//!
//! What either layer emits passes the profile `deploy`.
//!
//! ```
//! use overlay_model::{Overlay, TextFormat};
//! use overlay_optimizer::{OptimizeOptions, WorkloadProfile, optimize};
//!
//! let overlay: Overlay = "FUSION_OVERLAY_VERSION=2.1.0
//! OVERLAY_NAME=contracts
//! OVERLAY_PINNED=ARBITRATION_TIMEOUT_MS
//! ENTROPY_REDUCTION_TARGET=0.30
//! CONTINUITY_ENFORCEMENT=basic_thread
//! TRUST_SCORING_MODEL=simple_alignment
//! FUSION_MODE=adaptive_routing
//! ARBITRATION_TIMEOUT_MS=250
//! "
//! .parse()?;
//! let (profile, findings) =
//!     WorkloadProfile::read(TextFormat::Yaml, "quality_score_minimum: 0.94\n");
//! assert!(findings.is_empty());
//!
//! let made = optimize(&overlay, &profile, OptimizeOptions::default())?;
//! assert_eq!(made.overlay.value("FUSION_MODE"), Some("quality_first"));
//! assert_eq!(made.changes[3].rule, "opt.quality.FUSION_MODE");
//! assert_eq!(
//!     made.changes[3].because,
//!     "quality_score_minimum 0.94 > 0.9: several samples and a vote"
//! );
//! assert_eq!(made.conflicts[0].key, "ARBITRATION_TIMEOUT_MS");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod analysis;
mod codes;
mod hours;
mod optimize;
mod pinned;
mod profile;
mod schema;
mod strategy;
mod tune;

pub use crate::analysis::{Analysis, ClassMatch, analyse};
pub use crate::codes::CODES;
pub use crate::hours::{ActiveHours, HourRange, InvalidHours};
pub use crate::optimize::{
    Conflict, KeyChange, OptimizeError, OptimizeOptions, Optimized, Pins, optimize,
};
pub use crate::profile::{Sample, WorkloadLimits, WorkloadProfile};
pub use crate::schema::{tune_journal_schema, tune_report_schema, workload_profile_schema};
pub use crate::strategy::{Constant, Strategy, UnknownStrategy};
pub use crate::tune::accept::{
    AcceptError, AcceptVerdict, Acceptance, HeldOut, LEAST_GAIN, LEAST_SCENARIOS, MOST_LOSS, SURE,
    accept,
};
pub use crate::tune::journal::{JOURNAL_SCHEMA, ResumeError};
pub use crate::tune::levels::Evaluation;
pub use crate::tune::plan::{Aim, Basis, Limit, Objective, PlanError, TunePlan, WeightedScenario};
pub use crate::tune::prune::KeyWorth;
pub use crate::tune::report::{Finding, TrialRow, TuneReport};
pub use crate::tune::space::{Candidate, Dimension, PatchLine, Space, SpaceError};
pub use crate::tune::trial::{LARGEST, Measured, TrialStatus};
pub use crate::tune::tuner::{Ask, Question, Stop, TellError, Tuner};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
