//! What form a value has, said where another one stands.

use serde_json::Value;

use crate::place::{Form, Places, Step};
use crate::schema::flag_file_schema;

/// What belongs where a value of another form stands, as a hint: the fields of a map, what a
/// list has. Nothing where the place leads to nothing known.
pub(crate) fn expected(text: &str, line: usize, column: usize) -> Option<String> {
    let (schema, places) = (flag_file_schema(), Places::of(text));
    let (path, form) = places.find(line, column)?;
    let wanted = path.iter().try_fold(&schema, |at, step| child(&schema, at, step))?;
    said(&schema, resolved(&schema, wanted), form)
}

fn said(root: &Value, schema: &Value, found: Form) -> Option<String> {
    if found == Form::Word && is_switch(schema) {
        return Some("write `true` or `false`".to_owned());
    }
    if let Some(items) = schema.get("items") {
        let items = resolved(root, items);
        return match fields(items) {
            Some(fields) => Some(format!("write a list of maps, each with {fields}")),
            None if found == Form::Word => Some("put it in brackets: `[…]`".to_owned()),
            None => None,
        };
    }
    if let Some(fields) = fields(schema) {
        return Some(format!("write a map with {fields}"));
    }
    let named = resolved(root, schema.get("additionalProperties")?);
    let fields = fields(named)?;
    Some(format!("write a map of names, each a map with {fields}"))
}

/// Whether a value is `true` or `false`, and nothing else but none.
fn is_switch(schema: &Value) -> bool {
    let kind = schema.get("type");
    let kinds = kind.and_then(Value::as_array);
    kind.is_some_and(|it| it == "boolean")
        || kinds.is_some_and(|it| it.iter().any(|it| it == "boolean"))
}

/// The fields of a map, those it must have first.
fn fields(schema: &Value) -> Option<String> {
    let required = schema.get("required").and_then(Value::as_array);
    let must = |name: &str| required.is_some_and(|it| it.iter().any(|it| it == name));
    let properties = schema.get("properties")?.as_object()?;
    let listed = |wanted: bool| {
        let names = properties.keys().filter(|it| must(it) == wanted);
        names.map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
    };
    let (must, may) = (listed(true), listed(false));
    Some(match (must.is_empty(), may.is_empty()) {
        (true, _) if schema.get("oneOf").is_some() => format!("one of {may}"),
        (true, _) => format!("any of {may}"),
        (false, true) => must,
        (false, false) => format!("{must} and, as wanted, {may}"),
    })
}

/// The schema one step further.
fn child<'a>(root: &'a Value, schema: &'a Value, step: &Step<'_>) -> Option<&'a Value> {
    let schema = resolved(root, schema);
    match step {
        Step::Key(name) => {
            let known = schema.get("properties").and_then(|it| it.get(name));
            known.or_else(|| schema.get("additionalProperties").filter(|it| it.is_object()))
        }
        Step::At(_) => schema.get("items"),
    }
}

/// What a schema refers to, or the one that is not null.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let name = |it: &'a Value| it.get("$ref")?.as_str()?.strip_prefix("#/$defs/");
    let first = schema.get("anyOf").and_then(|it| it.get(0)).unwrap_or(schema);
    let to = name(first).and_then(|it| root.get("$defs")?.get(it));
    to.unwrap_or(first)
}
