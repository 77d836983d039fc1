//! Laws of acceptance: what is written afterwards passes, and nothing is ever re-keyed.

use std::collections::BTreeMap;
use std::fs;

use fusion_golden::{
    Golden, Recorder, Side, Suite, SuiteError, UpdateOptions, Verdict, append, missing_calls,
    prune, read_golden, rebind_authored, record_authored, update,
};

use crate::shipped::{Shipped, open, reason, scenario};

const REFUND: &str = "refund_processing_duplicate";
const GOLDEN: &str = "goldens/refund_processing_duplicate_golden.json";
const CASSETTE: &str = "goldens/cassettes/refund_processing_duplicate.jsonl";
const ROLLBACK: &str = "configs/overlays/fusion_overlay.rollback_first.txt";
const PROMPT: &str = "configs/micro_overlays/rollback_first.md";

#[track_caller]
fn passes(shipped: &Shipped) {
    let report = shipped.validate();
    let open: Vec<_> = report.scenarios.iter().flat_map(open).collect();
    assert_eq!((report.verdict, open), (Verdict::Pass, Vec::new()));
}

fn golden(shipped: &Shipped) -> Golden {
    read_golden(&shipped.read(GOLDEN)).0.unwrap()
}

/// All files of a folder with their bytes.
fn files(shipped: &Shipped, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(shipped.path(folder)).unwrap().map(Result::unwrap);
    let files = entries.filter(|it| it.file_type().unwrap().is_file());
    files.map(|it| (it.file_name().into_string().unwrap(), fs::read(it.path()).unwrap())).collect()
}

#[test]
fn what_was_accepted_passes() {
    for (file, from, to) in [
        (ROLLBACK, "TRUST_FLOOR=0.65", "TRUST_FLOOR=0.7"),
        (ROLLBACK, "OVERLAY_TARGET_SCENARIOS=refund_processing,", "OVERLAY_TARGET_SCENARIOS="),
        ("configs/scenarios.yaml", "facts: [\"299.99\", \"4521\"]", "facts: [\"299.99\"]"),
        ("configs/providers.toml", "input_usd_per_mtok = 0.15", "input_usd_per_mtok = 0.25"),
        (CASSETTE, "Refund charge B", "Refund charge b"),
        (GOLDEN, "keep charge A", "keep charge a"),
    ] {
        let shipped = Shipped::new();
        shipped.edit(file, from, to);
        assert_ne!(shipped.validate().verdict, Verdict::Pass, "{from}");
        let cassettes = files(&shipped, "goldens/cassettes");
        let report = update(&shipped.suite(), &reason(" because of a test ")).unwrap();
        assert_eq!(report.refused, [], "{from}");
        assert!(report.written.iter().any(|it| it.id == REFUND), "{from}");
        assert_eq!(files(&shipped, "goldens/cassettes"), cassettes, "recordings are not touched");
        if file == CASSETTE {
            // The side that no longer reads the line must not warn about it.
            prune(&shipped.suite(), &[], false).unwrap();
        }
        if from.starts_with("OVERLAY_TARGET") {
            prune(&shipped.suite(), &[], false).unwrap();
        }
        passes(&shipped);
        let last = golden(&shipped).history.last().unwrap().clone();
        assert_eq!((last.by.as_str(), last.reason.as_str()), ("a reviewer", "because of a test"));
    }
}

#[test]
fn a_second_acceptance_changes_no_byte() {
    let shipped = Shipped::new();
    let before = files(&shipped, "goldens");
    let report = update(&shipped.suite(), &reason("again")).unwrap();
    assert_eq!((report.written.len(), report.unchanged.len()), (0, before.len() - 1));
    assert_eq!(files(&shipped, "goldens"), before);
}

#[test]
fn history_grows_and_names_what_changed() {
    let shipped = Shipped::new();
    shipped.edit(ROLLBACK, "TRUST_FLOOR=0.65", "TRUST_FLOOR=0.7");
    let options = UpdateOptions {
        scenarios: vec![REFUND.to_owned()],
        at: Some("2025-11-21T12:00:00Z".to_owned()),
        ..reason("a higher floor")
    };
    let dry =
        update(&shipped.suite(), &UpdateOptions { dry_run: true, ..options.clone() }).unwrap();
    assert_eq!(golden(&shipped).history.len(), 1, "a dry run writes nothing");
    let report = update(&shipped.suite(), &options).unwrap();
    assert_eq!(report, dry);
    assert_eq!(report.written[0].changes, ["key TRUST_FLOOR"]);
    let golden = golden(&shipped);
    let reasons: Vec<_> = golden.history.iter().map(|it| it.reason.as_str()).collect();
    assert_eq!(reasons, ["first", "a higher floor"]);
    assert_eq!(golden.timestamp.as_deref(), Some("2025-11-21T12:00:00Z"));
}

#[test]
fn what_is_stale_or_broken_is_refused() {
    let shipped = Shipped::new();
    shipped.edit(PROMPT, "Never propose", "Do not propose");
    let before = files(&shipped, "goldens");
    let report = update(&shipped.suite(), &reason("in vain")).unwrap();
    assert_eq!((report.refused.len(), report.written.len()), (5, 0));
    assert!(report.refused[0].why.starts_with("stale: no recorded answer of gpt-4o-mini"));
    assert_eq!(files(&shipped, "goldens"), before);

    let shipped = Shipped::new();
    shipped.edit(CASSETTE, "INV-88214", "INV-88215");
    let report = update(&shipped.suite(), &reason("in vain")).unwrap();
    assert_eq!(report.refused.len(), 1);
    assert!(report.refused[0].why.contains("is not the one of key"), "{report:?}");
}

#[test]
fn nothing_is_accepted_without_reason_or_by_a_typing_error() {
    let shipped = Shipped::new();
    let suite = shipped.suite();
    assert!(matches!(update(&suite, &reason(" \n")).unwrap_err(), SuiteError::NoReason));
    assert!(matches!(rebind_authored(&suite, &reason("")).unwrap_err(), SuiteError::NoReason));
    let scenarios = vec!["refund".to_owned()];
    let err = update(&suite, &UpdateOptions { scenarios, ..reason("x") }).unwrap_err();
    let SuiteError::UnknownScenario { nearest, .. } = err else { panic!("{err}") };
    assert_eq!(nearest.as_deref(), Some(REFUND));
}

#[test]
fn authored_answers_follow_a_changed_prompt() {
    let shipped = Shipped::new();
    shipped.edit(PROMPT, "Never propose", "Do not propose");
    let old = golden(&shipped);
    let dry = rebind_authored(
        &shipped.suite(),
        &UpdateOptions { dry_run: true, ..reason("clearer words") },
    );
    let report = rebind_authored(&shipped.suite(), &reason("clearer words")).unwrap();
    assert_eq!(dry.unwrap(), report, "a dry run says what the real one does");
    assert_eq!((report.moved.len(), report.goldens.written.len()), (6, 5));
    assert_eq!(report.refused, []);
    passes(&shipped);
    let new = golden(&shipped);
    let moved = &new.history[1];
    let overlay = |it: &Golden| it.sides.as_ref().unwrap().overlay.requests[0];
    assert_eq!((moved.from, moved.to), (Some(overlay(&old)), Some(overlay(&new))));
    assert_eq!(moved.reason, "authored answer bound anew: clearer words");
    assert_eq!(
        (old.overlay_output, old.baseline_output),
        (new.overlay_output, new.baseline_output)
    );
    // The baseline's recording was never stale.
    assert_eq!(shipped.read(CASSETTE).lines().count(), 2);
}

#[test]
fn of_a_refused_scenario_nothing_moves() {
    let shipped = Shipped::new();
    shipped.edit(PROMPT, "contains \"Rollback\"", "contains \"ROLLBACK PLAN\"");
    let before = [files(&shipped, "goldens"), files(&shipped, "goldens/cassettes")];
    let report = rebind_authored(&shipped.suite(), &reason("a stricter gate")).unwrap();
    // With the new gate the first answer is not enough, and nobody recorded a second one.
    let refused: Vec<_> = report.goldens.refused.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(refused.len(), 4, "{report:#?}");
    assert!(refused.contains(&REFUND) && report.goldens.written.len() == 1);
    assert!(report.moved.iter().all(|it| it.scenario == report.goldens.written[0].id));
    let after = [files(&shipped, "goldens"), files(&shipped, "goldens/cassettes")];
    for (before, after) in before.iter().zip(&after) {
        for (name, bytes) in before {
            let is_refused = refused.iter().any(|id| name.starts_with(id));
            assert!(!is_refused || after[name] == *bytes, "{name} was touched");
        }
    }
    let again = rebind_authored(&shipped.suite(), &reason("once more")).unwrap();
    assert_eq!(again.goldens.refused, report.goldens.refused);
    assert_eq!((again.moved.len(), again.goldens.unchanged.len()), (0, 14));
    assert_eq!(scenario(&shipped.validate(), REFUND).verdict, Verdict::Stale);
    // Nothing is lost: with the old prompt everything but the accepted change holds.
    shipped.edit(PROMPT, "contains \"ROLLBACK PLAN\"", "contains \"Rollback\"");
    assert_eq!(scenario(&shipped.validate(), REFUND).verdict, Verdict::Pass);
}

#[test]
fn rebinding_accepts_what_needs_no_rebinding() {
    let shipped = Shipped::new();
    shipped.edit(ROLLBACK, "TRUST_FLOOR=0.65", "TRUST_FLOOR=0.70");
    let cassettes = files(&shipped, "goldens/cassettes");
    let options = reason("a higher floor");
    let dry =
        rebind_authored(&shipped.suite(), &UpdateOptions { dry_run: true, ..options.clone() });
    let report = rebind_authored(&shipped.suite(), &options).unwrap();
    assert_eq!(dry.unwrap(), report);
    assert_eq!((report.moved.len(), report.goldens.written.len()), (0, 5));
    assert_eq!(files(&shipped, "goldens/cassettes"), cassettes);
    passes(&shipped);
}

#[test]
fn only_the_selected_scenarios_are_touched() {
    let shipped = Shipped::new();
    shipped.edit(PROMPT, "Never propose", "Do not propose");
    let suite = shipped.suite();
    let other = vec!["partial_refund_order_bundle".to_owned()];
    let report = prune(&suite, &other, true).unwrap();
    assert!(!report.removed.is_empty());
    assert!(report.removed.iter().all(|it| it.file.contains(&other[0])), "{report:?}");
    let before = shipped.read(CASSETTE);
    prune(&suite, &other, false).unwrap();
    assert_eq!(shipped.read(CASSETTE), before);
    let nowhere = ["nosuch".to_owned()];
    let unknown = |err| matches!(err, SuiteError::UnknownScenario { .. });
    assert!(unknown(prune(&suite, &nowhere, false).unwrap_err()));
    assert!(unknown(missing_calls(&suite, &nowhere, None).unwrap_err()));

    let answers = shipped.read("goldens/authored/answers.jsonl");
    let report = record_authored(&suite, &other, &answers, "an author").unwrap();
    assert_eq!(shipped.read(CASSETTE), before);
    assert!(report.bound.iter().all(|it| it.starts_with(&other[0])), "{report:?}");
    assert!(report.left_out > 10, "{report:?}");
    assert!(unknown(record_authored(&suite, &nowhere, &answers, "an author").unwrap_err()));
}

#[test]
fn answers_of_models_never_follow() {
    let shipped = Shipped::new();
    let text = shipped.read(CASSETTE);
    shipped.write(CASSETTE, &text.replace("\"recorder\":\"authored\"", "\"recorder\":\"model\""));
    update(&shipped.suite(), &reason("recorded by a model")).unwrap();
    shipped.edit(PROMPT, "Never propose", "Do not propose");
    let scenarios = vec![REFUND.to_owned()];
    let options = UpdateOptions { scenarios, ..reason("in vain") };
    let cassettes = files(&shipped, "goldens/cassettes");
    let report = rebind_authored(&shipped.suite(), &options).unwrap();
    assert_eq!((report.moved.len(), report.refused.len()), (0, 1));
    assert_eq!(files(&shipped, "goldens/cassettes"), cassettes);
    assert_eq!(scenario(&shipped.validate(), REFUND).verdict, Verdict::Stale);
}

#[test]
fn recordings_are_appended_once_and_pruned_when_nothing_asks_for_them() {
    let shipped = Shipped::new();
    let suite = shipped.suite();
    let only = [REFUND.to_owned()];
    let calls = missing_calls(&suite, &only, None).unwrap();
    let recorded: Vec<_> = calls.iter().map(|it| (it.side, it.recorded)).collect();
    assert_eq!(recorded[..2], [(Side::Baseline, true), (Side::Overlay, true)]);
    let call = calls.iter().find(|it| !it.recorded).unwrap();
    let line = shipped.read(CASSETTE).lines().next().unwrap().to_owned();
    let mut new: fusion_golden::Interaction = serde_json::from_str(&line).unwrap();
    assert!(matches!(append(&suite, REFUND, &new).unwrap_err(), SuiteError::Recorded { .. }));
    new.request = call.call.request.clone();
    new.sample = call.call.sample;
    assert!(matches!(append(&suite, REFUND, &new).unwrap_err(), SuiteError::WrongKey));
    new.key = call.key;
    new.recorder = Recorder::Model;
    append(&suite, REFUND, &new).unwrap();
    assert_eq!(shipped.read(CASSETTE).lines().last().unwrap(), new.to_line().trim_end());
    assert!(
        missing_calls(&suite, &only, None)
            .unwrap()
            .contains(&fusion_golden::PlannedCall { recorded: true, ..call.clone() })
    );
    let report = shipped.validate();
    assert_eq!(
        open(scenario(&report, REFUND)),
        ["GLD1015 warn goldens/cassettes/refund_processing_duplicate.jsonl - line 3 was recorded \
          since"]
    );
    // Further samples of the same request are kept; another prompt's are not.
    assert_eq!(prune(&suite, &[], false).unwrap().removed, []);
    shipped.edit(PROMPT, "Never propose", "Do not propose");
    let suite = shipped.suite();
    let dry = prune(&suite, &[], true).unwrap();
    assert_eq!(shipped.read(CASSETTE).lines().count(), 3);
    assert_eq!(prune(&suite, &[], false).unwrap(), dry);
    assert_eq!(shipped.read(CASSETTE).lines().count(), 1);
    let lines: Vec<_> =
        dry.removed.iter().filter(|it| it.file.contains(REFUND)).map(|it| it.line).collect();
    assert_eq!(lines, [2, 3]);
}

#[test]
fn more_samples_than_a_plan_draws_can_be_asked_for() {
    let shipped = Shipped::new();
    let calls = missing_calls(&shipped.suite(), &[REFUND.to_owned()], Some(3)).unwrap();
    let mut samples: Vec<_> =
        calls.iter().map(|it| (it.side, it.call.request.model.as_str(), it.call.sample)).collect();
    samples.sort();
    let expected: Vec<_> = [
        (Side::Baseline, "gpt-4o-mini"),
        (Side::Overlay, "gpt-4o"),
        (Side::Overlay, "gpt-4o-mini"),
    ]
    .into_iter()
    .flat_map(|(side, model)| (0..3).map(move |sample| (side, model, sample)))
    .collect();
    assert_eq!(samples, expected);
}

#[track_caller]
fn bind(suite: &Suite, answer: &str) -> String {
    let report = record_authored(suite, &[], answer, "an author").unwrap();
    [report.bound, report.unchanged, report.refused].concat().join("; ")
}

#[test]
fn authored_answers_are_bound_to_the_calls_they_answer() {
    let shipped = Shipped::new();
    let suite = shipped.suite();
    let answer = |model: &str, sample: u32, text: &str| {
        serde_json::json!({"scenario": REFUND, "side": "overlay", "model": model, "sample": sample, "text": text})
            .to_string()
    };
    assert_eq!(
        bind(&suite, &answer("gpt-4o", 1, "Yes.")),
        "refund_processing_duplicate, overlay, gpt-4o, sample 1"
    );
    assert_eq!(
        bind(&suite, &answer("gpt-4o", 2, "Yes.")),
        "refund_processing_duplicate, overlay, gpt-4o, sample 2: no call of the plan"
    );
    let again = record_authored(&suite, &[], &answer("gpt-4o", 1, "Yes."), "an author").unwrap();
    assert_eq!(again.unchanged.len(), 1);
    let before = shipped.read(CASSETTE);
    let again =
        record_authored(&suite, &[], &answer("gpt-4o", 1, "Yes."), "somebody else").unwrap();
    assert_eq!((again.unchanged.len(), shipped.read(CASSETTE)), (1, before));
    let last = shipped.read(CASSETTE).lines().last().unwrap().to_owned();
    let last: fusion_golden::Interaction = serde_json::from_str(&last).unwrap();
    assert_eq!((last.recorder, last.recorded_by.as_str()), (Recorder::Authored, "an author"));
    assert_eq!(last.usage.completion_tokens, 2);
    shipped.edit(
        CASSETTE,
        "\"recorder\":\"authored\",\"recorded_by\":\"an author\"",
        "\"recorder\":\"model\",\"recorded_by\":\"gpt-4o\"",
    );
    assert_eq!(
        bind(&suite, &answer("gpt-4o", 1, "No.")),
        "refund_processing_duplicate, overlay, gpt-4o, sample 1: gpt-4o answered it"
    );
    let before = shipped.read(CASSETTE);
    let answers = format!("{}\n\n  {{\"scenario\": 1}}\n", answer("gpt-4o", 0, "No."));
    let err = record_authored(&suite, &[], &answers, "an author").unwrap_err();
    assert!(matches!(err, SuiteError::Source { .. }), "{err}");
    assert!(err.to_string().starts_with("3:16: error[GLD1001]: invalid type"), "{err}");
    assert_eq!(shipped.read(CASSETTE), before, "nothing of a broken file is bound");
}
