//! What changes between two flag files.
//!
//! Only flags that differ can change an answer. [`Comparison::plan`] asks about the kinds of
//! work that such a flag plays a part in, with the attributes, confidences and moments that
//! its conditions tell apart; [`Comparison::run`] asks them of every unit.

mod answers;
mod ask;
mod changes;
mod classes;
mod plan;
mod share;
mod side;
mod succession;
mod tally;
mod units;

use std::collections::BTreeSet;

use overlay_model::Diagnostic;
use serde::Serialize;

use crate::snapshot::Snapshot;
use changes::Changes;
use side::Side;

pub use crate::condition::GivenValue;
pub use plan::DiffPlan;

/// What is asked of two flag files.
#[derive(Clone, Copy, Debug)]
pub struct DiffScope<'a> {
    /// The kinds of work.
    pub scenario_types: &'a [String],
    /// The confidences, from 0 to 1; where there are none, those that the flags tell apart.
    pub confidences: &'a [f64],
    /// The moment, in milliseconds since 1970. Others are asked too where hours or a ramp
    /// tell them apart.
    pub now_ms: i64,
    /// How many units will be asked.
    pub units: usize,
}

/// A kind of request that two files are compared on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DiffCase {
    /// The kind of work.
    pub scenario_type: String,
    /// How sure it is, from 0 to 1.
    pub confidence: Option<f64>,
    /// What else is known of the request, by name.
    pub attributes: Vec<(String, GivenValue)>,
    /// The moment, in milliseconds since 1970.
    pub now_ms: i64,
}

/// What changes between two flag files.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlagDiff {
    /// The share of the scenario types, from 0 to 1, where something else answers at least
    /// one unit.
    pub scenarios_changed: f64,
    /// The share of units, from 0 to 1, that something else answers: the mean over the
    /// scenario types of the mean over what was asked of each.
    pub units_changed: f64,
    /// What was asked, type by type.
    pub cases: Vec<CaseDiff>,
    /// The flags of both files that are defined otherwise, in the order of the new one.
    pub flags: Vec<FlagChange>,
    /// Flags of the new file only.
    pub added: Vec<String>,
    /// Flags of the old file only.
    pub removed: Vec<String>,
    /// Units that are drawn anew (other salts, other weights), and changes that nothing that
    /// was asked shows.
    pub findings: Vec<Diagnostic>,
}

/// What changes for one kind of request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseDiff {
    /// The request.
    #[serde(flatten)]
    pub case: DiffCase,
    /// The share of units, from 0 to 1, that something else answers.
    pub changed: f64,
    /// From what to what. Largest first.
    pub moves: Vec<Move>,
    /// From what to what where the same overlay answers, and something else does where it
    /// fails: the first candidate after it that differs, or the fallback. Largest first.
    pub reserves: Vec<Move>,
}

/// Units that go from one overlay to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Move {
    /// The overlay before; `None` where the fallback answered.
    pub from: Option<String>,
    /// The overlay after; `None` where the fallback answers.
    pub to: Option<String>,
    /// The fallback before, where it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_fallback: Option<String>,
    /// The fallback after, where it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_fallback: Option<String>,
    /// The share of all units, from 0 to 1.
    pub share: f64,
}

/// A flag of both files that is defined otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlagChange {
    /// Its name.
    pub feature: String,
    /// The share of units, from 0 to 1, for which it is decided otherwise or offers something
    /// else, in the first case that shows it; 0 where none does.
    pub changed: f64,
    /// Whether either file has overlays for it, so that routes can show the change.
    pub routes: bool,
}

/// Two flag files beside each other. Switches and breakers play no part.
pub struct Comparison {
    old: Side,
    new: Side,
    /// The overlays of both, sorted.
    overlays: Vec<String>,
    changes: Changes,
}

impl Comparison {
    /// Finds the flags that differ.
    pub fn of(old: Snapshot, new: Snapshot) -> Self {
        let (mut old, mut new) = (Side::of(old), Side::of(new));
        let all = old.snapshot().overlays().chain(new.snapshot().overlays());
        let overlays: BTreeSet<String> = all.map(str::to_owned).collect();
        let overlays = Vec::from_iter(overlays);
        old.number(&overlays);
        new.number(&overlays);
        let changes = Changes::between(&old, &new);
        Self { old, new, overlays, changes }
    }
}
