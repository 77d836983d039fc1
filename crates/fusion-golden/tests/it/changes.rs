//! One thing is changed: the scenario is named, and the key, section, rule or file.

use fusion_golden::Verdict;
use overlay_schema::{Kind, param};

use crate::shipped::{Shipped, open, scenario};

const REFUND: &str = "refund_processing_duplicate";
const ROLLBACK: &str = "configs/overlays/fusion_overlay.rollback_first.txt";

/// Replaces `from` by `to` in `file`; then `id` has `verdict`, and one of its checks begins
/// with `check`.
#[track_caller]
fn changed((file, from, to): (&str, &str, &str), id: &str, verdict: Verdict, check: &str) {
    let shipped = Shipped::new();
    shipped.edit(file, from, to);
    let report = shipped.validate();
    let found = scenario(&report, id);
    let checks = open(found);
    assert_eq!(found.verdict, verdict, "{checks:#?}");
    assert!(report.verdict >= verdict);
    assert!(checks.iter().any(|it| it.starts_with(check)), "{checks:#?}");
}

/// As [`changed`], and everything passes.
#[track_caller]
fn unchanged(file: &str, from: &str, to: &str) {
    let shipped = Shipped::new();
    shipped.edit(file, from, to);
    let report = shipped.validate();
    let open: Vec<_> = report.scenarios.iter().flat_map(open).collect();
    assert_eq!((report.verdict, open), (Verdict::Pass, Vec::new()));
}

#[test]
fn a_letter_of_a_prompt() {
    changed(
        (
            "configs/micro_overlays/rollback_first.md",
            "Never propose a change",
            "Never Propose a change",
        ),
        REFUND,
        Verdict::Stale,
        "GLD2003 stale configs/micro_overlays/rollback_first.md - the section `Core Directive` changed",
    );
    changed(
        ("configs/micro_overlays/rollback_first.md", "# Rollback First", "# Rollback first"),
        REFUND,
        Verdict::Stale,
        "GLD2003 stale configs/micro_overlays/rollback_first.md - the text outside the sections changed",
    );
    changed(
        (
            "configs/micro_overlays/rollback_first.md",
            "Never propose a change",
            "Never Propose a change",
        ),
        REFUND,
        Verdict::Stale,
        "GLD2005 stale configs/micro_overlays/rollback_first.md - overlay: no recorded answer of \
         gpt-4o-mini for sample 0 (4 of 4 calls are not recorded): the section `Core Directive` \
         changed",
    );
}

#[test]
fn a_letter_of_a_recorded_answer() {
    changed(
        (
            "goldens/cassettes/refund_processing_duplicate.jsonl",
            "Refund charge B",
            "Refund charge b",
        ),
        REFUND,
        Verdict::Invalid,
        "GLD1005 invalid goldens/cassettes/refund_processing_duplicate.jsonl - line 2: the \
         recording of gpt-4o-mini, sample 0, is not the accepted one",
    );
    // A sample that the vote never reached counts as well.
    changed(
        (
            "goldens/cassettes/access_recertification_orphans.jsonl",
            "Head of finan",
            "head of finan",
        ),
        "access_recertification_orphans",
        Verdict::Invalid,
        "GLD1005 invalid goldens/cassettes/access_recertification_orphans.jsonl - line 4: the \
         recording of gpt-4o, sample 2, is not the accepted one",
    );
}

#[test]
fn a_letter_of_a_recorded_request() {
    changed(
        ("goldens/cassettes/refund_processing_duplicate.jsonl", "INV-88214", "INV-88215"),
        REFUND,
        Verdict::Invalid,
        "GLD1004 invalid goldens/cassettes/refund_processing_duplicate.jsonl - 1:1: the request \
         of gpt-4o-mini, sample 0, is not the one of key ",
    );
}

#[test]
fn a_letter_of_a_golden() {
    changed(
        ("goldens/refund_processing_duplicate_golden.json", "keep charge A", "keep charge a"),
        REFUND,
        Verdict::Invalid,
        "GLD1003 invalid goldens/refund_processing_duplicate_golden.json - the golden says its \
         digest is ",
    );
    changed(
        (
            "goldens/refund_processing_duplicate_golden.json",
            "\"reason\": \"first\"",
            "\"reason\": \"First\"",
        ),
        REFUND,
        Verdict::Invalid,
        "GLD1003 invalid goldens/refund_processing_duplicate_golden.json - ",
    );
}

#[test]
fn a_key_without_effect_on_any_request() {
    changed(
        (ROLLBACK, "TRUST_FLOOR=0.65", "TRUST_FLOOR=0.66"),
        REFUND,
        Verdict::Fail,
        "GLD2002 fail configs/overlays/fusion_overlay.rollback_first.txt TRUST_FLOOR TRUST_FLOOR \
         of the overlay: 0.65 → 0.66, line ",
    );
    changed(
        (ROLLBACK, "ARBITRATION_TIMEOUT_MS=400\n", ""),
        REFUND,
        Verdict::Fail,
        "GLD2002 fail configs/overlays/fusion_overlay.baseline.txt ARBITRATION_TIMEOUT_MS \
         ARBITRATION_TIMEOUT_MS of the overlay: 400 → 250",
    );
    changed(
        (ROLLBACK, "OVERLAY_AUTHOR=RESONTINEX Fusion\n", "OVERLAY_AUTHOR=Somebody\n"),
        REFUND,
        Verdict::Fail,
        "GLD2002 fail configs/overlays/fusion_overlay.rollback_first.txt OVERLAY_AUTHOR ",
    );
    changed(
        (ROLLBACK, "SAMPLES=2\n", "SAMPLES=2\nREQUEST_DEADLINE_MS=9000\n"),
        REFUND,
        Verdict::Fail,
        "GLD2002 fail configs/overlays/fusion_overlay.rollback_first.txt REQUEST_DEADLINE_MS \
         REQUEST_DEADLINE_MS of the overlay is new: 9000, line ",
    );
}

#[test]
fn a_key_that_changes_the_requests() {
    changed(
        (ROLLBACK, "ENTROPY_REDUCTION_TARGET=0.72", "ENTROPY_REDUCTION_TARGET=0.73"),
        REFUND,
        Verdict::Stale,
        "GLD2005 stale configs/overlays/fusion_overlay.rollback_first.txt ENTROPY_REDUCTION_TARGET \
         overlay: no recorded answer of gpt-4o-mini for sample 0 (4 of 4 calls are not recorded): \
         ENTROPY_REDUCTION_TARGET of the overlay: 0.72 → 0.73",
    );
    changed(
        ("configs/overlays/fusion_overlay.baseline.txt", "MAX_TOKENS=700", "MAX_TOKENS=701"),
        REFUND,
        Verdict::Stale,
        "GLD2005 stale configs/overlays/fusion_overlay.baseline.txt MAX_TOKENS baseline: no \
         recorded answer of gpt-4o-mini for sample 0 (1 of 1 calls are not recorded): MAX_TOKENS \
         of the baseline: 700 → 701",
    );
}

#[test]
fn a_fact_or_a_rule_of_a_scenario() {
    changed(
        ("configs/scenarios.yaml", "cancelled for 30 minutes", "cancelled for 31 minutes"),
        REFUND,
        Verdict::Stale,
        "GLD2004 stale configs/scenarios.yaml - `question` of the scenario changed",
    );
    changed(
        ("configs/scenarios.yaml", "not: \"refund both charges\"", "not: \"both charges\""),
        REFUND,
        Verdict::Fail,
        "GLD2004 fail configs/scenarios.yaml - `rule keeps_first_charge` of the scenario changed",
    );
    changed(
        ("configs/scenarios.yaml", "facts: [\"47\",", "facts: [\"48\","),
        "security_incident_containment",
        Verdict::Fail,
        "GLD3001 fail - - overlay: rule `cites_signals`: missing `48`",
    );
    // Where a cascade would go on with the stronger model, that answer is missing.
    changed(
        (
            "configs/scenarios.yaml",
            "facts: [\"299.99\", \"4521\"]",
            "facts: [\"299.99\", \"4522\"]",
        ),
        REFUND,
        Verdict::Stale,
        "GLD2005 stale configs/scenarios.yaml - overlay: no recorded answer of gpt-4o for sample 0 \
         (3 of 4 calls are not recorded): `rule cites_charge` of the scenario changed",
    );
}

#[test]
fn a_flag_that_chooses_the_overlay() {
    let flags = "configs/overlay_feature_flags.yaml";
    let answer = "GLD2001 fail configs/overlay_feature_flags.yaml - `rollback_first` answered, now \
                  the baseline does";
    for (from, to) in [
        ("scenario_types: [refund_processing, ", "scenario_types: ["),
        (
            "enabled_overlays: [rollback_first]",
            "enabled: false\n    enabled_overlays: [rollback_first]",
        ),
        ("kill_switch: false", "kill_switch: true"),
    ] {
        changed((flags, from, to), REFUND, Verdict::Fail, answer);
    }
    unchanged(flags, "confidence_threshold: 0.7", "confidence_threshold: 0.75");
}

#[test]
fn without_flags_the_overlays_say_what_they_serve() {
    let shipped = Shipped::new();
    shipped.remove("configs/overlay_feature_flags.yaml");
    assert_eq!(shipped.validate().verdict, Verdict::Pass);

    let from = "OVERLAY_TARGET_SCENARIOS=refund_processing,";
    shipped.edit(ROLLBACK, from, "OVERLAY_TARGET_SCENARIOS=");
    let report = shipped.validate();
    let checks = open(scenario(&report, REFUND));
    let answer = "GLD2001 fail configs/overlays OVERLAY_TARGET_SCENARIOS `rollback_first` \
                  answered, now the baseline does";
    assert!(checks.iter().any(|it| it.starts_with(answer)), "{checks:#?}");
}

#[test]
fn a_price() {
    changed(
        ("configs/providers.toml", "input_usd_per_mtok = 0.15", "input_usd_per_mtok = 0.25"),
        REFUND,
        Verdict::Fail,
        "GLD2010 fail configs/providers.toml - overlay: units ",
    );
    let shipped = Shipped::new();
    let price = "input_usd_per_mtok = 0.15";
    shipped.edit("configs/providers.toml", price, "input_usd_per_mtok = 0.25");
    let report = shipped.validate();
    let check = scenario(&report, REFUND).checks.iter().find(|it| it.code == "GLD2010").unwrap();
    assert!(check.message.ends_with("for the same calls: the price of `gpt-4o-mini` changed"));
    assert_eq!(check.place().as_deref(), Some("configs/providers.toml:18"));
}

#[test]
fn a_change_has_its_line() {
    for (file, from, to, code) in [
        (ROLLBACK, "TRUST_FLOOR=0.65", "TRUST_FLOOR=0.7", "GLD2002"),
        ("configs/micro_overlays/rollback_first.md", "## Core Directive\n", "\n", "GLD2003"),
        ("configs/scenarios.yaml", "contains: \"INV-88214\"", "contains: \"INV\"", "GLD2004"),
        ("configs/scenarios.yaml", "prompt: Decide on", "prompt: Decide", "GLD2004"),
        ("goldens/cassettes/refund_processing_duplicate.jsonl", "charge B", "charge b", "GLD1005"),
    ] {
        let shipped = Shipped::new();
        let text = shipped.read(file);
        let line = text.lines().position(|it| it.contains(from.trim())).unwrap() + 1;
        shipped.edit(file, from, to);
        let report = shipped.validate();
        let checks = &scenario(&report, REFUND).checks;
        let named = checks.iter().filter(|it| it.code == code);
        let named: Vec<_> = named.filter_map(fusion_golden::Check::place).collect();
        // The heading is gone, and with it its line.
        let is_gone = code == "GLD2003";
        assert!(is_gone || named.contains(&format!("{file}:{line}")), "{from}: {named:?}");
    }
}

#[test]
fn a_vote() {
    let overlay = "configs/overlays/fusion_overlay.state_model_first.txt";
    changed(
        (overlay, "energy:1,entropy:2,trust:2,continuity:1,insight:1", "energy:3,entropy:1"),
        "data_subject_erasure_request",
        Verdict::Fail,
        "GLD2009 fail goldens/data_subject_erasure_request_golden.json - overlay: votes energy:1",
    );
}

#[test]
fn nothing_that_has_a_meaning() {
    unchanged(ROLLBACK, "TRUST_FLOOR=0.65", "# as reviewed\nTRUST_FLOOR = 0.650");
    unchanged(ROLLBACK, "SAMPLES=2\n", "\n\nSAMPLES=2\n");
    unchanged(ROLLBACK, "SAMPLES=2\n", "SAMPLES=2\nOVERLAY_CREATED=2025-11-01T00:00:00Z\n");
    unchanged("configs/scenarios.yaml", "A subscriber was charged twice", "Somebody paid twice");
    unchanged(
        "goldens/refund_processing_duplicate_golden.json",
        "  \"scenario_id\"",
        "\"scenario_id\"",
    );
}

/// Another value of the key's kind.
fn other_value(key: &str, value: &str) -> String {
    match param(key).unwrap().kind {
        Kind::Number { .. } => format!("{}", value.parse::<f64>().unwrap() + 0.01),
        Kind::Integer { .. } | Kind::Millis { .. } => {
            format!("{}", value.parse::<i64>().unwrap() + 1)
        }
        Kind::Switch => (value == "false").to_string(),
        Kind::Word(words) => (*words.iter().find(|it| **it != value).unwrap()).to_owned(),
        Kind::Models => "gpt-4o".to_owned(),
        Kind::Voters => "trust:1,energy:1".to_owned(),
        Kind::Version => "2.1.1".to_owned(),
        Kind::Scenarios => format!("{value},procurement"),
        _ => format!("{value} anew"),
    }
}

#[test]
fn every_key_of_an_overlay_is_named_by_each_of_its_scenarios() {
    let entries: Vec<_> = {
        let shipped = Shipped::new();
        let overlay: overlay_model::Overlay = shipped.read(ROLLBACK).parse().unwrap();
        overlay.entries().map(|it| (it.key.to_owned(), it.value.to_owned())).collect()
    };
    assert!(entries.len() >= 20);
    for (key, value) in entries.iter().filter(|(key, _)| key != "OVERLAY_NAME") {
        let shipped = Shipped::new();
        let other = other_value(key, value);
        shipped.edit(ROLLBACK, &format!("{key}={value}\n"), &format!("{key}={other}\n"));
        let report = shipped.validate();
        let serving = report
            .scenarios
            .iter()
            .filter(|it| it.selection.iter().any(|reason| reason.contains("rollback_first")));
        assert!(serving.clone().count() >= 5, "{key}");
        for scenario in serving {
            let named = scenario.checks.iter().any(|it| it.key.as_deref() == Some(key));
            assert!(named && scenario.verdict > Verdict::Warn, "{key}: {:#?}", open(scenario));
        }
    }
}
