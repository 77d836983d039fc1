//! Overlays that come, go, or are selected by nobody.

use std::fmt::Write as _;

use fusion_golden::budget::{
    Base, BudgetCheck, BudgetReport, Budgets, Explanation, Subject, gate, measure,
};
use fusion_golden::{Suite, Verdict, record_authored};

use crate::shipped::Shipped;

const FLAGS: &str = "configs/overlay_feature_flags.yaml";
const NUMBERS: &str = "configs/overlays/fusion_overlay.numbers_first.txt";
const OLD: &str = "configs/overlays/fusion_overlay.rollback_first.txt";
const CAP: &str = "BASELINE_TOKEN_CAP_PCT";
const SPARE: &str = "configs/overlays/fusion_overlay.spare.txt";

fn open(shipped: &Shipped) -> Suite {
    Suite::open(&shipped.path("goldens")).unwrap()
}

fn against(before: &Shipped, after: &Shipped) -> BudgetReport {
    let base = Base::Suite { name: "base".to_owned(), suite: open(before) };
    gate(&open(after), "candidate", vec![base], &[], &Budgets::default(), 1).unwrap()
}

/// An overlay that no flag names, with a text of `words` words.
fn spare(shipped: &Shipped, name: &str, words: usize) {
    let text = shipped.read("configs/overlays/fusion_overlay.rollback_first.txt");
    let text = text.replace("OVERLAY_NAME=rollback_first", &format!("OVERLAY_NAME={name}"));
    shipped.write(&format!("configs/overlays/fusion_overlay.{name}.txt"), &text);
    let prompt = format!("## Core Directive\n{}\n", "word ".repeat(words));
    shipped.write(&format!("configs/micro_overlays/{name}.md"), &prompt);
}

#[track_caller]
fn of_overlay<'r>(report: &'r BudgetReport, name: Subject, overlay: &str) -> &'r BudgetCheck {
    let is_it = |it: &&BudgetCheck| it.name == name && it.overlay.as_deref() == Some(overlay);
    let found = report.checks.iter().filter(is_it).max_by_key(|it| it.gate.verdict);
    found.unwrap_or_else(|| panic!("no {name:?} of {overlay}: {:#?}", report.checks))
}

#[test]
fn a_new_overlay_that_nobody_selects_is_insufficient() {
    let (before, after) = (Shipped::new(), Shipped::new());
    spare(&after, "spare", 20);
    let report = against(&before, &after);
    assert_eq!(report.verdict, Verdict::Insufficient, "{:#?}", report.open_checks());
    let new = of_overlay(&report, Subject::PromptTokens, "spare");
    assert!(new.message.starts_with("new, with "), "{}", new.message);
    assert!(new.message.contains("no scenario selects it"), "{}", new.message);
    assert_eq!(report.changes_of(new)[0].file.as_deref(), Some(SPARE));
}

/// A record keeps no answers to questions that it was not asked.
#[test]
fn a_new_overlay_of_a_new_scenario_is_selected_against_a_record_too() {
    let (before, after) = (Shipped::new(), Shipped::new());
    for name in ["spare", "other"] {
        spare(&after, name, 20);
    }
    serve(&after, "spare", "sums");
    ask_a_sum(&after);
    let report = against_a_record(&before, &after);
    let unselected = report.checks.iter().filter(|it| it.message.contains("no scenario selects"));
    let overlays: Vec<_> = unselected.filter_map(|it| it.overlay.as_deref()).collect();
    assert_eq!(overlays, ["other"]);
}

/// What selects it now was not asked of the base: that is another thing than nobody's.
#[test]
fn an_overlay_that_a_new_scenario_selects_is_not_called_unselected() {
    let (before, after) = (Shipped::new(), Shipped::new());
    spare(&before, "spare", 20);
    spare(&after, "spare", 21);
    serve(&after, "spare", "sums");
    ask_a_sum(&after);
    let report = against_a_record(&before, &after);
    let prompt = of_overlay(&report, Subject::PromptTokens, "spare");
    let why = "; the base was not asked small_sum: no answers to compare";
    assert!(prompt.message.ends_with(why), "{}", prompt.message);
    assert_eq!(prompt.gate.verdict, Verdict::Insufficient);
}

/// A scenario of a type that the shipped suite does not have.
fn ask_a_sum(shipped: &Shipped) {
    let scenario = "  - id: small_sum\n    type: sums\n    prompt: What is 17 + 25?\n    \
                    expect:\n      - {id: total, contains: \"42\"}\n";
    let path = "configs/scenarios.yaml";
    shipped.write(path, &format!("{}\n{scenario}", shipped.read(path).trim_end()));
}

fn against_a_record(before: &Shipped, after: &Shipped) -> BudgetReport {
    let record = measure(&open(before), &[], "record", 1).unwrap();
    let bases = vec![Base::Record(record)];
    gate(&open(after), "after", bases, &[], &Budgets::default(), 1).unwrap()
}

#[test]
fn one_that_is_renamed_is_new_and_gone() {
    let (before, after) = (Shipped::new(), Shipped::new());
    spare(&before, "spare", 20);
    spare(&after, "spare_two", 900);
    let report = against(&before, &after);
    assert_eq!(report.verdict, Verdict::Insufficient, "{:#?}", report.open_checks());
    let gone = of_overlay(&report, Subject::Selection, "spare");
    assert_eq!((gone.gate.verdict, gone.message.as_str()), (Verdict::Warn, "the overlay is gone"));
    of_overlay(&report, Subject::PromptTokens, "spare_two");
}

#[test]
fn a_description_of_one_that_nobody_selects_passes() {
    let (before, after) = (Shipped::new(), Shipped::new());
    spare(&before, "spare", 20);
    spare(&after, "spare", 20);
    let text = after.read(SPARE);
    let described = text.lines().find(|it| it.starts_with("OVERLAY_DESCRIPTION=")).unwrap();
    after.edit(SPARE, described, "OVERLAY_DESCRIPTION=Says what it is");
    assert_eq!(against(&before, &after).verdict, Verdict::Pass);
    after.edit(SPARE, "MAX_TOKENS=900", "MAX_TOKENS=901");
    assert_eq!(against(&before, &after).verdict, Verdict::Insufficient);
}

/// Gives the scenarios of a type to an overlay.
fn serve(shipped: &Shipped, overlay: &str, kind: &str) {
    let flag = format!(
        "features:\n  numbers:\n    description: Sums\n    enabled_overlays: [{overlay}]\n    \
         fallback_strategy: baseline_only\n    rollout_percentage: 100\n    conditions:\n      \
         scenario_types: [{kind}]\n      confidence_threshold: 0.6\n"
    );
    shipped.edit(FLAGS, "features:\n", &flag);
}

/// The shipped suite with an overlay for the scenarios of `capacity_planning`, which the bare
/// baseline answers, with its answers recorded; `cap` is a line of it.
fn served(cap: &str, words: usize) -> Shipped {
    let shipped = Shipped::new();
    let text = shipped.read("configs/overlays/fusion_overlay.rollback_first.txt");
    let text = text.replace("OVERLAY_NAME=rollback_first", "OVERLAY_NAME=numbers_first");
    shipped.write(NUMBERS, &text.replace("BASELINE_TOKEN_CAP_PCT=400\n", cap));
    let prompt = format!("## Core Directive\n{}\n", "word ".repeat(words));
    shipped.write("configs/micro_overlays/numbers_first.md", &prompt);
    serve(&shipped, "numbers_first", &kind(&shipped));
    let suite = shipped.suite();
    let mut answers = shipped.read("goldens/authored/answers.jsonl");
    let bare: Vec<serde_json::Value> = answers
        .lines()
        .filter_map(|it| serde_json::from_str(it).ok())
        .filter(|it: &serde_json::Value| it["scenario"] == BARE && it["side"] != "overlay")
        .collect();
    for (model, sample) in
        ["gpt-4o-mini", "gpt-4o"].into_iter().flat_map(|it| [0, 1, 2].map(|n| (it, n)))
    {
        let mut answer = bare[0].clone();
        answer["side"] = "overlay".into();
        answer["model"] = model.into();
        answer["sample"] = sample.into();
        writeln!(answers, "{answer}").unwrap();
    }
    record_authored(&suite, &[], &answers, "RESONTINEX Fusion").unwrap();
    shipped
}

/// A scenario that the bare baseline answers.
const BARE: &str = "campaign_capacity_estimate";

fn kind(shipped: &Shipped) -> String {
    let suite = shipped.suite();
    suite.scenario(BARE).unwrap().kind().to_owned()
}

#[test]
fn a_new_overlay_is_held_to_the_cap_that_it_declares() {
    let before = Shipped::new();
    let verdict = |cap: &str| {
        let report = against(&before, &served(cap, 200));
        let prompt = of_overlay(&report, Subject::PromptTokens, "numbers_first");
        assert_eq!(prompt.scenario.as_deref(), Some(BARE));
        assert!(prompt.gate.delta.is_some_and(|it| it > 0.25), "{prompt:#?}");
        let answers = of_overlay(&report, Subject::Baseline, "numbers_first");
        let held = report.checks.iter().filter(|it| {
            it.overlay.as_deref() == Some("numbers_first")
                && matches!(it.name, Subject::OutputTokens | Subject::Cost)
        });
        assert_eq!(held.count(), 0, "{:#?}", report.checks);
        (prompt.gate.verdict, answers.gate.verdict, prompt.message.clone(), report.verdict)
    };
    let (prompt, answers, _, whole) = verdict("BASELINE_TOKEN_CAP_PCT=900\n");
    assert_eq!((prompt, answers), (Verdict::Pass, Verdict::Pass));
    // One scenario says too little about failures, which keeps nobody from merging.
    assert_eq!(whole, Verdict::Insufficient);
    let (prompt, answers, message, _) = verdict("BASELINE_TOKEN_CAP_PCT=30\n");
    assert_eq!((prompt, answers), (Verdict::Fail, Verdict::Pass), "{message}");
    // What the base layer says is no cap of the overlay.
    let (prompt, answers, message, _) = verdict("");
    assert_eq!((prompt, answers), (Verdict::Warn, Verdict::Warn));
    assert!(message.contains("declare BASELINE_TOKEN_CAP_PCT in the overlay"), "{message}");
}

#[test]
fn answers_of_a_new_overlay_that_are_not_recorded_are_stale() {
    let after = served("BASELINE_TOKEN_CAP_PCT=900\n", 200);
    after.edit("configs/micro_overlays/numbers_first.md", "word", "words");
    let report = against(&Shipped::new(), &after);
    let output = of_overlay(&report, Subject::OutputTokens, "numbers_first");
    assert_eq!(output.gate.verdict, Verdict::Stale);
}

/// An overlay that answered before, and answers a scenario of the bare baseline now.
#[test]
fn growth_of_what_was_there_is_no_matter_of_the_cap() {
    let explained = |words: usize| {
        let (before, after) = (Shipped::new(), Shipped::new());
        for it in [&before, &after] {
            it.edit("configs/overlays/fusion_overlay.baseline.txt", &format!("{CAP}=0\n"), "");
            it.edit(OLD, &format!("{CAP}=400\n"), "");
        }
        let kinds = "[refund_processing, payment_reversal, data_migration, release_rollback]";
        let more = format!("{}, {}]", kinds.trim_end_matches(']'), kind(&after));
        after.edit(FLAGS, kinds, &more);
        let heading = "## Implementation Patterns\n";
        let longer = format!("{heading}{}\n", "word ".repeat(words));
        after.edit("configs/micro_overlays/rollback_first.md", heading, &longer);
        let report = against(&before, &after);
        let is_it = |it: &&BudgetCheck| {
            it.overlay.as_deref() == Some("rollback_first")
                && (it.name, &it.scenario) == (Subject::PromptTokens, &None)
        };
        let check = report.checks.iter().find(is_it).unwrap();
        let explanation: &Explanation = report.explanation(check).unwrap();
        (check.clone(), explanation.evidence.clone())
    };
    for (words, verdict) in [(100, Verdict::Warn), (300, Verdict::Fail)] {
        let (check, evidence) = explained(words);
        assert_eq!(check.gate.verdict, verdict, "{check:#?}");
        assert_eq!(check.keys, ["prompt: Implementation Patterns"]);
        let before = check.gate.base.unwrap();
        let expect = format!("the base has {before} prompt tokens in all, with this change alone ");
        assert!(evidence.starts_with(&expect), "{evidence}");
    }
}
