use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use overlay_doctor::Thresholds;
use serde_json::json;

use crate::installation::{FLAGS, Tree, shipped};
use crate::running::{ADMIN, DEADLINE, Running, TOKEN, options, thresholds};

/// A folder that is empty, as a volume that is not mounted leaves it, is no configuration.
#[test]
fn an_empty_folder_fails() {
    let tree = Tree::new();
    std::fs::create_dir(tree.path("empty")).expect("a folder");
    let running = Running::with(options(tree.path("empty")), Some(TOKEN));
    check(&running, "fail", 503);
    let verbose = running.client.get("/readyz?verbose").with_code(503).text;
    assert!(verbose.contains("neither an overlay nor a flag file"), "{verbose}");
}

/// Code and word of `/health`, and the code of `/readyz`.
#[track_caller]
fn check(running: &Running, word: &str, code: u16) {
    let health = running.client.get("/health");
    assert_eq!(health.kind, "application/health+json");
    let health = health.with_code(code);
    assert_eq!(health.json()["status"], word, "{health:#?}");
    running.client.get("/readyz").with_code(code);
    running.client.get("/livez").with_code(200);
}

#[test]
fn a_healthy_service_passes() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    check(&running, "pass", 200);
    assert_eq!(running.client.get("/livez").text, "ok\n");
    assert_eq!(running.client.get("/readyz").text, "ok\n");
    let verbose = running.client.get("/readyz?verbose").text;
    assert_eq!(verbose, "[+]configuration ok\n[+]breakers ok\n");
    let health = running.client.get("/health").json();
    assert_eq!(health["checks"]["overlay:configuration"][0]["observedValue"], 1);
    let breakers = &health["checks"]["overlay:breakers"][0]["observedValue"];
    assert_eq!(breakers["rollback_first"], "closed");
}

#[test]
fn the_shipped_installation_passes() {
    let running = Running::with(options(shipped().to_owned()), None);
    check(&running, "pass", 200);
}

#[test]
fn a_refused_change_warns_and_the_old_one_answers() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    tree.write("configs/overlay_feature_flags.yaml", "features: {refunds: {enabled: perhaps}}\n");
    running.service.live().reload();
    check(&running, "warn", 200);
    let verbose = running.client.get("/readyz?a=%FF&verbose=1").with_code(200).text;
    assert!(verbose.starts_with("[+]configuration degraded\n    the last change was refused"));
    assert!(verbose.contains("overlay_feature_flags.yaml"), "{verbose}");
    assert_eq!(running.client.refund_route()["primary_overlay"], "rollback_first");
    let status = running.client.get("/v1/status").json();
    assert_eq!(status["last_error"]["findings"][0]["path"], "overlay_feature_flags.yaml");

    tree.write("configs/overlay_feature_flags.yaml", FLAGS);
    running.service.live().reload();
    check(&running, "pass", 200);
}

#[test]
fn a_kill_warns_and_says_why() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let body = r#"{"reason": "refunds doubled", "by": "on-call"}"#;
    running.client.post_with("/admin/v1/kill", body, &[ADMIN]).with_code(200);
    check(&running, "warn", 200);
    let health = running.client.get("/health").json();
    let said = "every overlay is off by the API (refunds doubled, on-call)";
    assert_eq!(health["output"], said);
    let switch = &health["checks"]["overlay:switch"][0];
    assert_eq!(switch["output"], "refunds doubled (on-call)");
    assert_eq!(switch["observedValue"], true);
}

#[test]
fn health_has_the_checks_and_figures_of_old() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let health = running.client.get("/health").json();
    let status = |name: &str| health["checks"][name][0]["status"].clone();
    assert_eq!(status("overlay-system"), "pass");
    assert_eq!(status("memory"), "pass");
    // This process has no database: that is neither good nor bad.
    assert_eq!(status("database"), "unknown");
    assert_eq!(health["unknown"], json!(["latency", "database"]));
    let data = &health["data"];
    assert_eq!(data["overlayServiceHealthy"], true);
    let pool = json!({"total": 100, "active": 0, "available": 100, "usagePercent": 0.0});
    assert_eq!(data["poolHealth"], pool);
    assert!(data["memoryUsageMB"].as_f64().is_some_and(|it| it > 1.0), "{data}");
    assert_eq!(data["averageResponseTimeMs"], json!(null));
}

#[test]
fn memory_beyond_the_threshold_warns() {
    let tree = Tree::new();
    let thresholds = Thresholds { memory_mb: 0.5, ..thresholds() };
    let running = Running::judged(&tree, 7, thresholds);
    check(&running, "warn", 200);
    let health = running.client.get("/health").json();
    let output = health["output"].as_str().unwrap_or_default();
    assert!(output.contains("memory usage high"), "{output}");
    assert_eq!(health["data"]["poolHealth"]["total"], 7);
}

#[test]
fn a_request_that_nothing_can_be_sent_for_fails() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    check(&running, "pass", 200);
    let thresholds = Thresholds { answer_within: Duration::ZERO, ..Thresholds::default() };
    let running = Running::judged(&tree, 100, thresholds);
    let health = running.client.get("/health").with_code(503).json();
    assert_eq!(health["data"]["overlayServiceHealthy"], false);
    let output = health["output"].as_str().unwrap_or_default();
    assert!(output.contains("overlay service is not responding"), "{output}");
}

#[test]
fn a_pool_in_use_warns_until_requests_end() {
    let tree = Tree::new();
    let running = Running::judged(&tree, 1, thresholds());
    check(&running, "pass", 200);
    // A body that does not end keeps its request in flight.
    let mut held = TcpStream::connect(&running.address).expect("a connection");
    let head = "POST /v1/route HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 40\r\n\r\n";
    held.write_all(head.as_bytes()).expect("sent");
    let active = |running: &Running| {
        let health = running.client.get("/health").json();
        (health["data"]["poolHealth"]["active"].clone(), health["status"].clone())
    };
    let until = |wanted: (u64, &str)| {
        let wanted = (json!(wanted.0), json!(wanted.1));
        let end = Instant::now() + DEADLINE;
        while active(&running) != wanted {
            if Instant::now() > end {
                return false;
            }
        }
        true
    };
    assert!(until((1, "warn")), "{:?}", active(&running));
    drop(held);
    assert!(until((0, "pass")), "{:?}", active(&running));
}

#[test]
fn an_open_breaker_warns() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    running.service.live().breakers().get("rollback_first").isolate();
    let health = running.client.get("/health").with_code(200).json();
    assert_eq!(health["status"], "warn");
    let breakers = &health["checks"]["overlay:breakers"][0];
    assert_eq!(breakers["observedValue"]["rollback_first"], "isolated");
    let said = "rollback_first is isolated by hand";
    assert_eq!((&health["output"], &breakers["output"]), (&json!(said), &json!(said)));
    let verbose = running.client.get("/readyz?verbose").with_code(200).text;
    assert_eq!(verbose, format!("[+]configuration ok\n[+]breakers degraded\n    {said}\n"));
    let page = running.client.get("/metrics").text;
    assert!(page.contains("\nfusion_system_health 0.5\n"), "{page}");
    let route = running.client.refund_route();
    let rejected = json!([
        { "feature": "refunds", "overlay": "rollback_first", "reason": "CIRCUIT_OPEN" },
        { "feature": "dark", "reason": "DISABLED" },
    ]);
    assert_eq!(route["rejected"], rejected);
}

#[test]
fn without_a_configuration_it_fails() {
    let tree = Tree::new();
    let running = Running::with(options(tree.path("nowhere")), Some(TOKEN));
    check(&running, "fail", 503);
    assert_eq!(running.client.get("/readyz").text, "not ready\n");
    let verbose = running.client.get("/readyz?verbose").with_code(503).text;
    assert!(verbose.starts_with("[-]configuration failed\n"), "{verbose}");
    assert!(verbose.contains("serving the built-in overlay only"), "{verbose}");
    assert_eq!(running.client.refund_route()["fallback_strategy"], "baseline_only");
}
