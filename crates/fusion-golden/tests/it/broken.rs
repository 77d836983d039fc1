//! Files that are not as they should be: each a finding with a code.

use std::fs::{self, File};
use std::path::Path;

use fusion_golden::{
    Suite, SuiteError, ValidateOptions, Verdict, read_golden, rebind_authored, update, validate,
};
use proptest::prelude::*;

use crate::shipped::{Shipped, open, reason, scenario};

const REFUND: &str = "refund_processing_duplicate";
const GOLDEN: &str = "goldens/refund_processing_duplicate_golden.json";
const CASSETTE: &str = "goldens/cassettes/refund_processing_duplicate.jsonl";

/// After `edit`, the refund scenario is invalid, and one of its checks begins with `check`.
#[track_caller]
fn invalid(edit: impl FnOnce(&Shipped), check: &str) {
    let shipped = Shipped::new();
    edit(&shipped);
    let report = shipped.validate();
    let checks = open(scenario(&report, REFUND));
    assert_eq!(report.verdict, Verdict::Invalid, "{checks:#?}");
    assert!(checks.iter().any(|it| it.starts_with(check)), "{checks:#?}");
}

#[test]
fn a_key_that_stands_twice() {
    invalid(
        |it| {
            it.edit(
                GOLDEN,
                "\"overlay_output\":",
                "\"overlay_output\": \"\",\n  \"overlay_output\":",
            );
        },
        "GLD1002 invalid goldens/refund_processing_duplicate_golden.json - 11:3: the key \
         `overlay_output` stands twice; first here: 10:3",
    );
    // Also where the reader's map would keep the last one.
    invalid(
        |it| it.edit(GOLDEN, "\"MAX_TOKENS\":", "\"MAX_TOKENS\": \"9\",\n    \"MAX_TOKENS\":"),
        "GLD1002 invalid",
    );
    invalid(
        |it| it.edit(CASSETTE, "\"recorder\":", "\"recorder\":\"model\",\"recorder\":"),
        "GLD1002 invalid goldens/cassettes/refund_processing_duplicate.jsonl - 1:",
    );
}

#[test]
fn a_cassette_that_is_cut_off() {
    invalid(
        |it| {
            let text = it.read(CASSETTE);
            it.write(CASSETTE, text.get(..text.len() - 40).unwrap());
        },
        "GLD1007 invalid goldens/cassettes/refund_processing_duplicate.jsonl - 2:1: the last \
         line ends in the middle",
    );
}

#[test]
fn a_sample_that_is_recorded_twice() {
    invalid(
        |it| {
            let text = it.read(CASSETTE);
            it.write(CASSETTE, &format!("{text}{}\n", text.lines().next().unwrap()));
        },
        "GLD1006 invalid goldens/cassettes/refund_processing_duplicate.jsonl - 3:1: sample 0 of \
         this request to gpt-4o-mini is recorded in line 1 already",
    );
}

#[test]
fn a_recording_that_is_gone() {
    invalid(
        |it| {
            let text = it.read(CASSETTE);
            it.write(CASSETTE, &format!("{}\n", text.lines().next().unwrap()));
        },
        "GLD1005 invalid goldens/cassettes/refund_processing_duplicate.jsonl - a recording that \
         the golden rests on is gone",
    );
}

#[test]
fn no_golden() {
    invalid(
        |it| fs::remove_file(it.path(GOLDEN)).unwrap(),
        "GLD1009 invalid goldens/refund_processing_duplicate_golden.json - nothing was accepted \
         yet",
    );
}

#[test]
fn texts_that_are_no_golden() {
    for (text, check) in [
        ("", "GLD1001"),
        ("[]", "GLD1001"),
        ("{\"scenario_id\": 1}", "GLD1001"),
        ("\u{0}\u{1}", "GLD1001"),
        ("{\"a\": [[[[", "GLD1001"),
    ] {
        invalid(|it| it.write(GOLDEN, text), check);
    }
    invalid(|it| fs::write(it.path(GOLDEN), [0xff, 0xfe]).unwrap(), "GLD1001");
    invalid(|it| it.write(GOLDEN, &"[".repeat(5_000_000)), "GLD1001");
    invalid(
        |it| it.edit(GOLDEN, "\"schema_version\": \"2.0\"", "\"schema_version\": \"3.0\""),
        "GLD1013",
    );
    let other = "goldens/misposted_payout_reversal_golden.json";
    invalid(|it| it.write(GOLDEN, &it.read(other)), "GLD1011");
    let original = r#"{"scenario_id": "refund_processing_duplicate", "baseline_output": "",
        "overlay_output": "", "config_hash": "00", "execution_metrics":
        {"baseline_length": 0, "overlay_length": 0, "length_delta": 0}}"#;
    invalid(|it| it.write(GOLDEN, original), "GLD1012");
}

#[test]
fn texts_that_are_no_cassette() {
    for text in ["{}\n", "null\n", "\u{0}\n", "{\"v\": 1\n", "[[[[\n"] {
        invalid(|it| it.write(CASSETTE, text), "GLD1001");
    }
    invalid(|it| it.edit(CASSETTE, "\"v\":1", "\"v\":2"), "GLD1001");
    invalid(|it| it.write(CASSETTE, &"x".repeat((4 << 20) + 1)), "GLD1008");
    let sparse = |it: &Shipped| File::create(it.path(CASSETTE)).unwrap().set_len((64 << 20) + 1);
    invalid(|it| sparse(it).unwrap(), "GLD1008");
}

#[test]
fn a_cassette_of_nothing_but_faults() {
    let shipped = Shipped::new();
    shipped.write(CASSETTE, &"{\"v\": 0}\n".repeat(50_000));
    let report = shipped.validate();
    let checks = open(scenario(&report, REFUND));
    let mut faults = checks.iter().filter(|it| it.starts_with("GLD1001"));
    assert_eq!(faults.clone().count(), 21);
    let last = "21:1: 20 lines are wrong already: this one and 49979 more are not read";
    assert!(faults.next_back().unwrap().ends_with(last), "{checks:#?}");
    // A line may be just as bad.
    shipped.write(CASSETTE, &format!("{{{}}}\n", "\"v\": 1, ".repeat(100_000)));
    assert!(open(scenario(&shipped.validate(), REFUND))[0].starts_with("GLD100"));
}

#[test]
#[cfg(unix)]
fn a_pipe_is_no_cassette() {
    let shipped = Shipped::new();
    fs::remove_file(shipped.path(CASSETTE)).unwrap();
    let made = std::process::Command::new("mkfifo").arg(shipped.path(CASSETTE)).status();
    assert!(made.unwrap().success());
    let err = validate(&shipped.suite(), &ValidateOptions::default()).unwrap_err();
    let SuiteError::Read { path, source } = err else { panic!("{err}") };
    assert!(path.ends_with(CASSETTE));
    assert_eq!(source.to_string(), "no regular file");
}

/// After `to` took the place of `from` in `file`, a finding about a rule begins with
/// `finding`, nothing of the refund scenario is green, and nothing is accepted.
#[track_caller]
fn broken_rule((file, from, to): (&str, &str, &str), finding: &str) {
    let shipped = Shipped::new();
    shipped.edit(file, from, to);
    let report = shipped.validate();
    let found: Vec<_> = report
        .findings
        .iter()
        .filter(|it| it.diagnostic.code == "GLD1020")
        .map(|it| format!("{}:{}", it.path, it.diagnostic))
        .collect();
    assert!(found.iter().any(|it| it.starts_with(finding)), "{found:#?}");
    let refund = scenario(&report, REFUND);
    let check = refund.checks.iter().find(|it| it.code == "GLD1020").unwrap();
    let place = finding.split(": error").next().unwrap().rsplit_once(':').unwrap().0;
    assert_eq!((check.verdict, check.place().as_deref()), (Verdict::Fail, Some(place)));
    let golden = shipped.read(GOLDEN);
    for options in [reason("x"), reason("y")] {
        let refused = match options.reason.as_str() {
            "x" => update(&shipped.suite(), &options).unwrap().refused,
            _ => rebind_authored(&shipped.suite(), &options).unwrap().goldens.refused,
        };
        let why = refused.iter().find(|it| it.id == REFUND).unwrap();
        assert!(why.why.contains("cannot be evaluated"), "{why:?}");
    }
    assert_eq!(shipped.read(GOLDEN), golden);
}

#[test]
fn a_rule_that_cannot_be_evaluated() {
    let rule = "contains: \"INV-88214\"";
    let at = "configs/scenarios.yaml:34";
    for (test, finding) in [
        (
            "regex: \"(\"",
            "17: error[GLD1020]: scenario `refund_processing_duplicate`: rule \
                           `names_invoice` cannot be evaluated: unclosed group",
        ),
        ("regex: \"[a-z]{1000}{1000}{1000}\"", "17: error[GLD1020]: scenario"),
        ("json_schema: {type: 3}", "22: error[GLD1020]: scenario"),
        ("json_schema: {\"$ref\": \"#/$defs/nowhere\"}", "22: error[GLD1020]: scenario"),
        ("json_schema: {\"$ref\": \"https://example.com/x\"}", "22: error[GLD1020]: scenario"),
    ] {
        broken_rule(("configs/scenarios.yaml", rule, test), &format!("{at}:{finding}"));
    }
    broken_rule(
        ("configs/micro_overlays/rollback_first.md", "contains \"Rollback\"", "regex \"Roll(\""),
        "configs/micro_overlays/rollback_first.md:39:58: error[GLD1020]: rule `gate-1` cannot be \
         evaluated: unclosed group",
    );
}

#[test]
fn a_golden_or_cassette_without_scenario() {
    let shipped = Shipped::new();
    shipped.write("goldens/gone_golden.json", "{}");
    shipped.write("goldens/cassettes/gone_too.jsonl", "");
    let report = shipped.validate();
    let found: Vec<_> = report
        .findings
        .iter()
        .filter(|it| it.diagnostic.code == "GLD1010")
        .map(|it| it.path.as_str())
        .collect();
    assert_eq!(found, ["goldens/gone_golden.json", "goldens/cassettes/gone_too.jsonl"]);
    assert_eq!(report.verdict, Verdict::Warn);
}

#[test]
fn a_recording_that_nothing_asks_for() {
    let shipped = Shipped::new();
    let other = shipped.read("goldens/cassettes/misposted_payout_reversal.jsonl");
    shipped.write(CASSETTE, &(shipped.read(CASSETTE) + &other));
    let report = shipped.validate();
    let refund = scenario(&report, REFUND);
    assert_eq!(refund.verdict, Verdict::Warn);
    let expected = "GLD1014 warn goldens/cassettes/refund_processing_duplicate.jsonl - line 3: no \
                    plan makes this call";
    assert_eq!(open(refund)[0], expected);
}

#[test]
fn a_setting_that_is_none() {
    let shipped = Shipped::new();
    let overlay = "configs/overlays/fusion_overlay.rollback_first.txt";
    shipped.edit(overlay, "TRUST_FLOOR=0.65", "TRUST_FLOOR=high");
    let report = shipped.validate();
    assert_eq!(report.verdict, Verdict::Fail);
    let checks = open(scenario(&report, REFUND));
    assert!(checks.iter().any(|it| it.starts_with("GLD1017 fail")), "{checks:#?}");
    assert!(report.findings.iter().any(|it| it.path == overlay && it.diagnostic.is_error()));
}

#[track_caller]
fn refused(shipped: &Shipped, scenarios: &[&str]) -> SuiteError {
    let scenarios = scenarios.iter().map(|it| (*it).to_owned()).collect();
    let options = ValidateOptions { scenarios, ..ValidateOptions::default() };
    validate(&shipped.suite(), &options).unwrap_err()
}

#[test]
fn an_empty_selection_is_never_green() {
    let shipped = Shipped::new();
    let err = refused(&shipped, &["refund_processing_duplicat"]);
    let SuiteError::NothingSelected { unknown } = err else { panic!("{err}") };
    assert_eq!(unknown, ["refund_processing_duplicat"]);
    shipped.write("configs/scenarios.yaml", "scenarios: []\n");
    assert!(matches!(refused(&shipped, &[]), SuiteError::NothingSelected { .. }));
    fs::remove_file(shipped.path("configs/scenarios.yaml")).unwrap();
    assert!(matches!(refused(&shipped, &[]), SuiteError::NothingSelected { .. }));
    shipped.write("configs/scenarios.yaml", "scenarios: &a [*a]\n");
    assert!(matches!(refused(&shipped, &[]), SuiteError::Broken { .. }));
}

#[test]
fn a_flag_file_that_cannot_be_read_is_not_taken_for_none() {
    let flags = "configs/overlay_feature_flags.yaml";
    let shipped = Shipped::new();
    shipped.write(flags, "features: [\n");
    let err = refused(&shipped, &[]).to_string();
    assert!(err.contains("configs/overlay_feature_flags.yaml:"), "{err}");
    shipped.remove(flags);
    fs::create_dir(shipped.path(flags)).unwrap();
    assert!(matches!(refused(&shipped, &[]), SuiteError::Broken { .. }));
}

#[test]
fn an_unknown_scenario_among_known_ones() {
    let shipped = Shipped::new();
    let scenarios = vec![REFUND.to_owned(), "refund_processing_duplicat".to_owned()];
    let options = ValidateOptions { scenarios, ..ValidateOptions::default() };
    let report = validate(&shipped.suite(), &options).unwrap();
    assert_eq!((report.verdict, report.counts.total), (Verdict::Fail, 1));
    let finding = report.findings.iter().find(|it| it.diagnostic.code == "GLD1018").unwrap();
    let hint = "did you mean `refund_processing_duplicate`?";
    assert_eq!(finding.diagnostic.hint.as_deref(), Some(hint));
}

#[test]
fn folders_that_are_no_suite() {
    let nowhere = Suite::open(Path::new("/nonexistent/goldens")).unwrap_err();
    assert!(matches!(nowhere, SuiteError::NoSuite { .. }), "{nowhere}");
    let shipped = Shipped::new();
    for (text, message) in [
        ("installation = 3\n", "goldens/suite.toml:1:16: error[GLD1001]: invalid type"),
        ("schema = \"fusion/suite/9\"\n", "schema `fusion/suite/9`"),
        ("instalation = \"../configs\"\n", "unknown field"),
    ] {
        shipped.write("goldens/suite.toml", text);
        let err = Suite::open(&shipped.path("goldens")).unwrap_err().to_string();
        assert!(err.contains(message), "{err}");
    }
    shipped.write("goldens/suite.toml", "installation = \"../nowhere\"\n");
    let err = Suite::open(&shipped.path("goldens")).unwrap_err();
    assert!(matches!(err, SuiteError::Installation(_)), "{err}");
}

fn golden_text() -> &'static str {
    static TEXT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    TEXT.get_or_init(|| Shipped::new().read(GOLDEN))
}

#[test]
fn a_golden_is_written_as_it_was_read() {
    let (golden, findings) = read_golden(golden_text());
    assert_eq!(findings, []);
    assert_eq!(golden.unwrap().to_text(), golden_text());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_letter_of_a_golden_changes_unseen(at in 0..golden_text().len(), to in "[!-~]") {
        let mut text = golden_text().as_bytes().to_vec();
        prop_assume!(text[at] != to.as_bytes()[0] && !text[at].is_ascii_whitespace());
        text[at] = to.as_bytes()[0];
        let text = String::from_utf8_lossy(&text);
        let (_, findings) = read_golden(&text);
        prop_assert!(!findings.is_empty(), "{text}");
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,200}|[\\[\\]{}:,\"0-9a-z\\\\ ]{0,200}") {
        let (golden, findings) = read_golden(&text);
        prop_assert!(golden.is_some() || !findings.is_empty());
    }
}
