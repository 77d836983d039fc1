use std::collections::BTreeSet;

use fusion_metrics::catalogue::{EXECUTION_LATENCY, QUALITY_SCORE, TOKENS_DELTA, metric};
use fusion_metrics::{CATALOGUE, Kind, Source, Unit, catalogue_json, catalogue_md};

#[test]
fn rows_are_sorted_and_found_by_name() {
    assert!(CATALOGUE.is_sorted_by(|a, b| a.name < b.name));
    for row in CATALOGUE {
        assert_eq!(metric(row.name), Some(row));
    }
    assert_eq!(metric("fusion.nothing"), None);
}

#[test]
fn every_name_on_the_page_is_there_once() {
    let mut seen = BTreeSet::new();
    for row in CATALOGUE {
        let suffixes: &[&str] = match row.kind {
            Kind::Histogram => &["", "_bucket", "_sum", "_count"],
            _ => &[""],
        };
        for suffix in suffixes {
            let name = format!("{}{suffix}", row.prometheus);
            assert!(seen.insert(name.clone()), "{name} twice");
        }
        let other_family = row.family() != row.prometheus;
        assert!(!other_family || seen.insert(row.family().into()), "{} twice", row.family());
    }
}

#[test]
fn names_follow_the_conventions() {
    for row in CATALOGUE {
        let name = row.prometheus;
        assert!(row.name.starts_with("fusion.") && name.starts_with("fusion_"), "{name}");
        assert!(name.bytes().all(|it| it.is_ascii_lowercase() || it == b'_'), "{name}");
        assert_eq!(name.ends_with("_total"), row.kind == Kind::Counter, "{name}");
        assert_eq!(name.ends_with("_info"), row.kind == Kind::Info, "{name}");
        assert!(row.unit == Unit::None || row.family().ends_with(row.unit.as_str()), "{name}");
        assert!(
            !row.help.ends_with('.') && row.help.starts_with(char::is_uppercase)
                || row.help.starts_with('1'),
            "{name}"
        );
        assert_eq!(row.labels.contains(&"result"), !row.results.is_empty(), "{name}");
    }
}

#[test]
fn only_three_labels_are_recorded() {
    for row in CATALOGUE {
        if row.source == Source::Recorded && row.kind != Kind::Info {
            let allowed = |it: &&str| ["overlay", "result", "scenario"].contains(it);
            assert!(row.labels.iter().all(allowed) && row.labels.is_sorted(), "{}", row.name);
        }
    }
}

#[test]
fn bounds_ascend_and_hold_the_thresholds() {
    for row in CATALOGUE {
        assert_eq!(row.buckets.is_empty(), row.kind != Kind::Histogram);
        assert!(row.buckets.is_sorted_by(|a, b| a < b) && row.buckets.len() < 16, "{}", row.name);
    }
    let holds = |buckets: &[f64], wanted: &[f64]| wanted.iter().all(|it| buckets.contains(it));
    assert!(holds(EXECUTION_LATENCY.metric().unwrap().buckets, &[2.0, 3.0, 5.0]));
    assert!(holds(QUALITY_SCORE.metric().unwrap().buckets, &[0.8, 0.85]));
    assert!(holds(TOKENS_DELTA.metric().unwrap().buckets, &[0.12, 0.25]));
}

#[test]
fn a_value_at_a_bound_falls_into_its_bucket() {
    for (id, per_unit) in [(EXECUTION_LATENCY, 1000.0), (QUALITY_SCORE, 1.0), (TOKENS_DELTA, 100.0)]
    {
        let row = id.metric().unwrap();
        for bound in row.buckets {
            let metrics = crate::metrics();
            // As a caller writes it: 250 milliseconds, 12 percent.
            let recorded: f64 =
                format!("{}", (bound * per_unit * 1e6).round() / 1e6).parse().unwrap();
            metrics.record(id, recorded, "", "", fusion_metrics::Outcome::Success);
            assert_eq!(metrics.at_most(id, *bound).unwrap().good, 1, "{} {bound}", row.name);
        }
    }
}

#[test]
fn the_reference_names_every_metric() {
    let (page, json) = (catalogue_md(), catalogue_json().unwrap());
    for row in CATALOGUE {
        assert!(page.contains(&format!("`{}` | `{}`", row.name, row.prometheus)));
        assert!(json.contains(&format!("\"prometheus\": \"{}\"", row.prometheus)));
    }
    assert!(page.contains(
        "- `fusion_execution_latency_seconds`: 0.01 0.02 0.05 0.1 0.25 0.5 1 2 3 5 10 20 40 80\n"
    ));
}
