//! From settings to requests, and from answers to one answer.
//!
//! [`select`] chooses an overlay, [`compile`] turns its [`Settings`](overlay_schema::Settings)
//! into an [`ExecutionPlan`] with every request rendered, and a [`Run`] judges the answers
//! as they come: checks, clusters, trust, votes. [`replay`] is a run on recorded answers.
//!
//! No socket, file, clock or environment is known here: answers, hours and amounts spent
//! are arguments. The same input gives the same plan, the same keys and the same outcome.
//!
//! ```
//! use fusion_plan::{Answer, Models, Request, compile, replay};
//! use overlay_model::{MicroOverlay, Rule, RuleSeverity, Test};
//! use overlay_schema::{FusionMode, Providers, Settings};
//!
//! let providers = Providers::parse(
//!     r#"
//!     default_models = ["small"]
//!     [[models]]
//!     id = "small"
//!     provider = "local"
//!     encoding = "o200k_base"
//!     context_tokens = 8192
//!     input_usd_per_mtok = 0.5
//!     output_usd_per_mtok = 1.5
//!     "#,
//! )?;
//! let settings = Settings { mode: FusionMode::SpeedOptimized, ..Settings::defaults() };
//! let prompt = MicroOverlay::parse("## Core Directive\nName the way back.\n");
//! let test = Test::Contains("Rollback".to_owned());
//! let rules = [Rule { id: None, severity: RuleSeverity::Hard, test }];
//!
//! let models = Models { providers: &providers, ledger: &[] };
//! let request = Request { question: "Refund order 4521?", rules: &rules, ..Request::default() };
//! let plan = compile(&settings, Some(&prompt), &models, &request)?;
//! assert_eq!(plan.steps[0].calls[0].request.temperature, Some(0.325));
//!
//! let outcome = replay(&plan, &providers, &mut |_call, _key| {
//!     let text = "Refund it. Rollback: cancel within 30 minutes.".to_owned();
//!     Some(Answer { text, prompt_tokens: 40, completion_tokens: 10, ..Answer::default() })
//! })?;
//! assert!(outcome.accepted);
//! assert_eq!((outcome.trust, outcome.units), (Some(0.75), 3.5));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checks;
mod cluster;
mod compile;
mod context;
mod ending;
mod energy;
mod judge;
mod lineup;
mod number;
mod pattern;
mod plan;
mod render;
mod replay;
mod run;
mod sampling;
mod select;
mod tokens;
mod trust;
mod vote;

pub use crate::checks::{BrokenRule, CHECK_CODES, Checks, check_answer};
pub use crate::cluster::{Clusters, Meaning, meaning};
pub use crate::compile::{CompileError, compile};
pub use crate::energy::token_cap_exceeded;
pub use crate::plan::{
    Call, ContextReport, ExecutionPlan, Message, Models, Observation, OverlayRef, Ranked,
    RenderedRequest, Request, ResponseFormatParam, Step,
};
pub use crate::render::{body, request_key};
pub use crate::replay::{Asked, Next, Run, replay};
pub use crate::run::{Answer, CallRecord, CheckResult, MissingAnswer, Outcome, TrustTerms, Vote};
pub use crate::select::{Availability, Candidate, Rejected, SelectInput, Selection, select};
pub use crate::tokens::{Encoding, UnknownEncoding, count, prompt_tokens};
pub use crate::trust::{Evidence, alignment, entropy, trust, wilson_width};
