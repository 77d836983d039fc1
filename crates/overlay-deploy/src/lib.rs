//! Deployment of overlay generations: plan, checks, staged rollout, rollback, backup.
//!
//! [`plan()`] says, without touching anything, what a deployment changes; [`execute`] carries
//! it out in a [`Root`] of `overlay-store`, judging each share of the units by [`judge`].
//! [`pause`], [`resume`], [`promote`], [`abort`] and [`rollback`] are the orders of people,
//! [`recover`] puts a root in order after a crash, [`status`] says what is live. The rules
//! stand in `deploy.toml`, [`DeployFile`].
//!
//! What overlays are used for is not known here, nor how golden tests come to a verdict:
//! it is recorded by [`record_verdict`], and asked for by its tree's digest. Clock, waiting,
//! samples and random bytes are arguments.
//!
//! ```
//! use overlay_deploy::{Limits, Observed, Rule, Verdict, Arm, Sample, judge};
//!
//! let arm = |errors: usize| {
//!     let sample = |at| Sample { is_error: at < errors, duration: None, tokens: None };
//!     Arm::of((0..400).map(sample), None)
//! };
//! let observed = Observed { control: arm(8), candidate: arm(48), nacks: Vec::new() };
//! let judgement = judge(Rule::Concurrent, &observed, &Limits::default());
//! assert_eq!(judgement.verdict, Verdict::Fail);
//!
//! // Nothing seen is no pass.
//! let judgement = judge(Rule::Concurrent, &Observed::default(), &Limits::default());
//! assert_eq!(judgement.verdict, Verdict::Inconclusive);
//! ```

mod analysis;
pub mod backup;
mod bound;
mod check;
mod code;
mod execute;
mod file;
mod id;
mod mode;
mod nacks;
mod order;
mod outcome;
mod plan;
mod report;
mod rollout;
mod root;
mod samples;
mod schema;
mod span;
mod stages;
mod word;

pub use crate::analysis::{
    Arm, Evidence, Judgement, Limits, Metric, Moments, Observed, Rule, Sample, Verdict, judge,
    lower_bound, upper_bound,
};
pub use crate::bound::bound_environment;
pub use crate::check::{
    CheckResult, CheckVerdict, GoldenVerdict, check_candidate, check_tree, golden_verdict,
    passed_in, tree_findings,
};
pub use crate::code::{CODES, UNFIT};
pub use crate::execute::{Applied, execute};
pub use crate::file::{
    Bound, CheckKind, CheckSpec, DeployFile, Environment, Probe, UnknownWhen, When,
};
pub use crate::id::{DeploymentId, InvalidDeploymentId};
pub use crate::mode::{Mode, UnknownMode};
pub use crate::nacks::nacks;
pub use crate::order::{
    PromoteError, Promotion, Recovered, Target, UnknownTarget, Verified, abort, accept, collect,
    generation_of, note_other_environment, pause, pin, promotable, promote, rebuild,
    rebuild_unproven, record_verdict, recover, resume, rollback, rollback_unproven, take_back,
    unpin, verify, verify_rollouts,
};
pub use crate::outcome::{DeployError, Outcome, RollbackOutcome, phase_word};
pub use crate::plan::{
    Base, Expected, ExpectedStage, FileChange, NamedFile, OverlayFile, Plan, Planned, PlannedCheck,
    Request, Warning, changes, minimal_tree, plan, plan_tree, rules_of,
};
pub use crate::report::{
    ApplyReport, Health, HealthStatus, Listed, LiveGeneration, Reached, RollbackReport, Shown,
    StatusReport, diff, list, show, status,
};
pub use crate::rollout::{Abort, Ended, Rollout, StageRecord, rollout};
pub use crate::root::{Look, Progress, Root, Surroundings, Window};
pub use crate::samples::observed;
pub use crate::schema::deploy_file_schema;
pub use crate::span::{InvalidSpan, Span};
pub use crate::stages::{InvalidStages, Stages, Weight};
pub use crate::word::{CheckName, EnvironmentName, InvalidName};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
