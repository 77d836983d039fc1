use serde_json::Value;

/// The JSON Schemas of every format, by name; each crate brings those of its own formats.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("cassette", fusion_golden::cassette_schema()),
        ("design-spec", overlay_model::design_spec_schema()),
        ("flags", fusion_flags::flag_file_schema()),
        ("golden", fusion_golden::golden_schema()),
        ("overlay", overlay_schema::overlay_schema()),
        ("providers", overlay_schema::providers_schema()),
        ("scenarios", overlay_model::catalogue_schema()),
        ("suite", fusion_golden::suite_schema()),
    ]
}

/// The reference page of metrics: `docs/reference/metrics.md`.
pub fn metrics_md() -> String {
    fusion_metrics::catalogue_md()
}
