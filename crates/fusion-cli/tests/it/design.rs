use crate::binary::{folder, run, run_with};

#[test]
fn a_sound_spec_is_valid() {
    let dir = folder(&[("a.yaml", "name: refund\npurpose: Refunds\n")]);
    let report = run(dir.path(), &["design", "check", "a.yaml", "--json"]).ends_with(0).json();
    assert_eq!(report["schema"], "fusion/design-check/1");
    assert_eq!(report["valid"], true);
    assert!(report["issues"].is_array() && report["recommendations"].is_array(), "{report}");
}

#[test]
fn issues_and_recommendations_are_told_apart() {
    let spec = "name: A B\npurpose: x\nperformance_goals: {latency_ms: 20}\n";
    let dir = folder(&[("a.yaml", spec)]);
    let ran = run(dir.path(), &["design", "check", "a.yaml"]).ends_with(1);
    assert!(ran.stdout.contains("OVL6002"), "{ran:#?}");
    let report = run(dir.path(), &["design", "check", "a.yaml", "--json"]).ends_with(1).json();
    assert_eq!(report["issues"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["recommendations"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_is_no_spec_says_where() {
    let dir = folder(&[]);
    let ran = run_with(dir.path(), &["design", "check", "-", "--json"], b"name: a\npurpos: b\n");
    let report = ran.ends_with(1).json();
    assert_eq!(report["diagnostics"][0]["code"], "OVL6009");
    assert_eq!(report["diagnostics"][0]["line"], 2);
}

#[test]
fn a_missing_file_is_an_error_object() {
    let dir = folder(&[]);
    let ran = run(dir.path(), &["design", "check", "nowhere.toml", "--json"]).ends_with(65);
    assert_eq!(ran.json()["schema"], "fusion/error/1");
    assert_eq!(ran.json()["exit_code"], 65);
    assert_eq!(ran.stderr, "error: nowhere.toml: no such file\n");
}
