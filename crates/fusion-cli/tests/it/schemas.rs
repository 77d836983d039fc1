use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The samples of one format, by file: those that show what is valid, or what is not.
fn samples(kind: &str, format: &str) -> Vec<(PathBuf, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/samples");
    let dir = root.join(kind).join(format);
    let entries = fs::read_dir(&dir).unwrap_or_else(|err| panic!("{}: {err}", dir.display()));
    let mut paths: Vec<_> = entries.map(|it| it.expect("an entry").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), value(&path))).collect()
}

fn value(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("a sample");
    let parsed = match path.extension().and_then(|it| it.to_str()) {
        Some("toml") => overlay_model::from_toml(&text),
        _ => overlay_model::from_yaml(&text),
    };
    parsed.unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

#[test]
fn schemas_take_the_valid_samples_and_no_others() {
    for (format, schema) in fusion_cli::schemas() {
        let schema = jsonschema::validator_for(&schema).expect("a JSON Schema");
        let (valid, invalid) = (samples("valid", format), samples("invalid", format));
        assert!(valid.len() >= 4 && invalid.len() >= 6, "{format}: too few samples");
        for (path, value) in valid {
            if let Err(err) = schema.validate(&value) {
                panic!("{}: {err} at {}", path.display(), err.instance_path());
            }
        }
        for (path, value) in invalid {
            assert!(!schema.is_valid(&value), "{} is taken", path.display());
        }
    }
}

#[test]
fn our_own_check_agrees_about_overlays() {
    for (kind, is_valid) in [("valid", true), ("invalid", false)] {
        for (path, value) in samples(kind, "overlay") {
            let table = value.as_object().expect("a table");
            let findings = overlay_schema::check_typed(table);
            assert_eq!(findings.is_empty(), is_valid, "{}: {findings:?}", path.display());
        }
    }
}
