//! flagd's own schemas and samples, from the folder that `FUSION_DATA` names.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the folder of real inputs is a setting of the test run"
)]

use std::path::{Path, PathBuf};

use fusion_flagd::{FlagdFile, import};
use overlay_model::Diagnostic;
use serde_json::{Value, json};

/// flagd's schemas, where the folder is there.
#[track_caller]
fn schemas() -> Option<PathBuf> {
    let Some(root) = std::env::var_os("FUSION_DATA") else {
        let required = std::env::var_os("FUSION_DATA_REQUIRED").is_some_and(|it| it == "1");
        assert!(!required, "FUSION_DATA is not set");
        println!("skipped: no data at FUSION_DATA");
        return None;
    };
    Some(PathBuf::from(root).join("conformance/flagd-schemas/json"))
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|err| panic!("{path:?}: {err}"));
    serde_json::from_str(&text).unwrap_or_else(|err| panic!("{path:?}: {err}"))
}

/// The validator of one of flagd's schemas.
#[track_caller]
pub(crate) fn validator(name: &str) -> Option<jsonschema::Validator> {
    let root = schemas()?;
    let id = |name: &str| format!("https://flagd.dev/schema/v0/{name}.json");
    let resource = |name: &str| read(&root.join(format!("{name}.json")));
    let registry = jsonschema::Registry::new()
        .extend(["targeting", "flags", "flagd"].map(|it| (id(it), resource(it))))
        .unwrap()
        .prepare()
        .unwrap();
    let schema = json!({ "$ref": id(name) });
    Some(jsonschema::options().with_registry(&registry).build(&schema).unwrap())
}

#[track_caller]
fn samples(folder: &str) -> Vec<(PathBuf, Value)> {
    let Some(root) = schemas() else { return Vec::new() };
    let folder = root.join("test").join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|err| panic!("{folder:?}: {err}"));
    let paths = entries.map(|it| it.unwrap().path());
    let paths = paths.filter(|it| it.extension().is_some_and(|it| it == "json"));
    paths.map(|path| (path.clone(), read(&path))).collect()
}

#[test]
fn flags_that_the_schema_accepts_are_read() {
    for (path, value) in samples("flags/positive").into_iter().chain(samples("flagd/positive")) {
        let file = FlagdFile::parse(&value.to_string());
        let file = file.unwrap_or_else(|err| panic!("{path:?}: {err:?}"));
        for key in file.keys() {
            let found = file.evaluate(key, &json!({"targetingKey": "user-1"}), 0);
            assert!(found.is_ok(), "{path:?} {key}: {found:?}");
        }
    }
}

#[test]
fn rules_that_the_schema_accepts_compile() {
    for (path, value) in samples("targeting/positive") {
        let rules = value.as_object().unwrap().iter().filter(|(name, _)| *name != "$schema");
        for (name, rule) in rules {
            let file = json!({ "flags": { "it": {
                "state": "ENABLED", "variants": {}, "targeting": { name: rule },
            }}});
            let file = FlagdFile::parse(&file.to_string()).unwrap();
            let found = file.evaluate("it", &json!({}), 0);
            let broken = matches!(found, Err(fusion_flagd::EvaluationError::Rule { .. }));
            assert!(!broken || name == "*", "{path:?}: {found:?}");
        }
    }
}

/// A rule as the only flag's.
fn flag_with(rule: &Value) -> Value {
    json!({ "flags": { "it": {
        "state": "ENABLED",
        "variants": { "on": true, "off": false },
        "defaultVariant": "off",
        "targeting": rule,
    }}})
}

fn errors(findings: &[Diagnostic]) -> Vec<String> {
    findings.iter().filter(|it| it.is_error()).map(ToString::to_string).collect()
}

#[test]
fn what_the_schema_accepts_is_imported() {
    for (path, value) in samples("flags/positive").into_iter().chain(samples("flagd/positive")) {
        let flags = match &value["flags"] {
            Value::Object(map) => map.len(),
            list => list.as_array().map_or(0, Vec::len),
        };
        let (file, findings) = import(&value.to_string());
        assert_eq!(errors(&findings), [""; 0], "{path:?}");
        assert_eq!(file.features.0.len(), flags, "{path:?}: {findings:#?}");
    }
    for (path, mut rule) in samples("targeting/positive") {
        rule.as_object_mut().unwrap().remove("$schema");
        let mut file = flag_with(&rule);
        file["$evaluators"] = json!({ "some-ref": { "==": [{ "var": "a" }, 1] } });
        let (file, findings) = import(&file.to_string());
        assert_eq!(errors(&findings), [""; 0], "{path:?}");
        assert_eq!(file.features.0.len(), 1, "{path:?}");
    }
}

#[test]
fn what_the_schema_refuses_is_reported() {
    let rules = samples("targeting/negative").into_iter().map(|(path, mut rule)| {
        rule.as_object_mut().unwrap().remove("$schema");
        (path, flag_with(&rule))
    });
    let files = samples("flags/negative").into_iter().chain(samples("flagd/negative"));
    for (path, value) in files.chain(rules) {
        let (_, findings) = import(&value.to_string());
        // The same text is a file of flagd's where the other schema is named.
        let least = usize::from(!path.ends_with("with-array-flags.json"));
        assert!(errors(&findings).len() >= least && !findings.is_empty(), "{path:?}");
        assert!(findings.iter().all(|it| it.at.is_some()), "{path:?}: {findings:#?}");
    }
}
