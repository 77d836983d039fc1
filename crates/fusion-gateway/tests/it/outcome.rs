//! Breakers, fed and asked as callers of the service do it.

use std::sync::Barrier;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::installation::{Tree, flags_with};
use crate::running::{ADMIN, NOW_MS, Running};

const FIVE_MINUTES: i64 = 300_000;

#[track_caller]
fn tell(running: &Running, body: &Value) -> Value {
    running.client.post("/v1/outcome", &body.to_string()).with_code(200).json()
}

/// Tells of a failure of the call that `route` led to; how the breaker stands then.
#[track_caller]
fn fail(running: &Running, route: &Value) -> Value {
    let body = json!({
        "overlay": "rollback_first", "result": "failed", "permit": route["permit"],
    });
    tell(running, &body)["breaker"]["state"].clone()
}

#[track_caller]
fn open(running: &Running) {
    for n in 1..=5 {
        let route = running.client.refund_route();
        assert_eq!(route["primary_overlay"], "rollback_first");
        let state = fail(running, &route);
        assert_eq!(state, if n == 5 { "open" } else { "closed" });
    }
}

#[track_caller]
fn events(running: &Running, result: &str) -> f64 {
    let page = running.client.get("/metrics").with_code(200).text;
    let line = format!(
        "fusion_circuit_breaker_event_total{{overlay=\"rollback_first\",result=\"{result}\"}} "
    );
    let value = page.lines().find_map(|it| it.strip_prefix(&line));
    value.map_or(0.0, |it| it.parse().expect("a number"))
}

#[test]
fn five_failures_open_and_three_probes_close() {
    let (running, clock) = Running::ticking(&Tree::new());
    open(&running);
    let route = running.client.refund_route();
    assert_eq!((&route["primary_overlay"], &route["permit"]), (&Value::Null, &Value::Null));
    let rejected =
        json!({ "feature": "refunds", "overlay": "rollback_first", "reason": "CIRCUIT_OPEN" });
    assert_eq!(route["rejected"][0], rejected);
    let breakers = running.client.get("/v1/breakers").with_code(200).json();
    assert_eq!(breakers["schema"], "fusion/breakers/1");
    let of_refunds = json!({ "state": "open", "retry_in_ms": FIVE_MINUTES });
    assert_eq!(breakers["breakers"]["rollback_first"], of_refunds);
    assert_eq!(breakers["breakers"]["concise_support"], json!({ "state": "closed" }));

    clock.store(NOW_MS + FIVE_MINUTES, Ordering::Relaxed);
    let probes: Vec<Value> = (0..3).map(|_| running.client.refund_route()).collect();
    assert_eq!(running.client.refund_route()["primary_overlay"], Value::Null);
    for (probe, state) in probes.iter().zip(["half_open", "half_open", "closed"]) {
        let body = json!({
            "overlay": "rollback_first",
            "result": "ok",
            "duration_ms": 80,
            "permit": probe["permit"],
        });
        let told = tell(&running, &body);
        assert_eq!((&told["counted"], &told["breaker"]["state"]), (&json!(true), &json!(state)));
        assert_eq!(told["why"], Value::Null);
        // A result counts once.
        let again = tell(&running, &body);
        assert_eq!(again["counted"], false);
        let why = again["why"].as_str().unwrap_or_default();
        assert!(why.contains("was told of before"), "{again}");
    }
    assert_eq!(running.client.refund_route()["primary_overlay"], "rollback_first");
    for result in ["open", "half_open", "closed"] {
        assert_eq!(events(&running, result), 1.0, "{result}");
    }
}

#[test]
fn a_flood_at_half_open_gets_three_probes() {
    let (running, clock) = Running::ticking(&Tree::new());
    open(&running);
    clock.store(NOW_MS + FIVE_MINUTES, Ordering::Relaxed);
    let barrier = Barrier::new(64);
    let answered: Vec<Value> = std::thread::scope(|scope| {
        let ask = || {
            barrier.wait();
            running.client.refund_route()
        };
        let threads: Vec<_> = (0..64).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|it| it.join().expect("an answer")).collect()
    });
    let probes: Vec<_> =
        answered.iter().filter(|it| it["primary_overlay"] == "rollback_first").collect();
    assert_eq!(probes.len(), 3);
    // Those that never tell of an end do not wedge it: their leases run out.
    assert_eq!(running.client.refund_route()["primary_overlay"], Value::Null);
    clock.fetch_add(61_000, Ordering::Relaxed);
    for _ in 0..3 {
        assert_eq!(running.client.refund_route()["primary_overlay"], "rollback_first");
    }
    for late in probes {
        assert_eq!(fail(&running, late), "half_open", "its place is another's");
    }
}

#[test]
fn an_outcome_without_a_permit_counts_while_closed() {
    let (running, _) = Running::ticking(&Tree::new());
    let body = json!({ "overlay": "rollback_first", "result": "failed" });
    for n in 1..=6 {
        assert_eq!(tell(&running, &body)["counted"], n < 6);
    }
    let why = "the breaker is open: a result without the permit of its route counts while it is \
               closed";
    assert_eq!(tell(&running, &body)["why"], why);
    assert_eq!(running.client.refund_route()["primary_overlay"], Value::Null);
}

#[test]
fn slow_calls_open_where_the_flag_file_says_so() {
    let window = "kill_switch: false\n  circuit_breaker:\n    window: {seconds: 60, min_calls: 4, \
                  slow_ms: 100, slow_rate: 0.5}\n";
    let tree = Tree::with_flags(&flags_with("kill_switch: false\n", window));
    let (running, _) = Running::ticking(&tree);
    let slow = [
        json!({ "overlay": "rollback_first", "result": "ok", "duration_ms": 500 }),
        json!({ "overlay": "rollback_first", "result": "slow" }),
    ];
    let quick = json!({ "overlay": "rollback_first", "result": "ok", "duration_ms": 50 });
    for body in [&quick, &quick, &slow[0]] {
        assert_eq!(tell(&running, body)["breaker"]["state"], "closed");
    }
    assert_eq!(tell(&running, &slow[1])["breaker"]["state"], "open");
}

#[test]
fn a_person_isolates_and_closes() {
    let (running, _) = Running::ticking(&Tree::new());
    let change = |overlay: &str, what: &str, headers: &[(&str, &str)]| {
        running.client.post_with(&format!("/admin/v1/breakers/{overlay}/{what}"), "", headers)
    };
    change("rollback_first", "isolate", &[]).with_code(401);
    let isolated = change("rollback_first", "isolate", &[ADMIN]).with_code(200).json();
    assert_eq!(isolated["breaker"], json!({ "state": "isolated" }));
    assert_eq!(running.client.refund_route()["primary_overlay"], Value::Null);
    change("rollback_first", "close", &[ADMIN]).with_code(200);
    assert_eq!(running.client.refund_route()["primary_overlay"], "rollback_first");
    assert_eq!((events(&running, "isolated"), events(&running, "closed")), (1.0, 1.0));
    change("nobody", "isolate", &[ADMIN]).with_code(404).error();
}

/// Who is on call sees who did it, and why; and what the calls have done.
#[test]
fn breakers_are_told_of() {
    let tree = Tree::new();
    let (running, clock) = Running::ticking(&tree);
    let events = running.service.live().events();
    let lines = || events.try_iter().map(|it| it.to_string()).collect::<Vec<_>>();
    let change = |what: &str, body: &str| {
        let path = format!("/admin/v1/breakers/rollback_first/{what}");
        running.client.post_with(&path, body, &[ADMIN])
    };
    let health = || running.client.get("/health").json();
    let why = r#"{"reason": "sums", "by": "ann"}"#;
    change("isolate", why).with_code(200);
    assert_eq!(lines(), ["breaker: rollback_first is isolated by hand (sums, ann)"]);
    let said = "rollback_first is isolated by hand (sums, ann)";
    assert_eq!((&health()["status"], &health()["output"]), (&json!("warn"), &json!(said)));
    change("close", "").with_code(200);
    assert_eq!(lines(), ["breaker: rollback_first is closed by hand"]);
    assert_eq!((&health()["status"], &health()["output"]), (&json!("pass"), &json!("")));
    for body in ["{", r#"{"why": "x"}"#, r#"{"reason": "a\nb"}"#] {
        change("isolate", body).with_code(400).error();
    }
    assert_eq!(lines(), Vec::<String>::new());

    open(&running);
    assert_eq!(lines(), ["breaker: rollback_first is open"]);
    let said = "the breaker of rollback_first is open: no probe for 300 s";
    assert_eq!((&health()["status"], &health()["output"]), (&json!("warn"), &json!(said)));
    clock.store(NOW_MS + FIVE_MINUTES, Ordering::Relaxed);
    let probe = running.client.refund_route();
    assert_eq!(lines(), ["breaker: rollback_first is half-open"]);
    assert_eq!(health()["output"], "the breaker of rollback_first is half-open");
    fail(&running, &probe);
    assert_eq!(lines(), ["breaker: rollback_first is open"]);
}

#[test]
fn what_is_no_outcome_is_refused() {
    let (running, _) = Running::ticking(&Tree::new());
    for (body, code, why) in [
        (r#"{"overlay": "nobody", "result": "ok"}"#, 404, "there is no overlay `nobody`"),
        (r#"{"overlay": "rollback_first", "result": "fine"}"#, 400, "unknown variant"),
        (r#"{"overlay": "rollback_first"}"#, 400, "result"),
        (
            r#"{"overlay": "rollback_first", "result": "ok", "permit": "x"}"#,
            400,
            "`x` is no permit that a route gave",
        ),
    ] {
        let error = running.client.post("/v1/outcome", body).with_code(code).error();
        assert!(error.contains(why), "{error}");
    }
    let names = running.client.get("/v1/breakers").json();
    assert_eq!(names["breakers"].as_object().map(serde_json::Map::len), Some(2));
}

/// The baseline is behind every overlay: nothing takes it out, and no caller uses up the share
/// of open breakers with it.
#[test]
fn the_baseline_has_no_breaker() {
    let (running, _) = Running::ticking(&Tree::new());
    for _ in 0..6 {
        let told = tell(&running, &json!({ "overlay": "baseline", "result": "failed" }));
        assert_eq!((&told["counted"], &told["breaker"]), (&json!(false), &Value::Null));
        assert!(told["why"].as_str().is_some_and(|it| it.starts_with("the baseline has no")));
    }
    let isolate = running.client.post_with("/admin/v1/breakers/baseline/isolate", "", &[ADMIN]);
    assert!(isolate.with_code(409).error().starts_with("the baseline has no breaker"));
    open(&running);
    assert_eq!(running.client.get("/health").json()["status"], "warn");
}

/// What callers tell is what the metrics know of calls.
#[test]
fn calls_are_counted_and_timed() {
    let (running, _) = Running::ticking(&Tree::new());
    for (result, ms) in [("ok", json!(800)), ("failed", json!(null)), ("slow", json!(4000))] {
        tell(
            &running,
            &json!({
                "overlay": "rollback_first", "result": result, "duration_ms": ms,
                "scenario_type": "refund_processing",
            }),
        );
    }
    tell(&running, &json!({ "overlay": "baseline", "result": "ok", "duration_ms": 90 }));
    let page = running.client.get("/metrics").with_code(200).text;
    let of = "overlay=\"rollback_first\"";
    let scenario = "scenario=\"refund_processing\"";
    for line in [
        format!("fusion_execution_requests_total{{{of},result=\"success\",{scenario}}} 1"),
        format!("fusion_execution_requests_total{{{of},result=\"error\",{scenario}}} 1"),
        format!("fusion_execution_requests_total{{{of},result=\"timeout\",{scenario}}} 1"),
        format!("fusion_execution_latency_seconds_sum{{{of},result=\"success\",{scenario}}} 0.8"),
        format!("fusion_execution_latency_seconds_count{{{of},result=\"timeout\",{scenario}}} 1"),
        "fusion_execution_requests_total{overlay=\"baseline\",result=\"success\"} 1".to_owned(),
    ] {
        assert!(page.lines().any(|it| it == line), "{line} in\n{page}");
    }
    let untimed = format!("fusion_execution_latency_seconds_count{{{of},result=\"error\"");
    assert!(!page.contains(&untimed), "{page}");
}

/// A second overlay that fails keeps answering, and somebody must know.
#[test]
fn a_breaker_that_the_share_holds_closed_is_told_of() {
    let (running, _) = Running::ticking(&Tree::new());
    let events = running.service.live().events();
    open(&running);
    let fail = || tell(&running, &json!({ "overlay": "concise_support", "result": "failed" }));
    for _ in 0..4 {
        assert_eq!(fail()["breaker"], json!({ "state": "closed" }));
    }
    let held = json!({ "state": "closed", "held_closed_by": "max_open_share" });
    assert_eq!(fail()["breaker"], held);
    assert_eq!(fail()["breaker"], held);
    let breakers = running.client.get("/v1/breakers").json();
    assert_eq!(breakers["breakers"]["concise_support"], held);
    let output = running.client.get("/health").json()["output"].to_string();
    let said = "concise_support fails, and max_open_share holds its breaker closed";
    assert!(output.contains(said), "{output}");
    let lines: Vec<_> = events.try_iter().map(|it| it.to_string()).collect();
    let said = "breaker: concise_support fails and stays closed: max_open_share";
    assert_eq!(lines.iter().filter(|it| *it == said).count(), 1, "{lines:?}");
}
