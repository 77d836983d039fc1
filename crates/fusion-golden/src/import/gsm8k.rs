use std::collections::HashSet;
use std::path::Path;

use fusion_plan::{Encoding, count, prompt_tokens};
use overlay_model::Diagnostic;
use serde::Deserialize;
use serde_json::json;

use crate::cassette::{Interaction, Labels, Latency, Recorder, Response, Usage, plain};
use crate::code;
use crate::files::{self, Draft};
use crate::import::yaml::yaml;
use crate::import::{ImportReport, SUITE_TOML};
use crate::json::duplicate_keys;
use crate::record::{PlannedCall, Side, planned_calls};
use crate::sides::Sides;
use crate::suite::{Suite, SuiteError};
use crate::update::{UpdateOptions, update};

const SMALLER: &str = "mixtral-8x7b";
const LARGER: &str = "gpt-4-1106-preview";
/// One vocabulary for both, so that their counts compare.
const ENCODING: Encoding = Encoding::Cl100k;

const BASELINE: &str = "\
# The smaller model, asked once. The source does not say how its answers were sampled.
FUSION_OVERLAY_VERSION=2.1.0
OVERLAY_NAME=baseline
OVERLAY_DESCRIPTION=The smaller model of the imported answers
OVERLAY_AUTHOR=golden import

FUSION_MODE=baseline_only
PRIMARY_MODEL_SELECTION=single_model
MODEL=mixtral-8x7b
SAMPLES=1
TEMPERATURE=0
TOP_P=1

ENTROPY_REDUCTION_TARGET=0.30
CONTINUITY_ENFORCEMENT=basic_thread
TRUST_SCORING_MODEL=simple_alignment
TRUST_FLOOR=0
VOTING_POWER_MAP=single:1
";

const LARGER_MODEL: &str = "\
# The larger model, asked once. A wrong answer is what it is: nothing here rejects it.
FUSION_OVERLAY_VERSION=2.1.0
OVERLAY_NAME=larger_model
OVERLAY_DESCRIPTION=The larger model of the imported answers
OVERLAY_AUTHOR=golden import
OVERLAY_TARGET_SCENARIOS=gsm8k

FUSION_MODE=speed_optimized
PRIMARY_MODEL_SELECTION=single_model
MODEL=gpt-4-1106-preview
SAMPLES=1
TEMPERATURE=0
TOP_P=1

ENTROPY_REDUCTION_TARGET=0.30
CONTINUITY_ENFORCEMENT=basic_thread
TRUST_SCORING_MODEL=simple_alignment
TRUST_FLOOR=0
VOTING_POWER_MAP=single:1
";

const PROVIDERS: &str = "\
# Written by the import. Prices are list prices of early 2024; the source has none, and a
# price table is needed. The vocabulary only approximates the smaller model's tokens.
schema = \"fusion/providers/1\"
default_models = [\"mixtral-8x7b\"]

[[providers]]
name = \"imported\"
endpoint = \"http://127.0.0.1:8080/v1\"

[[models]]
id = \"mixtral-8x7b\"
provider = \"imported\"
encoding = \"cl100k_base\"
context_tokens = 32768
input_usd_per_mtok = 0.60
output_usd_per_mtok = 0.60

[[models]]
id = \"gpt-4-1106-preview\"
provider = \"imported\"
encoding = \"cl100k_base\"
context_tokens = 128000
max_output_tokens = 4096
input_usd_per_mtok = 10.00
output_usd_per_mtok = 30.00
";

/// A line of the source.
#[derive(Deserialize)]
struct Row {
    id: u64,
    prompt: String,
    gold: String,
    mixtral_8x7b: RecordedAnswer,
    gpt4_1106: RecordedAnswer,
}

#[derive(Deserialize)]
struct RecordedAnswer {
    answer: String,
    correct: bool,
}

/// Makes a suite of GSM8K questions with the recorded answers of two models: the baseline
/// is the smaller model, the overlay `larger_model` the larger one.
///
/// `text` has one JSON object a line: `id`, `prompt`, `gold` and, under `mixtral_8x7b` and
/// `gpt4_1106`, `answer` and `correct`. The suite in `into` holds its own installation.
/// Wrong answers are accepted as they are: what counts is that none gets worse. `into` is
/// there when it is whole, and only then.
///
/// # Errors
///
/// Where a line is not of this form or an id stands twice, there is no line, `into` is not
/// empty, or a file cannot be written.
pub fn gsm8k(text: &str, into: &Path) -> Result<ImportReport, SuiteError> {
    let rows = rows(text)?;
    let draft = Draft::of(into)?;
    draft.write("suite.toml", SUITE_TOML)?;
    draft.write("configs/providers.toml", PROVIDERS)?;
    draft.write("configs/overlays/fusion_overlay.baseline.txt", BASELINE)?;
    draft.write("configs/overlays/fusion_overlay.larger_model.txt", LARGER_MODEL)?;
    draft.write("configs/scenarios.yaml", &catalogue(&rows))?;
    let made = record_and_accept(draft.dir(), &rows)?;
    draft.finish()?;
    let findings = Suite::open(into)?.findings().to_vec();
    Ok(ImportReport { findings, ..made })
}

/// Records the answers in the suite `dir` and accepts them.
fn record_and_accept(dir: &Path, rows: &[(Row, f64)]) -> Result<ImportReport, SuiteError> {
    let suite = Suite::open(dir)?;
    let (scenarios, _) = suite.select(&[])?;
    let sides = Sides::new(&suite, &scenarios);
    let mut recordings = 0;
    for (scenario, (row, _)) in scenarios.iter().zip(rows) {
        let lines: Vec<_> =
            planned_calls(&sides, scenario).iter().map(|it| recording(it, row)).collect();
        recordings += lines.len();
        let text: String = lines.iter().map(Interaction::to_line).collect();
        files::write_new(&suite.cassette_path(scenario.id.as_str()), text.as_bytes())?;
    }
    let accepted = update(
        &suite,
        &UpdateOptions {
            reason: "imported: the answers as they were recorded, right or wrong".to_owned(),
            author: "golden import".to_owned(),
            ..UpdateOptions::default()
        },
    )?;
    Ok(ImportReport {
        scenarios: scenarios.len(),
        recordings,
        goldens: accepted.written.len(),
        findings: Vec::new(),
    })
}

/// The rows of the source, each with its number as a rule has it.
fn rows(text: &str) -> Result<Vec<(Row, f64)>, SuiteError> {
    let mut rows = Vec::new();
    let mut ids = HashSet::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        if line.trim().is_empty() {
            continue;
        }
        let row = row(line, &mut ids).map_err(|(column, finding)| {
            let at = at + column.min(line.len());
            SuiteError::Source { finding: Box::new(finding.at(text, at..at)) }
        })?;
        rows.push(row);
    }
    if rows.is_empty() {
        let finding = Diagnostic::error(code::UNREADABLE, "there is no question in it");
        return Err(SuiteError::Source { finding: Box::new(finding) });
    }
    Ok(rows)
}

/// One row, or what is wrong with it and at which of its bytes.
fn row(line: &str, ids: &mut HashSet<u64>) -> Result<(Row, f64), (usize, Box<Diagnostic>)> {
    let error =
        |at: usize, message: String| (at, Box::new(Diagnostic::error(code::UNREADABLE, message)));
    if let Some(twice) = duplicate_keys(line).into_iter().next() {
        let column = twice.at.as_ref().map_or(0, |at| at.span.start);
        // The first place counts within the line only.
        return Err((column, Box::new(Diagnostic { related: Vec::new(), ..twice })));
    }
    let row: Row = serde_json::from_str(line)
        .map_err(|err| error(err.column().saturating_sub(1), plain(&err)))?;
    let gold = row.gold.replace(',', "").parse();
    let gold: f64 = gold.map_err(|_| error(0, format!("`{}` is no number", row.gold)))?;
    if !ids.insert(row.id) {
        return Err(error(0, format!("the id {} stands twice", row.id)));
    }
    Ok((row, gold))
}

/// The scenarios, in the order of the source.
fn catalogue(rows: &[(Row, f64)]) -> String {
    let scenarios: Vec<_> = rows
        .iter()
        .map(|(row, gold)| {
            json!({
                "id": format!("gsm8k_{}", row.id),
                "type": "gsm8k",
                "category": "mathematics",
                "prompt": row.prompt,
                "tags": ["gsm8k"],
                // Soft, as no answer of a live model can be held to a number nobody knows.
                "expect": [{"id": "result", "severity": "soft", "number": gold}],
            })
        })
        .collect();
    yaml(&json!({"schema_version": "2.0.0", "scenarios": scenarios}))
}

fn recording(planned: &PlannedCall, row: &Row) -> Interaction {
    let (model, answer) = match planned.side {
        Side::Baseline => (SMALLER, &row.mixtral_8x7b),
        Side::Overlay => (LARGER, &row.gpt4_1106),
    };
    let tokens = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Interaction {
        v: 1,
        key: planned.key,
        sample: planned.call.sample,
        usage: Usage {
            prompt_tokens: tokens(prompt_tokens(&planned.call.request, ENCODING)),
            completion_tokens: tokens(count(ENCODING, &answer.answer)),
        },
        request: planned.call.request.clone(),
        response: Response { text: answer.answer.clone(), finish_reason: String::new() },
        latency: Latency::default(),
        labels: Some(Labels { correct: answer.correct }),
        judge: Vec::new(),
        recorded_at: None,
        recorder: Recorder::Model,
        recorded_by: model.to_owned(),
        model_fingerprint: None,
    }
}
