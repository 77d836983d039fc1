//! What passes by identity, and what only looks the same.

use std::fs;

use fusion_golden::budget::{
    Base, BudgetCheck, BudgetReport, Budgets, Subject, budget_report_schema, gate, measure, render,
};
use fusion_golden::statistics::Reason;
use fusion_golden::{FileFinding, Suite, Verdict};

use crate::shipped::Shipped;

const OVERLAY: &str = "configs/overlays/fusion_overlay.rollback_first.txt";
const NAME: &str = "rollback_first";

fn open(shipped: &Shipped) -> Suite {
    Suite::open(&shipped.path("goldens")).unwrap()
}

fn against(before: &Shipped, after: &Shipped) -> BudgetReport {
    let candidate = open(after);
    let (budgets, _) = Budgets::read(&candidate).unwrap();
    let base = Base::Suite { name: "before".to_owned(), suite: open(before) };
    gate(&candidate, "after", vec![base], &[], &budgets, 1).unwrap()
}

fn changed(edit: impl FnOnce(&Shipped)) -> BudgetReport {
    let (before, after) = (Shipped::new(), Shipped::new());
    edit(&after);
    against(&before, &after)
}

/// Gives a key of the overlay another value.
fn set(shipped: &Shipped, key: &str, value: &str) {
    let text = shipped.read(OVERLAY);
    let others = text.lines().filter(|it| !it.starts_with(&format!("{key}=")));
    let others: String = others.map(|it| format!("{it}\n")).collect();
    shipped.write(OVERLAY, &format!("{others}{key}={value}\n"));
}

#[track_caller]
fn of_overlay(report: &BudgetReport, name: Subject) -> &BudgetCheck {
    let is_it = |it: &&BudgetCheck| {
        it.name == name && it.scenario.is_none() && it.overlay.as_deref() == Some(NAME)
    };
    report.checks.iter().find(is_it).unwrap_or_else(|| panic!("{:#?}", report.open_checks()))
}

#[track_caller]
fn check(report: &BudgetReport, name: Subject, verdict: Verdict, reason: Reason) {
    let found = of_overlay(report, name);
    assert_eq!((found.gate.verdict, found.gate.reason), (verdict, reason), "{found:#?}");
}

#[test]
fn an_answer_that_is_asked_for_now_and_missing_is_stale() {
    let report = changed(|it| set(it, "TRUST_FLOOR", "0.99"));
    assert!(report.verdict >= Verdict::Stale, "{:#?}", report.open_checks());
    check(&report, Subject::OutputTokens, Verdict::Stale, Reason::Missing);
    assert!(of_overlay(&report, Subject::OutputTokens).gate.missing > 0);
}

#[test]
fn settings_that_act_on_answers_alone_are_shown() {
    for (key, value) in [
        ("ENTROPY_FLOOR", "0.9"),
        ("TRUST_SCORING_MODEL", "simple_alignment"),
        ("ENERGY_FLOOR", "0.9"),
    ] {
        let report = changed(|it| set(it, key, value));
        assert_eq!(report.verdict, Verdict::Warn, "{key}: {:#?}", report.open_checks());
        let found = of_overlay(&report, Subject::Settings);
        assert_eq!(found.keys, [key]);
        assert!(found.message.starts_with(key) && found.message.contains(value), "{found:#?}");
        let changes = report.changes_of(found);
        assert!(changes[0].line.is_some() && changes[0].file.is_some(), "{changes:#?}");
        // What is recorded comes to the same: nothing has to be estimated.
        check(&report, Subject::Cost, Verdict::Pass, Reason::Identity);
    }
}

#[test]
fn a_description_changes_nothing() {
    let report = changed(|it| set(it, "OVERLAY_DESCRIPTION", "other words"));
    assert_eq!(report.verdict, Verdict::Pass, "{:#?}", report.open_checks());
}

#[test]
fn prices_change_the_cost_and_nothing_else() {
    let report = changed(|it| {
        let file = "configs/providers.toml";
        let text = it.read(file);
        let dear = text.lines().map(|line| match line.split_once(" = ") {
            Some((key @ "input_usd_per_mtok", _)) => format!("{key} = 50.0\n"),
            Some((key @ "output_usd_per_mtok", _)) => format!("{key} = 90.0\n"),
            _ => format!("{line}\n"),
        });
        it.write(file, &dear.collect::<String>());
    });
    let cost = of_overlay(&report, Subject::Cost);
    assert_eq!(cost.gate.verdict, Verdict::Fail, "{cost:#?}");
    assert!(cost.gate.delta > Some(1.0) && cost.gate.identical == 0, "{cost:#?}");
    assert_eq!(cost.gate.reason, Reason::Exact);
    assert!(cost.message.contains("; prices: gpt-4o"), "{}", cost.message);
    check(&report, Subject::OutputTokens, Verdict::Pass, Reason::Identity);
    check(&report, Subject::Failures, Verdict::Pass, Reason::Identity);
}

/// Multiplies a price of a model.
fn dearer(shipped: &Shipped, field: &str, from: &str, to: &str) {
    shipped.edit(
        "configs/providers.toml",
        &format!("{field} = {from}\n"),
        &format!("{field} = {to}\n"),
    );
}

/// The same answers at other prices: nothing is drawn, so nothing is estimated.
#[test]
fn prices_are_judged_exactly_and_named_with_their_line() {
    let (input, output) = ("input_usd_per_mtok", "output_usd_per_mtok");
    let doubled = changed(|it| {
        dearer(it, input, "0.15", "0.30");
        dearer(it, output, "0.60", "1.20");
    });
    let costs = |it: &BudgetReport| {
        let found = it.checks.iter().filter(|it| it.name == Subject::Cost && it.gate.n > 0);
        found.cloned().collect::<Vec<_>>()
    };
    let found = costs(&doubled);
    assert!(found.len() > 1, "{found:#?}");
    for cost in &found {
        let delta = cost.gate.delta.unwrap();
        // What the dearer model costs is as before.
        assert!(delta > 0.0 && delta < 1.001, "{cost:#?}");
        assert_eq!(cost.gate.reason, Reason::Exact, "{cost:#?}");
        assert_eq!(
            cost.keys,
            ["gpt-4o-mini.input_usd_per_mtok", "gpt-4o-mini.output_usd_per_mtok"]
        );
        let place = doubled.changes_of(cost)[0];
        assert_eq!(place.file.as_deref(), Some("configs/providers.toml"));
        assert!(place.line.is_some());
    }
    assert!(found.iter().any(|it| it.gate.verdict == Verdict::Fail), "{found:#?}");
    let one = changed(|it| dearer(it, output, "0.60", "0.90"));
    assert!(costs(&one).iter().all(|it| {
        it.gate.verdict != Verdict::Insufficient && it.gate.delta.is_some_and(|it| it > 0.0)
    }));
}

#[test]
fn another_model_at_the_same_prices_is_no_new_price() {
    let report = changed(|it| set(it, "MODEL", "gpt-4o"));
    let cost = of_overlay(&report, Subject::Cost);
    assert!(!cost.message.contains("prices"), "{}", cost.message);
}

#[test]
fn what_is_stale_is_named_with_its_remedy() {
    let report = changed(|it| set(it, "MAX_TOKENS", "950"));
    let found = of_overlay(&report, Subject::OutputTokens);
    assert_eq!(found.gate.verdict, Verdict::Stale);
    assert_eq!((found.gate.delta, found.gate.interval), (None, None), "{found:#?}");
    for part in ["refund_processing_duplicate", "golden record", "golden update --reason"] {
        assert!(found.message.contains(part), "{}", found.message);
    }
    assert!(!found.message.contains('%'), "{}", found.message);
}

/// The patch of a setting stands in every form, once.
#[test]
fn the_page_shows_what_changed_in_an_overlay() {
    let report = changed(|it| set(it, "ENTROPY_FLOOR", "0.9"));
    let page = render::html(&report);
    assert_eq!(page.matches("+ENTROPY_FLOOR=0.9").count(), 1, "{page}");
}

#[test]
fn an_overlay_that_no_scenario_selects_is_seen_to_grow() {
    let with = |words: usize, budget: &str| {
        let shipped = Shipped::new();
        let text =
            shipped.read(OVERLAY).replace("OVERLAY_NAME=rollback_first", "OVERLAY_NAME=extra_one");
        let text = text.replace("MAX_TOKENS=900", &format!("MAX_TOKENS={budget}"));
        shipped.write("configs/overlays/fusion_overlay.extra_one.txt", &text);
        let prompt = format!("## Core Directive\nBe brief.\n{}\n", "Say it again.\n".repeat(words));
        shipped.write("configs/micro_overlays/extra_one.md", &prompt);
        shipped
    };
    let of_extra = |report: &BudgetReport| {
        let is_it = |it: &&BudgetCheck| it.overlay.as_deref() == Some("extra_one");
        let found: Vec<_> = report.checks.iter().filter(is_it).cloned().collect();
        found
    };
    let grown = against(&with(5, "900"), &with(45, "900"));
    let found = of_extra(&grown);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].name, found[0].gate.verdict), (Subject::PromptTokens, Verdict::Fail));
    assert_eq!(found[0].keys, ["prompt: Core Directive"], "{found:#?}");
    assert!(found[0].message.contains("no scenario selects it"), "{}", found[0].message);
    let place = grown.changes_of(&found[0])[0];
    assert_eq!(place.file.as_deref(), Some("configs/micro_overlays/extra_one.md"));
    // What it answers is not known, even where its prompt is as long.
    let found = of_extra(&against(&with(5, "900"), &with(5, "950")));
    assert_eq!(found[0].gate.verdict, Verdict::Insufficient, "{found:#?}");
    assert_eq!(found[0].keys, ["MAX_TOKENS"]);
    assert_eq!(of_extra(&against(&with(5, "900"), &with(5, "900"))), []);
}

#[test]
fn what_is_recorded_on_neither_side_passes_where_nothing_changed() {
    let bare = || {
        let shipped = Shipped::new();
        for entry in fs::read_dir(shipped.path("goldens/cassettes")).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        shipped
    };
    let (before, after) = (bare(), bare());
    let report = against(&before, &after);
    assert_eq!(report.verdict, Verdict::Pass, "{:#?}", report.open_checks());
    check(&report, Subject::OutputTokens, Verdict::Pass, Reason::Identity);
    set(&after, "TRUST_FLOOR", "0.7");
    check(&against(&before, &after), Subject::OutputTokens, Verdict::Stale, Reason::Missing);
}

#[track_caller]
fn limits(report: &BudgetReport) -> &BudgetCheck {
    report.checks.iter().find(|it| it.name == Subject::Limits).expect("a check of the limits")
}

#[test]
fn looser_limits_are_named_with_their_place() {
    let raised = changed(|it| it.edit("configs/budgets.toml", "warn = 12", "warn = 20"));
    assert_eq!(raised.verdict, Verdict::Warn, "{:#?}", raised.open_checks());
    let found = limits(&raised);
    assert_eq!(found.keys, ["tokens.warn"]);
    assert!(found.message.ends_with(": tokens.warn 12 → 20"), "{}", found.message);
    let place = raised.changes_of(found)[0];
    assert_eq!((place.file.as_deref(), place.line), (Some("configs/budgets.toml"), Some(6)));

    let own = changed(|it| {
        let text = it.read("configs/budgets.toml");
        let table = "[scenarios.refund_processing_duplicate.tokens]\nblock = 40\n";
        it.write("configs/budgets.toml", &format!("{text}\n{table}"));
    });
    assert_eq!(limits(&own).keys, ["scenarios.refund_processing_duplicate.tokens.block"]);

    let stricter = changed(|it| it.edit("configs/budgets.toml", "warn = 12", "warn = 10"));
    assert_eq!(stricter.verdict, Verdict::Pass);
}

#[test]
fn a_cap_that_is_gone_or_raised_is_named() {
    let raised = changed(|it| set(it, "BASELINE_TOKEN_CAP_PCT", "950"));
    let found = limits(&raised);
    assert!(found.message.ends_with(": BASELINE_TOKEN_CAP_PCT 400 → 950"), "{found:#?}");
    assert!(raised.changes_of(found)[0].line.is_some());
    let gone = changed(|it| {
        let base_layer = "configs/overlays/fusion_overlay.baseline.txt";
        it.edit(base_layer, "BASELINE_TOKEN_CAP_PCT=0\n", "");
        it.edit(OVERLAY, "BASELINE_TOKEN_CAP_PCT=400\n", "");
    });
    let found = limits(&gone);
    assert!(found.message.contains("BASELINE_TOKEN_CAP_PCT 400 → none"), "{found:#?}");
    assert_eq!(found.gate.verdict, Verdict::Warn);
    let stricter = changed(|it| set(it, "BASELINE_TOKEN_CAP_PCT", "300"));
    assert_eq!(stricter.verdict, Verdict::Pass, "{:#?}", stricter.open_checks());
}

#[test]
fn what_has_no_figure_shows_none() {
    let report = changed(|it| set(it, "MODEL", "nowhere"));
    let failed = report.open_checks();
    let failed = failed.iter().find(|it| it.message.starts_with("no plan can be made")).unwrap();
    assert_eq!((failed.gate.candidate, failed.gate.delta), (None, None));
    assert_eq!((failed.gate.verdict, failed.gate.reason), (Verdict::Fail, Reason::NoFigure));
    let text = render::table(&report, 200, false);
    let row = text.lines().find(|it| it.starts_with("fail     prompt tokens")).unwrap();
    assert!(row.ends_with(" -") && !row.contains("exact"), "{row}");
}

/// The tests and failures of the JUnit form.
fn junit(report: &BudgetReport, strict: bool) -> (usize, usize) {
    let found = quick_junit::Report::deserialize_from_str(&render::junit(report, strict)).unwrap();
    (found.tests, found.failures)
}

#[test]
fn what_blocks_is_counted() {
    let stale = changed(|it| set(it, "TRUST_FLOOR", "0.99"));
    let blocking = stale.blocking(false);
    assert!(blocking > 0 && stale.blocking(true) > blocking);
    assert_eq!(junit(&stale, false).1, blocking);
    assert_eq!(junit(&stale, true).1, stale.blocking(true));

    let mut broken = changed(|_| ());
    assert_eq!(broken.blocking(true), 0);
    let (_, findings) = Budgets::parse("[tokes]\n");
    let of_file = |diagnostic| FileFinding { path: "configs/budgets.toml".to_owned(), diagnostic };
    broken.add_findings(findings.into_iter().map(of_file).collect());
    assert_eq!((broken.verdict, broken.blocking(false)), (Verdict::Invalid, 1));
    let text = render::table(&broken, 100, false);
    assert!(text.contains("1 invalid"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&render::json(&broken)).unwrap();
    let schema = jsonschema::validator_for(&budget_report_schema()).unwrap();
    assert!(schema.is_valid(&json), "{json:#}");
}

/// What the service routes: without a flag file what overlays say of themselves. One that is
/// broken is refused, as by a service that runs.
#[test]
fn overlays_answer_as_in_the_service() {
    const FLAGS: &str = "configs/overlay_feature_flags.yaml";
    let overlays = |shipped: &Shipped| {
        let measured = measure(&open(shipped), &[], "now", 1).unwrap();
        measured.scenarios.iter().filter(|it| it.overlay.is_some()).count()
    };
    let shipped = Shipped::new();
    assert!(overlays(&shipped) > 0);
    shipped.write(FLAGS, "features: [\n");
    assert!(measure(&open(&shipped), &[], "now", 1).is_err());
    shipped.remove(FLAGS);
    assert!(overlays(&shipped) > 0);
}
