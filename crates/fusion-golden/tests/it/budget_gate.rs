//! Candidates against several bases, and what is never green.

use fusion_golden::budget::{
    Base, BudgetCheck, BudgetReport, Budgets, Measurement, Noise, Subject, budget_report_schema,
    budgets_schema, gate, measure, render,
};
use fusion_golden::statistics::Interval;
use fusion_golden::{Suite, Verdict};

use crate::shipped::Shipped;

const PROMPT: &str = "configs/micro_overlays/rollback_first.md";
const HEADING: &str = "## Implementation Patterns\n";

fn open(shipped: &Shipped) -> Suite {
    Suite::open(&shipped.path("goldens")).unwrap()
}

fn base(name: &str, shipped: &Shipped) -> Base {
    Base::Suite { name: name.to_owned(), suite: open(shipped) }
}

fn record(name: &str, shipped: &Shipped) -> Measurement {
    let text = serde_json::to_string(&measure(&open(shipped), &[], name, 1).unwrap()).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn against(candidate: &Shipped, bases: Vec<Base>) -> BudgetReport {
    gate(&open(candidate), "candidate", bases, &[], &Budgets::default(), 1).unwrap()
}

/// Puts `words` into a section of the prompt.
fn longer(shipped: &Shipped, words: usize) {
    shipped.edit(PROMPT, HEADING, &format!("{HEADING}{}\n", "word ".repeat(words)));
}

#[track_caller]
fn check_message(report: &BudgetReport, expect: &str) {
    assert_eq!(report.verdict, Verdict::Invalid, "{report:#?}");
    let messages: Vec<_> = report.checks.iter().map(|it| it.message.as_str()).collect();
    assert!(messages.contains(&expect), "{messages:?}");
}

#[test]
fn small_steps_add_up_against_the_release() {
    let (released, before, after) = (Shipped::new(), Shipped::new(), Shipped::new());
    longer(&before, 150);
    longer(&after, 180);
    let merge_base = base("merge base", &before);
    let alone = against(&after, vec![merge_base.clone()]);
    let tokens = |it: &BudgetReport| {
        let checks = it.checks.iter().filter(|it| it.name == Subject::PromptTokens);
        checks.map(|it| it.gate.verdict).max()
    };
    assert_eq!(tokens(&alone), Some(Verdict::Pass));
    let release = record("release 1.0.0", &released);
    let both = against(&after, vec![merge_base, Base::Record(release)]);
    assert_eq!(tokens(&both), Some(Verdict::Fail), "the worse counts");
    let worst = both.open_checks()[0];
    assert_eq!((worst.against.as_str(), worst.gate.verdict), ("release 1.0.0", Verdict::Fail));
    assert_eq!(worst.keys, ["prompt: Implementation Patterns"]);
    assert_eq!(both.bases.len(), 2);
}

#[test]
fn the_same_release_passes_by_identity() {
    let shipped = Shipped::new();
    let report = against(&shipped, vec![Base::Record(record("release 1.0.0", &shipped))]);
    assert_eq!(report.verdict, Verdict::Pass, "{:#?}", report.open_checks());
    assert!(report.pairs.iter().all(|it| it.identical && it.answers.is_none()));
    assert_eq!((report.bills.len(), report.explanations.len()), (0, 0));
}

#[test]
fn nothing_to_compare_with_is_never_green() {
    let shipped = Shipped::new();
    check_message(&against(&shipped, Vec::new()), "there is no base to compare with");
    let bare = Shipped::new();
    for entry in std::fs::read_dir(bare.path("goldens")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with("_golden.json") {
            std::fs::remove_file(path).unwrap();
        }
    }
    check_message(&against(&shipped, vec![base("bare", &bare)]), "the base has no goldens");
    let mut empty = record("release 0.0.0", &shipped);
    empty.scenarios.clear();
    let report = against(&shipped, vec![Base::Record(empty)]);
    check_message(&report, "the record of the base has no scenarios");
}

#[test]
fn the_first_of_all_is_neither_green_nor_blocked() {
    let report = against(&Shipped::new(), vec![Base::Nothing { why: "the first".to_owned() }]);
    assert_eq!((report.verdict, report.blocking(false)), (Verdict::Insufficient, 0));
    assert!(report.blocking(true) > 0);
    assert_eq!(report.checks[0].message, "the first");
}

#[test]
fn an_installation_alone_is_a_base_for_prompts() {
    let (before, after) = (Shipped::new(), Shipped::new());
    longer(&after, 300);
    let live = |it: &Shipped| vec![Base::Installation { name: "live".to_owned(), suite: open(it) }];
    assert_eq!(against(&before, live(&before)).verdict, Verdict::Pass);
    assert_eq!(against(&after, live(&before)).verdict, Verdict::Fail);
}

#[test]
fn a_scenario_that_went_missing_is_named() {
    let (before, after) = (Shipped::new(), Shipped::new());
    let scenarios = std::fs::read_to_string(after.path("configs/scenarios.yaml")).unwrap();
    let cut = scenarios.rfind("\n  - id:").unwrap();
    std::fs::write(after.path("configs/scenarios.yaml"), scenarios.get(..=cut).unwrap()).unwrap();
    let report = against(&after, vec![base("before", &before)]);
    assert_eq!(report.verdict, Verdict::Fail);
    let messages: Vec<_> = report.open_checks().iter().map(|it| it.message.clone()).collect();
    assert!(messages[0].starts_with("the suite shrank: it lost "), "{messages:?}");
}

#[test]
fn what_changed_is_named_where_prompts_stay_short() {
    let (before, after) = (Shipped::new(), Shipped::new());
    after.edit(PROMPT, "Never propose a change", "Never propose any change");
    let report = against(&after, vec![base("before", &before)]);
    assert_eq!(report.verdict, Verdict::Stale);
    let stale = report.open_checks()[0];
    assert_eq!((stale.name, &stale.scenario), (Subject::OutputTokens, &None));
    assert_eq!(stale.keys.len(), 1, "{stale:#?}");
    assert!(stale.keys[0].starts_with("prompt: "), "{stale:#?}");
    let explanation = report.explanation(stale).unwrap();
    assert!(explanation.separable && explanation.evidence == "the one thing that changed");
    assert!(report.changes_of(stale)[0].line.is_some());
}

#[test]
fn two_vocabularies_are_no_comparison() {
    let (before, after) = (Shipped::new(), Shipped::new());
    let providers = std::fs::read_to_string(after.path("configs/providers.toml")).unwrap();
    let other = providers.replace("o200k_base", "cl100k_base");
    assert_ne!(providers, other);
    std::fs::write(after.path("configs/providers.toml"), other).unwrap();
    let report = against(&after, vec![base("before", &before)]);
    assert_eq!(report.verdict, Verdict::Invalid);
    let messages: Vec<_> = report.open_checks().iter().map(|it| it.message.clone()).collect();
    let expected = "counted with o200k_base and with cl100k_base: no comparison; \
                    gpt-4o-mini.encoding o200k_base → cl100k_base (configs/providers.toml:";
    assert!(messages.iter().any(|it| it.starts_with(expected)), "{messages:?}");
    let invalid: Vec<_> =
        report.checks.iter().filter(|it| it.gate.verdict == Verdict::Invalid).collect();
    assert!(invalid.iter().all(|it| it.scenario.is_none()), "once an overlay: {invalid:#?}");
    for name in [Subject::PromptTokens, Subject::OutputTokens] {
        let is_said = |it: &&&BudgetCheck| it.name == name && it.message.starts_with(expected);
        assert!(invalid.iter().find(is_said).is_some(), "{name:?}: {invalid:#?}");
    }
    let is_tokens =
        |it: &BudgetCheck| matches!(it.name, Subject::PromptTokens | Subject::OutputTokens);
    assert!(invalid.iter().all(|it| is_tokens(it)), "{invalid:#?}");
    let is_named = |it: &String| it.ends_with(".encoding");
    assert!(invalid.iter().all(|it| it.keys.iter().any(is_named)), "{invalid:#?}");
}

/// A report with everything in it: a failure, its explanation, two bases.
fn full() -> BudgetReport {
    let (released, before, after) = (Shipped::new(), Shipped::new(), Shipped::new());
    longer(&before, 20);
    longer(&after, 300);
    let released = Base::Record(record("release 1.0.0", &released));
    against(&after, vec![base("merge base <script>alert(1)</script>", &before), released])
}

#[test]
fn the_forms_of_a_report_say_the_same() {
    let report = full();
    let json: serde_json::Value = serde_json::from_str(&render::json(&report)).unwrap();
    let schema = jsonschema::validator_for(&budget_report_schema()).unwrap();
    if let Err(err) = schema.validate(&json) {
        panic!("{err} at {}", err.instance_path());
    }
    let check = &json["checks"][0];
    for field in [
        "name",
        "scenario",
        "base",
        "candidate",
        "delta",
        "interval",
        "n",
        "n_needed",
        "verdict",
        "keys",
    ] {
        assert!(check.get(field).is_some(), "{field}");
    }
    let key = "prompt: Implementation Patterns";
    let (markdown, html) = (render::markdown(&report), render::html(&report));
    for text in
        [&render::table(&report, 100, false), &markdown, &html, &render::junit(&report, false)]
    {
        assert!(text.contains(key) && text.contains("rollback_first.md"), "{text}");
    }
    let place = report.explanations[0].changes[0].line.unwrap();
    assert!(render::table(&report, 100, false).contains(&format!("rollback_first.md:{place}")));
    assert!(markdown.starts_with("<!-- resontinex:budget -->\n## Budget: fail\n"));
    assert!(markdown.len() <= 60_000 && markdown.contains("\n+word word"));
    assert!(!html.contains("<script") && html.contains("&lt;script"));
    assert!(html.contains("prefers-color-scheme:dark") && html.contains("<svg"));
    let annotations = render::github_annotations(&report);
    assert!(annotations.len() <= 10);
    assert!(annotations[0].starts_with("::error file="), "{}", annotations[0]);
    assert!(annotations[0].contains(&format!("line={place}")));
}

#[test]
fn every_width_and_colour_says_the_same() {
    let report = full();
    let plain = render::table(&report, 200, false);
    assert!(!plain.contains('\u{1b}') && render::table(&report, 200, true).contains('\u{1b}'));
    for width in [40, 80, 120] {
        let text = render::table(&report, width, false);
        assert!(text.starts_with("fail: ") && text.trim_end().ends_with("pass"), "{text}");
    }
}

#[test]
fn a_huge_report_still_fits_a_comment() {
    let mut report = full();
    let explanations = report.explanations.clone();
    let open: Vec<_> = report.open_checks().into_iter().cloned().collect();
    for number in 0..400 {
        let rename = |it: &str| format!("{it}_{number}");
        report.explanations.extend(explanations.iter().cloned().map(|mut it| {
            it.scenario = rename(&it.scenario);
            it.changes[0].to = Some(format!("{number} ```` @everyone\n").repeat(40));
            it
        }));
        report.checks.extend(open.iter().cloned().map(|mut it| {
            it.scenario = it.scenario.as_deref().map(rename);
            it
        }));
    }
    let markdown = render::markdown(&report);
    assert!(markdown.len() <= 60_000, "{}", markdown.len());
    assert!(markdown.contains("more checks** did not pass") || markdown.contains("did not pass**"));
    assert!(render::html(&report).len() < 2_000_000);
}

#[test]
fn second_recordings_make_a_band() {
    let noise = Noise { n: 3, delta: 0.123_456_789, interval: Interval { lower: 0.0, upper: 1.0 } };
    assert_eq!(serde_json::to_value(noise).unwrap()["delta"], 0.1235);

    let shipped = Shipped::new();
    let report = against(&shipped, vec![base("before", &Shipped::new())]);
    let repeated = report.noise.map(|it| it.n);
    let measured = record("now", &shipped);
    let answers = measured.scenarios.iter().filter_map(|it| it.answer.as_ref());
    let twice = answers.filter(|it| it.repeats.len() >= 2).count();
    assert_eq!(repeated.unwrap_or(0), twice);
}

#[test]
fn the_schema_of_budgets_takes_what_is_shipped() {
    let schema = jsonschema::validator_for(&budgets_schema()).unwrap();
    let text = Shipped::new().read("configs/budgets.toml");
    let value: serde_json::Value = toml::from_str(&text).unwrap();
    assert!(schema.is_valid(&value), "{value:#}");
    let (budgets, findings) = Budgets::parse(&text);
    assert_eq!(findings, []);
    assert_eq!((budgets.tokens.warn, budgets.tokens.block), (0.12, 0.25));
}
