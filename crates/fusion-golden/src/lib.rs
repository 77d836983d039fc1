//! Golden tests for overlays: scenarios replayed from recordings, against what was accepted.
//!
//! A [`Suite`] is a folder of goldens and cassettes beside an installation. [`validate`]
//! plans every scenario for the bare baseline and for its overlay, replays both from the
//! cassette, and climbs a ladder: are the files as they were written, do selection,
//! settings, requests and outcome equal the golden's, do the scenario's rules hold, how
//! many tokens is it. A request without recording is stale, never guessed. [`update`]
//! accepts what replays now, with a reason.
//!
//! No model is asked here: whoever asks one takes the calls from [`missing_calls`] and
//! gives the answers to [`append`]. No clock and no environment is read.
//!
//! ```
//! use fusion_golden::{Suite, ValidateOptions, Verdict, import, validate};
//!
//! let row = r#"{"id": 6, "prompt": "What is 2 + 3?", "gold": "5",
//!     "mixtral_8x7b": {"answer": "It is 5.", "correct": true},
//!     "gpt4_1106": {"answer": "2 + 3 = 6", "correct": false}}"#;
//! let folder = tempfile::tempdir()?;
//! let dir = folder.path().join("sums");
//! import::gsm8k(&row.replace('\n', " "), &dir)?;
//!
//! let suite = Suite::open(&dir)?;
//! let report = validate(&suite, &ValidateOptions::default())?;
//! assert_eq!(report.verdict, Verdict::Pass);
//! assert_eq!(report.agreement[0].share, 1.0);
//!
//! let cassette = suite.cassette_path("gsm8k_6");
//! let edited = std::fs::read_to_string(&cassette)?.replace("It is 5.", "It is 7.");
//! std::fs::write(&cassette, edited)?;
//! let report = validate(&suite, &ValidateOptions::default())?;
//! assert_eq!(report.verdict, Verdict::Invalid);
//! assert_eq!(report.scenarios[0].checks[0].code, "GLD1005");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod age;
mod agreement;
mod bill;
pub mod budget;
mod cassette;
mod choice;
mod code;
mod compare;
mod files;
mod golden;
pub mod import;
mod json;
mod ladder;
mod legacy;
pub mod mutate;
mod observe;
mod places;
mod rebind;
mod record;
pub mod render;
mod report;
mod rules;
mod schema;
mod sides;
pub mod statistics;
mod suite;
mod update;
mod validate;

pub use crate::cassette::{
    Interaction, JudgeScore, Labels, Latency, Recorder, Response, Usage, read_cassette,
};
pub use crate::code::CODES;
pub use crate::golden::{
    Golden, GoldenSide, GoldenSides, HistoryEntry, Legacy, Lengths, Tokens, read_golden,
};
pub use crate::rebind::rebind_authored;
pub use crate::record::{
    PlannedCall, PruneReport, PrunedLine, RecordReport, Side, append, missing_calls, prune,
    record_authored,
};
pub use crate::report::{
    Agreement, BillItem, Check, Counts, Disagreement, FileFinding, Rung, ScenarioReport,
    SideReport, SuiteReport, Verdict,
};
pub use crate::schema::{cassette_schema, golden_schema, suite_schema};
pub use crate::suite::{Suite, SuiteError};
pub use crate::update::{
    MovedRecording, RebindReport, RefusedGolden, UpdateOptions, UpdateReport, WrittenGolden, update,
};
pub use crate::validate::{ValidateOptions, validate};
