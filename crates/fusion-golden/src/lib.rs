//! Golden tests for overlays.

mod age;
mod agreement;
mod bill;
mod cassette;
mod code;
mod compare;
mod files;
mod golden;
pub mod import;
mod json;
mod ladder;
mod legacy;
mod observe;
mod rebind;
mod record;
pub mod render;
mod report;
mod schema;
mod sides;
mod suite;
mod update;
mod validate;

pub use crate::cassette::{Interaction, JudgeScore, Labels, Latency, Recorder, Response, Usage};
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
