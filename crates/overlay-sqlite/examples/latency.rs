//! Rows of a day, and the latency they come to: `latency FILE`.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::path::PathBuf;

use overlay_sqlite::{Performance, PerformanceRow, Span};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).map_or_else(|| PathBuf::from("perf.sqlite"), PathBuf::from);
    let mut performance = Performance::open(&path)?;
    let rows: Vec<_> = (0..100)
        .map(|number| PerformanceRow {
            overlay_type: "refund".into(),
            operation: "answer".into(),
            duration_us: 10_000 + number * 100,
            memory_usage_kb: None,
            at_us: 1_764_000_000_000_000,
            environment: "production".into(),
        })
        .collect();
    performance.write(&rows, &[])?;
    if let Some(it) = performance.latency(Some("production"), Span::ALL)? {
        println!("{} answers, p95 {} ms", it.count, it.p95_ms);
    }
    Ok(())
}
