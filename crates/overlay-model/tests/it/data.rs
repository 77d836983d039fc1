//! Real files, from the folder that `FUSION_DATA` names.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the folder of real inputs is a setting of the test run"
)]

use std::path::PathBuf;

use overlay_model::{Catalogue, Overlay, Severity, from_yaml};

/// The text of a file of the original, where the folder is there.
#[track_caller]
fn origin(file: &str) -> Option<String> {
    let Some(root) = std::env::var_os("FUSION_DATA") else {
        let required = std::env::var_os("FUSION_DATA_REQUIRED").is_some_and(|it| it == "1");
        assert!(!required, "FUSION_DATA is not set");
        println!("skipped: no data at FUSION_DATA");
        return None;
    };
    let path = PathBuf::from(root).join("origin").join(file);
    Some(std::fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display())))
}

#[test]
fn the_originals_scenarios_load_unchanged() {
    let Some(text) = origin("eval_scenarios.yaml") else { return };
    let catalogue: Catalogue = from_yaml(&text).unwrap();
    assert_eq!(catalogue.scenarios.len(), 15);
    assert_eq!(catalogue.findings(&text), []);
    let first = &catalogue.scenarios[0];
    assert_eq!((first.kind(), first.evaluation_weight), ("refund_processing_duplicate", 1.2));
    let again = serde_json::to_string(&catalogue).unwrap();
    assert_eq!(
        from_yaml::<Catalogue>(&again).unwrap(),
        catalogue,
        "JSON is read by the same reader"
    );
}

#[test]
fn the_originals_overlay_parses() {
    let Some(text) = origin("fusion_overlay.v0.3.txt") else { return };
    let (overlay, findings) = Overlay::parse(&text);
    assert_eq!((overlay.len(), findings.as_slice()), (96, &[][..]));
    assert_eq!(overlay.source(), text);
    assert_eq!(overlay.value("LOCAL-GGUF_PREFERRED_MODULES"), Some("none"));
    let formatted =
        overlay_model::format(&overlay, &|_| overlay_model::Place { section: "All", rank: 0 });
    let (again, _) = Overlay::parse(&formatted);
    assert!(overlay.entries().all(|it| again.value(it.key) == Some(it.value)));
}

#[test]
fn the_shipped_scenarios_load() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/scenarios.yaml");
    let Ok(text) = std::fs::read_to_string(path) else { return };
    let catalogue: Catalogue = from_yaml(&text).unwrap();
    let errors: Vec<_> =
        catalogue.findings(&text).into_iter().filter(|it| it.severity == Severity::Error).collect();
    assert_eq!(errors, []);
    assert!(catalogue.scenarios.len() >= 15);
}
