use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use crate::data::skip_without;
use crate::installation::{Tree, flags_with};
use crate::running::{ADMIN, Running};

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[track_caller]
fn page(running: &Running) -> String {
    running.client.get("/metrics").with_code(200).text
}

/// The value of a series.
#[track_caller]
fn value(running: &Running, series: &str) -> f64 {
    let page = page(running);
    let value = page.lines().find_map(|it| it.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {series} in\n{page}")).parse().expect("a number")
}

#[test]
fn the_format_is_the_one_asked_for() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    for (accept, kind) in [
        (prometheus, OPEN_METRICS),
        ("application/openmetrics-text", OPEN_METRICS),
        ("text/plain", TEXT),
        ("*/*", TEXT),
        ("application/json", TEXT),
    ] {
        let answer = running.client.get_with("/metrics", &[("accept", accept)]).with_code(200);
        assert_eq!(answer.kind, kind, "{accept}");
        assert_eq!(answer.text.ends_with("# EOF\n"), kind == OPEN_METRICS, "{accept}");
    }
}

#[test]
fn routes_and_flags_are_counted() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    for _ in 0..3 {
        running.client.refund_route();
    }
    let unsure = r#"{"scenario_type": "refund_processing", "confidence": 0.1}"#;
    running.client.post("/v1/route", unsure).with_code(200);
    let labels = r#"overlay="rollback_first",result="success",scenario="refund_processing""#;
    let selected = "fusion_routing_overlay_selected_total";
    assert_eq!(value(&running, &format!("{selected}{{{labels}}}")), 3.0);
    let labels = r#"overlay="baseline",result="fallback",scenario="refund_processing""#;
    assert_eq!(value(&running, &format!("{selected}{{{labels}}}")), 1.0);
    let on = r#"overlay="rollback_first",result="on",scenario="refund_processing""#;
    let decisions = "fusion_flags_decisions_total";
    assert_eq!(value(&running, &format!("{decisions}{{{on}}}")), 3.0);
    // `dark` four times, `refunds` once.
    let off = r#"result="off",scenario="refund_processing""#;
    assert_eq!(value(&running, &format!("{decisions}{{{off}}}")), 5.0);

    let context = r#"{"context": {"targetingKey": "u", "scenario_type": "refund_processing"}}"#;
    running.client.post("/ofrep/v1/evaluate/flags/dark", context).with_code(200);
    assert_eq!(value(&running, &format!("{decisions}{{{off}}}")), 6.0);
}

#[test]
fn the_state_of_the_service_is_told() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    assert_eq!(value(&running, "fusion_system_health"), 1.0);
    assert_eq!(value(&running, "fusion_emergency_active"), 0.0);
    assert_eq!(value(&running, "fusion_config_generation"), 1.0);
    assert_eq!(value(&running, "fusion_config_last_reload_timestamp_seconds"), 1_790_000_000.0);
    let breaker = r#"fusion_circuit_breaker_state{overlay="rollback_first"}"#;
    assert_eq!(value(&running, breaker), 0.0);
    running.service.live().breakers().get("rollback_first").isolate();
    assert_eq!(value(&running, breaker), 2.0);
    assert_eq!(value(&running, "fusion_system_health"), 0.5);
    running.service.live().breakers().get("rollback_first").close();
    assert_eq!(value(&running, "fusion_system_health"), 1.0);

    running.client.post_with("/admin/v1/kill", r#"{"reason": "a"}"#, &[ADMIN]).with_code(200);
    assert_eq!(value(&running, "fusion_system_health"), 0.5);
    assert_eq!(value(&running, "fusion_emergency_active"), 1.0);
    // A switch is a change, and no other generation.
    assert_eq!(value(&running, "fusion_config_generation"), 1.0);
    assert_eq!(value(&running, "fusion_config_epoch"), 2.0);

    let page = page(&running);
    let build = format!("fusion_build_info{{version=\"{}\"}} 1\n", env!("CARGO_PKG_VERSION"));
    assert!(page.contains(&build), "{page}");
    assert_eq!(page.matches("\nfusion_overlay_info{").count(), 3, "{page}");
}

const SCRAPE: &str = "fusion_metrics_scrape_seconds";

/// A page without the time that the one before it took.
fn untimed(page: &str) -> String {
    let lines = page.lines().filter(|it| !it.contains(SCRAPE));
    lines.map(|it| format!("{it}\n")).collect()
}

#[test]
fn two_scrapes_without_traffic_are_the_same_bytes() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    running.client.refund_route();
    // The first has no time of one before it.
    page(&running);
    let first = untimed(&page(&running));
    running.client.get("/livez");
    assert_eq!(first, untimed(&page(&running)));
    let accept = [("accept", "application/openmetrics-text")];
    let open = || untimed(&running.client.get_with("/metrics", &accept).text);
    assert_eq!(open(), open());
}

#[test]
fn a_scrape_tells_how_long_the_one_before_took() {
    let running = Running::on(&Tree::new());
    let first = page(&running);
    assert!(!first.contains(SCRAPE), "{first}");
    let second = page(&running);
    let samples = second.lines().filter(|it| it.starts_with(SCRAPE)).count();
    assert_eq!(samples, 1, "{second}");
    let seconds = value(&running, SCRAPE);
    assert!(seconds > 0.0 && seconds < 60.0, "{seconds}");
}

#[test]
fn promtool_finds_nothing() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    running.client.refund_route();
    let hostile = r#"{"scenario_type": "a\"b\\c\nd\u0000 {}é", "confidence": 1}"#;
    running.client.post("/v1/route", hostile).with_code(200);
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else { return skip_without("promtool") };
    let mut stdin = promtool.stdin.take().expect("a pipe");
    stdin.write_all(page(&running).as_bytes()).expect("it reads");
    drop(stdin);
    let output = promtool.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
}

/// The time of the last reload is not that of the last switch.
#[test]
fn a_switch_is_no_reload() {
    let (running, clock) = Running::ticking(&Tree::new());
    let stamp = "fusion_config_last_reload_timestamp_seconds";
    clock.fetch_add(60_000, Ordering::Relaxed);
    running.client.post_with("/admin/v1/kill", r#"{"reason": "a"}"#, &[ADMIN]).with_code(200);
    assert_eq!(value(&running, stamp), 1_790_000_000.0);
    assert_eq!(value(&running, "fusion_config_generation"), 1.0);
    assert_eq!(value(&running, "fusion_config_epoch"), 2.0);
    running.service.live().reload();
    assert_eq!(value(&running, stamp), 1_790_000_000.0);
}

/// What a candidate brings is known too: its overlays, their versions and breakers.
#[test]
fn a_candidate_has_its_series() {
    let tree = Tree::new();
    let (running, _) = Running::ticking(&tree);
    let next = Tree::with_flags(&flags_with("[rollback_first]", "[on_trial]"));
    let text =
        std::fs::read_to_string(next.configs().join("overlays/fusion_overlay.rollback_first.txt"));
    let text = text.expect("an overlay").replace("rollback_first", "on_trial");
    next.write("configs/overlays/fusion_overlay.on_trial.txt", &text);
    running.service.live().try_candidate(&next.configs(), "d", 100.0).expect("a candidate");
    assert_eq!(running.client.refund_route()["primary_overlay"], "on_trial");
    assert_eq!(value(&running, r#"fusion_circuit_breaker_state{overlay="on_trial"}"#), 0.0);
    let page = page(&running);
    assert!(page.contains(r#"fusion_overlay_info{overlay="on_trial""#), "{page}");
    assert_eq!(page.matches("\nfusion_overlay_info{").count(), 4, "each once: {page}");
}
