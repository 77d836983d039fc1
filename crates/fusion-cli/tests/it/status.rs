use serde_json::json;

use crate::binary::{finish, folder, fusion, run, write};
use crate::flags::FILE;

/// The base layer of an installation.
pub(crate) const BASE: &str = "\
FUSION_OVERLAY_VERSION=2.1.0
OVERLAY_NAME=baseline
FUSION_MODE=baseline_only
ENTROPY_REDUCTION_TARGET=0.30
CONTINUITY_ENFORCEMENT=basic_thread
TRUST_SCORING_MODEL=contextual_alignment
TRUST_FLOOR=0.60
";

#[test]
fn status_says_what_would_serve() {
    let dir = folder(&[("configs/overlays/fusion_overlay.baseline.txt", BASE)]);
    let status = |variables: &[(&str, &str)], code| {
        let mut command = fusion(dir.path());
        command.envs(variables.iter().copied()).env("SOURCE_DATE_EPOCH", "0");
        let args = ["overlay", "status", "--root", "configs", "--json"];
        finish(command.args(args), b"").ends_with(code).json()
    };
    let report = status(&[], 0);
    assert_eq!(report["schema"], "fusion/overlay-status/1");
    assert_eq!((&report["source"], &report["generation"]), (&json!("files"), &json!(1)));
    assert_eq!(report["health"], json!({"status": "healthy", "reasons": []}));
    assert_eq!(report["applied_at"], "1970-01-01T00:00:00Z");

    let report = status(&[("RESON_FEATURES", ""), ("RESONTINEX_FUSION_SAMPLES", "3")], 0);
    assert_eq!(report["health"]["status"], "degraded");
    assert_eq!((&report["emergency"], &report["shadowed"]), (&json!(true), &json!(["SAMPLES"])));
    assert_eq!(report["held_by"], json!(["RESON_FEATURES"]));
    let quiet = (&report["nacks"], &report["last_error"], &report["staleness_ms"]);
    assert_eq!(quiet, (&json!(0), &serde_json::Value::Null, &json!(0)));

    // A value from outside is its own fault, once.
    let mut command = fusion(dir.path());
    command.env("RESONTINEX_FUSION_TRUST_FLOOR", "9");
    let ran = finish(command.args(["overlay", "status", "--root", "configs"]), b"").ends_with(1);
    let said =
        "error[OVL5218]: RESONTINEX_FUSION_TRUST_FLOOR=9: TRUST_FLOOR is a number from 0 to 1";
    assert!(
        ran.stdout.contains(&format!("because     the last change was refused: {said}\n")),
        "{ran:#?}"
    );
    assert!(ran.stdout.starts_with(&format!("{said}\n")), "{ran:#?}");

    write(&dir.path().join(FILE), "features: {a: {rollout_percentage: 200}}\n");
    let report = status(&[], 1);
    assert_eq!(
        (&report["source"], &report["health"]["status"]),
        (&json!("embedded"), &json!("unhealthy"))
    );
    assert_eq!(report["generation"], serde_json::Value::Null, "nobody made the built-in overlay");
    let text = run(dir.path(), &["overlay", "status", "--root", "configs"]).ends_with(1).stdout;
    assert!(text.contains("\n  generation  none, "), "{text}");
    assert_eq!(
        (&report["nacks"], &report["last_error"]["findings"][0]["code"]),
        (&json!(1), &json!("FLG2001"))
    );
    let finding =
        report["diagnostics"].as_array().unwrap().iter().find(|it| it["code"] == "FLG2001");
    let finding = finding.expect("the finding of the flag file");
    assert_eq!(
        (&finding["path"], &finding["line"]),
        (&json!("overlay_feature_flags.yaml"), &json!(1))
    );
    run(dir.path(), &["overlay", "status", "--root", "gone"]).ends_with(65);
}
