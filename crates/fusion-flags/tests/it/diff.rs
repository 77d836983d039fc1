use fusion_flags::{DiffCase, FlagDiff, FlagFile, Snapshot, diff};

fn snapshot(text: &str) -> Snapshot {
    Snapshot::compile(&FlagFile::parse(text).unwrap(), None).unwrap()
}

fn changes(old: &str, new: &str, scenarios: &[&str]) -> FlagDiff {
    let units: Vec<String> = (0..5_000).map(|idx| format!("user-{idx}")).collect();
    let cases: Vec<_> = scenarios
        .iter()
        .map(|it| DiffCase { scenario_type: it, confidence: Some(0.9), now_ms: 0 })
        .collect();
    diff(snapshot(old), snapshot(new), &cases, units.iter().map(String::as_str))
}

fn file(features: &str) -> String {
    format!("{{schema_version: 2, features: {{{features}}}}}")
}

#[track_caller]
fn near(actual: f64, expected: f64) {
    assert!((actual - expected).abs() < 0.02, "{actual} is not near {expected}");
}

#[test]
fn the_same_file_changes_nothing() {
    let text = file("a: {enabled_overlays: [x], rollout_percentage: 50}");
    let found = changes(&text, &text, &["refund", "audit"]);
    assert_eq!((found.units_changed, found.scenarios_changed), (0.0, 0.0));
    assert_eq!((found.findings.len(), found.added.len(), found.removed.len()), (0, 0, 0));
}

#[test]
fn a_wider_rollout_moves_the_difference() {
    let of = |percent: u32| {
        file(&format!(
            "a: {{enabled_overlays: [x], rollout_percentage: {percent}, conditions: {{scenario_types: [refund]}}}}, b: {{enabled_overlays: [y]}}"
        ))
    };
    let found = changes(&of(20), &of(50), &["refund", "audit"]);
    near(found.units_changed, 0.15);
    near(found.scenarios_changed, 0.5);
    assert_eq!(found.cases[1].changed, 0.0);
    let [moved] = found.cases[0].moves.as_slice() else { panic!("{:?}", found.cases[0]) };
    assert_eq!((moved.from.as_deref(), moved.to.as_deref()), (Some("y"), Some("x")));
    near(moved.share, 0.3);
}

#[test]
fn another_salt_is_a_warning_and_moves_units_both_ways() {
    let old = file("a: {enabled_overlays: [x], rollout_percentage: 50}");
    let new = file("a: {enabled_overlays: [x], rollout_percentage: 50, salt: other}");
    let found = changes(&old, &new, &["refund"]);
    near(found.units_changed, 0.5);
    assert_eq!(found.cases[0].moves.len(), 2);
    assert_eq!(found.findings[0].code, "FLG6001");
}

#[test]
fn other_weights_are_a_warning() {
    let of = |weights: [u32; 2]| {
        file(&format!(
            "a: {{variants: {{one: {{overlay: x, weight: {}}}, two: {{weight: {}}}}}}}",
            weights[0], weights[1]
        ))
    };
    assert_eq!(changes(&of([1, 1]), &of([50, 50]), &["refund"]).findings, []);
    let found = changes(&of([50, 50]), &of([80, 20]), &["refund"]);
    assert_eq!(found.findings[0].code, "FLG6002");
    near(found.units_changed, 0.3);
}

#[test]
fn flags_that_come_and_go_are_named() {
    let found = changes(
        &file("a: {enabled_overlays: [x]}, b: {enabled_overlays: [y]}"),
        &file("b: {enabled_overlays: [y]}, c: {enabled_overlays: [z]}"),
        &["refund"],
    );
    assert_eq!(
        (found.added.as_slice(), found.removed.as_slice()),
        (&["c".to_owned()][..], &["a".to_owned()][..])
    );
    assert_eq!(found.units_changed, 1.0);
}
