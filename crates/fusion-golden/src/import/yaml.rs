//! Plain data as YAML.

use std::fmt::Write as _;

use serde_json::Value;

/// `value` as block YAML: texts in JSON's quotes, which YAML reads, nothing for `null`.
pub(crate) fn yaml(value: &Value) -> String {
    let mut res = String::new();
    write(value, 0, &mut res);
    res
}

fn write(value: &Value, depth: usize, to: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            for (key, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                // Writing to a string cannot fail.
                let _ = write!(to, "{indent}{}:", name(key));
                nested(value, depth, to);
            }
        }
        Value::Array(items) => {
            for item in items {
                let _ = write!(to, "{indent}-");
                nested(item, depth, to);
            }
        }
        scalar => {
            let _ = writeln!(to, "{indent}{scalar}");
        }
    }
}

/// What stands behind a key or a dash.
fn nested(value: &Value, depth: usize, to: &mut String) {
    match value {
        Value::Object(fields) if fields.values().any(|it| !it.is_null()) => {
            to.push('\n');
            write(value, depth + 1, to);
        }
        Value::Array(items) if !items.is_empty() => {
            to.push('\n');
            write(value, depth + 1, to);
        }
        Value::Object(_) => to.push_str(" {}\n"),
        Value::Array(_) => to.push_str(" []\n"),
        scalar => {
            let _ = writeln!(to, " {scalar}");
        }
    }
}

fn name(key: &str) -> String {
    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && key.starts_with(|c: char| c.is_ascii_alphabetic());
    if plain { key.to_owned() } else { Value::from(key).to_string() }
}
