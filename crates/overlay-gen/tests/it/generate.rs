//! The rules at their limits, and the shape of what comes out.

use expect_test::{Expect, expect};
use overlay_gen::{CODES, Generated, RULES, Template, generate, generate_at};
use overlay_model::{DesignSpec, Overlay, Severity, from_yaml, merge};
use overlay_schema::{Settings, param};

fn spec(more: &str) -> DesignSpec {
    from_yaml(&format!("name: refund\npurpose: Answers refund requests\n{more}")).unwrap()
}

#[track_caller]
fn made(spec: &DesignSpec) -> Generated {
    generate(spec, &Template::named("balanced").unwrap()).unwrap()
}

#[track_caller]
fn check(more: &str, keys: &[(&str, Option<&str>)]) {
    let made = made(&spec(more));
    for (key, value) in keys {
        assert_eq!(made.overlay.value(key), *value, "{key} for {more}");
    }
}

#[test]
fn latency() {
    let entropy = |latency: u32, value| {
        let goal = format!("performance_goals: {{latency_ms: {latency}}}");
        check(&goal, &[("ENTROPY_REDUCTION_TARGET", Some(value))]);
    };
    entropy(199, "0.45");
    entropy(200, "0.30");
    entropy(800, "0.30");
    entropy(801, "0.20");
}

#[test]
fn accuracy() {
    let floor = |accuracy: f64, value| {
        let goal = format!("performance_goals: {{accuracy_score: {accuracy}}}");
        check(&goal, &[("TRUST_FLOOR", Some(value))]);
    };
    floor(0.0, "0.30");
    floor(0.92, "0.74");
    floor(0.94, "0.75");
    floor(1.0, "0.80");
    // 0.78125 × 0.8 is 0.625, which lies between two; the even one is meant.
    floor(0.78125, "0.62");
}

#[test]
fn token_efficiency() {
    let mode = |share: f64, mode, timeout| {
        let goal = format!("performance_goals: {{token_efficiency: {share}}}");
        let keys = [("FUSION_MODE", Some(mode)), ("ARBITRATION_TIMEOUT_MS", Some(timeout))];
        check(&goal, &keys);
    };
    mode(0.2, "adaptive_routing", "250");
    mode(0.21, "efficiency_mode", "150");
}

#[test]
fn memory() {
    let thread = |memory: u32, thread, caching| {
        let limit = format!("resource_constraints: {{max_memory_mb: {memory}}}");
        let keys = [("CONTINUITY_ENFORCEMENT", Some(thread)), ("ADAPTIVE_CACHING", caching)];
        check(&limit, &keys);
    };
    thread(1023, "basic_thread", None);
    thread(1024, "enhanced_thread", None);
    thread(4096, "enhanced_thread", None);
    thread(4097, "comprehensive_thread", Some("aggressive"));
}

#[test]
fn energy() {
    let floor = |units: f64, floor, cap| {
        let limit = format!("resource_constraints: {{max_energy_units: {units}}}");
        check(&limit, &[("ENERGY_FLOOR", Some(floor)), ("MAX_ENERGY_UNITS", cap)]);
    };
    floor(0.0, "0.020", None);
    floor(0.5, "0.020", None);
    floor(500.0, "0.100", Some("500"));
    floor(800.0, "0.150", Some("800"));
    floor(2e9, "0.150", None);
}

#[test]
fn a_cap_that_cannot_be_written_is_reported() {
    let made = made(&spec("resource_constraints: {max_energy_units: 0.5}"));
    assert!(made.diagnostics.iter().any(|it| it.code == "OVL6018"));
}

#[test]
fn purposes_by_whole_word() {
    let security = |purpose: &str, value| {
        let spec = DesignSpec { purpose: purpose.to_owned(), ..spec("") };
        assert_eq!(made(&spec).overlay.value("SECURITY_MODE"), value, "{purpose}");
        assert_eq!(made(&spec).overlay.value("PII_DETECTION").is_some(), value.is_some());
    };
    security("Legal, and more", Some("enhanced"));
    security("bank/financial", Some("enhanced"));
    security("medical-notes", Some("enhanced"));
    security("SECURITY", Some("enhanced"));
    security("paralegal support", None);
    security("illegal content", None);
    security("biomedical", None);
}

#[test]
fn scenarios_about_performance_are_cached() {
    check("target_scenarios: [performance_x]", &[("ADAPTIVE_CACHING", Some("true"))]);
    check("target_scenarios: [other]", &[("ADAPTIVE_CACHING", None)]);
}

#[test]
fn no_scenario_is_an_empty_list() {
    check("target_scenarios: []", &[("OVERLAY_TARGET_SCENARIOS", Some("none"))]);
}

#[track_caller]
fn check_text(spec: &DesignSpec, expect: Expect) {
    expect.assert_eq(made(spec).overlay.source());
}

#[test]
fn the_whole_file() {
    check_text(
        &spec(
            "target_scenarios: [refund_processing, performance_x]\n\
             author: Ada\n\
             performance_goals: {latency_ms: 900, accuracy_score: 0.92, token_efficiency: 0.3}\n\
             resource_constraints: {max_memory_mb: 8192, max_energy_units: 500}",
        ),
        expect![[r#"
            # Overlay: refund
            # Purpose: Answers refund requests
            # Target scenarios: refund_processing,performance_x

            ## Metadata
            FUSION_OVERLAY_VERSION=2.1.0
            OVERLAY_AUTHOR=Ada
            OVERLAY_DESCRIPTION=Answers refund requests
            OVERLAY_NAME=refund
            OVERLAY_PINNED=ENTROPY_REDUCTION_TARGET,TRUST_FLOOR,FUSION_MODE,ARBITRATION_TIMEOUT_MS,CONTINUITY_ENFORCEMENT,ADAPTIVE_CACHING,ENERGY_FLOOR,MAX_ENERGY_UNITS
            OVERLAY_TARGET_SCENARIOS=refund_processing,performance_x

            ## Core
            CONTINUITY_ENFORCEMENT=comprehensive_thread
            ENTROPY_REDUCTION_TARGET=0.20
            TRUST_SCORING_MODEL=contextual_alignment

            ## Fusion
            ARBITRATION_TIMEOUT_MS=150
            FUSION_MODE=efficiency_mode
            PRIMARY_MODEL_SELECTION=single_model
            VOTING_POWER_MAP=single:1

            ## Thresholds
            ENERGY_FLOOR=0.100
            MAX_ENERGY_UNITS=500
            TRUST_FLOOR=0.74

            ## Operation
            ADAPTIVE_CACHING=aggressive
            API_CIRCUIT_BREAKER=true
            PERFORMANCE_MONITORING=enhanced
        "#]],
    );
}

#[test]
fn each_key_has_its_reason() {
    let made = made(&spec(
        "performance_goals: {latency_ms: 900, accuracy_score: 0.92}\n\
         resource_constraints: {max_memory_mb: 8192, max_energy_units: 500}",
    ));
    let keys: Vec<_> = made.overlay.entries().map(|it| it.key.to_owned()).collect();
    assert_eq!(made.origins.len(), keys.len());
    let lines: Vec<_> = keys
        .iter()
        .map(|key| (key, &made.origins[key]))
        .map(|(key, it)| format!("{key}: {}: {}\n", it.rule, it.because))
        .collect();
    expect![[r#"
        FUSION_OVERLAY_VERSION: gen.version: the version of the format
        OVERLAY_AUTHOR: gen.author: no author in the spec
        OVERLAY_DESCRIPTION: gen.purpose: purpose of the spec
        OVERLAY_NAME: gen.name: name of the spec
        OVERLAY_PINNED: gen.pins: keys that follow from the goals of the spec
        OVERLAY_TARGET_SCENARIOS: gen.scenarios: target_scenarios of the spec
        CONTINUITY_ENFORCEMENT: gen.memory.large: max_memory_mb 8192 > 4096: room to keep much
        ENTROPY_REDUCTION_TARGET: gen.latency.slow: latency_ms 900 > 800: more work for quality
        TRUST_SCORING_MODEL: gen.template: template balanced
        ARBITRATION_TIMEOUT_MS: gen.template: template balanced
        FUSION_MODE: gen.template: template balanced
        PRIMARY_MODEL_SELECTION: gen.default: not in template balanced: the default
        VOTING_POWER_MAP: gen.default: not in template balanced: the default
        ENERGY_FLOOR: gen.energy.floor: max_energy_units 500 / 5000, held between 0.02 and 0.15
        MAX_ENERGY_UNITS: gen.energy.cap: max_energy_units 500
        TRUST_FLOOR: gen.accuracy: accuracy_score 0.92 × 0.8, held between 0.30 and 0.95
        ADAPTIVE_CACHING: gen.memory.large: max_memory_mb 8192 > 4096: room to keep much
        API_CIRCUIT_BREAKER: gen.always: on in every overlay
        PERFORMANCE_MONITORING: gen.always: on in every overlay
    "#]]
    .assert_eq(&lines.concat());
}

#[test]
fn the_moment_is_written_only_where_one_is_given() {
    let spec = spec("target_scenarios: [a]");
    let balanced = Template::named("balanced").unwrap();
    let moment = "2026-01-02T03:04:05Z";
    let timed = generate_at(&spec, &balanced, moment).unwrap();
    assert_eq!(timed.overlay.value("OVERLAY_CREATED"), Some(moment));
    assert_eq!(made(&spec).overlay.value("OVERLAY_CREATED"), None);
    assert_eq!(timed.digest, made(&spec).digest);
    let odd = generate_at(&spec, &balanced, "x\nTRUST_FLOOR=0").unwrap();
    assert_eq!(odd.overlay.value("OVERLAY_CREATED"), Some("x\\nTRUST_FLOOR=0"));
    assert_eq!(odd.overlay.value("TRUST_FLOOR"), None);
    assert!(odd.diagnostics.iter().any(|it| it.severity == Severity::Warning));
}

#[test]
fn every_template_makes_settings() {
    for name in Template::known() {
        let made = generate(&spec(""), &Template::named(name).unwrap()).unwrap();
        let settings = Settings::resolve(&merge([&made.overlay.layer("x")])).unwrap();
        assert_eq!(settings.name.unwrap().as_str(), "refund");
    }
}

#[test]
fn rules_set_parameters_of_the_table() {
    for rule in RULES {
        for (key, _) in rule.keys {
            assert!(param(key).is_some(), "{}: {key}", rule.id);
        }
    }
    assert!(RULES.is_sorted_by_key(|it| it.stage));
}

#[test]
fn codes_are_sorted_and_explained() {
    assert!(CODES.is_sorted_by_key(|it| it.code));
    assert!(CODES.iter().all(|it| it.code.starts_with("OVL6") && it.explanation.ends_with('.')));
}

#[test]
fn the_text_reads_back() {
    let made = made(&spec(""));
    assert_eq!(made.overlay.source().parse(), Ok::<Overlay, _>(made.overlay.clone()));
    assert!(!made.overlay.source().contains('\r'));
}

#[test]
fn the_text_is_laid_out() {
    for name in Template::known() {
        let made = generate(&spec("author: Ada"), &Template::named(name).unwrap()).unwrap();
        let laid_out = overlay_model::format(&made.overlay, &overlay_schema::place);
        assert_eq!(made.overlay.source(), laid_out, "{name}");
    }
}

#[test]
fn a_spec_too_long_for_a_file_makes_nothing() {
    let spec = DesignSpec { purpose: "x".repeat(1 << 20), ..spec("") };
    let findings = generate(&spec, &Template::named("balanced").unwrap()).unwrap_err();
    assert!(findings.iter().any(|it| it.is_error() && it.code == "OVL1006"));
}

#[test]
fn a_bad_spec_makes_nothing() {
    let spec = DesignSpec { name: "../x".to_owned(), purpose: String::new(), ..spec("") };
    let findings = generate(&spec, &Template::named("balanced").unwrap()).unwrap_err();
    let codes: Vec<_> = findings.iter().map(|it| it.code).collect();
    assert_eq!(codes, ["OVL6002", "OVL6007"]);
}
