//! Scenarios that change with what they judge: nothing hides behind them.

use fusion_golden::budget::{Base, BudgetCheck, BudgetReport, Budgets, Subject, gate, measure};
use fusion_golden::{Suite, Verdict};

use crate::shipped::Shipped;

const REFUND: &str = "refund_processing_duplicate";
const CATALOGUE: &str = "configs/scenarios.yaml";
const PROMPT: &str = "configs/micro_overlays/rollback_first.md";
const HEADING: &str = "## Implementation Patterns\n";
const ASKS: &str = "    prompt: Decide on this refund request";

fn open(shipped: &Shipped) -> Suite {
    Suite::open(&shipped.path("goldens")).unwrap()
}

/// The shipped suite with `edit`, against itself without.
fn against_shipped(edit: impl FnOnce(&Shipped)) -> BudgetReport {
    let (before, after) = (Shipped::new(), Shipped::new());
    edit(&after);
    let base = Base::Suite { name: "base".to_owned(), suite: open(&before) };
    gate(&open(&after), "candidate", vec![base], &[], &Budgets::default(), 1).unwrap()
}

/// The same against the record of a release.
fn against_record(edit: impl FnOnce(&Shipped)) -> BudgetReport {
    let (before, after) = (Shipped::new(), Shipped::new());
    edit(&after);
    let record = measure(&open(&before), &[], "record", 1).unwrap();
    let kept = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
    gate(&open(&after), "candidate", vec![Base::Record(kept)], &[], &Budgets::default(), 1).unwrap()
}

#[track_caller]
fn row<'r>(report: &'r BudgetReport, name: Subject, scenario: Option<&str>) -> &'r BudgetCheck {
    let is_it = |it: &&BudgetCheck| it.name == name && it.scenario.as_deref() == scenario;
    let found = report.checks.iter().filter(is_it).max_by_key(|it| it.gate.verdict);
    found.unwrap_or_else(|| panic!("no {name:?}: {:#?}", report.checks))
}

/// The line of the first `text` in the catalogue.
#[track_caller]
fn line(shipped: &str, text: &str) -> usize {
    shipped.lines().position(|it| it.contains(text)).expect("the line is there") + 1
}

/// Gives the refund parameters of its own.
fn parameters(shipped: &Shipped, text: &str) {
    shipped.edit(CATALOGUE, ASKS, &format!("    parameters: {{{text}}}\n{ASKS}"));
}

/// The warning about the catalogue holds `expect`.
#[track_caller]
fn check_told(report: &BudgetReport, expect: &[&str]) {
    let told = row(report, Subject::Catalogue, None);
    assert_eq!(told.gate.verdict, Verdict::Warn);
    for expect in expect {
        assert!(told.message.contains(expect), "{expect}: {}", told.message);
    }
    let explained = report.explanation(told).expect("an explanation");
    let at = |it: &fusion_golden::budget::Change| it.file.as_deref() == Some(CATALOGUE);
    assert!(explained.changes.iter().all(at), "{explained:#?}");
}

#[test]
fn a_parameter_of_a_scenario_is_a_change_like_any_other() {
    for against in [against_shipped, against_record] {
        let report = against(|it: &Shipped| parameters(it, "MAX_TOKENS: 4000"));
        assert_eq!(report.verdict, Verdict::Stale, "{:#?}", report.open_checks());
        let stale = row(&report, Subject::OutputTokens, None);
        assert_eq!(stale.keys, ["MAX_TOKENS"]);
        let change = report.changes_of(stale)[0];
        let text = Shipped::new();
        parameters(&text, "MAX_TOKENS: 4000");
        let expect = line(&text.read(CATALOGUE), "MAX_TOKENS: 4000");
        assert_eq!((change.file.as_deref(), change.line), (Some(CATALOGUE), Some(expect)));
        check_told(&report, &["refund_processing_duplicate: MAX_TOKENS none → 4000 (configs/"]);
    }
}

#[test]
fn one_that_acts_on_answers_alone_is_no_identity() {
    let report = against_shipped(|it| parameters(it, "TRUST_FLOOR: 0.99"));
    let settings = row(&report, Subject::Settings, None);
    assert_eq!(settings.keys, ["TRUST_FLOOR"]);
    assert!(report.changes_of(settings)[0].line.is_some());
}

#[test]
fn another_type_lets_another_overlay_answer() {
    let report = against_shipped(|it| {
        it.edit(CATALOGUE, "    type: refund_processing\n", "    type: customer_support\n");
    });
    let selection = row(&report, Subject::Selection, Some(REFUND));
    assert_eq!(selection.message, "`concise_support` answers instead of `rollback_first`");
    check_told(&report, &["type refund_processing → customer_support (configs/scenarios.yaml:"]);
}

#[test]
fn rules_that_are_no_longer_asked_are_named() {
    let report = against_shipped(|it| {
        it.edit(
            CATALOGUE,
            "      - id: keeps_first_charge\n        not: \"refund both charges\"\n",
            "",
        );
        it.edit(CATALOGUE, "facts: [\"299.99\", \"4521\"]", "facts: [\"299.99\"]");
        it.edit(CATALOGUE, "max_tokens: 600", "max_tokens: 6000");
        it.edit(
            CATALOGUE,
            "      - id: answers\n        refusal: false\n",
            "      - id: serves\n        refusal: false\n",
        );
    });
    check_told(
        &report,
        &[
            "hard rule `keeps_first_charge` is no longer asked (configs/scenarios.yaml:",
            "hard rule `cites_charge`: no longer asks for 4521 (configs/scenarios.yaml:",
            "hard rule `length`: max_tokens: 600 → max_tokens: 6000 (configs/scenarios.yaml:",
        ],
    );
    // Another name is no other rule, and a soft one vetoes nothing.
    let keys = &row(&report, Subject::Catalogue, None).keys;
    assert_eq!(keys.len(), 3, "{keys:?}");
}

#[test]
fn another_cluster_is_named() {
    let report = against_shipped(|it| {
        it.edit(CATALOGUE, ASKS, &format!("    cluster: all\n{ASKS}"));
    });
    assert_eq!(report.verdict, Verdict::Warn);
    check_told(&report, &["cluster none → all (configs/scenarios.yaml:"]);
}

/// A prompt that grew by more than a quarter, and a question that makes that a small part.
#[test]
fn a_longer_question_hides_no_longer_prompt() {
    let padded = |it: &Shipped| {
        it.edit(PROMPT, HEADING, &format!("{HEADING}{}\n", "word ".repeat(300)));
        for prompt in ["    prompt: Decide on", "    prompt: Work out"] {
            let padded = prompt.replace("prompt: ", &format!("prompt: {}", "please ".repeat(4000)));
            it.edit(CATALOGUE, prompt, &padded);
        }
    };
    for against in [against_shipped, against_record] {
        let report = against(padded);
        let of_refund = row(&report, Subject::PromptTokens, Some(REFUND));
        assert_eq!(of_refund.gate.verdict, Verdict::Fail, "{of_refund:#?}");
        assert_eq!(of_refund.keys, ["prompt: Implementation Patterns"]);
        let of_overlay = row(&report, Subject::PromptTokens, None);
        assert_eq!(of_overlay.gate.verdict, Verdict::Fail, "{of_overlay:#?}");
        assert_eq!(of_overlay.keys, ["prompt: Implementation Patterns"]);
        assert!(of_overlay.message.ends_with("on the questions of the base"));
        check_told(&report, &["refund_processing_duplicate: another question (configs/"]);
    }
}

/// A question of another length is no longer prompt of an overlay.
#[test]
fn a_longer_question_alone_costs_nothing() {
    let longer = |it: &Shipped| {
        it.edit(
            CATALOGUE,
            "    prompt: Decide on",
            &format!("    prompt: {}Decide on", "please ".repeat(900)),
        );
    };
    for against in [against_shipped, against_record] {
        let report = against(longer);
        let of_refund = row(&report, Subject::PromptTokens, Some(REFUND));
        assert_eq!(of_refund.gate.verdict, Verdict::Pass, "{of_refund:#?}");
        check_told(&report, &["another question"]);
    }
}
