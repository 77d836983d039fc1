//! How much memory an attack takes. In a binary of its own, so that nothing else
//! allocates beside it.
#![expect(clippy::print_stdout, reason = "a skipped test says why, a measurement what it is")]

use fusion_metrics::catalogue::{EXECUTION_LATENCY, EXECUTION_REQUESTS};
use fusion_metrics::{Format, FusionMetrics, Known, Outcome};

/// Memory of the process in bytes; `None` where the system does not tell.
fn resident() -> Option<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

fn attack(metrics: &FusionMetrics, values: std::ops::Range<usize>) {
    use std::fmt::Write;
    let mut overlay = String::with_capacity(64);
    for n in values {
        overlay.clear();
        write!(overlay, "overlay-{n}").unwrap();
        metrics.inc(EXECUTION_REQUESTS, "refund", &overlay, Outcome::Error);
        metrics.record(EXECUTION_LATENCY, 1.0, &overlay, &overlay, Outcome::Success);
    }
}

#[test]
fn an_attack_takes_less_than_two_megabytes() {
    let Some(_) = resident() else {
        println!("skipped: no /proc/self/statm");
        return;
    };
    for known in [Known::only(["refund"], ["rollback"]), Known::every_name()] {
        let metrics = FusionMetrics::new();
        metrics.set_known(known);
        assert!(metrics.fixed_bytes() < 700_000, "{}", metrics.fixed_bytes());
        // The page buffer and the first use of everything belong to the program.
        let _ = metrics.render(Format::Text);
        let before = resident().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| attack(&metrics, 0..500_000));
            scope.spawn(|| attack(&metrics, 250_000..750_000));
        });
        let growth = resident().unwrap().saturating_sub(before);
        println!("{} series, {growth} bytes more", metrics.series());
        assert!(growth < 2_000_000, "{growth}");
    }
}
