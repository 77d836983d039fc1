use serde_json::Value;

/// The JSON Schemas of every format, by name; each crate brings those of its own formats.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("budget-report", fusion_golden::budget::budget_report_schema()),
        ("budgets", fusion_golden::budget::budgets_schema()),
        ("cassette", fusion_golden::cassette_schema()),
        ("deploy", overlay_deploy::deploy_file_schema()),
        ("design-spec", overlay_model::design_spec_schema()),
        ("flags", fusion_flags::flag_file_schema()),
        ("golden", fusion_golden::golden_schema()),
        ("golden-watch", fusion_golden::budget::watch_schema()),
        ("options", overlay_doctor::options_schema()),
        ("overlay", overlay_schema::overlay_schema()),
        ("providers", overlay_schema::providers_schema()),
        ("scenarios", overlay_model::catalogue_schema()),
        ("suite", fusion_golden::suite_schema()),
        ("tune-journal", overlay_optimizer::tune_journal_schema()),
        ("tune-report", overlay_optimizer::tune_report_schema()),
        ("workload-profile", overlay_optimizer::workload_profile_schema()),
    ]
}

/// The reference page of metrics: `docs/reference/metrics.md`.
pub fn metrics_md() -> String {
    fusion_metrics::catalogue_md()
}
