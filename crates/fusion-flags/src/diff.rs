//! What changes between two flag files.

use std::collections::BTreeMap;

use overlay_model::Diagnostic;
use serde::Serialize;

use crate::breaker_set::BreakerSet;
use crate::decide::Context;
use crate::flags::View;
use crate::lint::finding;
use crate::route::Route;
use crate::snapshot::{Flag, Snapshot};

/// A kind of request that two files are compared on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DiffCase<'a> {
    /// The kind of work.
    pub scenario_type: &'a str,
    /// How sure it is, from 0 to 1.
    pub confidence: Option<f64>,
    /// The moment, in milliseconds since 1970.
    pub now_ms: i64,
}

/// What changes between two flag files.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlagDiff {
    /// The share of the cases, from 0 to 1, where at least one unit gets another overlay.
    pub scenarios_changed: f64,
    /// The share of units, from 0 to 1, that get another overlay: the mean over the cases.
    pub units_changed: f64,
    /// Each case, in the order they were given in.
    pub cases: Vec<CaseDiff>,
    /// Flags of the new file only.
    pub added: Vec<String>,
    /// Flags of the old file only.
    pub removed: Vec<String>,
    /// Units that are drawn anew: other salts, other weights.
    pub findings: Vec<Diagnostic>,
}

/// What changes for one kind of request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseDiff {
    /// The kind of work.
    pub scenario_type: String,
    /// The share of units, from 0 to 1, that get another overlay.
    pub changed: f64,
    /// From which overlay to which; `None` is the fallback. Largest first.
    pub moves: Vec<Move>,
}

/// Units that go from one overlay to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Move {
    /// The overlay before; `None` where the fallback answered.
    pub from: Option<String>,
    /// The overlay after; `None` where the fallback answers.
    pub to: Option<String>,
    /// The share of all units, from 0 to 1.
    pub share: f64,
}

/// Compares what two files choose for `units`, on each of `cases`.
///
/// The units are routed through both files, so the shares are exact for these units; for
/// units that were drawn at random, a share of 100,000 is within 0.32 % of the truth (95 %).
/// Switches and breakers play no part.
pub fn diff<'a>(
    old: Snapshot,
    new: Snapshot,
    cases: &[DiffCase<'_>],
    units: impl Iterator<Item = &'a str> + Clone,
) -> FlagDiff {
    let (old, new) = (detached(old), detached(new));
    let cases: Vec<CaseDiff> =
        cases.iter().map(|it| case_diff(&old, &new, it, units.clone())).collect();
    let count = cases.len().max(1) as f64;
    let only = |a: &View, b: &View| -> Vec<String> {
        let names = a.snapshot().names().filter(|it| b.snapshot().flag(it).is_none());
        names.map(str::to_owned).collect()
    };
    FlagDiff {
        scenarios_changed: cases.iter().filter(|it| it.changed > 0.0).count() as f64 / count,
        units_changed: cases.iter().map(|it| it.changed).sum::<f64>() / count,
        added: only(&new, &old),
        removed: only(&old, &new),
        findings: redrawn(old.snapshot(), new.snapshot()),
        cases,
    }
}

fn detached(snapshot: Snapshot) -> View {
    View::compile(snapshot.into(), &[], &BreakerSet::default(), 0).0
}

fn case_diff<'a>(
    old: &View,
    new: &View,
    case: &DiffCase<'_>,
    units: impl Iterator<Item = &'a str>,
) -> CaseDiff {
    let (mut before, mut after) = (Route::default(), Route::default());
    let mut moves: BTreeMap<(Option<&str>, Option<&str>), u64> = BTreeMap::new();
    let mut total = 0_u64;
    for unit in units {
        let context = Context {
            unit: Some(unit),
            scenario_type: case.scenario_type,
            confidence: case.confidence,
            now_ms: case.now_ms,
            ..Context::default()
        };
        old.route(&context, &mut before);
        new.route(&context, &mut after);
        total += 1;
        let from = before.primary().map(|it| old.overlay_name(it));
        let to = after.primary().map(|it| new.overlay_name(it));
        if from != to {
            *moves.entry((from, to)).or_default() += 1;
        }
    }
    let share = |count: u64| count as f64 / total.max(1) as f64;
    let changed = share(moves.values().sum());
    let mut moves: Vec<Move> = moves
        .into_iter()
        .map(|((from, to), count)| Move {
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
            share: share(count),
        })
        .collect();
    moves.sort_by(|a, b| b.share.total_cmp(&a.share));
    CaseDiff { scenario_type: case.scenario_type.to_owned(), changed, moves }
}

/// Flags of both files whose units are drawn anew.
fn redrawn(old: &Snapshot, new: &Snapshot) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for flag in &new.flags {
        let before = old.flag(&flag.name).and_then(|it| old.flags.get(it.0 as usize));
        let Some(before) = before else { continue };
        let name = &flag.name;
        if before.salt != flag.salt || before.bucket_by != flag.bucket_by {
            let said = format!("`{name}` draws all its units anew");
            findings.push(finding("FLG6001", said));
        } else if !before.variants.is_empty() && arms(before) != arms(flag) {
            let said = format!("`{name}` moves units between its variants");
            findings.push(finding("FLG6002", said));
        }
    }
    findings
}

/// The variants with the ends of their shares, as parts of one.
fn arms(flag: &Flag) -> Vec<(&str, u64)> {
    let weights = u64::from(flag.weights.max(1));
    let end = |it: u32| u64::from(it) * (1 << 32) / weights;
    flag.variants.iter().map(|it| (&*it.name, end(it.end))).collect()
}
