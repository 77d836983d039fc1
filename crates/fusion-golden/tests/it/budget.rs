//! A candidate beside its base: what costs more is named, with its key.

use std::fmt::Write as _;

use fusion_golden::budget::{BudgetReport, Budgets, Explanation, Subject, compare, measure};
use fusion_golden::{Suite, Verdict, record_authored};

use crate::shipped::Shipped;

const REFUND: &str = "refund_processing_duplicate";
const PROMPT: &str = "configs/micro_overlays/rollback_first.md";
const HEADING: &str = "## Implementation Patterns\n";

/// The shipped suite with `edit`, against itself without.
fn against_shipped(edit: impl FnOnce(&Shipped), budgets: &Budgets) -> BudgetReport {
    let (before, after) = (Shipped::new(), Shipped::new());
    edit(&after);
    let [base, candidate] = [&before, &after].map(|it| Suite::open(&it.path("goldens")).unwrap());
    let base = base.over_scenarios_of(&candidate);
    let measured = measure(&base, &[&candidate], "base", 1).unwrap();
    let candidates = measure(&candidate, &[&base], "candidate", 1).unwrap();
    compare(&candidate, &measured, &candidates, &[], budgets).unwrap()
}

/// The verdict of a check of a scenario, and its keys.
#[track_caller]
fn of(report: &BudgetReport, name: Subject, scenario: Option<&str>) -> (Verdict, Vec<String>) {
    let is_it = |it: &&fusion_golden::budget::BudgetCheck| {
        it.name == name && it.scenario.as_deref() == scenario
    };
    let mut found = report.checks.iter().filter(is_it).collect::<Vec<_>>();
    found.sort_by_key(|it| it.gate.verdict);
    let worst = found.last().unwrap();
    (worst.gate.verdict, worst.keys.clone())
}

/// Puts `words` into the section.
fn longer(shipped: &Shipped, words: usize) {
    shipped.edit(PROMPT, HEADING, &format!("{HEADING}{}\n", "word ".repeat(words)));
}

#[test]
fn nothing_changed_passes_by_identity() {
    let report = against_shipped(|_| (), &Budgets::default());
    assert_eq!(report.verdict, Verdict::Pass, "{:#?}", report.checks);
    assert!(report.explanations.is_empty());
    assert!(report.checks.iter().all(|it| it.gate.n_needed.is_none()));
}

#[test]
fn a_prompt_that_grows_by_a_quarter_is_blocked_and_its_section_named() {
    let report = against_shipped(|it| longer(it, 300), &Budgets::default());
    let (verdict, keys) = of(&report, Subject::PromptTokens, Some(REFUND));
    assert_eq!(verdict, Verdict::Fail);
    assert_eq!(keys, ["prompt: Implementation Patterns"]);
    let explained = report.explanations.iter().find(|it| it.scenario == REFUND).unwrap();
    let change = &explained.changes[0];
    assert!(explained.separable);
    assert!(change.file.as_ref().is_some_and(|it| it.ends_with("rollback_first.md")));
    // The line that was put in, not the heading above it.
    let text = Shipped::new().read(PROMPT);
    let heading = text.lines().position(|it| it == HEADING.trim_end()).unwrap() + 1;
    assert_eq!(change.line, Some(heading + 1));
    assert!(change.tokens.is_some_and(|it| it > 290), "{change:#?}");
    // The answers to the new requests are not recorded: never guessed.
    assert_eq!(of(&report, Subject::OutputTokens, None).0, Verdict::Stale);
}

#[test]
fn one_that_grows_less_is_warned_about() {
    let tokens = |words| {
        let report = against_shipped(|it| longer(it, words), &Budgets::default());
        let check = report
            .checks
            .iter()
            .find(|it| it.name == Subject::PromptTokens && it.scenario.as_deref() == Some(REFUND));
        check.map(|it| (it.gate.delta.unwrap(), it.gate.verdict)).unwrap()
    };
    let (few, verdict) = tokens(10);
    assert!(few > 0.0 && few < 0.12, "{few}");
    assert_eq!(verdict, Verdict::Pass);
    // As many words as make 18 %.
    let words = (0.18 / few * 10.0) as usize;
    let (more, verdict) = tokens(words);
    assert!((0.12..0.25).contains(&more), "{more}");
    assert_eq!(verdict, Verdict::Warn);
}

#[test]
fn of_several_changes_the_one_that_matters_is_named() {
    let edit = |it: &Shipped| {
        longer(it, 300);
        it.edit(PROMPT, "Never propose a change", "Never propose any change");
        it.edit("configs/overlays/fusion_overlay.rollback_first.txt", "SAMPLES=2", "SAMPLES=3");
    };
    let report = against_shipped(edit, &Budgets::default());
    let (verdict, keys) = of(&report, Subject::PromptTokens, Some(REFUND));
    assert_eq!(
        (verdict, keys),
        (Verdict::Fail, vec!["prompt: Implementation Patterns".to_owned()])
    );
}

/// The shipped suite with `edit`, its authored answers recorded for what it asks then; the
/// refund's breaks a hard rule where `bad`.
fn recorded(bad: bool, edit: impl FnOnce(&Shipped)) -> (Suite, Shipped) {
    let shipped = Shipped::new();
    edit(&shipped);
    let suite = Suite::open(&shipped.path("goldens")).unwrap();
    let mut answers = shipped.read("goldens/authored/answers.jsonl");
    // Every call of the cascade answers so: it asks on where an answer breaks a hard rule.
    let calls =
        ["gpt-4o-mini", "gpt-4o"].into_iter().flat_map(|model| [0, 1].map(|it| (model, it)));
    for (model, sample) in calls.filter(|_| bad) {
        let text = "Invoice INV-88214: refund both charges of 299.99, card 4521.";
        let answer = serde_json::json!({
            "scenario": REFUND, "side": "overlay", "model": model, "sample": sample, "text": text,
        });
        writeln!(answers, "{answer}").unwrap();
    }
    record_authored(&suite, &[], &answers, "RESONTINEX Fusion").unwrap();
    (suite, shipped)
}

fn longer_answers(shipped: &Shipped) {
    shipped.edit(
        "configs/overlays/fusion_overlay.rollback_first.txt",
        "MAX_TOKENS=900",
        "MAX_TOKENS=950",
    );
}

fn wording(shipped: &Shipped) {
    shipped.edit(PROMPT, "Never propose a change", "Never propose any change");
}

#[test]
fn a_broken_rule_is_traced_to_the_change_that_breaks_it_where_parts_are_recorded() {
    // The files stay as long as the suites.
    let (base, _base) = recorded(false, |_| ());
    let (candidate, _candidate) = recorded(true, |it| {
        longer_answers(it);
        wording(it);
    });
    let (only_longer, _longer) = recorded(false, longer_answers);
    let (only_wording, _wording) = recorded(true, wording);
    let measured = measure(&base, &[&candidate], "base", 1).unwrap();
    let candidates = measure(&candidate, &[&base], "candidate", 1).unwrap();
    let explained = |recordings: &[&Suite]| {
        let budgets = Budgets::default();
        let report = compare(&candidate, &measured, &candidates, recordings, &budgets).unwrap();
        let (verdict, keys) = of(&report, Subject::HardRules, Some(REFUND));
        assert_eq!(verdict, Verdict::Fail);
        let is_it = |it: &&Explanation| it.name == Subject::HardRules && it.scenario == REFUND;
        let separable = report.explanations.iter().find(is_it).unwrap().separable;
        (keys, separable)
    };
    let (keys, separable) = explained(&[&base, &only_longer, &only_wording]);
    assert!(matches!(keys.as_slice(), [it] if it.starts_with("prompt: ")), "{keys:?}");
    assert!(separable);
    // One half tells: what is left of it is one change.
    assert_eq!(explained(&[&base, &only_wording]), (keys.clone(), true));
    // The rest is known to hold without it.
    assert_eq!(explained(&[&base, &only_longer]), (keys, true));
    let (keys, separable) = explained(&[&base]);
    assert_eq!((keys.len(), separable), (2, false), "{keys:?}");
}

/// The shipped suite with `edit`, and answers that are far longer where `at_length`.
fn answered(at_length: bool, edit: impl FnOnce(&Shipped)) -> (Suite, Shipped) {
    let shipped = Shipped::new();
    edit(&shipped);
    let suite = shipped.suite();
    let mut answers = String::new();
    let mut seen = std::collections::BTreeSet::new();
    let text = shipped.read("goldens/authored/answers.jsonl");
    for line in text.lines().filter(|it| !it.trim().is_empty()) {
        let mut answer: serde_json::Value = serde_json::from_str(line).unwrap();
        if !at_length || answer["side"] != "overlay" {
            writeln!(answers, "{line}").unwrap();
            continue;
        }
        if !seen.insert(answer["scenario"].to_string()) {
            continue;
        }
        let text = answer["text"].as_str().unwrap();
        answer["text"] = format!("{text}\n{}", "At great length. ".repeat(800)).into();
        // Every call of the cascade answers so: it asks on where an answer is too long.
        for (model, sample) in
            ["gpt-4o-mini", "gpt-4o"].into_iter().flat_map(|it| [0, 1, 2].map(|n| (it, n)))
        {
            answer["model"] = model.into();
            answer["sample"] = sample.into();
            writeln!(answers, "{answer}").unwrap();
        }
    }
    record_authored(&suite, &[], &answers, "RESONTINEX Fusion").unwrap();
    (suite, shipped)
}

/// Three things changed, one of them makes answers longer, another one prompts.
#[test]
fn every_figure_names_what_moves_it_and_nothing_else() {
    let rest = |it: &Shipped| {
        longer(it, 300);
        longer_answers(it);
    };
    let (base, _base) = answered(false, |_| ());
    let (without, _without) = answered(false, rest);
    let (candidate, _candidate) = answered(true, |it| {
        rest(it);
        wording(it);
    });
    let measured = measure(&base, &[&candidate], "base", 1).unwrap();
    let candidates = measure(&candidate, &[&base], "candidate", 1).unwrap();
    let budgets = Budgets::default();
    let report = compare(&candidate, &measured, &candidates, &[&base, &without], &budgets).unwrap();
    let (verdict, prompt) = of(&report, Subject::PromptTokens, None);
    assert_eq!((verdict, prompt), (Verdict::Fail, vec![IMPLEMENTATION.to_owned()]));
    let is_culprit = |it: &String| it.starts_with("prompt: ") && it != IMPLEMENTATION;
    let (verdict, keys) = of(&report, Subject::OutputTokens, None);
    assert_eq!(verdict, Verdict::Fail);
    assert!(matches!(keys.as_slice(), [it] if is_culprit(it)), "{keys:?}");
    // The longer prompt costs more, too: how much of it is not known of so few.
    let (verdict, keys) = of(&report, Subject::Cost, None);
    assert!(verdict == Verdict::Fail && keys.iter().any(is_culprit), "{keys:?}");
}

const IMPLEMENTATION: &str = "prompt: Implementation Patterns";

#[test]
fn the_smallest_part_of_a_longer_prompt_is_named_for_the_overlay_too() {
    let report = against_shipped(
        |it| {
            longer(it, 300);
            it.edit(PROMPT, "Never propose a change", "Never propose any change at all");
        },
        &Budgets::default(),
    );
    let (verdict, keys) = of(&report, Subject::PromptTokens, None);
    assert_eq!((verdict, keys), (Verdict::Fail, vec![IMPLEMENTATION.to_owned()]));
}

#[test]
fn everything_that_makes_a_request_stale_is_named() {
    let report = against_shipped(
        |it| {
            longer(it, 10);
            longer_answers(it);
            let overlay = "configs/overlays/fusion_overlay.rollback_first.txt";
            it.edit(overlay, "ENERGY_FLOOR=0.05", "ENERGY_FLOOR=0.06");
        },
        &Budgets::default(),
    );
    let (verdict, keys) = of(&report, Subject::OutputTokens, None);
    assert_eq!(verdict, Verdict::Stale);
    assert_eq!(keys, ["MAX_TOKENS", IMPLEMENTATION]);
}

/// What is gone is named where the base has it; the file is the same one on both sides.
#[test]
fn what_was_removed_is_named_where_it_stood() {
    let overlay = "configs/overlays/fusion_overlay.rollback_first.txt";
    let line = |file: &str, text: &str| {
        let found = Shipped::new().read(file).lines().position(|it| it.starts_with(text));
        Some(found.expect("the line is there") + 1)
    };
    let first = |edit: fn(&Shipped)| {
        let report = against_shipped(edit, &Budgets::default());
        let found = report.explanations.into_iter().find(|it| it.name == Subject::OutputTokens);
        found.expect("an explanation").changes.remove(0)
    };
    let key = first(|it| {
        it.edit("configs/overlays/fusion_overlay.rollback_first.txt", "MAX_TOKENS=900\n", "");
    });
    // The value of what all overlays rest on is in force now; the line that is gone did that.
    let values = (key.from.as_deref(), key.to.as_deref());
    assert_eq!((key.key.as_str(), values), ("MAX_TOKENS", (Some("900"), Some("700"))));
    assert_eq!((key.file.as_deref(), key.line), (Some(overlay), line(overlay, "MAX_TOKENS=")));
    // Of a section that lost a line, the first one that is another now.
    let gone = "- Prefer a compensating entry over deleting or editing a record.\n";
    let shorter = first(|it| {
        it.edit(PROMPT, "- Prefer a compensating entry over deleting or editing a record.\n", "");
    });
    assert_eq!(shorter.key, IMPLEMENTATION);
    assert_eq!(
        (shorter.file.as_deref(), shorter.line),
        (Some(PROMPT), line(PROMPT, gone.trim_end()))
    );
    // Of a section that is gone, the file.
    let section = first(|it| {
        let text = it.read(PROMPT);
        let from = text.find(HEADING).unwrap();
        let to = text.find("## Operational Emphasis").unwrap();
        it.write(PROMPT, &format!("{}{}", text.get(..from).unwrap(), text.get(to..).unwrap()));
    });
    assert_eq!((section.key.as_str(), section.to), (IMPLEMENTATION, None));
    assert_eq!(section.file.as_deref(), Some(PROMPT));
}

#[test]
fn a_setting_that_acts_on_answers_alone_is_no_identity() {
    let raise = |it: &Shipped| {
        it.edit(
            "configs/overlays/fusion_overlay.rollback_first.txt",
            "TRUST_FLOOR=0.65",
            "TRUST_FLOOR=1.0",
        );
        it.edit(
            "configs/overlays/fusion_overlay.rollback_first.txt",
            "ENERGY_FLOOR=0.05",
            "ENERGY_FLOOR=0.06",
        );
    };
    let report = against_shipped(raise, &Budgets::default());
    let failures = report.checks.iter().filter(|it| it.name == Subject::Failures);
    let open: Vec<_> = failures.filter(|it| it.gate.verdict != Verdict::Pass).collect();
    assert!(!open.is_empty(), "nothing is accepted any more: {:#?}", report.checks);
    let is_it = |it: &&fusion_golden::budget::BudgetCheck| it.name == Subject::Settings;
    let settings = report.checks.iter().find(is_it).expect("a check of the settings");
    assert_eq!(settings.keys, ["ENERGY_FLOOR", "TRUST_FLOOR"]);
}

#[test]
fn a_budget_of_its_own_holds_for_a_scenario() {
    let text = format!("[scenarios.{REFUND}.tokens]\nwarn = 300\nblock = 400\n");
    let (budgets, findings) = Budgets::parse(&text);
    assert_eq!(findings, []);
    let report = against_shipped(|it| longer(it, 300), &budgets);
    assert_eq!(of(&report, Subject::PromptTokens, Some(REFUND)).0, Verdict::Pass);
}

#[test]
fn a_suite_that_shrank_is_no_pass() {
    let (before, after) = (Shipped::new(), Shipped::new());
    let scenarios = std::fs::read_to_string(after.path("configs/scenarios.yaml")).unwrap();
    let cut = scenarios.rfind("\n  - id:").unwrap();
    std::fs::write(after.path("configs/scenarios.yaml"), scenarios.get(..=cut).unwrap()).unwrap();
    let [base, candidate] = [&before, &after].map(|it| Suite::open(&it.path("goldens")).unwrap());
    let measured = measure(&base, &[], "base", 1).unwrap();
    let candidates = measure(&candidate, &[], "candidate", 1).unwrap();
    let report = compare(&candidate, &measured, &candidates, &[], &Budgets::default()).unwrap();
    let (verdict, _) = of(&report, Subject::Suite, None);
    assert_eq!(verdict, Verdict::Fail);
    assert!(report.checks[0].message.contains("it lost"), "{}", report.checks[0].message);
}

#[test]
fn budgets_that_are_none_are_found_where_they_stand() {
    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        let (_, findings) = Budgets::parse(text);
        let found: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(found, expect);
    }
    check("[tokens]\nwarn = 12\nblock = 25\n", &[]);
    check(
        "[tokens]\nwarn = 30\n",
        &["2:8: error[GLD7002]: warns from 30 on and blocks above 25: no pair of limits"],
    );
    check(
        "[latency]\nwarn = nan\n",
        &["2:8: error[GLD7002]: warns from NaN on and blocks above 5: no pair of limits"],
    );
    check("[scenarios.one.latency]\nwarn = 1\n", &[]);
    check(
        "[scenarios.one.latency]\nwarn = 9\n",
        &["2:8: error[GLD7002]: warns from 9 on and blocks above 5: no pair of limits"],
    );
    check(
        "[scenarios.one.cost]\nwarn = 9\n",
        &["1:16: error[GLD7001]: unknown field `cost`, expected one of `tokens`, `latency`, \
           `failures`"],
    );
    check(
        "[tokes]\n",
        &["1:2: error[GLD7001]: unknown field `tokes`, expected one of `schema`, `tokens`, \
           `latency`, `failures`, `scenarios`"],
    );
}

#[test]
fn a_budget_of_no_scenario_is_found_where_it_stands() {
    let (budgets, findings) = Budgets::parse("[tokens]\nwarn = 12\n\n[scenarios.gone.tokens]\n");
    assert_eq!(findings, []);
    let found: Vec<_> =
        budgets.unknown(["here"].into_iter()).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "4:12: warning[GLD7003]: there is no scenario `gone` in the catalogue (remove the table, \
          or mend its name)"
        ]
    );
}
