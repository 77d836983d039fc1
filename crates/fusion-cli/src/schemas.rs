use serde_json::Value;

/// The JSON Schemas of every format, by name; each crate brings those of its own formats.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("cassette", fusion_golden::cassette_schema()),
        ("design-spec", overlay_model::design_spec_schema()),
        ("golden", fusion_golden::golden_schema()),
        ("overlay", overlay_schema::overlay_schema()),
        ("providers", overlay_schema::providers_schema()),
        ("scenarios", overlay_model::catalogue_schema()),
        ("suite", fusion_golden::suite_schema()),
    ]
}
