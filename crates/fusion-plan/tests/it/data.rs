//! Real answers, where the environment names them.
#![expect(clippy::disallowed_methods, reason = "the folder of real inputs is named outside")]
#![expect(clippy::print_stdout, reason = "shares and skips are for the reader of the test run")]

use std::path::PathBuf;

use fusion_plan::Checks;
use overlay_model::Test;
use serde::Deserialize;

use crate::scene::{answer, hard};

/// The file of real inputs, or `None` where there is none and none is required.
fn data(path: &str) -> Option<PathBuf> {
    if let Ok(folder) = std::env::var("FUSION_DATA") {
        return Some(PathBuf::from(folder).join(path));
    }
    println!("skipped: no data at FUSION_DATA");
    assert!(std::env::var("FUSION_DATA_REQUIRED").is_err(), "FUSION_DATA is required");
    None
}

#[derive(Deserialize)]
struct Row {
    id: u32,
    gold: String,
    mixtral_8x7b: Recorded,
    gpt4_1106: Recorded,
}

#[derive(Deserialize)]
struct Recorded {
    answer: String,
    correct: bool,
}

#[test]
fn the_number_rule_agrees_with_recorded_correctness() {
    let Some(path) = data("eval/gsm8k_two_models.jsonl") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Vec<Row> = text.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(rows.len(), 659);
    let small = agreement("mixtral_8x7b", &rows, |it| &it.mixtral_8x7b);
    let large = agreement("gpt4_1106", &rows, |it| &it.gpt4_1106);
    assert!(small >= 0.99 && large >= 0.96, "{small} {large}");
}

fn agreement(model: &str, rows: &[Row], of: fn(&Row) -> &Recorded) -> f64 {
    let mut equal = 0;
    for row in rows {
        let recorded = of(row);
        let gold = row.gold.replace(',', "").parse().unwrap();
        let rules = [hard(&Test::Number(gold))];
        let results = Checks::compile(&rules).0.on(&answer(&recorded.answer), &|_| 0);
        if results[0].pass == recorded.correct {
            equal += 1;
        } else {
            println!("{model} {}: recorded {}, {}", row.id, recorded.correct, results[0].evidence);
        }
    }
    let share = f64::from(equal) / f64::from(u32::try_from(rows.len()).unwrap());
    println!("{model}: {equal} of {} equal, {share:.4}", rows.len());
    share
}
