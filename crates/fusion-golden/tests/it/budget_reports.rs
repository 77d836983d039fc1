//! What a report says first, and what it does not say because nobody knows it.

use fusion_golden::budget::{
    Base, BudgetReport, Budgets, Measured, Measurement, Subject, compare, gate, measure, render,
};
use fusion_golden::{FileFinding, Verdict};
use overlay_model::{Diagnostic, Digest};

use crate::shipped::Shipped;

/// A report about one overlay whose scenarios `s0`, `s1`, … have these answer tokens.
fn answered(tokens: &[[u64; 2]]) -> BudgetReport {
    let shipped = Shipped::new();
    let measurement = measure(&shipped.suite(), &[], "base", 1).unwrap();
    let one = measurement.scenarios.iter().find(|it| it.answer.is_some()).unwrap().clone();
    let side = |side: usize| -> Measurement {
        let scenarios = tokens.iter().enumerate().map(|(number, it)| {
            let mut answer = one.answer.clone().unwrap();
            answer.tokens = it[side];
            Measured {
                scenario: format!("s{number}"),
                requests: vec![Digest::of(&[u8::try_from(side).unwrap()])],
                answer: Some(answer),
                ..one.clone()
            }
        });
        Measurement { scenarios: scenarios.collect(), ..measurement.clone() }
    };
    compare(&shipped.suite(), &side(0), &side(1), &[], &Budgets::default()).unwrap()
}

#[test]
fn a_bound_that_one_answer_makes_is_none() {
    const NONE: &str = "no upper bound: one answer decides";
    let report = answered(&[[100, 100], [100, 98], [100, 9000], [100, 102]]);
    let check = report.checks.iter().find(|it| it.name == Subject::OutputTokens).unwrap();
    let upper = check.gate.interval.unwrap().upper;
    assert!(upper > 10.0, "{upper}");
    assert!(check.message.ends_with(&format!("{NONE}, that of s2")), "{}", check.message);
    for text in
        [render::table(&report, 200, false), render::markdown(&report), render::html(&report)]
    {
        assert!(text.contains(NONE), "{text}");
        let absurd = format!("{:.1} %", upper * 100.0);
        assert!(!text.contains(&absurd), "{absurd} in {text}");
    }
    // One that is merely wide is shown.
    let report = answered(&[[100, 150], [100, 60], [100, 130], [100, 90], [100, 70], [100, 140]]);
    assert!(!render::table(&report, 200, false).contains(NONE));
    // So is one that all answers bear out.
    for answers in [2, 3, 15] {
        let dearer: Vec<_> =
            (0..answers).map(|it| [100 + it, (100 + it) * (41 + it % 3)]).collect();
        let report = answered(&dearer);
        let check = report.checks.iter().find(|it| it.name == Subject::OutputTokens).unwrap();
        assert!(check.gate.interval.unwrap().upper > 10.0);
        assert!(!check.message.contains(NONE), "{}", check.message);
        assert!(!render::markdown(&report).contains(NONE));
    }
    let report = answered(&[[100, 102], [100, 9000]]);
    assert!(render::table(&report, 200, false).contains(NONE));
}

#[test]
fn at_the_line_a_report_says_that_it_is_there() {
    let report = answered(&[[100, 112], [100, 12], [100, 212], [100, 62], [100, 162]]);
    let check = report.checks.iter().find(|it| it.name == Subject::OutputTokens).unwrap();
    assert_eq!(
        check.message,
        "output tokens +12.0 %; 5 differing pairs say too little, too near the line to say how \
         many would do"
    );
}

#[test]
fn what_blocks_is_annotated_first() {
    let (before, after) = (Shipped::new(), Shipped::new());
    let heading = "## Implementation Patterns\n";
    let longer = format!("{heading}{}\n", "word ".repeat(300));
    after.edit("configs/micro_overlays/rollback_first.md", heading, &longer);
    let base = Base::Suite { name: "base".to_owned(), suite: before.suite() };
    let candidate = after.suite();
    let mut report =
        gate(&candidate, "candidate", vec![base], &[], &Budgets::default(), 1).unwrap();
    assert_eq!(report.verdict, Verdict::Fail);
    let finding = |diagnostic| FileFinding { path: "configs/a.txt".to_owned(), diagnostic };
    let warnings = (0..20).map(|_| finding(Diagnostic::warning("OVL3001", "a warning")));
    report.findings.extend(warnings);
    report.findings.push(finding(Diagnostic::error("OVL3002", "an error")));
    let all = render::github_annotations(&report);
    assert_eq!(all.len(), 10);
    assert!(all[0].starts_with("::error file=configs/micro_overlays/rollback_first.md,line="));
    assert!(all[0].contains("title=fail%3A prompt tokens"), "{}", all[0]);
    let place = |text: &str| all.iter().position(|it| it.contains(text));
    let last_check = all.iter().rposition(|it| it.starts_with("::error") && it.contains(" of "));
    let (error, warning) = (place("an error"), place("a warning"));
    assert!(error.is_none() || error > last_check, "{all:#?}");
    assert!(warning.is_none() || warning > error, "{all:#?}");
    assert!(all[9].starts_with("::notice title=budget::and "), "{}", all[9]);
}
