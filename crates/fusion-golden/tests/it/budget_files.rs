//! Goldens and recordings that cannot be read, or went missing.

use std::fs;

use fusion_golden::budget::{
    Base, BudgetCheck, BudgetReport, Budgets, Reading, Subject, Watch, WatchError, compare, gate,
    measure,
};
use fusion_golden::{Suite, SuiteError, Verdict};
use overlay_model::Severity;

use crate::shipped::Shipped;

const REFUND: &str = "refund_processing_duplicate";
const CASSETTE: &str = "goldens/cassettes/refund_processing_duplicate.jsonl";
const FLAGS: &str = "configs/overlay_feature_flags.yaml";
const GOLDEN: &str = "goldens/refund_processing_duplicate_golden.json";

fn open(shipped: &Shipped) -> Suite {
    Suite::open(&shipped.path("goldens")).unwrap()
}

fn base(shipped: &Shipped) -> Base {
    Base::Suite { name: "base".to_owned(), suite: open(shipped) }
}

fn against(candidate: Suite, base: Base) -> BudgetReport {
    gate(&candidate, "candidate", vec![base], &[], &Budgets::default(), 1).unwrap()
}

fn recordings(report: &BudgetReport) -> Vec<&BudgetCheck> {
    report.checks.iter().filter(|it| it.name == Subject::Recordings).collect()
}

/// Cuts the second line of the cassette off in the middle.
fn corrupt(shipped: &Shipped) {
    let text = shipped.read(CASSETTE);
    let lines: Vec<_> = text.lines().collect();
    let second = lines[1].get(..80).unwrap();
    shipped.write(CASSETTE, &format!("{}\n{second}\n{}\n", lines[0], lines[2..].join("\n")));
}

#[track_caller]
fn check_invalid(report: &BudgetReport, path: &str, line: Option<usize>, message: &str) {
    check_broken(report, Verdict::Invalid, path, line, message);
}

#[track_caller]
fn check_broken(
    report: &BudgetReport,
    verdict: Verdict,
    path: &str,
    line: Option<usize>,
    message: &str,
) {
    assert_eq!(report.verdict, verdict);
    // What went missing with what cannot be read is a row of its own.
    let mut rows = recordings(report);
    rows.retain(|it| it.message.contains("cannot be read"));
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert!(rows[0].message.contains(message), "{}", rows[0].message);
    assert_eq!(rows[0].gate.verdict, verdict);
    let finding = report.findings.iter().find(|it| it.path == path);
    let finding = finding.unwrap_or_else(|| panic!("{:#?}", report.findings));
    assert_eq!(finding.diagnostic.at.as_ref().map(|it| it.line), line);
}

#[test]
fn what_cannot_be_read_is_invalid_and_said_of_the_base() {
    let (whole, broken) = (Shipped::new(), Shipped::new());
    corrupt(&broken);
    let report = against(open(&broken), base(&whole));
    check_invalid(
        &report,
        CASSETTE,
        Some(2),
        "of the candidate cannot be read, 1 in all; goldens/",
    );
    let report = against(open(&whole), base(&broken));
    let path = format!("base: {CASSETTE}");
    let message = "of the base cannot be read, 1 in all; goldens/";
    // Or no change could mend it.
    check_broken(&report, Verdict::Warn, &path, Some(2), message);
    assert!(!report.findings.iter().any(|it| it.diagnostic.is_error()), "{:#?}", report.findings);
    let broken = Shipped::new();
    broken.write(GOLDEN, "{\"schema_version\": ");
    check_invalid(&against(open(&broken), base(&whole)), GOLDEN, Some(1), GOLDEN);
}

#[test]
fn two_recordings_say_what_cannot_be_read() {
    let (whole, broken) = (Shipped::new(), Shipped::new());
    corrupt(&broken);
    let measured = |it: &Shipped, name| measure(&open(it), &[], name, 1).unwrap();
    let before = measured(&whole, "A").without_requests();
    let after = measured(&broken, "B");
    let report = compare(&open(&broken), &before, &after, &[], &Budgets::default()).unwrap();
    check_invalid(&report, CASSETTE, Some(2), &format!("{CASSETTE}:2: "));
    // The first word is not what is missing because of it.
    assert_eq!(report.open_checks()[0].name, Subject::Recordings);
    let watch = |it: &Shipped| Watch::begin(&open(it));
    assert!(watch(&whole).is_ok());
    let broken = watch(&broken);
    assert!(matches!(broken, Err(WatchError::Suite(SuiteError::Broken { .. }))), "{broken:?}");
}

/// Further recordings, such as those of a working tree, beside two suites of a history.
fn beside(candidate: &Shipped, before: &Shipped, recordings: &Shipped) -> BudgetReport {
    let (candidate, recordings) = (open(candidate), open(recordings));
    let bases = vec![base(before)];
    gate(&candidate, "candidate", bases, &[&recordings], &Budgets::default(), 1).unwrap()
}

/// Of the worst finding about a golden or a recording.
fn severity(report: &BudgetReport) -> Option<Severity> {
    let of_files = report.findings.iter().filter(|it| it.path.contains("goldens/"));
    of_files.map(|it| it.diagnostic.severity).max()
}

#[test]
fn further_recordings_that_cannot_be_read_matter_where_they_are_needed() {
    let (before, after, other) = (Shipped::new(), Shipped::new(), Shipped::new());
    other.write(GOLDEN, "{\"schema_version\": ");
    let report = beside(&after, &before, &other);
    assert_eq!(report.verdict, Verdict::Pass, "nobody reads it");
    assert!(severity(&report).is_none());
    corrupt(&other);
    let report = beside(&after, &before, &other);
    let message = "recordings of the working tree cannot be read, 1 in all; goldens/";
    check_broken(&report, Verdict::Warn, CASSETTE, Some(2), message);
    // Goldens of it are not read.
    assert!(recordings(&report).iter().all(|it| !it.message.contains("goldens or recordings")));
    assert_eq!(severity(&report), Some(Severity::Warning));
    assert!(Reading::of(&report).is_some());
    for it in [&before, &after] {
        it.remove(CASSETTE);
    }
    let report = beside(&after, &before, &other);
    check_broken(&report, Verdict::Invalid, CASSETTE, Some(2), message);
    assert_eq!(severity(&report), Some(Severity::Error));
    let is_compared = |it: &&BudgetCheck| it.name == Subject::PromptTokens && it.overlay.is_some();
    assert!(report.checks.iter().filter(is_compared).any(|it| it.gate.delta.is_some()));
    assert_eq!(Reading::of(&report), None, "prompts are as before, answers may be anything");
}

/// What is left of an installation with an error is nothing that anybody had: figures against
/// it would blame a change for what the base cannot say.
#[test]
fn with_a_base_whose_files_have_errors_nothing_is_compared() {
    const OVERLAY: &str = "configs/overlays/fusion_overlay.rollback_first.txt";
    for (file, text) in [
        (FLAGS, "version: ["),
        (OVERLAY, "NO_SUCH_KEY=1\n"),
        ("configs/providers.toml", "[[["),
        ("configs/scenarios.yaml", "scenarios: - ["),
        ("configs/budgets.toml", "[[["),
    ] {
        let (whole, broken) = (Shipped::new(), Shipped::new());
        broken.write(file, text);
        let report = against(open(&whole), base(&broken));
        let [check] = &report.checks[..] else { panic!("{file}: {:#?}", report.checks) };
        assert_eq!((check.name, check.gate.verdict), (Subject::Suite, Verdict::Warn), "{file}");
        assert!(check.message.starts_with("files of the base cannot be read, "), "{file}");
        assert!(check.message.ends_with("; nothing is compared with it"), "{}", check.message);
        assert_eq!(report.verdict, Verdict::Warn, "{file}");
        assert!(report.findings.iter().any(|it| it.path == format!("base: {file}")), "{file}");
        assert_eq!(Reading::of(&report), None, "{file}");
    }
}

#[test]
fn a_broken_flag_file_of_the_candidate_ends_the_gate() {
    let (whole, broken) = (Shipped::new(), Shipped::new());
    broken.write(FLAGS, "version: [");
    let bases = vec![base(&whole)];
    let ended = gate(&open(&broken), "candidate", bases, &[], &Budgets::default(), 1);
    let told = ended.unwrap_err().to_string();
    assert!(told.starts_with(&format!("{FLAGS}:1:")), "{told}");
}

#[test]
fn where_missing_recordings_may_be_is_said_once() {
    let (before, after) = (Shipped::new(), Shipped::new());
    for it in [&before, &after] {
        corrupt(it);
    }
    let micro = "configs/micro_overlays/rollback_first.md";
    after.edit(micro, "Never propose a change", "Never propose any change");
    let report = against(open(&after), base(&before));
    let stale: Vec<_> =
        report.checks.iter().filter(|it| it.gate.verdict == Verdict::Stale).collect();
    assert!(!stale.is_empty());
    for check in stale {
        let said = check.message.matches("they may be in what cannot be read").count();
        assert_eq!(said, 1, "{}", check.message);
    }
}

#[test]
fn a_golden_that_is_gone_fails() {
    let (whole, gone) = (Shipped::new(), Shipped::new());
    gone.remove(GOLDEN);
    let record = measure(&open(&whole), &[], "record", 1).unwrap();
    let kept = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
    for base in [base(&whole), Base::Record(kept)] {
        let report = against(open(&gone), base);
        assert_eq!(report.verdict, Verdict::Fail);
        let expect = format!("goldens that the base has are gone: {GOLDEN}");
        assert_eq!(recordings(&report)[0].message, expect);
    }
    // An installation alone has none.
    let report = against(open(&gone).of_installation_alone(), base(&whole));
    assert_eq!(report.verdict, Verdict::Pass, "{:#?}", report.open_checks());
}

#[test]
fn recordings_that_are_gone_are_named_though_requests_are_the_same() {
    let (whole, gone) = (Shipped::new(), Shipped::new());
    fs::remove_dir_all(gone.path("goldens/cassettes")).unwrap();
    let report = against(open(&gone), base(&whole));
    assert_eq!(report.verdict, Verdict::Warn, "{:#?}", report.open_checks());
    let lost = recordings(&report)[0];
    assert!(lost.message.contains(&format!("of {CASSETTE}")), "{}", lost.message);
    // A release keeps no recordings: nobody has them any more.
    let record = measure(&open(&whole), &[], "record", 1).unwrap();
    let kept = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
    let report = against(open(&gone), Base::Record(kept));
    assert_eq!(report.verdict, Verdict::Stale, "{:#?}", report.open_checks());
    assert!(recordings(&report)[0].message.contains(REFUND));
}

#[test]
fn what_no_plan_asks_for_may_go() {
    let (whole, pruned) = (Shipped::new(), Shipped::new());
    // The base asks under a temperature of its own; the candidate never does.
    whole.edit(
        "configs/overlays/fusion_overlay.rollback_first.txt",
        "MAX_TOKENS=900",
        "MAX_TOKENS=950",
    );
    let report = against(open(&pruned), base(&whole));
    assert!(recordings(&report).is_empty(), "{:#?}", recordings(&report));
}
