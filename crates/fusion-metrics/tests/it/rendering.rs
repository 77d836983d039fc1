use fusion_metrics::{Format, negotiate};
use proptest::prelude::*;

#[track_caller]
fn check(accept: &str, expect: Format) {
    assert_eq!(negotiate(Some(accept)), expect, "{accept}");
}

#[test]
fn the_format_follows_accept() {
    use Format::{OpenMetrics, Text};
    assert_eq!(negotiate(None), Text);
    check("", Text);
    check("*/*", Text);
    check("text/html", Text);
    check("application/openmetrics-text", OpenMetrics);
    check("application/openmetrics-text; version=\"1.0.0\"", OpenMetrics);
    check("application/openmetrics-text;version=0.0.1", Text);
    check("application/openmetrics-text;version=1.0.0;q=0", Text);
    check("text/plain;q=0.9,application/openmetrics-text;version=1.0.0;q=0.5", Text);
    check("APPLICATION/OPENMETRICS-TEXT;version=1.0.0;q=NaN", Text);
    check(",,;q=,;;=", Text);
}

#[test]
fn what_prometheus_2_42_sends() {
    check(
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;\
         q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        Format::OpenMetrics,
    );
}

#[test]
fn each_format_has_its_content_type() {
    assert_eq!(Format::Text.content_type(), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(
        Format::OpenMetrics.content_type(),
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
}

proptest! {
    #[test]
    fn any_accept_gets_an_answer(accept in ".{0,200}") {
        negotiate(Some(&accept));
    }
}
