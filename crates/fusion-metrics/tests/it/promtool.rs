//! The official linter, where it is installed.
#![expect(clippy::print_stdout, reason = "a skipped test says why")]

use std::io::Write;
use std::process::{Command, Stdio};

use fusion_metrics::catalogue::{EXECUTION_REQUESTS, OVERLAY_INFO, SYSTEM_HEALTH};
use fusion_metrics::{Format, FusionRecorder, Outcome};
use metrics_exporter_prometheus::PrometheusBuilder;

#[test]
fn promtool_finds_nothing() {
    let others = PrometheusBuilder::new().build_recorder();
    let handle = others.handle();
    let recorder = FusionRecorder::beside(crate::metrics(), others);
    let metrics = recorder.metrics();
    let long = "x".repeat(64 * 1024);
    for value in ["refund", "a.b", "a_b", "a\0b", "a\"b", "a\\", "a\nb", "é", &long] {
        metrics.record_fusion_latency(250.0, value, value, Outcome::Success);
        metrics.record_token_delta(112, 100, value, value, Outcome::Success);
        metrics.record_quality_score(0.9, value, value, Outcome::Success);
        metrics.record_overlay_selection(value, value, Outcome::Fallback);
        metrics.record_circuit_breaker_event(value, Outcome::Open);
        metrics.set_info(OVERLAY_INFO, &[&[value, "1.0.0", "sha256:0"]]);
    }
    for n in 0..20_000 {
        metrics.inc(EXECUTION_REQUESTS, "refund", &format!("o{n}"), Outcome::Error);
    }
    metrics.set(SYSTEM_HEALTH, 1.0, "", "");
    metrics::with_local_recorder(&recorder, || {
        metrics::describe_gauge!("tokio.workers", "Worker threads");
        metrics::gauge!("tokio.workers", "a.b" => "1", "a_b" => "2").set(2.0);
    });
    lint(&recorder.render(Format::Text, || handle.render()));
}

/// Exit code 1 is a page that does not parse, 3 one with bad names or missing help.
fn lint(page: &str) {
    let mut promtool = match Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    {
        Ok(it) => it,
        Err(error) => {
            println!("skipped: promtool does not run: {error}");
            return;
        }
    };
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
