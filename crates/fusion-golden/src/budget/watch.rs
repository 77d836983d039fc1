//! Recorded scores of the same scenarios, night after night, with a verdict that stays valid.

use overlay_model::{Diagnostic, Digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

use super::identity::answers_same;
use super::measured::Measurement;
use super::overlays::recorded;
use super::report::{BudgetCheck, BudgetReport, Subject};
use crate::ladder;
use crate::report::{FileFinding, Verdict};
use crate::statistics::{DEFAULT_MARGIN, EProcessError, Gate, Levels, QualityWatch, Reason};
use crate::suite::{Suite, SuiteError};

const SCHEMA: &str = "fusion/golden-watch/1";

/// What was recorded of a candidate run after run, against one recording of its base.
///
/// Whoever compares every night and stops at the first verdict that is welcome finds one:
/// with a test made for one look the errors of all nights add up. Here they do not, so that
/// the verdict may be read after every run ([`QualityWatch`]). A run is known by its
/// recordings and counts once.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    schema: String,
    /// The base's recordings.
    base: Digest,
    /// The recordings of every run.
    runs: Vec<Digest>,
    scores: QualityWatch,
}

/// What became of a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Taken {
    /// It counts.
    New,
    /// It was taken in before.
    Known,
}

/// Why a run cannot be taken in.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The text is no watch.
    #[error("no watch: {0}")]
    Unreadable(String),
    /// The watch was begun with other recordings of the base.
    #[error("the watch was begun against other recordings than those of the base")]
    OtherBase,
    /// Base and candidate are one recording, which says nothing about either.
    #[error("base and candidate are the same recording")]
    SameRecording,
    /// No scenario has a score on both sides.
    #[error("no scenario has recorded scores on both sides")]
    NoScores,
    /// A score is none.
    #[error(transparent)]
    Score(#[from] EProcessError),
    /// A recording cannot be read.
    #[error(transparent)]
    Suite(#[from] SuiteError),
}

impl Watch {
    /// A watch against the recordings of `base`, before the first run.
    ///
    /// # Errors
    ///
    /// Where a recording cannot be read.
    pub fn begin(base: &Suite) -> Result<Self, WatchError> {
        let (schema, base) = (SCHEMA.to_owned(), recordings(base)?);
        Ok(Self { schema, base, runs: Vec::new(), scores: QualityWatch::try_new(DEFAULT_MARGIN)? })
    }

    /// Reads a watch that was kept as JSON.
    ///
    /// # Errors
    ///
    /// [`WatchError::Unreadable`] where the text is none.
    pub fn parse(text: &str) -> Result<Self, WatchError> {
        let unreadable = |why: String| WatchError::Unreadable(why);
        let watch: Self = serde_json::from_str(text).map_err(|err| unreadable(err.to_string()))?;
        match watch.schema.as_str() {
            SCHEMA => Ok(watch),
            other => Err(unreadable(format!("schema `{other}`, this version reads `{SCHEMA}`"))),
        }
    }

    /// Takes a run in: the scores of `candidate` against those of `base`, each a suite and
    /// what it comes to.
    ///
    /// # Errors
    ///
    /// Where the run says nothing, or not about this watch; it is then as before.
    pub fn take(
        &mut self,
        base: (&Suite, &Measurement),
        candidate: (&Suite, &Measurement),
    ) -> Result<Taken, WatchError> {
        let (of_base, of_run) = (recordings(base.0)?, recordings(candidate.0)?);
        if of_base != self.base {
            return Err(WatchError::OtherBase);
        }
        if of_run == of_base {
            return Err(WatchError::SameRecording);
        }
        if self.runs.contains(&of_run) {
            return Ok(Taken::Known);
        }
        let before = base.1.by_scenario();
        let both = candidate.1.scenarios.iter();
        let both = both.filter_map(|it| Some((*before.get(it.scenario.as_str())?, it)));
        let pairs = recorded(&both.collect::<Vec<_>>(), answers_same, |it| it.score).pairs;
        if pairs.is_empty() {
            return Err(WatchError::NoScores);
        }
        self.scores.observe_look(&pairs)?;
        self.runs.push(of_run);
        Ok(Taken::New)
    }

    /// What all runs together come to.
    pub fn check(&self) -> BudgetCheck {
        let verdict = self.scores.verdict(Levels::QUALITY);
        let n = usize::try_from(self.scores.n()).unwrap_or(usize::MAX);
        let needed = self.scores.needed(Levels::QUALITY);
        let is_open = verdict == Verdict::Insufficient;
        let gate = Gate {
            n,
            warn: -DEFAULT_MARGIN,
            block: -DEFAULT_MARGIN,
            n_needed: needed.filter(|_| is_open),
            ..Gate::without_figure(None, verdict)
        };
        let reason = if is_open { Reason::TooFew } else { Reason::Decided };
        let gate = gate.decided(verdict, reason);
        let says = match (verdict, gate.n_needed) {
            (Verdict::Pass, _) => "not worse by more than five points".to_owned(),
            (Verdict::Fail, _) => "worse".to_owned(),
            _ if self.scores.has_passed(Levels::QUALITY) => {
                "it passed before, and the last runs do not bear that out".to_owned()
            }
            (_, Some(needed)) => format!("undecided, about {needed} would do if they go on so"),
            (_, None) => "undecided".to_owned(),
        };
        let message = format!("{} runs with {n} scores: {says}", self.runs.len());
        BudgetCheck::of(Subject::QualityWatch, None, None, gate, message)
    }
}

impl BudgetReport {
    /// Takes the verdict of a watch in, in place of those that look at the scores of this
    /// run alone: they are made for one look. One that fails stays to be seen, as a warning:
    /// with nothing changed one in a hundred does, night after night.
    pub fn add_watch(&mut self, watch: &Watch) {
        let is_of_chance = |it: &BudgetCheck| {
            it.name == Subject::Quality
                && matches!(it.gate.verdict, Verdict::Pass | Verdict::Insufficient)
        };
        self.checks.retain(|it| !is_of_chance(it));
        for check in self.checks.iter_mut().filter(|it| it.name == Subject::Quality) {
            if check.gate.verdict == Verdict::Fail {
                let is_whole = check.gate.missing == 0;
                check.gate.verdict = if is_whole { Verdict::Warn } else { Verdict::Stale };
                check.message.push_str("; worse in this run alone, all runs together decide");
            }
        }
        let kept: Vec<_> = self.checks.iter().map(|it| (it.name, it.overlay.clone())).collect();
        self.explanations.retain(|it| {
            it.name != Subject::Quality || kept.contains(&(it.name, it.overlay.clone()))
        });
        self.checks.push(watch.check());
        let verdicts = self.checks.iter().map(|it| it.gate.verdict);
        self.verdict = verdicts.max().unwrap_or(Verdict::Invalid);
    }
}

/// The digest of all recordings of a suite.
fn recordings(suite: &Suite) -> Result<Digest, SuiteError> {
    let mut lines = String::new();
    for scenario in suite.cassettes() {
        let (cassette, findings) = ladder::read_cassette(suite, &scenario)?;
        // A recording that lost lines is another one, and counts once like any other.
        if let Some(diagnostic) = findings.into_iter().find(Diagnostic::is_error) {
            let path = suite.cassette_name(&scenario);
            return Err(SuiteError::Broken(Box::new(FileFinding { path, diagnostic })));
        }
        for line in &cassette.lines {
            lines.push_str(&line.digest.to_string());
            lines.push('\n');
        }
    }
    Ok(Digest::of(lines.as_bytes()))
}

/// The JSON Schema of a [`Watch`], form 1.
pub fn watch_schema() -> Value {
    let digest = json!({"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"});
    let process = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["lower", "upper", "null", "claim", "n", "log_wealth", "peak"],
        "properties": {
            "lower": {"type": "number"},
            "upper": {"type": "number"},
            "null": {"type": "number"},
            "claim": {"enum": ["above", "below"]},
            "n": {"type": "integer", "minimum": 0},
            "log_wealth": {"type": "array", "items": {"type": "number"}, "minItems": 8, "maxItems": 8},
            "peak": {"type": "number"},
        },
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Watch: recorded scores of many runs against one base",
        "type": "object",
        "additionalProperties": false,
        "required": ["schema", "base", "runs", "scores"],
        "properties": {
            "schema": {"const": SCHEMA},
            "base": digest,
            "runs": {"type": "array", "items": digest},
            "scores": {
                "type": "object",
                "additionalProperties": false,
                "required": ["not_worse", "worse", "identical"],
                "properties": {
                    "not_worse": process,
                    "worse": process,
                    "identical": {"type": "integer", "minimum": 0},
                    "looks": {"type": "integer", "minimum": 0},
                },
            },
        },
    })
}
