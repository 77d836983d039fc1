//! Whatever the overlay and the profile: what comes out deploys.

use std::fmt::Write as _;

use overlay_model::Overlay;
use overlay_optimizer::{
    OptimizeOptions, Strategy as Preset, WorkloadLimits, WorkloadProfile, optimize,
};
use overlay_schema::{Group, Kind, PARAMS, Param, Profile, Subject, check};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

fn value(param: &Param) -> BoxedStrategy<String> {
    match param.kind {
        Kind::Number { min, max } => (0..=100u32)
            .prop_map(move |it| (min + (max - min) * f64::from(it) / 100.0).to_string())
            .boxed(),
        Kind::Integer { min, max } | Kind::Millis { min, max, .. } => {
            (min..=max).prop_map(|it| it.to_string()).boxed()
        }
        Kind::Switch => any::<bool>().prop_map(|it| it.to_string()).boxed(),
        Kind::Word(words) => select(words).prop_map(str::to_owned).boxed(),
        _ => Just(String::new()).boxed(),
    }
}

/// Overlays that deploy, in any order, some keys pinned.
pub(crate) fn overlays() -> impl Strategy<Value = Overlay> {
    let free = |it: &&Param| it.group != Group::Metadata && !value_is_empty(it.kind);
    let params: Vec<&'static Param> = PARAMS.iter().filter(free).collect();
    let keys: Vec<&str> = params.iter().map(|it| it.key).collect();
    let settings: Vec<_> =
        params.iter().map(|it| (any::<bool>(), value(it), Just(it.key))).collect();
    (settings, option::of(subsequence(keys.clone(), 1..keys.len())), "( |#x\n|\n){0,3}").prop_map(
        |(settings, pinned, blank)| {
            let mut text = crate::overlay("").source().to_owned();
            for (is_set, value, key) in settings {
                if is_set && !text.contains(&format!("\n{key}")) {
                    writeln!(text, "{key}={value}").unwrap();
                    text.push_str(&blank.replace(' ', ""));
                }
            }
            if let Some(keys) = pinned {
                write!(text, "OVERLAY_PINNED={}", keys.join(",")).unwrap();
            }
            text.parse().unwrap()
        },
    )
}

fn value_is_empty(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Number { .. }
            | Kind::Integer { .. }
            | Kind::Millis { .. }
            | Kind::Switch
            | Kind::Word(_)
    )
}

fn profiles() -> impl Strategy<Value = WorkloadProfile> {
    (0.0..300.0, 0.0..600.0, 0.0..=1.0, option::of(0.0..2000.0)).prop_map(
        |(rate, latency, quality, memory)| WorkloadProfile {
            requests_per_minute: rate,
            average_latency_ms: latency,
            quality_score_minimum: quality,
            resource_constraints: WorkloadLimits { max_memory_mb: memory, max_energy_units: None },
            ..WorkloadProfile::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_comes_out_deploys(
        overlay in overlays(),
        profile in profiles(),
        strategy in option::of(select(&Preset::ALL[..])),
    ) {
        let options = OptimizeOptions { strategy, ..OptimizeOptions::default() };
        let made = optimize(&overlay, &profile, options).unwrap();
        let (again, syntax) = Overlay::parse(made.overlay.source());
        prop_assert!(check(&again, syntax, Profile::Deploy, &Subject::default()).is_deployable());
        let pinned = overlay.value("OVERLAY_PINNED").unwrap_or_default();
        for change in &made.changes {
            prop_assert!(!pinned.split(',').any(|it| it == change.key));
        }
        // What is not named as changed is as it was.
        for entry in overlay.entries() {
            let change = made.changes.iter().find(|it| it.key == entry.key);
            let expected = change.map_or(entry.value, |it| it.to.as_str());
            prop_assert_eq!(made.overlay.value(entry.key), Some(expected));
        }
        let mut undone = made.overlay.clone();
        for change in &made.changes {
            match &change.from {
                Some(from) => undone.set(&change.key.parse().unwrap(), from).unwrap(),
                None => prop_assert!(undone.remove(&change.key)),
            }
        }
        prop_assert_eq!(undone.source().trim_end_matches('\n'), overlay.source().trim_end_matches('\n'));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}", fields in btree_map("[a-z_]{1,9}", vec("[0-9]{1,3}", 0..3), 0..3)) {
        for format in overlay_model::TextFormat::ALL {
            let (_, findings) = WorkloadProfile::read(format, &text);
            prop_assert!(findings.iter().all(|it| it.code.starts_with("OVL7")));
        }
        let json = serde_json::to_string(&fields).unwrap();
        let (_, findings) = WorkloadProfile::read(overlay_model::TextFormat::Json, &json);
        prop_assert!(fields.is_empty() || findings.iter().any(|it| it.is_error()));
    }
}
