//! Whether an evaluator agrees with people, by pairs of answers with human votes.
//!
//! An evaluator may carry a gate only where it is shown to beat both "the longer answer
//! wins" and chance, and chance also among answers of similar length, where length does
//! not help it.

use std::collections::BTreeSet;

use overlay_model::Diagnostic;
use serde::{Deserialize, Serialize};

use super::alpha::{Alpha, Interval};
use super::code;
use super::outcomes::lines;
use super::paired::non_inferiority;
use super::proportion::wilson;
use super::rounded;
use super::special::as_f64;

/// Lengths count as similar where the longer answer has at most this many times the
/// characters of the shorter one.
pub const SIMILAR_LENGTH: f64 = 1.2;

/// Which of two answers is better.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Preference {
    /// The first.
    First,
    /// The second.
    Second,
    /// Neither.
    Tie,
}

impl Preference {
    /// The one with the larger number; a tie for equal ones, and for what is no number.
    pub fn larger(first: f64, second: f64) -> Self {
        if first > second {
            Self::First
        } else if second > first {
            Self::Second
        } else {
            Self::Tie
        }
    }
}

/// Two answers to one question, with what people say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HumanPair {
    /// The pair.
    pub id: String,
    /// The question, with its input.
    pub question: String,
    /// The first answer.
    pub first: String,
    /// The second answer.
    pub second: String,
    /// The votes, one of each person.
    pub votes: Vec<Preference>,
    /// What a recorded judge says, where there is one and it says something of use.
    pub judge: Option<Preference>,
}

impl HumanPair {
    /// What more than half of the people say; `None` where no answer has that.
    pub fn majority(&self) -> Option<Preference> {
        [Preference::First, Preference::Second, Preference::Tie].into_iter().find(|choice| {
            2 * self.votes.iter().filter(|it| *it == choice).count() > self.votes.len()
        })
    }

    /// The longer answer, in characters.
    pub fn longer(&self) -> Preference {
        let (first, second) = self.lengths();
        Preference::larger(first, second)
    }

    /// Whether both answers are about equally long.
    pub fn is_similar_length(&self) -> bool {
        let (first, second) = self.lengths();
        first.max(second) <= SIMILAR_LENGTH * first.min(second)
    }

    fn lengths(&self) -> (f64, f64) {
        (as_f64(self.first.chars().count()), as_f64(self.second.chars().count()))
    }
}

/// A share of pairs with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// The share; a tie counts one half.
    #[serde(serialize_with = "rounded::number")]
    pub share: f64,
    /// Its Wilson interval, each bound at the level asked for.
    pub interval: Interval,
}

/// How far an evaluator agrees with the majority of people on some pairs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Slice {
    /// Pairs where a majority prefers one answer.
    pub n: usize,
    /// The evaluator's agreement.
    pub evaluator: Share,
    /// The agreement of "the longer answer wins".
    pub longer: Share,
    /// The evaluator's agreement less that of the longer answer, on the same pairs, guarded
    /// as in [`non_inferiority`], and within what a difference of shares can be.
    pub gain: Interval,
    /// Whether the evaluator's lower bound is above one half.
    pub beats_chance: bool,
    /// Whether the lower bound of the gain is above 0.
    pub beats_longer: bool,
}

/// What a calibration found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// All pairs; `None` where none has a majority for one answer.
    pub all: Option<Slice>,
    /// Those with answers of similar length.
    pub similar_length: Option<Slice>,
    /// How often two people agree on a pair: more can hardly be asked for.
    #[serde(serialize_with = "rounded::option")]
    pub people: Option<f64>,
    /// Whether the evaluator may carry a gate.
    pub may_gate: bool,
}

/// Measures an evaluator, which says of each pair which answer is better. Each bound at
/// `alpha`.
///
/// A pair counts where more than half of the people prefer one answer. An evaluator's tie
/// counts one half, so that chance is one half whatever it does.
pub fn calibrate(
    pairs: &[HumanPair],
    evaluator: impl Fn(&HumanPair) -> Preference,
    alpha: Alpha,
) -> Calibration {
    let scored: Vec<_> = pairs.iter().filter_map(|pair| Scored::of(pair, &evaluator)).collect();
    let similar: Vec<_> = scored.iter().filter(|it| it.similar_length).copied().collect();
    let (all, similar_length) = (slice(&scored, alpha), slice(&similar, alpha));
    let beats_both = all.is_some_and(|it| it.beats_chance && it.beats_longer);
    Calibration {
        all,
        similar_length,
        people: agreement_of_people(pairs),
        may_gate: beats_both && similar_length.is_some_and(|it| it.beats_chance),
    }
}

/// A pair with a majority: how right the evaluator and the longer answer are, from 0 to 1.
#[derive(Clone, Copy)]
struct Scored {
    evaluator: f64,
    longer: f64,
    similar_length: bool,
}

impl Scored {
    fn of(pair: &HumanPair, evaluator: impl Fn(&HumanPair) -> Preference) -> Option<Self> {
        let majority = pair.majority().filter(|it| *it != Preference::Tie)?;
        Some(Self {
            evaluator: right(evaluator(pair), majority),
            longer: right(pair.longer(), majority),
            similar_length: pair.is_similar_length(),
        })
    }
}

fn right(said: Preference, majority: Preference) -> f64 {
    match said {
        Preference::Tie => 0.5,
        said if said == majority => 1.0,
        _ => 0.0,
    }
}

fn slice(scored: &[Scored], alpha: Alpha) -> Option<Slice> {
    let share = |of: fn(&Scored) -> f64| {
        let hits = scored.iter().map(of).sum::<f64>();
        let interval = wilson(hits, scored.len(), alpha)?;
        Some(Share { share: hits / as_f64(scored.len()), interval })
    };
    let gains: Vec<_> = scored.iter().map(|it| (it.evaluator - it.longer, None)).collect();
    let gain = non_inferiority(&gains, 1.0)?.interval(alpha);
    let gain = Interval { lower: gain.lower.max(-1.0), upper: gain.upper.min(1.0) };
    let evaluator = share(|it| it.evaluator)?;
    Some(Slice {
        n: scored.len(),
        evaluator,
        longer: share(|it| it.longer)?,
        gain,
        beats_chance: evaluator.interval.lower > 0.5,
        beats_longer: gain.lower > 0.0,
    })
}

/// The share of pairs of votes, on the same two answers, that say the same.
fn agreement_of_people(pairs: &[HumanPair]) -> Option<f64> {
    let mut same = 0;
    let mut all = 0;
    for votes in pairs.iter().map(|it| &it.votes) {
        for (at, vote) in votes.iter().enumerate() {
            let others = votes.iter().skip(at + 1);
            all += others.len();
            same += others.filter(|it| *it == vote).count();
        }
    }
    (all > 0).then(|| as_f64(same) / as_f64(all))
}

#[derive(Deserialize)]
struct Row {
    id: serde_json::Value,
    #[serde(default)]
    instruction: String,
    #[serde(default)]
    input: String,
    response1: String,
    response2: String,
    annotators: Vec<serde_json::Value>,
    #[serde(default)]
    gpt35_judge: Option<serde_json::Value>,
}

/// Reads pairs with votes: one JSON object a line, as PandaLM's test set has them (`id`,
/// `response1`, `response2`, `annotators` of 0 for a tie, 1, 2; optionally `instruction`,
/// `input`, `gpt35_judge`). With all findings; a line with one is skipped, as is a second
/// one with the same `id`.
pub fn read_human_pairs(text: &str) -> (Vec<HumanPair>, Vec<Diagnostic>) {
    let mut pairs = Vec::new();
    let mut findings = Vec::new();
    let mut ids = BTreeSet::new();
    for (at, line) in lines(text) {
        match human_pair(line) {
            Ok(pair) if ids.insert(pair.id.clone()) => pairs.push(pair),
            Ok(pair) => {
                let message = format!("the pair `{}` stands twice", pair.id);
                findings.push(Diagnostic::error(code::ROW_TWICE, message).located(at));
            }
            Err(message) => {
                findings.push(Diagnostic::error(code::BAD_PAIR, message).located(at));
            }
        }
    }
    if pairs.is_empty() {
        let end = text.trim_end().len();
        findings.push(Diagnostic::error(code::NO_ROWS, "no pair could be read").at(text, end..end));
    }
    (pairs, findings)
}

fn human_pair(line: &str) -> Result<HumanPair, String> {
    let row: Row = serde_json::from_str(line).map_err(|err| err.to_string())?;
    if row.annotators.is_empty() {
        return Err("no votes".to_owned());
    }
    let mut question = row.instruction;
    if !row.input.is_empty() {
        question.push_str("\n\n");
        question.push_str(&row.input);
    }
    Ok(HumanPair {
        id: row.id.as_str().map_or_else(|| row.id.to_string(), str::to_owned),
        question,
        first: row.response1,
        second: row.response2,
        votes: row.annotators.iter().map(preference).collect::<Result<_, _>>()?,
        judge: row.gpt35_judge.as_ref().and_then(|it| preference(it).ok()),
    })
}

/// A vote, as number or as text.
fn preference(vote: &serde_json::Value) -> Result<Preference, String> {
    let text = vote.as_str().map_or_else(|| vote.to_string(), str::to_lowercase);
    match text.trim() {
        "0" | "tie" => Ok(Preference::Tie),
        "1" => Ok(Preference::First),
        "2" => Ok(Preference::Second),
        _ => Err(format!("vote {vote} is not 0, 1 or 2")),
    }
}
