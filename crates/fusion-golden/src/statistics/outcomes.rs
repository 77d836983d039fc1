use std::collections::BTreeMap;

use overlay_model::{Diagnostic, Location};

use super::code;
use super::gate::Pair;

/// What one answer came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// A score from 0 to 1, higher is better.
    pub score: Option<f64>,
    /// Tokens of the answer.
    pub tokens: Option<u64>,
}

/// Recorded outcomes of several models or prompts on the same scenarios.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcomes {
    models: BTreeMap<String, BTreeMap<String, Outcome>>,
}

impl Outcomes {
    /// The models, sorted.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.models.keys().map(String::as_str)
    }

    /// Tokens of two models on the scenarios that both answered, by name.
    pub fn token_pairs(&self, base: &str, candidate: &str) -> Vec<Pair<'_, u64>> {
        self.pairs(base, candidate, |it| it.tokens)
    }

    /// Scores of two models on the scenarios where both have one, by name.
    pub fn score_pairs(&self, base: &str, candidate: &str) -> Vec<Pair<'_, f64>> {
        self.pairs(base, candidate, |it| it.score)
    }

    fn pairs<T: Copy>(
        &self,
        base: &str,
        candidate: &str,
        value: fn(&Outcome) -> Option<T>,
    ) -> Vec<Pair<'_, T>> {
        let (Some(base), Some(candidate)) = (self.models.get(base), self.models.get(candidate))
        else {
            return Vec::new();
        };
        base.iter()
            .filter_map(|(scenario, one)| Some((one, candidate.get(scenario)?)))
            .filter_map(|(one, two)| Some(Pair::new(value(one)?, value(two)?)))
            .collect()
    }
}

/// Reads outcomes: comma-separated, the first line names the columns `scenario` (or
/// `prompt_sha8`), `model`, `score` (or `judge_win`), `tokens` (or `tokens_o200k`); others
/// are left out, as is an empty score or count. With all findings; a row with one is
/// skipped.
pub fn read_outcomes(text: &str) -> (Outcomes, Vec<Diagnostic>) {
    let mut outcomes = Outcomes::default();
    let mut lines = lines(text);
    let Some((at, first)) = lines.next() else {
        let finding = Diagnostic::error(code::NO_ROWS, "the file is empty").at(text, 0..0);
        return (outcomes, vec![finding]);
    };
    let columns = match Columns::of(first) {
        Ok(columns) => columns,
        Err((code, message)) => {
            return (outcomes, vec![Diagnostic::error(code, message).located(at)]);
        }
    };
    let mut findings = Vec::new();
    for (at, line) in lines {
        if let Err((code, message)) = outcomes.take(&columns, line) {
            findings.push(Diagnostic::error(code, message).located(at));
        }
    }
    if outcomes.models.is_empty() {
        let end = text.trim_end().len();
        findings.push(Diagnostic::error(code::NO_ROWS, "no row could be read").at(text, end..end));
    }
    (outcomes, findings)
}

/// The lines that are not blank, with their places.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (Location, &str)> {
    let mut start = 0;
    text.split('\n').enumerate().filter_map(move |(number, line)| {
        let span = start..start + line.len();
        start = span.end + 1;
        let line = line.trim_end_matches('\r');
        let at = Location { line: number + 1, column: 1, span };
        (!line.trim().is_empty()).then_some((at, line))
    })
}

/// Where each column stands.
struct Columns {
    count: usize,
    scenario: usize,
    model: usize,
    score: Option<usize>,
    tokens: Option<usize>,
}

type Refused = (&'static str, String);

impl Columns {
    fn of(line: &str) -> Result<Self, Refused> {
        let names: Vec<_> = line.trim_start_matches('\u{feff}').split(',').map(str::trim).collect();
        let find = |either: [&str; 2]| names.iter().position(|it| either.contains(it));
        let needed = |either: [&str; 2]| {
            find(either).ok_or_else(|| (code::NO_COLUMN, format!("no column `{}`", either[0])))
        };
        let columns = Self {
            count: names.len(),
            scenario: needed(["scenario", "prompt_sha8"])?,
            model: needed(["model", "variant"])?,
            score: find(["score", "judge_win"]),
            tokens: find(["tokens", "tokens_o200k"]),
        };
        if columns.score.or(columns.tokens).is_none() {
            needed(["score", "tokens"])?;
        }
        Ok(columns)
    }
}

impl Outcomes {
    fn take(&mut self, columns: &Columns, line: &str) -> Result<(), Refused> {
        let refuse = |message: String| (code::BAD_ROW, message);
        if line.contains('"') {
            return Err(refuse("fields in quotes are not read".to_owned()));
        }
        let fields: Vec<_> = line.split(',').map(str::trim).collect();
        if fields.len() != columns.count {
            let found = fields.len();
            return Err(refuse(format!("{found} fields where {} are named", columns.count)));
        }
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        let outcome = Outcome {
            score: columns.score.map(field).map_or(Ok(None), score).map_err(refuse)?,
            tokens: columns.tokens.map(field).map_or(Ok(None), tokens).map_err(refuse)?,
        };
        let (scenario, model) = (field(columns.scenario), field(columns.model));
        let rows = self.models.entry(model.to_owned()).or_default();
        if rows.contains_key(scenario) {
            return Err((code::ROW_TWICE, format!("`{scenario}` of `{model}` stands twice")));
        }
        rows.insert(scenario.to_owned(), outcome);
        Ok(())
    }
}

fn score(field: &str) -> Result<Option<f64>, String> {
    if field.is_empty() {
        return Ok(None);
    }
    let number = field.parse().ok().filter(|it| (0.0..=1.0).contains(it));
    number.map(Some).ok_or_else(|| format!("score `{field}` is no number from 0 to 1"))
}

fn tokens(field: &str) -> Result<Option<u64>, String> {
    if field.is_empty() {
        return Ok(None);
    }
    field.parse().map(Some).map_err(|_| format!("tokens `{field}` is no count"))
}
