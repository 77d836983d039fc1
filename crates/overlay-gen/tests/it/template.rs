//! Templates, built in and of users.

use expect_test::{Expect, expect};
use overlay_gen::{Template, generate};
use overlay_model::from_yaml;

#[test]
fn the_constants_are_the_originals() {
    let lines: Vec<_> = Template::known()
        .map(|name| {
            let template = Template::named(name).unwrap();
            let values: Vec<_> = template.entries().map(|(_, value)| value.to_owned()).collect();
            format!("{name} {}\n", values.join("/"))
        })
        .collect();
    expect![[r#"
        performance_optimized 0.20/aggressive_thread/performance_weighted/speed_optimized/100
        quality_focused 0.15/comprehensive_thread/quality_alignment/quality_first/400
        balanced 0.30/enhanced_thread/contextual_alignment/adaptive_routing/250
        resource_constrained 0.40/basic_thread/simple_alignment/efficiency_mode/150
    "#]]
    .assert_eq(&lines.concat());
}

#[track_caller]
fn check_unknown(name: &str, nearest: Option<&str>) {
    let err = Template::named(name).unwrap_err();
    assert_eq!(err.nearest.as_deref(), nearest);
    let finding = err.diagnostic();
    assert_eq!(finding.code, "OVL6001");
    let hint = finding.hint.unwrap();
    assert!(err.known.iter().all(|it| hint.contains(it)), "{hint}");
}

#[test]
fn an_unknown_template_is_an_error() {
    check_unknown("balancd", Some("balanced"));
    check_unknown("Quality-Focused", Some("quality_focused"));
    check_unknown("zzz", None);
    check_unknown("", None);
}

#[track_caller]
fn check(text: &str, expect: Expect) {
    let (_, findings) = Template::parse("mine", text);
    let lines: Vec<_> = findings.iter().map(|it| format!("{it}\n")).collect();
    expect.assert_eq(&lines.concat());
}

#[test]
fn a_users_template_is_checked() {
    check("# Mine\nTRUST_FLOOR=0.7\nFUSION_MODE=quality_first\n", expect![""]);
    check(
        "OVERLAY_NAME=x\nAUTHOR=y\nFUSION_OVERLAY_VERSION=2.1.0\n",
        expect![[r#"
            1:1: error[OVL6013]: a template must not set OVERLAY_NAME (remove the line: the design spec says what the overlay is)
            2:1: note[OVL2004]: `AUTHOR` is the older name of `OVERLAY_AUTHOR` (write `OVERLAY_AUTHOR`)
            2:1: error[OVL6013]: a template must not set AUTHOR (remove the line: the design spec says what the overlay is)
            3:1: error[OVL6013]: a template must not set FUSION_OVERLAY_VERSION (remove the line: the design spec says what the overlay is)
        "#]],
    );
    check(
        "TRUST_FLOOR=1.7\nFUSION_MOED=x\nbroken\n",
        expect![[r#"
            1:13: error[OVL2102]: TRUST_FLOOR value 1.7 outside valid range [0.0, 1.0] (it takes a number from 0 to 1)
            2:1: error[OVL2002]: unknown key `FUSION_MOED` (did you mean `FUSION_MODE`?)
            3:1: error[OVL1001]: expected `KEY=VALUE` (put `#` in front of a comment)
        "#]],
    );
}

#[test]
fn what_a_template_leaves_out_has_its_default() {
    let (template, findings) = Template::parse("mine", "TRUST_FLOOR=0.7\nMAX_TOKENS=300\n");
    assert!(findings.is_empty());
    let spec = from_yaml("name: refund\npurpose: Refunds").unwrap();
    let made = generate(&spec, &template).unwrap();
    assert_eq!(made.overlay.value("MAX_TOKENS"), Some("300"));
    assert_eq!(made.origins["MAX_TOKENS"].because, "template mine");
    assert_eq!(made.overlay.value("FUSION_MODE"), Some("baseline_only"));
    assert_eq!(made.origins["FUSION_MODE"].rule, "gen.default");
}

#[test]
fn a_broken_template_makes_nothing() {
    let (template, _) = Template::parse("mine", "TRUST_FLOOR=1.7\n");
    let spec = from_yaml("name: refund\npurpose: Refunds").unwrap();
    let findings = generate(&spec, &template).unwrap_err();
    assert!(findings.iter().any(|it| it.is_error() && it.code == "OVL2102"));
}
