use serde_json::Value;

use super::Defect;
use super::defects::replaced;
use super::seed::Seed;

/// A golden that somebody edited, or that is not whole.
pub(super) fn golden_defects(seed: &Seed) -> Vec<Defect> {
    let Ok(Value::Object(golden)) = serde_json::from_str::<Value>(seed.text()) else {
        return Vec::new();
    };
    // What nobody sealed has no seal to break.
    let is_sealed = golden.contains_key("digest");
    let mut defects = Vec::new();
    let sealed = golden.iter().filter(|(field, _)| is_sealed && *field != "digest");
    for (field, value) in sealed.filter(|(_, value)| other(value) != **value) {
        let mut edited = golden.clone();
        edited.insert(field.clone(), other(value));
        defects.push(Defect::new(
            "golden: changed by hand",
            field,
            Value::Object(edited).to_string(),
        ));
    }
    for field in ["schema_version", "scenario_id", "baseline_output", "overlay_output"] {
        let mut edited = golden.clone();
        if edited.remove(field).is_some() {
            defects.push(Defect::new(
                "golden: field missing",
                field,
                Value::Object(edited).to_string(),
            ));
        }
    }
    let mut edited = golden.clone();
    edited.insert("aproved".to_owned(), Value::Bool(true));
    defects.push(Defect::new(
        "golden: unknown field",
        "aproved",
        Value::Object(edited).to_string(),
    ));
    let twice = replaced(seed.text(), "{", "{\"scenario_id\": \"another\",");
    defects.push(Defect::new("golden: key twice", "scenario_id", twice));
    for (field, value) in [
        ("execution_metrics", Value::from("long")),
        ("schema_version", Value::from(2)),
        ("history", Value::from("none")),
        ("cassette", Value::from("sha256:00")),
        ("config_hash", Value::Null),
    ] {
        let mut edited = golden.clone();
        edited.insert(field.to_owned(), value);
        defects.push(Defect::new(
            "golden: field of no such kind",
            field,
            Value::Object(edited).to_string(),
        ));
    }
    defects
}

/// Another value of the same form.
fn other(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(it) => Value::Bool(!it),
        Value::Number(it) => Value::from(it.as_i64().unwrap_or_default() + 1),
        Value::String(it) => Value::from(format!("{it} ")),
        Value::Array(it) => match it.split_last() {
            Some((_, rest)) => Value::Array(rest.to_vec()),
            None => value.clone(),
        },
        Value::Object(it) => {
            let mut object = it.clone();
            // One entry is enough.
            if let Some((_, inner)) = object.iter_mut().find(|(_, it)| other(it) != **it) {
                *inner = other(inner);
            }
            Value::Object(object)
        }
    }
}

/// A cassette with a line that is not whole, or not of its request.
pub(super) fn cassette_defects(seed: &Seed) -> Vec<Defect> {
    let lines: Vec<_> = seed.text().lines().collect();
    let mut defects = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Ok(whole) = serde_json::from_str::<Value>(line) else { continue };
        let mut add = |class: &str, broken: String| {
            let mut all: Vec<_> = lines.iter().map(|it| (*it).to_owned()).collect();
            if let Some(line) = all.get_mut(number) {
                *line = broken;
            }
            let class = format!("recordings: {class}");
            defects.push(Defect::new(class, format!("line {}", number + 1), all.join("\n") + "\n"));
        };
        let with = |path: &str, value: Value| {
            let mut edited = whole.clone();
            if let Some(place) = edited.pointer_mut(path) {
                *place = value;
            }
            edited.to_string()
        };
        add("request changed", with("/request/model", "another-model".into()));
        add("request changed", with("/request/messages/0/content", "Something else?".into()));
        add("request changed", with("/sample", 7.into()));
        add("role of no kind", with("/request/messages/0/role", "oracle".into()));
        add("form unknown", with("/v", 2.into()));
        add("recorder of no kind", with("/recorder", "guess".into()));
        add("text missing", with("/response", Value::Object(serde_json::Map::new())));
        add("line twice", format!("{line}\n{line}"));
        add("key twice", replaced(line, "{", "{\"v\":1,"));
        add("line cut off", line.chars().take(line.chars().count() / 2).collect());
        add("unknown field", replaced(line, "{", "{\"note\":\"fine\","));
    }
    defects
}
