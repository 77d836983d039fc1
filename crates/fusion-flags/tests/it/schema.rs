use fusion_flags::{CODES, FlagFile, check, flag_file_schema};
use overlay_model::{Diagnostic, Severity};
use serde_json::Value;

#[track_caller]
fn accepts(text: &str) -> bool {
    let validator = jsonschema::draft202012::new(&flag_file_schema()).unwrap();
    let value: Value = overlay_model::from_yaml(text).unwrap();
    validator.is_valid(&value)
}

const WHOLE: &str = "schema_version: 2
defaults: {bucket_by: targetingKey, hash: flagd-v3, match: exact, missing_confidence: deny}
features:
  refunds:
    description: Refunds, carefully
    enabled_overlays: [rollback_first]
    fallback_strategy: baseline_only
    conditions:
      scenario_types: [refund_processing]
      confidence_threshold: 0.7
      where: {tenant: {in: [acme]}, model_version: {semver: ^2}}
    owner: ops
    kind: release
    expires: 2027-03-01
    salt: refunds_2026
    enabled: true
    ramp: {start: '2026-12-01T09:00Z', steps: [{percent: 1, hold: 1h}, {percent: 100}]}
    requires: [{flag: base, is: on}]
    active: {hours: ['22:00-06:00'], tz: Europe/Berlin}
    circuit_breaker:
      enabled: true
      failure_threshold: 5
      recovery_timeout: 300
      window: {seconds: 60, failure_rate: 0.5, min_calls: 20, slow_ms: 5000, slow_rate: 0.5}
      half_open: {max_probes: 3, need: 2, lease: 60}
  base:
    rollout_percentage: 0.25
    variants: {a: {overlay: rollback_first, weight: 50}, control: {weight: 50}}
global: {default_strategy: baseline_only, kill_switch: false, circuit_breaker: {max_open_share: 0.3}}
environments: {staging: {global_rollout_percentage: 50, quality_gate_threshold: 0.8}}
";

#[test]
fn the_schema_and_the_reader_agree_on_every_field() {
    let (file, findings) = check(WHOLE, None);
    assert_eq!(findings, []);
    assert!(accepts(WHOLE));
    let written = serde_json::to_string(&file).unwrap();
    assert!(accepts(&written), "what is written is read: {written}");
}

#[test]
fn what_the_schema_accepts_the_reader_takes() {
    for row in CODES.iter().filter(|it| !it.example.is_empty()) {
        let Ok(value) = overlay_model::from_yaml::<Value>(row.example) else { continue };
        let validator = jsonschema::draft202012::new(&flag_file_schema()).unwrap();
        if validator.is_valid(&value) {
            assert!(FlagFile::parse(row.example).is_ok(), "{}", row.code);
        }
    }
    let single = CODES.iter().filter(|it| it.code.starts_with("FLG20"));
    // Warnings are about what a file may say.
    for row in single.filter(|it| it.severity == Severity::Error) {
        assert!(!accepts(row.example), "{}: {}", row.code, row.example);
    }
}

#[test]
fn the_share_of_open_breakers_is_of_all_of_them() {
    let of_all = |share| {
        format!(
            "schema_version: 2\nfeatures: {{}}\nglobal: {{circuit_breaker: {{max_open_share: {share}}}}}\n"
        )
    };
    for (share, is_valid) in [("0", true), ("1", true), ("1.01", false), ("-0.1", false)] {
        let text = of_all(share);
        let is_taken = !check(&text, None).1.iter().any(Diagnostic::is_error);
        assert_eq!((accepts(&text), is_taken), (is_valid, is_valid), "{text}");
    }
    let of_one = "schema_version: 2\nfeatures: {a: {enabled_overlays: [x], circuit_breaker: {max_open_share: 0.5}}}\n";
    assert!(!accepts(of_one));
    assert!(check(of_one, None).1.iter().any(|it| it.code == "FLG1003"));
}

#[test]
fn the_originals_file_is_valid() {
    let Some(text) = crate::data::original() else { return };
    assert!(accepts(&text));
}
