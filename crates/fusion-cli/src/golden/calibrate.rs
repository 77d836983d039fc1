use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use fusion_golden::statistics::calibrate::{
    Calibration, HumanPair, Preference, Slice, calibrate, read_human_pairs,
};
use fusion_golden::statistics::{Alpha, Interval};
use serde::{Deserialize, Serialize};

use super::findings::in_file;
use super::scope::Scope;
use crate::exit::{Exit, refusal};
use crate::findings::{Finding, are_fatal, plural, views};
use crate::input;
use crate::output::{Output, Report};

/// Measure whether evaluators agree with people, by pairs of answers with human votes
///
/// One JSON object a line: `id`, `response1`, `response2`, `annotators` (votes of 0 for a tie, 1,
/// 2), optionally `gpt35_judge`. The recorded judge, "longer wins", "more distinct words" and
/// "always the first" are measured; with --scores, your own evaluator. One that may carry a gate
/// beats chance and "longer wins", and chance also among answers of similar length.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion golden calibrate --pairs pandalm_human_pairs.jsonl
  fusion golden calibrate --pairs pairs.jsonl --scores mine.jsonl --json -")]
pub(super) struct Calibrate {
    /// Pairs with votes, `-` for standard input
    #[arg(long, value_name = "FILE.jsonl")]
    pairs: PathBuf,
    /// Scores of your evaluator: a line `{"id": …, "first": 0.7, "second": 0.4}` for each pair
    #[arg(long, value_name = "FILE.jsonl")]
    scores: Option<PathBuf>,
}

/// The scores of an evaluator for one pair.
#[derive(Deserialize)]
struct Scores {
    id: serde_json::Value,
    first: f64,
    second: f64,
}

#[derive(Serialize)]
struct CalibrationReport {
    pairs: usize,
    /// How often two people agree on a pair.
    people: Option<f64>,
    evaluators: Vec<Row>,
    findings: Vec<Finding>,
    #[serde(skip)]
    messages: Vec<String>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    #[serde(flatten)]
    found: Calibration,
}

impl Report for CalibrationReport {
    const SCHEMA: &'static str = "fusion/golden-calibration/1";

    fn text(&self, _width: usize) -> String {
        let mut res = plural(self.pairs, "pair");
        if let Some(people) = self.people {
            // Writing to a string cannot fail.
            let _ = write!(res, "; two people agree on {:.1} % of them", people * 100.0);
        }
        let _ = writeln!(
            res,
            "\n\n{:<16} {:>5} {:>7}  {:<14} {:>16}  {:<22} may gate",
            "evaluator", "n", "agrees", "95 % interval", "more than longer", "similar length"
        );
        for Row { name, found } in &self.evaluators {
            let _ = writeln!(res, "{}", line(name, found));
        }
        for message in &self.messages {
            let _ = writeln!(res, "{message}");
        }
        res.push_str(
            "\nChance agrees with 50 %. An evaluator may gate where its interval is above that, the \
             interval\nof what it has more than \"longer wins\" is above 0, and among answers of \
             similar length its\ninterval is above 50 % too.\n",
        );
        res
    }
}

fn line(name: &str, found: &Calibration) -> String {
    let verdict = if found.may_gate { "yes" } else { "no" };
    let Some(all) = found.all else { return format!("{name:<16} no pair with a majority") };
    let similar = found.similar_length.map_or("-".to_owned(), |it: Slice| {
        format!(
            "{:.1} % ({}, n {})",
            it.evaluator.share * 100.0,
            bounds(it.evaluator.interval),
            it.n
        )
    });
    format!(
        "{name:<16} {:>5} {:>5.1} %  {:<14} {:>16}  {similar:<22} {verdict}",
        all.n,
        all.evaluator.share * 100.0,
        bounds(all.evaluator.interval),
        bounds(all.gain),
    )
}

/// Bounds in percent.
fn bounds(it: Interval) -> String {
    format!("{:.1} to {:.1}", it.lower * 100.0, it.upper * 100.0)
}

impl Calibrate {
    pub(super) fn run(self, scope: &Scope, output: &mut Output) -> anyhow::Result<Exit> {
        scope.refuse_suite("calibrate")?;
        let read = input::read(&self.pairs)?;
        let (pairs, findings) = read_human_pairs(read.text()?);
        let messages = in_file(&read.name, &findings);
        if pairs.is_empty() {
            return Err(refusal(Exit::UNREADABLE, messages.join("\n")));
        }
        let mut evaluators = usual(&pairs);
        if let Some(path) = &self.scores {
            let scores = scores(&input::read(path)?, &pairs)?;
            let evaluator = |it: &HumanPair| scores.get(&it.id).copied().unwrap_or(Preference::Tie);
            evaluators.push(row("yours", &pairs, evaluator));
        }
        let people = evaluators.first().and_then(|it| it.found.people);
        let report = CalibrationReport {
            pairs: pairs.len(),
            people,
            evaluators,
            findings: views(&findings),
            messages,
        };
        scope.report(&report, output)?;
        Ok(if are_fatal(&findings, output.strict) { Exit::FINDINGS } else { Exit::DONE })
    }
}

fn row(name: &str, pairs: &[HumanPair], evaluator: impl Fn(&HumanPair) -> Preference) -> Row {
    Row { name: name.to_owned(), found: calibrate(pairs, evaluator, Alpha::P025) }
}

/// What every set of pairs is measured with.
fn usual(pairs: &[HumanPair]) -> Vec<Row> {
    let words = |it: &HumanPair| {
        let [first, second] = [&it.first, &it.second].map(|it| distinct_words(it));
        Preference::larger(first, second)
    };
    let mut rows = Vec::new();
    if pairs.iter().any(|it| it.judge.is_some()) {
        rows.push(row("recorded judge", pairs, |it| it.judge.unwrap_or(Preference::Tie)));
    }
    rows.push(row("longer wins", pairs, HumanPair::longer));
    rows.push(row("distinct words", pairs, words));
    rows.push(row("always first", pairs, |_| Preference::First));
    rows
}

fn distinct_words(text: &str) -> f64 {
    let words: BTreeSet<_> = text.split_whitespace().collect();
    u32::try_from(words.len()).map_or(f64::MAX, f64::from)
}

/// Which answer the scores of a file prefer, by pair; every pair must have its line.
fn scores(
    read: &input::Input,
    pairs: &[HumanPair],
) -> anyhow::Result<BTreeMap<String, Preference>> {
    let refuse = |message: String| refusal(Exit::UNREADABLE, format!("{}: {message}", read.name));
    let mut res = BTreeMap::new();
    let lines = (1..).zip(read.text()?.lines()).filter(|(_, it)| !it.trim().is_empty());
    for (number, line) in lines {
        let scores: Scores =
            serde_json::from_str(line).map_err(|err| refuse(format!("line {number}: {err}")))?;
        let id = scores.id.as_str().map_or_else(|| scores.id.to_string(), str::to_owned);
        let preferred = Preference::larger(scores.first, scores.second);
        if res.insert(id.clone(), preferred).is_some() {
            return Err(refuse(format!("line {number}: a second one about the pair {id}")));
        }
    }
    match pairs.iter().find(|it| !res.contains_key(&it.id)) {
        Some(it) => Err(refuse(format!("no scores for the pair {}", it.id))),
        None => Ok(res),
    }
}
