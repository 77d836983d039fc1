//! Whatever is asked for: an overlay that deploys, or a reason with a code.

use overlay_gen::{Template, check_design, generate};
use overlay_model::{DesignSpec, PerformanceGoals, ResourceConstraints};
use overlay_schema::{Profile, Subject, param};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-z0-9][a-z0-9_-]{0,63}", 1 => any::<String>(), 1 => "[.]{2}/[a-z]{1,9}"]
}

/// Mostly harmless, sometimes anything, sometimes made to inject a setting.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[A-Za-z]{1,9}( (legal|financial|illegal|[a-z,:='\"#]{1,9})){0,6}",
        1 => "\\PC{0,40}",
        1 => any::<String>(),
        1 => "[a-z]{0,5}[\n\r\t\u{0}\u{85}\u{2028}\u{feff}\u{202e}]{1,2}TRUST_FLOOR=0\\.0",
        1 => Just("none".to_owned()),
        1 => Just("=".to_owned()),
        1 => Just("# a comment".to_owned()),
    ]
}

fn number(max: f64) -> impl Strategy<Value = Option<f64>> {
    option::of(prop_oneof![4 => 0.0..max, 1 => prop::num::f64::ANY, 1 => Just(0.0), 1 => Just(max)])
}

fn whole(max: u32) -> impl Strategy<Value = Option<f64>> {
    option::of(prop_oneof![4 => (0..max).prop_map(f64::from), 1 => prop::num::f64::ANY])
}

fn goals() -> impl Strategy<Value = PerformanceGoals> {
    (whole(2000), number(1.0), number(1.0)).prop_map(
        |(latency_ms, accuracy_score, token_efficiency)| PerformanceGoals {
            latency_ms,
            accuracy_score,
            token_efficiency,
        },
    )
}

fn limits() -> impl Strategy<Value = ResourceConstraints> {
    (whole(9000), number(100.0), whole(2000)).prop_map(
        |(max_memory_mb, max_cpu_percent, max_energy_units)| ResourceConstraints {
            max_memory_mb,
            max_cpu_percent,
            max_energy_units,
        },
    )
}

fn scenarios() -> impl Strategy<Value = Vec<String>> {
    vec(prop_oneof![4 => "[a-z_]{1,20}", 1 => Just("performance_x".to_owned()), 1 => text()], 0..4)
}

fn requirements() -> impl Strategy<Value = Vec<String>> {
    let good = Just("resontinex>=2.1.0".to_owned());
    vec(prop_oneof![4 => good, 1 => "[a-z]{0,9}[<>=^~ ]{0,2}[0-9.]{0,6}", 1 => text()], 0..3)
}

fn spec() -> impl Strategy<Value = DesignSpec> {
    let author = option::of(text());
    (name(), text(), scenarios(), goals(), requirements(), limits(), author).prop_map(
        |(name, purpose, target_scenarios, performance_goals, compatibility, limits, author)| {
            DesignSpec {
                schema: None,
                name,
                purpose,
                target_scenarios,
                performance_goals,
                compatibility_requirements: compatibility,
                resource_constraints: limits,
                author,
            }
        },
    )
}

/// A spec without anything to complain about.
fn lawful() -> impl Strategy<Value = DesignSpec> {
    let goals = (option::of(0.0..2000.0), option::of(0.0..=1.0), option::of(0.0..=1.0));
    let limits = (option::of(512.0..9000.0), option::of(0.0..=100.0), option::of(0u32..2000));
    let purpose = "[A-Za-z]{1,9}( (legal|financial|illegal|[a-z,:='\"#]{1,9})){0,6}";
    ("[a-z0-9][a-z0-9_-]{0,63}", purpose, vec("(performance_)?[a-z]{5,9}", 0..4), goals, limits)
        .prop_map(|(name, purpose, target_scenarios, goals, limits)| DesignSpec {
            name,
            purpose,
            target_scenarios,
            performance_goals: PerformanceGoals {
                latency_ms: goals.0,
                accuracy_score: goals.1,
                token_efficiency: goals.2,
            },
            resource_constraints: ResourceConstraints {
                max_memory_mb: limits.0,
                max_cpu_percent: limits.1,
                max_energy_units: limits.2.map(f64::from),
            },
            ..DesignSpec::default()
        })
}

fn template() -> impl Strategy<Value = Template> {
    let names: Vec<_> = Template::known().collect();
    prop::sample::select(names).prop_map(|it| Template::named(it).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn deploys_or_is_refused_with_a_code(spec in spec(), template in template()) {
        match generate(&spec, &template) {
            Ok(made) => {
                let (overlay, syntax) = overlay_model::Overlay::parse(made.overlay.source());
                let checked = overlay_schema::check(&overlay, syntax, Profile::Deploy, &Subject::default());
                prop_assert!(checked.is_deployable());
                prop_assert_eq!(overlay.value("OVERLAY_NAME"), Some(spec.name.as_str()));
                prop_assert_eq!(overlay.value("OVERLAY_DESCRIPTION"), Some(spec.purpose.trim()));
                prop_assert!(overlay.entries().all(|it| param(it.key).is_some()));
                prop_assert_eq!(overlay.len(), made.origins.len());
                prop_assert!(check_design(&spec, None).valid);
                prop_assert_eq!(generate(&spec, &template), Ok(made));
            }
            Err(findings) => {
                prop_assert!(findings.iter().any(|it| it.is_error()));
                prop_assert!(findings.iter().all(|it| it.code.starts_with("OVL")));
            }
        }
    }

    #[test]
    fn a_lawful_spec_makes_an_overlay(spec in lawful(), template in template()) {
        prop_assert_eq!(generate(&spec, &template).err(), None);
    }

    #[test]
    fn a_place_lies_in_the_source(spec in spec(), source in text()) {
        let yaml = format!("name: {source}\npurpose: {:?}\n{source}", spec.purpose);
        for finding in check_design(&spec, Some(&yaml)).diagnostics {
            if let Some(at) = finding.at {
                prop_assert!(yaml.get(at.span).is_some());
            }
        }
    }
}
