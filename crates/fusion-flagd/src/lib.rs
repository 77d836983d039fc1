//! flagd's JSON in both directions: flag files of ours written as flagd reads them, and
//! flags of flagd's evaluated as flagd does.
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
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cbor;
mod evaluate;
mod export;
mod file;
mod operators;

pub use crate::evaluate::{Evaluation, EvaluationError, Variation};
pub use crate::export::export;
pub use crate::file::{FlagdError, FlagdFile};
