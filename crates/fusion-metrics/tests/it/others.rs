//! The metrics of other libraries, beside the exporter they go to.

use fusion_metrics::{Format, FusionRecorder};
use metrics::{
    Key, Label, Recorder, counter, describe_counter, gauge, histogram, with_local_recorder,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::parser::{Family, parse};
use crate::{lines, metrics};

fn recorder() -> (FusionRecorder<PrometheusRecorder>, PrometheusHandle) {
    let others = PrometheusBuilder::new().build_recorder();
    let handle = others.handle();
    (FusionRecorder::beside(metrics(), others), handle)
}

/// The page of a recorder to which `record` recorded; both formats must parse.
#[track_caller]
fn page(record: impl FnOnce()) -> String {
    let (recorder, handle) = recorder();
    with_local_recorder(&recorder, record);
    let page = recorder.render(Format::Text, || handle.render());
    parse(&page, Format::Text).unwrap();
    let open = recorder.render(Format::OpenMetrics, || handle.render());
    parse(&open, Format::OpenMetrics).unwrap();
    page
}

fn family<'a>(families: &'a [Family], name: &str) -> &'a Family {
    families.iter().find(|it| it.name == name).unwrap()
}

#[test]
fn they_stand_behind_ours() {
    let page = page(|| {
        describe_counter!("http.requests", "Requests \"by\" path\nand more\\");
        counter!("http.requests", "path" => "/a b", "method" => "GET").increment(2);
        gauge!("tokio.workers").set(2.0);
        histogram!("http.seconds").record(0.5);
        counter!("fusion.execution.requests", "result" => "success").increment(1);
    });
    assert_eq!(lines(&page, "http_requests"), ["http_requests{method=\"GET\",path=\"/a b\"} 2"]);
    assert_eq!(lines(&page, "tokio_workers"), ["tokio_workers 2"]);
    assert_eq!(lines(&page, "http_seconds_count"), ["http_seconds_count 1"]);
    assert_eq!(
        lines(&page, "fusion_metrics_forwarded_names"),
        ["fusion_metrics_forwarded_names 3"]
    );
}

#[test]
fn names_that_become_alike_stay_apart() {
    let page = page(|| {
        counter!("a.b").increment(5);
        counter!("a_b").increment(7);
        gauge!("a-b").set(9.0);
        counter!("a_b").increment(1);
        histogram!("h").record(1.0);
        counter!("h_count").increment(3);
    });
    let values: Vec<_> =
        lines(&page, "a_b").iter().map(|it| it.rsplit(' ').next().unwrap()).collect();
    assert_eq!(values.len(), 3);
    for value in ["5", "8", "9"] {
        assert!(values.contains(&value), "{values:?}");
    }
    assert_eq!(lines(&page, "h_count ").len(), 1);
    assert_eq!(lines(&page, "h_count_x").len(), 1);
}

#[test]
fn labels_that_become_alike_stay_apart() {
    let page = page(|| {
        counter!("m", "a.b" => "1", "a_b" => "2").increment(1);
        counter!("m", "a_b" => "2", "a.b" => "1").increment(1);
        counter!("n", "__name__" => "evil", "le" => "1", "0" => "x").increment(1);
        histogram!("q", "quantile" => "mine").record(1.0);
    });
    let m = lines(&page, "m{");
    assert_eq!(m.len(), 1);
    assert!(m[0].starts_with("m{a_b=\"1\",a_b_x") && m[0].ends_with("=\"2\"} 2"), "{m:?}");
    assert!(page.contains("n{_0=\"x\",exported___name__=\"evil\",exported_le=\"1\"} 1\n"));
}

#[test]
fn values_of_every_kind_stay_apart() {
    let long = "x".repeat(64 * 1024);
    let values =
        ["\\", "\\\\", "\"", "\\\"", "a\nb", "a\0b", "a b", "a_b", &long, long.split_at(1).1];
    let page = page(|| {
        for value in values {
            counter!("m", "v" => value.to_owned()).increment(1);
        }
    });
    let families = parse(&page, Format::Text).unwrap();
    let samples = &family(&families, "m").samples;
    assert_eq!(samples.len(), values.len());
    assert!(samples.iter().all(|it| it.value == 1.0 && it.labels["v"].len() <= 256));
}

#[test]
fn series_over_the_limit_become_one() {
    let page = page(|| {
        for n in 0..20_000 {
            counter!("m", "user" => format!("u{n}")).increment(1);
        }
    });
    let families = parse(&page, Format::Text).unwrap();
    let samples = &family(&families, "m").samples;
    assert_eq!(samples.len(), 1_000);
    assert_eq!(samples.iter().map(|it| it.value).sum::<f64>(), 20_000.0);
    assert_eq!(lines(&page, "m{overflow"), ["m{overflow=\"true\"} 19001"]);
}

#[test]
fn all_series_have_their_limit() {
    let (recorder, handle) = recorder();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let recorder = &recorder;
            scope.spawn(move || {
                with_local_recorder(recorder, || {
                    for n in 0..40_000 {
                        let label = format!("v{}", n / 40 + thread % 2);
                        counter!(format!("m{}", n % 40), "v" => label).increment(1);
                    }
                });
            });
        }
    });
    let page = recorder.render(Format::Text, || handle.render());
    let families = parse(&page, Format::Text).unwrap();
    let others: Vec<_> = families.iter().filter(|it| it.name.starts_with('m')).collect();
    let series: usize = others.iter().map(|it| it.samples.len()).sum();
    assert!((9_700..=10_000).contains(&series), "{series}");
    assert_eq!(
        lines(&page, "fusion_metrics_forwarded_series"),
        [format!("fusion_metrics_forwarded_series {series}")]
    );
    let sum: f64 = others.iter().flat_map(|it| &it.samples).map(|it| it.value).sum();
    assert_eq!(sum, 160_000.0);
}

#[test]
fn names_over_the_limit_are_refused_and_counted() {
    let page = page(|| {
        for n in 0..1_000_000 {
            let key = Key::from_name(format!("name.{n}"));
            metrics::with_recorder(|it| it.register_counter(&key, &METADATA)).increment(1);
        }
        counter!("x".repeat(10_000)).increment(1);
        counter!("name.0").increment(1);
    });
    assert_eq!(lines(&page, "name_").len(), 254);
    assert_eq!(lines(&page, "name_0 "), ["name_0 2"]);
    let refused = 1_000_000 - 254 + 1;
    assert!(page.contains(&format!("fusion_metrics_rejected_names_total {refused}\n")));
}

static METADATA: metrics::Metadata<'static> =
    metrics::Metadata::new("test", metrics::Level::INFO, None);

#[test]
fn labels_over_the_limit_are_dropped_and_counted() {
    let labels: Vec<_> = (0..20).map(|it| Label::new(format!("l{it:02}"), "v")).collect();
    let (recorder, handle) = recorder();
    let key = Key::from_parts("m", labels);
    recorder.register_counter(&key, &METADATA).increment(1);
    recorder.register_counter(&key, &METADATA).increment(1);
    let page = recorder.render(Format::Text, || handle.render());
    let m = lines(&page, "m{");
    assert_eq!((m.len(), m[0].matches('=').count()), (1, 16), "{m:?}");
    assert!(page.contains("fusion_metrics_dropped_tags_total 8\n"));
}

#[test]
fn a_pre_folded_name_is_no_way_in() {
    let page = page(|| counter!("m", "overflow" => "true").increment(1));
    assert_eq!(lines(&page, "m{"), ["m{exported_overflow=\"true\"} 1"]);
}
