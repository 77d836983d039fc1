//! flagd's JSON in both directions: flag files of ours written as flagd reads them, flags
//! of flagd's read as ours, and evaluated as flagd does.
//!
//! Buckets are those of flagd's version 3 on both sides: a unit that is in here is in
//! there. Rules are JsonLogic, run by a crate made for it; flagd's own operators are here.
//! How flags choose overlays is the business of `fusion-flags`. Nothing here reads a file
//! or a clock.
//!
//! ```
//! use fusion_flagd::{FlagdFile, Variation};
//! use serde_json::json;
//!
//! let file = FlagdFile::parse(r#"{"flags": {"greeting": {
//!     "state": "ENABLED",
//!     "variants": {"warm": "hello", "plain": "hi"},
//!     "defaultVariant": "plain",
//!     "targeting": {"if": [{"ends_with": [{"var": "email"}, "@example.com"]}, "warm"]}
//! }}}"#)?;
//! let found = file.evaluate("greeting", &json!({"email": "ann@example.com"}), 0)?;
//! assert_eq!((found.value, found.reason), (Some(&json!("hello")), Variation::TargetingMatch));
//!
//! let (file, findings) = fusion_flagd::import(r#"{"flags": {"refunds": {
//!     "state": "ENABLED",
//!     "variants": {"on": true, "off": false},
//!     "defaultVariant": "off",
//!     "targeting": {"fractional": [["on", 25], ["off", 75]]}
//! }}}"#);
//! assert!(findings.is_empty());
//! assert_eq!(file.features.get("refunds").unwrap().rollout_percentage, Some(25.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cbor;
mod choice;
mod codes;
mod condition;
mod document;
mod draw;
mod evaluate;
mod export;
mod file;
mod gate;
mod import;
mod incoming;
mod operators;
mod ramp;
mod rule;
mod spot;

pub use crate::codes::CODES;
pub use crate::evaluate::{Evaluation, EvaluationError, Variation};
pub use crate::export::export;
pub use crate::file::{FlagdError, FlagdFile};
pub use crate::import::import;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
