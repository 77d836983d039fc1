//! Every overlay the original's optimizer was given, to the byte of every value.

use std::collections::BTreeMap;

use overlay_model::{Overlay, TextFormat};
use overlay_optimizer::{OptimizeOptions, Pins, WorkloadProfile, optimize};
use serde_json::{Map, Value as Json};

use crate::data;

/// The entries of a JSON object in their order, which `serde_json` loses.
fn entries(json: &str) -> Vec<(String, String)> {
    let read = overlay_model::read(TextFormat::Json, json).unwrap();
    read.into_iter().map(|(key, value)| (key, value.as_str().unwrap().to_owned())).collect()
}

fn text(entries: &[(String, String)]) -> String {
    entries.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
}

#[test]
fn equals_the_original_on_every_row() {
    let Some(lines) = data::lines("oracle/optimize.jsonl") else { return };
    assert_eq!(lines.len(), 600);
    for line in &lines {
        let row: BTreeMap<String, Box<serde_json::value::RawValue>> =
            serde_json::from_str(line).unwrap();
        let (profile, findings) = WorkloadProfile::read(TextFormat::Json, row["profile"].get());
        assert!(!findings.iter().any(|it| it.is_error()), "{line}");
        let (overlay, _) = Overlay::parse(&text(&entries(row["config"].get())));
        let options = OptimizeOptions { pins: Pins::SeedExact, ..OptimizeOptions::default() };
        let made = optimize(&overlay, &profile, options).unwrap();

        let analysis = serde_json::to_value(&made.analysis).unwrap();
        let expected: Map<String, Json> = serde_json::from_str(row["analysis"].get()).unwrap();
        for (field, value) in expected {
            assert_eq!(analysis[&field], value, "{field}: {line}");
        }
        let ours = made.overlay.entries().map(|it| (it.key.to_owned(), it.value.to_owned()));
        let ours: Vec<_> = ours.filter(|(key, _)| key != "WORKLOAD_PROFILE_HASH").collect();
        assert_eq!(ours, entries(row["expect"].get()), "{line}");
    }
}
