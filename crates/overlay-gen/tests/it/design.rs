//! What the design check finds beyond the original's rules.

use expect_test::{Expect, expect};
use overlay_gen::{DesignReport, check_design};
use overlay_model::from_yaml;

#[track_caller]
fn report(source: &str) -> DesignReport {
    check_design(&from_yaml(source).unwrap(), Some(source))
}

#[track_caller]
fn check(source: &str, expect: Expect) {
    let report = report(source);
    let lines: Vec<_> = report.diagnostics.iter().map(|it| format!("{it}\n")).collect();
    expect.assert_eq(&lines.concat());
    assert_eq!(report.valid, !report.diagnostics.iter().any(|it| it.is_error()));
}

/// A good spec with `more` behind it.
#[track_caller]
fn check_with(more: &str, expect: Expect) {
    check(&format!("name: refund\npurpose: Refunds\n{more}"), expect);
}

#[test]
fn a_good_spec_has_no_findings() {
    check_with(
        "compatibility_requirements: [resontinex>=2.1.0]\nschema: overlay-design/1",
        expect![""],
    );
}

#[test]
fn names() {
    for name in ["", "-x", "../x", "Refund", "a b", "名前", &"x".repeat(65)] {
        let report = report(&format!("name: {name:?}\npurpose: Refunds"));
        let issue =
            format!("Invalid overlay name: {name}. Use alphanumeric with underscores/hyphens.");
        assert_eq!(report.issues, [issue]);
    }
    for name in ["x", "0", "a-b_c", &"x".repeat(64)] {
        assert!(report(&format!("name: {name:?}\npurpose: Refunds")).valid, "{name}");
    }
    check(
        "name: \"a\\u001bb\"\npurpose: Refunds",
        expect![[r#"
        1:1: error[OVL6002]: `a\u{1b}b` is no overlay name (use 1 to 64 lower-case letters, digits, `_` and `-`, a letter or digit first)
    "#]],
    );
}

#[test]
fn boundaries() {
    check_with(
        "performance_goals: {latency_ms: 49}",
        expect![[r#"
        3:21: warning[OVL6012]: the latency goal is under 50 ms (few models answer that fast: measure yours before you rely on it)
    "#]],
    );
    check_with("performance_goals: {latency_ms: 50}", expect![""]);
    check_with(
        "resource_constraints: {max_memory_mb: 511}",
        expect![[r#"
        3:24: error[OVL6003]: the memory limit is under 512 MB (allow at least 512 MB, or leave `max_memory_mb` out)
    "#]],
    );
    check_with("resource_constraints: {max_memory_mb: 512}", expect![""]);
}

#[test]
fn numbers_that_are_none_or_out_of_range() {
    check_with(
        "performance_goals:\n  latency_ms: .nan\n  accuracy_score: 9\n  token_efficiency: -0.1\n\
         resource_constraints:\n  max_memory_mb: .inf\n  max_cpu_percent: 400\n  max_energy_units: -1",
        expect![[r#"
            4:3: error[OVL6004]: latency_ms is not a finite number (correct the number, or leave the field out)
            5:3: error[OVL6005]: accuracy_score is 9, and must be from 0 to 1 (correct the number, or leave the field out)
            6:3: error[OVL6005]: token_efficiency is negative: -0.1 (correct the number, or leave the field out)
            8:3: error[OVL6004]: max_memory_mb is not a finite number (correct the number, or leave the field out)
            9:3: error[OVL6005]: max_cpu_percent is 400, and must be from 0 to 100 (correct the number, or leave the field out)
            10:3: error[OVL6005]: max_energy_units is negative: -1 (correct the number, or leave the field out)
        "#]],
    );
}

#[test]
fn texts_that_would_become_settings() {
    check(
        "name: refund\npurpose: \"x\\nTRUST_FLOOR=0.0\"",
        expect![[r#"
        2:1: error[OVL6006]: purpose is more than one line, or holds what cannot be seen (write it on one line, without line breaks and control characters)
    "#]],
    );
    check(
        "name: refund\npurpose: ' '",
        expect![[r#"
        2:1: error[OVL6007]: the purpose is empty (say in one sentence what the overlay is for)
    "#]],
    );
    check_with(
        "author: \"a\\u0000b\"",
        expect![[r#"
        3:1: error[OVL6006]: author is more than one line, or holds what cannot be seen (write it on one line, without line breaks and control characters)
    "#]],
    );
}

#[test]
fn white_space_around_a_purpose_is_no_part_of_it() {
    check("name: refund\npurpose: |\n  Refunds\n", expect![""]);
}

#[test]
fn scenario_names() {
    check_with(
        "target_scenarios: ['a,b', '', none, \"c\\nd\", fine]",
        expect![[r#"
            3:21: error[OVL6008]: the scenario name `a,b` holds a comma, which ends a name (name one type of work: `contract_review`)
            3:28: error[OVL6008]: the scenario name `` is empty (name one type of work: `contract_review`)
            3:31: error[OVL6008]: the scenario name `none` means the empty list (name one type of work: `contract_review`)
            3:38: error[OVL6006]: the scenario name is more than one line, or holds what cannot be seen (write it on one line, without line breaks and control characters)
        "#]],
    );
}

#[test]
fn requirements() {
    check_with(
        "compatibility_requirements:\n- resontinex>=99\n- python>=3.10\n- resontinex\n\
         - '>=2.1.0'\n- resontinex==2.1.0\n- 'resontinex >=2.1, <3'\n- 'resontinex ^2'",
        expect![[r#"
            4:3: error[OVL6010]: `resontinex>=99` is not met: the engine is 2.1.0 (use a release that meets it, or relax the requirement)
            5:3: note[OVL6011]: `python>=3.10` is not checked: the version of python is not known here
            6:3: error[OVL6019]: `resontinex` is no requirement: unexpected end of input while parsing major version number (write a subject and a version range, like `resontinex>=2.1.0`)
            7:4: error[OVL6019]: `>=2.1.0` is no requirement: it names no subject (write a subject and a version range, like `resontinex>=2.1.0`)
            8:3: error[OVL6019]: `resontinex==2.1.0` is no requirement: unexpected character '=' while parsing major version number (write a subject and a version range, like `resontinex>=2.1.0`)
        "#]],
    );
}

#[test]
fn another_format() {
    check_with(
        "schema: overlay-design/2",
        expect![[r#"
        3:1: error[OVL6014]: the format `overlay-design/2` is not known (write `overlay-design/1`, or leave `schema` out)
    "#]],
    );
}

#[test]
fn places_are_found_in_all_three_formats() {
    #[track_caller]
    fn check_place(source: &str, line: usize, column: usize) {
        let spec = overlay_model::from_toml(source).or_else(|_| from_yaml(source)).unwrap();
        let report = check_design(&spec, Some(source));
        let at = report.diagnostics[0].at.as_ref().unwrap();
        assert_eq!((at.line, at.column), (line, column), "{source}");
    }
    check_place(
        "purpose = 'the max_memory_mb: of it'\nname = 'x'\n[resource_constraints]\nmax_memory_mb = 1",
        4,
        1,
    );
    check_place("purpose = 'p'\nname = 'x'\nresource_constraints.max_memory_mb = 1", 3, 22);
    check_place(
        "{\"purpose\": \"p\", \"name\": \"x\",\n \"resource_constraints\": {\"max_memory_mb\": 1}}",
        2,
        28,
    );
    check_place("name: x\npurpose: p\nresource_constraints: {max_memory_mb: 1}", 3, 24);
    check_place("name: x\npurpose: p\ntarget_scenarios:\n  - fine\n  - none", 5, 5);
}

#[test]
fn the_report_is_json() {
    let report = report("name: ../x\npurpose: Refunds");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["valid"], false);
    assert_eq!(json["recommendations"], serde_json::json!([]));
    assert_eq!(json["diagnostics"][0]["code"], "OVL6002");
    assert_eq!(json["diagnostics"][0]["at"]["line"], 1);
}
