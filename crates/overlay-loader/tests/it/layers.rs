//! What is in force, and what the environment may not change.

use std::fs;

use overlay_loader::{Installation, environment_layer};
use overlay_model::{Layer, Origin, OverlayName, Scenario};
use tempfile::TempDir;

use crate::tree::{PROVIDERS, overlay};

fn installation(more: &str) -> (TempDir, Installation) {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("overlays")).unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write(
        "overlays/fusion_overlay.baseline.txt",
        &overlay("baseline", "SAMPLES=2\nMAX_TOKENS=100\n"),
    );
    let refund = format!("FUSION_OVERLAY_VERSION=2.1.0\nOVERLAY_NAME=refund\nSAMPLES=3\n{more}");
    write("overlays/fusion_overlay.refund.txt", &refund);
    write("providers.toml", PROVIDERS);
    let installation = Installation::read(dir.path()).unwrap();
    (dir, installation)
}

fn name(name: &str) -> OverlayName {
    name.parse().unwrap()
}

fn environment(vars: &[(&str, &str)]) -> (Layer, Vec<String>) {
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let (layer, findings) = environment_layer(vars);
    (layer, findings.iter().map(|it| format!("{} {}", it.code, it.message)).collect())
}

#[test]
fn layers_shadow_each_other_in_order() {
    let (_dir, installation) = installation("TRUST_FLOOR=0.7\n");
    let scenario: Scenario = overlay_model::from_yaml(
        "{id: a, prompt: p, parameters: {MAX_TOKENS: 50, RESPONSE_FORMAT: json_object}}",
    )
    .unwrap();
    let (layer, _) = environment(&[("RESONTINEX_FUSION_MAX_TOKENS", "40")]);
    let mut line = Layer::default();
    line.set("MAX_TOKENS".parse().unwrap(), "30", Origin::CommandLine);
    let refund = name("refund");
    let (effective, settings) =
        installation.settings(Some(&refund), Some(&scenario), &[layer, line]);
    let setting = effective.get("MAX_TOKENS").unwrap();
    let mut origins = vec![setting.setting.origin.to_string()];
    origins.extend(setting.shadowed.iter().map(|it| it.origin.to_string()));
    assert_eq!(
        origins,
        [
            "command line",
            "environment variable RESONTINEX_FUSION_MAX_TOKENS",
            "scenario a",
            "overlays/fusion_overlay.baseline.txt:10:12",
        ]
    );
    let settings = settings.unwrap();
    assert_eq!((settings.sampling.max_tokens, settings.samples), (Some(30), 3));
    assert_eq!(settings.trust_floor.get(), 0.7);
    // What no file sets comes from the built-in overlay, then from the table.
    let origin = |key: &str| effective.get(key).unwrap().setting.origin.clone();
    assert_eq!(origin("ENTROPY_FLOOR"), Origin::Embedded);
    assert_eq!(origin("REQUEST_DEADLINE_MS"), Origin::Default);

    let (_, base) = installation.settings(None, None, &[]);
    let base = base.unwrap();
    assert_eq!((base.samples, base.trust_floor.get(), base.name), (2, 0.5, Some(name("baseline"))));
}

#[test]
fn a_value_that_is_none_is_an_error() {
    let (_dir, installation) = installation("TRUST_FLOOR=high\n");
    let (_, settings) = installation.settings(Some(&name("refund")), None, &[]);
    assert_eq!(settings.unwrap_err().to_string(), "`high` is no value of TRUST_FLOOR");
    assert!(installation.settings(None, None, &[]).1.is_ok());
}

#[test]
fn variables_that_are_no_parameter_have_no_effect() {
    let (layer, findings) = environment(&[
        ("HOME", "/root"),
        ("RESONTINEX_FUSION_TRUST_FLOOR", "0.9"),
        ("RESONTINEX_FUSION_TRUST_FLOR", "0.9"),
        ("RESONTINEX_FUSION_SAMPLES", "many"),
        ("RESONTINEX_FUSION_lower", "1"),
        ("RESONTINEX_FUSION_SMALL_MAX_TOKENS", "9"),
    ]);
    let keys: Vec<_> = layer.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["SMALL_MAX_TOKENS", "TRUST_FLOOR"]);
    assert_eq!(
        findings,
        [
            "OVL5224 RESONTINEX_FUSION_SAMPLES has no effect: `many`: not a number",
            "OVL5216 RESONTINEX_FUSION_TRUST_FLOR has no effect: there is no parameter `TRUST_FLOR`",
            "OVL5216 RESONTINEX_FUSION_lower has no effect: `lower` is no parameter name",
        ]
    );
}

#[test]
fn the_environment_lowers_no_floor_of_a_secured_overlay() {
    let vars = [
        ("RESONTINEX_FUSION_TRUST_FLOOR", "0.1"),
        ("RESONTINEX_FUSION_ENERGY_FLOOR", "0.5"),
        ("RESONTINEX_FUSION_SECURITY_MODE", "off"),
        ("RESONTINEX_FUSION_SAMPLES", "1"),
    ];
    let (layer, findings) = environment(&vars);
    assert_eq!(findings, Vec::<String>::new());
    let refund = name("refund");
    let extra = [layer];

    let (_dir, secured) = installation("TRUST_FLOOR=0.7\nSECURITY_MODE=enhanced\n");
    let (effective, _) = secured.settings(Some(&refund), None, &extra);
    let values = |keys: [&str; 4]| keys.map(|key| effective.value(key).unwrap().to_owned());
    let keys = ["TRUST_FLOOR", "ENERGY_FLOOR", "SECURITY_MODE", "SAMPLES"];
    assert_eq!(values(keys), ["0.7", "0.5", "enhanced", "1"]);
    let refused: Vec<_> =
        secured.refused(Some(&refund), None, &extra).into_iter().map(|it| it.message).collect();
    assert_eq!(
        refused,
        [
            "RESONTINEX_FUSION_SECURITY_MODE=off has no effect: the overlay says enhanced and \
             SECURITY_MODE=enhanced",
            "RESONTINEX_FUSION_TRUST_FLOOR=0.1 has no effect: the overlay says 0.7 and \
             SECURITY_MODE=enhanced",
        ]
    );

    let (_dir, open) = installation("TRUST_FLOOR=0.7\n");
    let (effective, _) = open.settings(Some(&refund), None, &extra);
    assert_eq!(effective.value("TRUST_FLOOR"), Some("0.1"));
    assert_eq!(open.refused(Some(&refund), None, &extra), []);
}
