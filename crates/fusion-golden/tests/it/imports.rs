//! Suites made of files of others.

use std::fs;
use std::path::Path;

use fusion_golden::import::{self, ImportReport};
use fusion_golden::{
    Suite, SuiteError, SuiteReport, ValidateOptions, Verdict, read_golden, validate,
};
use tempfile::TempDir;

use crate::data;

#[track_caller]
fn validated(dir: &Path) -> SuiteReport {
    let options = ValidateOptions { tokens: true, ..ValidateOptions::default() };
    validate(&Suite::open(dir).unwrap(), &options).unwrap()
}

/// The findings of an import, one a line.
fn found(report: &ImportReport, path: &str) -> Vec<String> {
    let of = report
        .findings
        .iter()
        .filter(|it| it.path == path && it.diagnostic.code.starts_with("GLD"));
    of.map(|it| format!("{} {}", it.diagnostic.code, it.diagnostic.message)).collect()
}

#[test]
fn the_questions_with_answers_of_two_models() {
    let Some(data) = data::folder() else { return };
    let text = fs::read_to_string(data.join("eval/gsm8k_two_models.jsonl")).unwrap();
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("gsm8k");
    let imported = import::gsm8k(&text, &dir).unwrap();
    let rows = text.lines().count();
    assert_eq!((imported.scenarios, imported.recordings, imported.goldens), (rows, 2 * rows, rows));
    assert!(imported.findings.iter().all(|it| !it.diagnostic.is_error()));

    let report = validated(&dir);
    assert_eq!((report.verdict, report.counts.pass), (Verdict::Pass, rows));
    let share = |model: &str| {
        let agreement = report.agreement.iter().find(|it| it.model == model).unwrap();
        assert_eq!(agreement.labelled, rows);
        assert_eq!(agreement.disagreements.len(), rows - agreement.equal);
        agreement.share
    };
    assert!(share("mixtral-8x7b") >= 0.99, "{}", share("mixtral-8x7b"));
    assert!(share("gpt-4-1106-preview") >= 0.96, "{}", share("gpt-4-1106-preview"));

    // A wrong answer is shown as it is, and known.
    let wrong = report
        .scenarios
        .iter()
        .filter(|it| it.overlay.as_ref().is_some_and(|it| it.rules.iter().any(|rule| !rule.pass)));
    for it in wrong.clone() {
        assert!(it.checks.iter().any(|check| check.code == "GLD3003"), "{}", it.id);
        let overlay = it.overlay.as_ref().unwrap();
        assert!(overlay.accepted && overlay.model == "gpt-4-1106-preview");
    }
    assert!(wrong.count() > 50);

    assert!(matches!(import::gsm8k(&text, &dir).unwrap_err(), SuiteError::NotEmpty { .. }));
}

#[test]
fn a_source_that_is_not_of_the_form() {
    let folder = TempDir::new().unwrap();
    let row = r#"{"id": 6, "prompt": "?", "gold": "1,005", "mixtral_8x7b": {"answer": "1005", "correct": true}, "gpt4_1106": {"answer": "5", "correct": false}}"#;
    let cases = [
        ("{}".to_owned(), "1:2: error[GLD1001]: missing field `id`"),
        (row.replace("1,005", "many"), "1:1: error[GLD1001]: `many` is no number"),
        (format!("{row}\n\n{row}"), "3:1: error[GLD1001]: the id 6 stands twice"),
        (
            format!("\n{}", row.replace("\"gold\"", "\"id\": 7, \"gold\"")),
            "2:26: error[GLD1002]: the key `id` stands twice",
        ),
        ("\n \n".to_owned(), "error[GLD1001]: there is no question in it"),
    ];
    let into = folder.path().join("suite");
    for (text, message) in cases {
        let err = import::gsm8k(&text, &into).unwrap_err().to_string();
        assert!(err.starts_with(message), "{err}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
    }
    // An empty folder that is there already is filled.
    fs::create_dir(&into).unwrap();
    import::gsm8k(row, &into).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let mut names: Vec<_> =
        fs::read_dir(&into).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["cassettes", "configs", "gsm8k_6_golden.json", "suite.toml"]);
}

#[test]
fn a_suite_that_cannot_be_finished_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let source = folder.path().join("origin");
    fs::create_dir(&source).unwrap();
    let into = folder.path().join("suite");
    let refused = |catalogue: &str| {
        fs::write(source.join("eval_scenarios.yaml"), catalogue).unwrap();
        let err = import::origin(&source, &into).unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left");
        err
    };
    let err = refused("scenarios:\n  - id: [\n").to_string();
    assert!(err.contains("eval_scenarios.yaml:") && err.contains(": error[GLD1001]"), "{err}");
    // The overlay of this prompt has a longer name than a file may have.
    let prompts = source.join("micro_overlays");
    fs::create_dir(&prompts).unwrap();
    fs::write(prompts.join("p".repeat(250) + ".txt"), "").unwrap();
    let err = refused("scenarios:\n  - {id: a, prompt: b}\n");
    assert!(matches!(err, SuiteError::Write { .. }), "{err}");
}

#[test]
fn the_original_with_each_known_defect() {
    let Some(data) = data::folder() else { return };
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("origin");
    let report = import::origin(&data.join("origin"), &dir).unwrap();
    assert_eq!((report.scenarios, report.goldens, report.recordings), (15, 2, 4));
    assert_eq!(
        found(&report, "refund_processing_duplicate_golden.json"),
        [
            "GLD5001 `baseline_length` says 627, the text has 599 characters",
            "GLD5001 `overlay_length` says 1523, the text has 1458 characters",
            "GLD5001 `length_delta` says 896, the text has 859 characters",
            "GLD5002 `config_hash` a8f3b9c2d1e4f7g9 is not hexadecimal: it holds `g`",
            "GLD5003 4 scores of a surface heuristic cannot be verified; kept under `legacy`",
            "GLD5004 `addresses_context` is recorded as true, on the text it is false",
            "GLD5004 `includes_rationale` is recorded as true, on the text it is false",
            "GLD5010 no model is named: both outputs are kept as authored recordings",
        ]
    );
    assert_eq!(
        found(&report, "regulatory_compliance_audit_prep_golden.json")[..3],
        [
            "GLD5001 `baseline_length` says 731, the text has 675 characters",
            "GLD5001 `overlay_length` says 2847, the text has 3518 characters",
            "GLD5001 `length_delta` says 2116, the text has 2843 characters",
        ]
    );
    let off_step = found(&report, "overlay_params.yaml");
    assert_eq!(off_step.len(), 6);
    assert_eq!(
        off_step[0],
        "GLD5005 `top_p` of api_rate_limit_optimization: 0.72 is off the step 0.05 from 0.6"
    );
    let flags = found(&report, "overlay_feature_flags.yaml");
    let lost: Vec<_> = flags.iter().filter(|it| it.starts_with("GLD5006")).collect();
    assert_eq!(
        lost,
        [
            "GLD5006 `security_containment` enables `incident_response_model`, which does not exist",
            "GLD5006 `state_model_first` enables `state_compliance_model`, which does not exist",
            "GLD5006 `state_model_first` enables `regulatory_audit_prep`, which does not exist",
        ]
    );

    let replayed = validated(&dir);
    assert_eq!((replayed.counts.pass, replayed.counts.invalid), (2, 13));
    let golden = fs::read_to_string(dir.join("refund_processing_duplicate_golden.json")).unwrap();
    let golden = read_golden(&golden).0.unwrap();
    assert_eq!(golden.legacy.unwrap().evaluation_scores["specificity"], 0.87);
    assert_eq!(golden.recorded_by, ["authored: the original's golden"]);
    assert_eq!(golden.timestamp.as_deref(), Some("2025-08-10T09:00:00.000Z"));
    assert_eq!(golden.overlay_values["TEMPERATURE"], "0.22");
}

#[test]
fn a_golden_of_the_original_with_a_key_twice_is_refused() {
    let text = r#"{
  "scenario_id": "security_incident_containment",
  "baseline_output": "",
  "overlay_output": "short",
  "overlay_output": "long",
  "config_hash": "00",
  "execution_metrics": {"baseline_length": 0, "overlay_length": 4, "length_delta": 4}
}"#;
    let (golden, findings) = read_golden(text);
    assert_eq!(golden, None);
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    let (at, first) = (finding.at.as_ref().unwrap(), &finding.related[0].0);
    assert_eq!((finding.code, at.line, first.line), ("GLD1002", 5, 4));

    let folder = TempDir::new().unwrap();
    let source = folder.path().join("origin");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("eval_scenarios.yaml"), "scenarios:\n  - {id: a, prompt: b}\n").unwrap();
    fs::write(source.join("security_incident_containment_golden.json"), text).unwrap();
    let report = import::origin(&source, &folder.path().join("suite")).unwrap();
    assert_eq!((report.scenarios, report.goldens), (1, 0));
    let found = found(&report, "security_incident_containment_golden.json");
    assert_eq!(found, ["GLD1002 the key `overlay_output` stands twice"]);
}
