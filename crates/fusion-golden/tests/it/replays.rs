//! The shipped suite as it stands.

use std::path::Path;

use fusion_golden::{Suite, ValidateOptions, Verdict, render, validate};

use crate::shipped::{Shipped, open, scenario};

#[test]
fn every_scenario_passes() {
    let report = Shipped::new().validate();
    let open: Vec<_> = report.scenarios.iter().flat_map(open).collect();
    assert_eq!(open, Vec::<String>::new());
    assert_eq!((report.verdict, report.counts.total), (Verdict::Pass, report.counts.pass));
    assert!(report.counts.total >= 15);
}

#[test]
fn the_shipped_goldens_pass() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens");
    let suite = Suite::open(&dir).unwrap();
    let report = validate(&suite, &ValidateOptions { tokens: true, ..Default::default() }).unwrap();
    let open: Vec<_> = report.scenarios.iter().flat_map(open).collect();
    assert_eq!((report.verdict, open), (Verdict::Pass, Vec::new()));
}

#[test]
fn weak_answers_escalate_to_the_stronger_model() {
    let report = Shipped::new().validate();
    for id in ["schema_migration_regression", "plan_downgrade_seat_question"] {
        let overlay = scenario(&report, id).overlay.clone().unwrap();
        assert_eq!((overlay.calls, overlay.model.as_str()), (2, "gpt-4o"), "{id}");
        assert!(overlay.accepted);
    }
}

#[test]
fn candidates_are_voted_on() {
    let report = Shipped::new().validate();
    let votes = |id| scenario(&report, id).overlay.as_ref().unwrap().votes.clone();
    assert_eq!(votes("data_subject_erasure_request").len(), 5);
    assert_eq!(votes("refund_processing_duplicate"), []);
    // Two of three candidates agree, so the third one is not drawn.
    let overlay = scenario(&report, "access_recertification_orphans").overlay.as_ref().unwrap();
    assert_eq!(overlay.calls, 2);
}

#[test]
fn where_no_overlay_is_meant_the_baseline_answers() {
    let report = Shipped::new().validate();
    let scenario = scenario(&report, "archive_storage_quote_comparison");
    let overlay = scenario.overlay.as_ref().unwrap();
    assert_eq!((overlay.overlay.as_deref(), overlay.mode.as_str()), (None, "baseline_only"));
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let shipped = Shipped::new();
    shipped.edit("configs/scenarios.yaml", "cancelled for 30 minutes", "cancelled for 31 minutes");
    let report = |threads| {
        let options =
            ValidateOptions { tokens: true, bill: true, threads, ..ValidateOptions::default() };
        render::json(&validate(&shipped.suite(), &options).unwrap())
    };
    let first = report(1);
    for run in 0..20 {
        assert!(report(run % 5) == first, "run {run}");
    }
}

#[test]
fn a_bill_sums_up_to_the_prompt() {
    let shipped = Shipped::new();
    let options = ValidateOptions { tokens: true, bill: true, ..ValidateOptions::default() };
    let report = validate(&shipped.suite(), &options).unwrap();
    for it in &report.scenarios {
        let parts = it.bill.iter().filter(|it| !it.part.starts_with("key "));
        let sum: i64 = parts.map(|it| it.tokens).sum();
        let prompt = it.overlay.as_ref().unwrap().prompt_tokens.unwrap();
        assert_eq!(sum, i64::try_from(prompt).unwrap(), "{}: {:#?}", it.id, it.bill);
    }
    let bill = &scenario(&report, "refund_processing_duplicate").bill;
    let parts: Vec<_> = bill.iter().map(|it| it.part.as_str()).collect();
    assert!(parts.contains(&"prompt: Core Directive") && parts.contains(&"question"), "{parts:?}");
    // The pinned facts are part of the request only where the policy keeps them.
    let bill = &scenario(&report, "login_locked_after_phone_change").bill;
    let parts: Vec<_> = bill.iter().map(|it| it.part.as_str()).collect();
    assert!(parts.contains(&"key CONTINUITY_ENFORCEMENT") && parts.contains(&"turns"), "{parts:?}");
}

#[test]
fn known_failures_are_no_regression() {
    let shipped = Shipped::new();
    shipped.edit("configs/scenarios.yaml", "facts: [\"47\",", "facts: [\"48\",");
    fusion_golden::update(&shipped.suite(), &crate::shipped::reason("known")).unwrap();
    let report = shipped.validate();
    let scenario = scenario(&report, "security_incident_containment");
    assert_eq!(scenario.verdict, Verdict::Pass);
    let known: Vec<_> = scenario.checks.iter().map(|it| it.code).collect();
    assert!(known.contains(&"GLD3003") && known.contains(&"GLD3005"), "{known:?}");
    // Nothing of the overlay was accepted, so the baseline's answer is given.
    let sides = (scenario.overlay.as_ref().unwrap(), scenario.baseline.as_ref().unwrap());
    assert_eq!((sides.0.accepted, &sides.0.answer), (false, &sides.1.answer));
}

#[test]
fn old_recordings_are_reported_where_the_suite_asks_for_it() {
    let shipped = Shipped::new();
    let name = "goldens/cassettes/archive_storage_quote_comparison.jsonl";
    let dated = "\"recorded_at\":\"2025-01-31T23:59:59+01:00\",\"recorder\":\"model\"";
    shipped.edit(name, "\"recorder\":\"authored\"", dated);
    let suite = shipped.suite();
    fusion_golden::update(&suite, &crate::shipped::reason("dated")).unwrap();
    let of = |max_age_days, now| {
        let options = ValidateOptions { max_age_days, now, ..ValidateOptions::default() };
        let report = validate(&suite, &options).unwrap();
        open(scenario(&report, "archive_storage_quote_comparison"))
    };
    // 2025-01-31T22:59:59Z is 1738364399 seconds after 1970.
    let day = 86_400;
    assert_eq!(of(Some(30), Some(1_738_364_399 + 30 * day)), Vec::<String>::new());
    assert_eq!(
        of(Some(30), Some(1_738_364_399 + 31 * day)),
        ["GLD1016 warn goldens/cassettes/archive_storage_quote_comparison.jsonl - line 1 is 31 \
          days old, 30 are allowed"]
    );
    assert_eq!(of(Some(30), None), Vec::<String>::new());
}
