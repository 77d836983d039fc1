//! A page of metrics during an attack with a hundred thousand label values.

#![expect(clippy::print_stdout, reason = "an example prints")]

use fusion_metrics::{Format, FusionMetrics, Known, Outcome, catalogue};

fn main() {
    let metrics = FusionMetrics::new();
    metrics.set_known(Known::only(["refund_processing"], ["rollback_first"]));
    let (kind, requests) = ("refund_processing", catalogue::EXECUTION_REQUESTS);
    metrics.inc(requests, kind, "rollback_first", Outcome::Success);
    for stranger in 0..100_000 {
        metrics.inc(requests, kind, &format!("overlay-{stranger}"), Outcome::Error);
    }
    let page = metrics.render(Format::Text);
    for line in page.lines().filter(|it| it.contains("__other__") || it.contains("rollback_first"))
    {
        println!("{line}");
    }
    println!("{} series", metrics.series());
}
