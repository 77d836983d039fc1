//! Numbers and switches are written without quotes, as the schemas say.

use expect_test::{Expect, expect};
use overlay_model::{Catalogue, DesignSpec, TextError, from_toml, from_yaml};

#[track_caller]
fn check<T: std::fmt::Debug>(read: Result<T, TextError>, expect: Expect) {
    expect.assert_eq(&read.expect_err("a refusal").to_string());
}

#[test]
fn goals_of_a_spec() {
    let yaml = |goal: &str| from_yaml::<DesignSpec>(&format!("name: a\npurpose: b\n{goal}\n"));
    check(
        yaml("performance_goals:\n  latency_ms: \"50\""),
        expect![[
            r#"4:15: invalid type: string "50", expected a number or a switch, without quotes"#
        ]],
    );
    check(
        from_toml::<DesignSpec>(
            "name = 'a'\npurpose = 'b'\n[resource_constraints]\nmax_memory_mb = '1024'\n",
        ),
        expect![[
            r#"4:17: invalid type: string "1024", expected a number or a switch, without quotes"#
        ]],
    );
    check(
        from_yaml::<DesignSpec>(
            "{\"name\": \"a\", \"purpose\": \"b\",\n \"performance_goals\": {\"accuracy_score\": \"0.9\"}}",
        ),
        expect![[
            r#"2:42: invalid type: string "0.9", expected a number or a switch, without quotes"#
        ]],
    );
    let spec = yaml("performance_goals: {latency_ms: 50, accuracy_score: null}").expect("a spec");
    assert_eq!(spec.performance_goals.latency_ms, Some(50.0));
    assert_eq!(spec.performance_goals.accuracy_score, None);
}

#[test]
fn numbers_and_switches_of_scenarios() {
    let scenario = |field: &str| {
        from_yaml::<Catalogue>(&format!("scenarios:\n- id: a\n  prompt: b\n  {field}\n"))
    };
    check(
        scenario("complexity: \"0.5\""),
        expect![[
            r#"4:15: invalid type: string "0.5", expected a number or a switch, without quotes"#
        ]],
    );
    check(
        scenario("evaluation_weight: '2'"),
        expect![[
            r#"4:22: invalid type: string "2", expected a number or a switch, without quotes"#
        ]],
    );
    check(
        scenario("critical: \"true\""),
        expect![[
            r#"4:13: invalid type: string "true", expected a number or a switch, without quotes"#
        ]],
    );
    check(
        scenario("expect: [{number: \"4\"}]"),
        expect![[
            r#"4:21: invalid type: string "4", expected a number or a switch, without quotes"#
        ]],
    );
    check(
        scenario("expect: [{max_tokens: \"4\"}]"),
        expect![[
            r#"4:25: invalid type: string "4", expected a number or a switch, without quotes"#
        ]],
    );
    check(
        scenario("expect: [{refusal: \"true\"}]"),
        expect![[
            r#"4:22: invalid type: string "true", expected a number or a switch, without quotes"#
        ]],
    );
    for field in [
        "complexity: 1",
        "critical: true",
        "expect: [{number: 4.5}, {max_tokens: 4}, {refusal: true}]",
        // As JSON Schema has it, these are whole numbers.
        "expect: [{max_tokens: 5.0}, {max_tokens: 5e2}]",
    ] {
        assert!(scenario(field).is_ok(), "{field}");
    }
    assert!(scenario("expect: [{max_tokens: 5.5}]").is_err());
    assert!(scenario("expect: [{max_tokens: -1.0}]").is_err());
}

#[test]
fn what_of_yaml_is_not_taken_is_said_in_words() {
    let read = |text: &str| from_yaml::<serde_json::Value>(text);
    check(
        read("a: &a 1\nb: *a\n"),
        expect![
            "1:7: anchors (`&`) and aliases (`*`) are not taken: write the value where it belongs"
        ],
    );
    check(read("a: 1\n---\nb: 2\n"), expect!["2:1: more than one document"]);
    check(read(&"[".repeat(20)), expect!["1:17: recursion limit exceeded"]);
}
