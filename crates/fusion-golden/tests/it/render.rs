use expect_test::{Expect, expect};
use fusion_golden::render;
use fusion_golden::{
    Agreement, BillItem, Check, Counts, Disagreement, FileFinding, Rung, ScenarioReport,
    SideReport, SuiteReport, Verdict,
};
use overlay_model::{Diagnostic, Location, ScenarioSeverity};

fn side(overlay: Option<&str>, prompt: usize, answer: usize) -> SideReport {
    SideReport {
        overlay: overlay.map(str::to_owned),
        mode: "adaptive_routing".to_owned(),
        model: "small".to_owned(),
        calls: 1,
        answer: "the answer".to_owned(),
        accepted: true,
        trust: Some(0.875),
        entropy: None,
        votes: Vec::new(),
        rules: Vec::new(),
        prompt_tokens: Some(prompt),
        answer_tokens: Some(answer),
        units: 12.5,
    }
}

fn scenario(id: &str, verdict: Verdict, checks: Vec<Check>) -> ScenarioReport {
    ScenarioReport {
        id: id.to_owned(),
        scenario_type: "refund".to_owned(),
        severity: ScenarioSeverity::Medium,
        critical: false,
        verdict,
        checks,
        baseline: Some(side(None, 90, 120)),
        overlay: Some(side(Some("rollback_first"), 412, 96)),
        selection: Vec::new(),
        bill: Vec::new(),
    }
}

fn check_of(verdict: Verdict, code: &'static str, message: &str) -> Check {
    Check {
        rung: Rung::Replay,
        code,
        verdict,
        message: message.to_owned(),
        file: None,
        line: None,
        key: None,
        hint: None,
    }
}

fn suite(scenarios: Vec<ScenarioReport>) -> SuiteReport {
    let count = |it: Verdict| scenarios.iter().filter(|s| s.verdict == it).count();
    SuiteReport {
        schema: "fusion/golden-report/1",
        suite: "goldens".to_owned(),
        verdict: scenarios.iter().map(|it| it.verdict).max().unwrap_or(Verdict::Pass),
        counts: Counts {
            total: scenarios.len(),
            pass: count(Verdict::Pass),
            warn: count(Verdict::Warn),
            insufficient: count(Verdict::Insufficient),
            stale: count(Verdict::Stale),
            fail: count(Verdict::Fail),
            invalid: count(Verdict::Invalid),
        },
        scenarios,
        findings: Vec::new(),
        agreement: Vec::new(),
        encoding: Some("o200k_base".to_owned()),
    }
}

/// A scenario of every verdict, a finding of every severity, a model with disagreements.
fn every_verdict() -> SuiteReport {
    let mut refund = scenario(
        "refund_duplicate",
        Verdict::Fail,
        vec![
            check_of(Verdict::Warn, "GLD4001", "12 prompt tokens more than accepted"),
            Check {
                file: Some("goldens/cassettes/refund_duplicate.jsonl".to_owned()),
                line: Some(2),
                key: Some("TRUST_FLOOR".to_owned()),
                hint: Some("accept it with `fusion golden update --reason`".to_owned()),
                ..check_of(Verdict::Fail, "GLD2002", "expected 0.60, found 0.65")
            },
        ],
    );
    refund.critical = true;
    refund.severity = ScenarioSeverity::High;
    refund.selection = vec!["category refund 0.60".to_owned(), "keyword duplicate".to_owned()];
    refund.bill = vec![
        BillItem { part: "prompt: Core Directive".to_owned(), tokens: 212 },
        BillItem { part: "turns".to_owned(), tokens: -14 },
    ];
    let mut bare = scenario("audit", Verdict::Pass, Vec::new());
    bare.scenario_type = "audit".to_owned();
    bare.overlay = None;
    let mut unread = scenario("lost", Verdict::Invalid, Vec::new());
    unread.checks = vec![check_of(Verdict::Invalid, "GLD1003", "the golden was edited by hand")];
    (unread.baseline, unread.overlay) = (None, None);
    let few = vec![check_of(Verdict::Insufficient, "GLD1019", "the recording has no date")];
    let stale = vec![check_of(Verdict::Stale, "GLD2005", "no recording for this request")];
    let warn = vec![check_of(Verdict::Warn, "GLD4001", "9 prompt tokens more than accepted")];
    let mut res = suite(vec![
        bare,
        refund,
        scenario("containment", Verdict::Stale, stale),
        scenario("chargeback", Verdict::Insufficient, few),
        scenario("partial", Verdict::Warn, warn),
        unread,
    ]);
    res.findings = vec![
        finding("cassettes/old.jsonl", Diagnostic::note("GLD1014", "no plan makes this call")),
        finding(
            "goldens/lost_golden.json",
            Diagnostic::error("GLD1002", "duplicate key `rules`")
                .located(Location { line: 7, column: 3, span: 90..97 })
                .hint("remove one of them"),
        ),
    ];
    let disagreement = |n: usize| Disagreement {
        scenario: format!("gsm8k_{n:04}"),
        label: false,
        rules: true,
        evidence: "found 11, expected 11".to_owned(),
    };
    res.agreement = vec![Agreement {
        model: "small".to_owned(),
        labelled: 659,
        equal: 647,
        share: 0.9818,
        disagreements: (0..12).map(disagreement).collect(),
    }];
    res
}

fn finding(path: &str, diagnostic: Diagnostic) -> FileFinding {
    FileFinding { path: path.to_owned(), diagnostic }
}

/// Text that tries everything: an escape sequence, a workflow command, markup, a mention,
/// a direction override, XML, and a line of its own.
const HOSTILE: &str =
    "::error::x\u{1b}[2J\u{9b}2J\r\n##[x]<b>&`|@all #1 http://a \u{202e}]]>\0%*_[a](b)";

fn hostile() -> SuiteReport {
    let text = || HOSTILE.to_owned();
    let mut it = scenario(HOSTILE, Verdict::Fail, Vec::new());
    it.scenario_type = text();
    it.selection = vec![text()];
    it.bill = vec![BillItem { part: text(), tokens: 1 }];
    it.overlay = Some(side(Some(HOSTILE), 1, 1));
    it.checks = vec![Check {
        file: Some(text()),
        key: Some(text()),
        hint: Some(text()),
        ..check_of(Verdict::Fail, "GLD2002", HOSTILE)
    }];
    let mut res = suite(vec![it]);
    res.suite = text();
    res.findings = vec![finding(HOSTILE, Diagnostic::error("GLD1002", HOSTILE).hint(HOSTILE))];
    let disagreements =
        vec![Disagreement { scenario: text(), label: true, rules: false, evidence: text() }];
    res.agreement =
        vec![Agreement { model: text(), labelled: 1, equal: 0, share: 0.0, disagreements }];
    res.encoding = Some(text());
    res
}

#[track_caller]
fn check(found: &str, expected: &Expect) {
    expected.assert_eq(found);
}

#[test]
fn table() {
    check(
        &render::table(&every_verdict(), 100, false),
        &expect![[r#"
            6 scenarios: 1 pass, 1 warn, 1 insufficient, 1 stale, 1 fail, 1 invalid; in files: 1 error, 1 note

            scenario          overlay         verdict       trust  calls  tokens  units
            audit             -               pass           0.88      1  90/120  12.50
            refund_duplicate  rollback_first  fail           0.88      1  412/96  12.50
            containment       rollback_first  stale          0.88      1  412/96  12.50
            chargeback        rollback_first  insufficient   0.88      1  412/96  12.50
            partial           rollback_first  warn           0.88      1  412/96  12.50
            lost              -               invalid           -      -       -      -

            invalid lost (medium)
              invalid[GLD1003]: the golden was edited by hand

            fail refund_duplicate (high, critical)
              rollback_first: category refund 0.60; keyword duplicate
              fail[GLD2002]: expected 0.60, found 0.65
                file: goldens/cassettes/refund_duplicate.jsonl:2
                key: TRUST_FLOOR
                hint: accept it with `fusion golden update --reason`
              warn[GLD4001]: 12 prompt tokens more than accepted
              prompt tokens (o200k_base):
                  +212  prompt: Core Directive
                   -14  turns

            stale containment (medium)
              stale[GLD2005]: no recording for this request

            insufficient chargeback (medium)
              insufficient[GLD1019]: the recording has no date

            warn partial (medium)
              warn[GLD4001]: 9 prompt tokens more than accepted

            rules and recorded labels:
              small: 647 of 659 equal, 0.9818
                gsm8k_0000: label false, rules true: found 11, expected 11
                gsm8k_0001: label false, rules true: found 11, expected 11
                gsm8k_0002: label false, rules true: found 11, expected 11
                gsm8k_0003: label false, rules true: found 11, expected 11
                gsm8k_0004: label false, rules true: found 11, expected 11
                gsm8k_0005: label false, rules true: found 11, expected 11
                gsm8k_0006: label false, rules true: found 11, expected 11
                gsm8k_0007: label false, rules true: found 11, expected 11
                gsm8k_0008: label false, rules true: found 11, expected 11
                gsm8k_0009: label false, rules true: found 11, expected 11
                and 2 more

            goldens/lost_golden.json:7:3: error[GLD1002]: duplicate key `rules` (remove one of them)
            cassettes/old.jsonl: note[GLD1014]: no plan makes this call

            6 scenarios: 1 pass, 1 warn, 1 insufficient, 1 stale, 1 fail, 1 invalid; in files: 1 error, 1 note
        "#]],
    );
}

#[test]
fn one_scenario_is_shown_as_in_the_table() {
    let report = every_verdict();
    let whole = render::table(&report, 100, false);
    for it in report.scenarios.iter().filter(|it| it.verdict != Verdict::Pass) {
        assert!(whole.contains(&render::scenario(it, report.encoding.as_deref(), false)));
    }
}

#[test]
fn a_clean_suite_is_short() {
    let clean = suite(vec![scenario("refund", Verdict::Pass, Vec::new())]);
    check(
        &render::table(&clean, 80, false),
        &expect![[r#"
        1 scenario: 1 pass

        scenario  overlay         verdict  trust  calls  tokens  units
        refund    rollback_first  pass      0.88      1  412/96  12.50

        1 scenario: 1 pass
    "#]],
    );
    check(
        &render::table(&suite(Vec::new()), 80, false),
        &expect![[r#"
        0 scenarios
    "#]],
    );
}

#[test]
fn only_verdicts_are_coloured() {
    let it = suite(vec![scenario("refund", Verdict::Stale, Vec::new())]);
    check(
        &render::table(&it, 80, true).replace('\u{1b}', "ESC"),
        &expect![[r#"
        ESC[35m1 scenario: 1 staleESC[0m

        scenario  overlay         verdict  trust  calls  tokens  units
        refund    rollback_first  ESC[35mstaleESC[0m     0.88      1  412/96  12.50

        ESC[35mstaleESC[0m refund (medium)

        ESC[35m1 scenario: 1 staleESC[0m
    "#]],
    );
}

#[test]
fn long_names_are_cut_to_the_width() {
    let mut it = scenario(&"long_".repeat(20), Verdict::Pass, Vec::new());
    it.overlay = Some(side(Some(&"overlay".repeat(9)), 1, 1));
    let found = render::table(&suite(vec![it]), 80, false);
    check(
        &found,
        &expect![[r#"
        1 scenario: 1 pass

        scenario              overlay               verdict  trust  calls  tokens  units
        long_long_long_long…  overlayoverlayoverl…  pass      0.88      1     1/1  12.50

        1 scenario: 1 pass
    "#]],
    );
    assert!(found.lines().all(|it| it.chars().count() <= 80));
}

#[test]
fn passes_of_a_large_suite_are_counted() {
    let pass = |n: usize| scenario(&format!("s{n}"), Verdict::Pass, Vec::new());
    let mut all: Vec<_> = (0..100).map(pass).collect();
    all.push(scenario("late", Verdict::Fail, Vec::new()));
    check(
        &render::table(&suite(all), 80, false),
        &expect![[r#"
        101 scenarios: 100 pass, 1 fail

        scenario  overlay         verdict  trust  calls  tokens  units
        late      rollback_first  fail      0.88      1  412/96  12.50
        100 scenarios passed and are not listed

        fail late (medium)

        101 scenarios: 100 pass, 1 fail
    "#]],
    );
}

#[test]
fn a_bill_that_was_asked_for_is_shown_for_a_pass() {
    let mut it = scenario("refund", Verdict::Pass, Vec::new());
    it.bill = vec![BillItem { part: "question".to_owned(), tokens: 90 }];
    check(
        &render::table(&suite(vec![it]), 80, false),
        &expect![[r#"
        1 scenario: 1 pass

        scenario  overlay         verdict  trust  calls  tokens  units
        refund    rollback_first  pass      0.88      1  412/96  12.50

        pass refund (medium)
          prompt tokens (o200k_base):
               +90  question

        1 scenario: 1 pass
    "#]],
    );
}

#[test]
fn a_pass_keeps_its_remarks() {
    let known = || vec![check_of(Verdict::Pass, "GLD3003", "rule `total`: known failure")];
    let one = |n: usize| scenario(&format!("s{n}"), Verdict::Pass, known());
    let few = suite(vec![one(0)]);
    check(
        &render::table(&few, 80, false),
        &expect![[r#"
        1 scenario: 1 pass

        scenario  overlay         verdict  trust  calls  tokens  units
        s0        rollback_first  pass      0.88      1  412/96  12.50

        pass s0 (medium)
          note[GLD3003]: rule `total`: known failure

        1 scenario: 1 pass
    "#]],
    );
    check(
        &render::table(&suite((0..70).map(one).collect()), 80, false),
        &expect![[r#"
        70 scenarios: 70 pass

        70 scenarios passed and are not listed, 70 of them with remarks

        70 scenarios: 70 pass
    "#]],
    );
    assert!(render::markdown(&few).contains("1 scenario passed with remarks"));
    assert!(render::junit(&few, true).contains("note[GLD3003]"));
    check_junit(&few, true, [1, 0, 0]);
    assert!(render::github_annotations(&few).is_empty());
}

#[test]
fn json_parses_back() {
    let text = render::json(&every_verdict());
    assert!(text.ends_with("}\n"));
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found, serde_json::to_value(every_verdict()).unwrap());
    let start: String = text.lines().take(14).map(|it| format!("{it}\n")).collect();
    check(
        &start,
        &expect![[r#"
        {
          "schema": "fusion/golden-report/1",
          "suite": "goldens",
          "verdict": "invalid",
          "counts": {
            "total": 6,
            "pass": 1,
            "warn": 1,
            "insufficient": 1,
            "stale": 1,
            "fail": 1,
            "invalid": 1
          },
          "scenarios": [
    "#]],
    );
}

#[test]
fn json_of_hostile_text_parses_back_and_is_shown_safely() {
    let text = render::json(&hostile());
    assert_eq!(text.find(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), None);
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["scenarios"][0]["id"], HOSTILE);
}

#[test]
fn junit() {
    check(
        &render::junit(&every_verdict(), false),
        &expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="fusion golden" tests="8" skipped="1" failures="4" errors="0">
                <testsuite name="audit" tests="1" skipped="0" errors="0" failures="0">
                    <properties>
                        <property name="tokens.encoding" value="o200k_base"/>
                    </properties>
                    <testcase name="audit" classname="-">
                        <properties>
                            <property name="tokens.prompt" value="90"/>
                            <property name="tokens.answer" value="120"/>
                            <property name="calls" value="1"/>
                            <property name="units" value="12.50"/>
                            <property name="trust" value="0.8750"/>
                        </properties>
                    </testcase>
                </testsuite>
                <testsuite name="refund" tests="5" skipped="1" errors="0" failures="3">
                    <properties>
                        <property name="tokens.encoding" value="o200k_base"/>
                    </properties>
                    <testcase name="refund_duplicate" classname="rollback_first">
                        <properties>
                            <property name="tokens.prompt" value="412"/>
                            <property name="tokens.answer" value="96"/>
                            <property name="calls" value="1"/>
                            <property name="units" value="12.50"/>
                            <property name="trust" value="0.8750"/>
                            <property name="baseline.tokens.prompt" value="90"/>
                            <property name="baseline.tokens.answer" value="120"/>
                            <property name="baseline.calls" value="1"/>
                            <property name="baseline.units" value="12.50"/>
                            <property name="baseline.trust" value="0.8750"/>
                        </properties>
                        <failure message="expected 0.60, found 0.65" type="GLD2002">fail[GLD2002]: expected 0.60, found 0.65; file: goldens/cassettes/refund_duplicate.jsonl:2; key: TRUST_FLOOR; hint: accept it with `fusion golden update --reason`
            warn[GLD4001]: 12 prompt tokens more than accepted</failure>
                    </testcase>
                    <testcase name="containment" classname="rollback_first">
                        <properties>
                            <property name="tokens.prompt" value="412"/>
                            <property name="tokens.answer" value="96"/>
                            <property name="calls" value="1"/>
                            <property name="units" value="12.50"/>
                            <property name="trust" value="0.8750"/>
                            <property name="baseline.tokens.prompt" value="90"/>
                            <property name="baseline.tokens.answer" value="120"/>
                            <property name="baseline.calls" value="1"/>
                            <property name="baseline.units" value="12.50"/>
                            <property name="baseline.trust" value="0.8750"/>
                        </properties>
                        <failure message="no recording for this request" type="GLD2005">stale[GLD2005]: no recording for this request</failure>
                    </testcase>
                    <testcase name="chargeback" classname="rollback_first">
                        <properties>
                            <property name="tokens.prompt" value="412"/>
                            <property name="tokens.answer" value="96"/>
                            <property name="calls" value="1"/>
                            <property name="units" value="12.50"/>
                            <property name="trust" value="0.8750"/>
                            <property name="baseline.tokens.prompt" value="90"/>
                            <property name="baseline.tokens.answer" value="120"/>
                            <property name="baseline.calls" value="1"/>
                            <property name="baseline.units" value="12.50"/>
                            <property name="baseline.trust" value="0.8750"/>
                        </properties>
                        <skipped message="the recording has no date" type="GLD1019">insufficient[GLD1019]: the recording has no date</skipped>
                    </testcase>
                    <testcase name="partial" classname="rollback_first">
                        <properties>
                            <property name="tokens.prompt" value="412"/>
                            <property name="tokens.answer" value="96"/>
                            <property name="calls" value="1"/>
                            <property name="units" value="12.50"/>
                            <property name="trust" value="0.8750"/>
                            <property name="baseline.tokens.prompt" value="90"/>
                            <property name="baseline.tokens.answer" value="120"/>
                            <property name="baseline.calls" value="1"/>
                            <property name="baseline.units" value="12.50"/>
                            <property name="baseline.trust" value="0.8750"/>
                        </properties>
                        <system-out>warn[GLD4001]: 9 prompt tokens more than accepted</system-out>
                    </testcase>
                    <testcase name="lost" classname="-">
                        <failure message="the golden was edited by hand" type="GLD1003">invalid[GLD1003]: the golden was edited by hand</failure>
                    </testcase>
                </testsuite>
                <testsuite name="files" tests="2" skipped="0" errors="0" failures="1">
                    <testcase name="cassettes/old.jsonl" classname="GLD1014">
                        <system-out>note[GLD1014]: no plan makes this call</system-out>
                    </testcase>
                    <testcase name="goldens/lost_golden.json:7:3" classname="GLD1002">
                        <failure message="duplicate key `rules`" type="GLD1002">7:3: error[GLD1002]: duplicate key `rules` (remove one of them)</failure>
                    </testcase>
                </testsuite>
            </testsuites>
        "#]],
    );
}

/// Tests, failures, skipped.
#[track_caller]
fn check_junit(report: &SuiteReport, strict: bool, expected: [usize; 3]) {
    let text = render::junit(report, strict);
    let found = quick_junit::Report::deserialize_from_str(&text).unwrap();
    assert_eq!([found.tests, found.failures, found.skipped], expected);
    assert_eq!(found.to_string().unwrap(), text);
}

#[test]
fn junit_is_well_formed() {
    check_junit(&every_verdict(), false, [8, 4, 1]);
    check_junit(&every_verdict(), true, [8, 6, 0]);
    check_junit(&hostile(), false, [2, 2, 0]);
    check_junit(&suite(Vec::new()), false, [0, 0, 0]);
}

#[test]
fn markdown() {
    check(
        &render::markdown(&every_verdict()),
        &expect![[r#"
            <!-- resontinex:golden -->
            ## Golden tests: invalid

            Suite <code>goldens</code>, 6 scenarios: 1 pass, 1 warn, 1 insufficient, 1 stale, 1 fail, 1 invalid; in files: 1 error, 1 note

            | verdict | scenarios |
            |---|---:|
            | invalid | 1 |
            | fail | 1 |
            | stale | 1 |
            | insufficient | 1 |
            | warn | 1 |
            | pass | 1 |

            ### Files

            - **error** GLD1002 <code>goldens/lost_golden.json:7:3</code>: duplicate key &#96;rules&#96; (remove one of them)
            - **note** GLD1014 <code>cassettes/old.jsonl</code>: no plan makes this call

            <details>
            <summary><b>invalid</b> <code>lost</code> (-, medium)</summary>

            - **invalid** GLD1003: the golden was edited by hand

            </details>

            <details>
            <summary><b>fail</b> <code>refund_duplicate</code> (rollback_first, high, critical)</summary>

            - **fail** GLD2002: expected 0.60, found 0.65
              - file: <code>goldens/cassettes/refund_duplicate.jsonl:2</code>
              - key: <code>TRUST_FLOOR</code>
              - hint: accept it with &#96;fusion golden update --reason&#96;
            - **warn** GLD4001: 12 prompt tokens more than accepted
            - selected: category refund 0.60; keyword duplicate

            | prompt part | tokens (o200k_base) |
            |---|---:|
            | prompt: Core Directive | +212 |
            | turns | -14 |

            </details>

            <details>
            <summary><b>stale</b> <code>containment</code> (rollback_first, medium)</summary>

            - **stale** GLD2005: no recording for this request

            </details>

            <details>
            <summary><b>insufficient</b> <code>chargeback</code> (rollback_first, medium)</summary>

            - **insufficient** GLD1019: the recording has no date

            </details>

            <details>
            <summary><b>warn</b> <code>partial</code> (rollback_first, medium)</summary>

            - **warn** GLD4001: 9 prompt tokens more than accepted

            </details>

            ### Rules and recorded labels

            - small: 647 of 659 equal, 0.9818
              - <code>gsm8k_0000</code>: label false, rules true: found 11, expected 11
              - <code>gsm8k_0001</code>: label false, rules true: found 11, expected 11
              - <code>gsm8k_0002</code>: label false, rules true: found 11, expected 11
              - <code>gsm8k_0003</code>: label false, rules true: found 11, expected 11
              - <code>gsm8k_0004</code>: label false, rules true: found 11, expected 11
              - <code>gsm8k_0005</code>: label false, rules true: found 11, expected 11
              - <code>gsm8k_0006</code>: label false, rules true: found 11, expected 11
              - <code>gsm8k_0007</code>: label false, rules true: found 11, expected 11
              - <code>gsm8k_0008</code>: label false, rules true: found 11, expected 11
              - <code>gsm8k_0009</code>: label false, rules true: found 11, expected 11
              - and 2 more

        "#]],
    );
}

#[test]
fn markdown_of_hostile_text() {
    let found = render::markdown(&hostile());
    check(
        &found,
        &expect![[r#"
        <!-- resontinex:golden -->
        ## Golden tests: fail

        Suite <code>::error::x\u{1b}&#91;2J\u{9b}2J\r\n#&#8203;#&#8203;&#91;x&#93;&lt;b&gt;&amp;&#96;&#124;@&#8203;all #&#8203;1 http…</code>, 1 scenario: 1 fail; in files: 1 error

        | verdict | scenarios |
        |---|---:|
        | fail | 1 |

        ### Files

        - **error** GLD1002 <code>::error::x\u{1b}&#91;2J\u{9b}2J\r\n#&#8203;#&#8203;&#91;x&#93;&lt;b&gt;&amp;&#96;&#124;@&#8203;all #&#8203;1 http…</code>: ::error::x\u{1b}&#91;2J\u{9b}2J\r\n#&#8203;#&#8203;&#91;x&#93;&lt;b&gt;&amp;&#96;&#124;@&#8203;all #&#8203;1 http:&#8203;//a \u{202e}&#93;&#93;&gt;\u{0}%&#42;&#95;&#91;a&#93;(b) (::error::x\u{1b}&#91;2J\u{9b}2J\r\n#&#8203;#&#8203;&#91;x&#93;&lt;b&gt;&amp;&#96;&#124;@&#8203;all #&#8203;1 http:&#8203;//a \u{202e}&#93;&#93;&gt;\u{0}%&#42;&#95;&#91;a&#93;(b))

        <details>
        <summary><b>fail</b> <code>::error::x\u{1b}&#91;2J\u{9b}2J\r\n#&#8203;#&#8203;&#91;x&#93;&lt;b&gt;&amp;&#96;&#124;@&#8203;all #&#8203;1 http…</code> (::error::x\u{1b}&#91;2J\u{9b}2J\r\n#&#8203;#&#8203;&#91;x&#93;&lt;b&gt;&amp;&#96;&#124;@&#8203;all #&#8203;1 http…, medium)</summary>

        - **fail** GLD2002: ::error::x\u{1b}&#91;2J\u{9b}2J\r\n#&#8203;#&#8203;&#91;x&#93;&lt;b&gt;&amp;&#96;&#124;@&#8203;all #&#8203;1 http:&#8203;//a \u{202e}&#93;&#93;&gt;\u{0}%&#42;&#95;&#91;a&#93;(b)
          - file: <code>::error::x\u{1b}&#91;2J\u{9b}2J\r\n#&#8203;#&#8203;&#91;x&#93;&lt;b&gt;&amp;&#96;&#124;@&#8203;all #&#8203;1 http…</code>
          - key: <code>::error::x\u{1b}&#91;2J\u{9b}2J\r\n#&#8203;#&#8203;&#91;x&#93;&lt;b&gt;&amp;&#96;&#124;@&#8203;all #&#8203;1 http…</code>
          - hint: ::error::x\u{1b}&#91;2J\u{9b}2J\r\n#&#8203;#&#8203;&#91;x&#93;&lt;b&gt;&amp;&#96;&#124;@&#8203;all #&#8203;1 http:&#8203;//a \u{202e}&#93;&#93;&gt;\u{0}%&#42;&#95;&#91;a&#93;(b)
        - selected: ::error::x\u{1b}&#91;2J\u{9b}2J\r\n#&#8203;#&#8203;&#91;x&#93;&lt;b&gt;&amp;&#96;&#124;@&#8203;all #&#8203;1 http:&#8203;//a \u{202e}&#93;&#93;&gt;\u{0}%&#42;&#95;&#91;a&#93;(b)

        | prompt part | tokens (::error::x\u{1b}&#91;2J\u{9b}2J\r\n#&#8203;#&#8203;&#91;x&#93;&lt;b&gt;&amp;&#96;&#124;@&#8203;all #&#8203;1 http…) |
        |---|---:|
        | ::error::x\u{1b}&#91;2J\u{9b}2J\r\n#&#8203;#&#8203;&#91;x&#93;&lt;b&gt;&amp;&#96;&#124;@&#8203;all #&#8203;1 http… | +1 |

        </details>

        ### Rules and recorded labels

        - ::error::x\u{1b}&#91;2J\u{9b}2J\r\n#&#8203;#&#8203;&#91;x&#93;&lt;b&gt;&amp;&#96;&#124;@&#8203;all #&#8203;1 http…: 0 of 1 equal, 0.0000
          - <code>::error::x\u{1b}&#91;2J\u{9b}2J\r\n#&#8203;#&#8203;&#91;x&#93;&lt;b&gt;&amp;&#96;&#124;@&#8203;all #&#8203;1 http…</code>: label true, rules false: ::error::x\u{1b}&#91;2J\u{9b}2J\r\n#&#8203;#&#8203;&#91;x&#93;&lt;b&gt;&amp;&#96;&#124;@&#8203;all #&#8203;1 http…

    "#]],
    );
    let tags = ["!--", "details>", "summary>", "b>", "code>", "/"];
    for tail in found.split('<').skip(1) {
        assert!(tags.iter().any(|it| tail.starts_with(it)), "{tail}");
    }
    assert!(found.split('@').skip(1).all(|it| it.starts_with("&#8203;")));
}

#[test]
fn markdown_has_room_for_the_worst_and_counts_the_rest() {
    let one = |n: usize| {
        let verdict = if n.is_multiple_of(5) { Verdict::Invalid } else { Verdict::Fail };
        let message = format!("{HOSTILE}{}", "<".repeat(600));
        scenario(&format!("s{n}"), verdict, vec![check_of(verdict, "GLD2002", &message); 3])
    };
    let mut report = suite((0..5_000).map(one).collect());
    report.findings = vec![finding("f", Diagnostic::error("GLD1002", HOSTILE)); 5_000];
    report.agreement = vec![every_verdict().agreement[0].clone(); 5_000];
    let found = render::markdown(&report);
    assert!(found.len() <= 60_000, "{}", found.len());
    assert!(found.len() > 40_000, "{}", found.len());
    let shown = found.matches("<details>").count();
    assert_eq!(shown, found.matches("</details>").count());
    let last = format!(
        "**{} scenarios more did not pass** and have no room here ({} invalid, 4000 fail); \
         the JSON report has all of them.",
        5_000 - shown,
        1_000 - shown
    );
    assert!(found.contains(&last), "{last}");
}

#[test]
fn annotations() {
    check(
        &render::github_annotations(&every_verdict()).join("\n"),
        &expect![[r#"
            ::error file=goldens/lost_golden.json,line=7,col=3,title=GLD1002::duplicate key `rules`%0Aremove one of them
            ::error title=GLD1003 invalid%3A lost::the golden was edited by hand
            ::error file=goldens/cassettes/refund_duplicate.jsonl,line=2,title=GLD2002 fail%3A refund_duplicate::TRUST_FLOOR: expected 0.60, found 0.65%0Aaccept it with `fusion golden update --reason`%0A1 more check
            ::error title=GLD2005 stale%3A containment::no recording for this request
            ::warning title=GLD1019 insufficient%3A chargeback::the recording has no date
            ::warning title=GLD4001 warn%3A partial::9 prompt tokens more than accepted"#]],
    );
    check(
        &render::github_annotations(&hostile()).join("\n"),
        &expect![[r#"
        ::error file=%3A%3Aerror%3A%3Ax\u{1b}[2J\u{9b}2J%0D%0A##[x]<b>&`|@all #1 http%3A//a \u{202e}]]>\u{0}%25*_[a](b),title=GLD1002::::error::x\u{1b}[2J\u{9b}2J%0D%0A##[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%25*_[a](b)%0A::error::x\u{1b}[2J\u{9b}2J%0D%0A##[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%25*_[a](b)
        ::error file=%3A%3Aerror%3A%3Ax\u{1b}[2J\u{9b}2J%0D%0A##[x]<b>&`|@all #1 http%3A//a \u{202e}]]>\u{0}%25*_[a](b),title=GLD2002 fail%3A %3A%3Aerror%3A%3Ax\u{1b}[2J\u{9b}2J%0D%0A##[x]<b>&`|@all #1 http%3A//a \u{202e}]]>\u{0}%25*_[a](b)::::error::x\u{1b}[2J\u{9b}2J%0D%0A##[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%25*_[a](b): ::error::x\u{1b}[2J\u{9b}2J%0D%0A##[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%25*_[a](b)%0A::error::x\u{1b}[2J\u{9b}2J%0D%0A##[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%25*_[a](b)"#]],
    );
    assert!(render::github_annotations(&suite(Vec::new())).is_empty());
}

#[test]
fn annotations_are_at_most_ten() {
    let one = |n: usize| {
        let mut it = scenario(&format!("s{n}"), Verdict::Fail, Vec::new());
        it.critical = n == 9;
        it
    };
    check(
        &render::github_annotations(&suite((0..10).map(one).collect())).join("\n"),
        &expect![[r#"
        ::error title=fail%3A s9::the scenario came to fail
        ::error title=fail%3A s0::the scenario came to fail
        ::error title=fail%3A s1::the scenario came to fail
        ::error title=fail%3A s2::the scenario came to fail
        ::error title=fail%3A s3::the scenario came to fail
        ::error title=fail%3A s4::the scenario came to fail
        ::error title=fail%3A s5::the scenario came to fail
        ::error title=fail%3A s6::the scenario came to fail
        ::error title=fail%3A s7::the scenario came to fail
        ::error title=fail%3A s8::the scenario came to fail"#]],
    );
    let many = render::github_annotations(&suite((0..700).map(one).collect()));
    assert_eq!(many.len(), 10);
    assert!(many[0].contains("s9"));
    check(&many[9], &expect!["::notice title=golden::and 691 more, all of them in the report"]);
}

#[test]
fn nothing_hostile_reaches_a_terminal() {
    let found = render::table(&hostile(), 100, false);
    check(
        &found,
        &expect![[r#"
        1 scenario: 1 fail; in files: 1 error

        scenario                        overlay                         verdict  trust  calls  tokens  units
        \u{3a}:error::x\u{1b}[2J\u{9b…  \u{3a}:error::x\u{1b}[2J\u{9b…  fail      0.88      1     1/1  12.50

        fail \u{3a}:error::x\u{1b}[2J\u{9b}2J\r\n#\u{23}[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%*_[a](b) (medium)
          \u{3a}:error::x\u{1b}[2J\u{9b}2J\r\n#\u{23}[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%*_[a](b): \u{3a}:error::x\u{1b}[2J\u{9b}2J\r\n#\u{23}[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%*_[a](b)
          fail[GLD2002]: \u{3a}:error::x\u{1b}[2J\u{9b}2J\r\n#\u{23}[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%*_[a](b)
            file: \u{3a}:error::x\u{1b}[2J\u{9b}2J\r\n#\u{23}[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%*_[a](b)
            key: \u{3a}:error::x\u{1b}[2J\u{9b}2J\r\n#\u{23}[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%*_[a](b)
            hint: \u{3a}:error::x\u{1b}[2J\u{9b}2J\r\n#\u{23}[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%*_[a](b)
          prompt tokens (\u{3a}:error::x\u{1b}[2J\u{9b}2J\r\n#\u{23}[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%*_[a](b)):
                +1  \u{3a}:error::x\u{1b}[2J\u{9b}2J\r\n#\u{23}[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%*_[a](b)

        rules and recorded labels:
          \u{3a}:error::x\u{1b}[2J\u{9b}2J\r\n#\u{23}[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%*_[a](b): 0 of 1 equal, 0.0000
            \u{3a}:error::x\u{1b}[2J\u{9b}2J\r\n#\u{23}[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%*_[a](b): label true, rules false: \u{3a}:error::x\u{1b}[2J\u{9b}2J\r\n#\u{23}[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%*_[a](b)

        \u{3a}:error::x\u{1b}[2J\u{9b}2J\r\n#\u{23}[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%*_[a](b): error[GLD1002]: ::error::x\u{1b}[2J\u{9b}2J\r\n#\u{23}[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%*_[a](b) (::error::x\u{1b}[2J\u{9b}2J\r\n#\u{23}[x]<b>&`|@all #1 http://a \u{202e}]]>\u{0}%*_[a](b))

        1 scenario: 1 fail; in files: 1 error
    "#]],
    );
    for line in found.lines().chain(render::github_annotations(&hostile()).iter().map(|it| &**it)) {
        assert_eq!(line.find(|c: char| c.is_control() || c == '\u{202e}'), None, "{line}");
    }
    assert!(!found.contains("##["));
    assert!(found.lines().all(|it| !it.trim_start().starts_with("::")));
}

#[test]
fn diff() {
    check(
        &render::diff("a\nb\nc\nd\ne\nf\n", "a\nb\nc\nd\ne\nF"),
        &expect![[r#"
        --- expected
        +++ found
        @@ -3,4 +3,4 @@
         c
         d
         e
        -f
        +F
        \ No newline at end of file
    "#]],
    );
    check(
        &render::diff("a\r\n\u{1b}[31m\n", "a\n::error::x\n"),
        &expect![[r#"
        --- expected
        +++ found
        @@ -1,2 +1,2 @@
        -a\r
        -\u{1b}[31m
        +a
        +\u{3a}:error::x
    "#]],
    );
    check(&render::diff("same\n", "same\n"), &expect![]);
}
