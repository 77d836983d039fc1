//! Names that strangers choose.

use fusion_metrics::{Outcome, catalogue};
use serde_json::json;

use crate::installation::Tree;
use crate::running::Running;

/// A name of the kind that breaks expositions.
fn hostile(nr: usize) -> String {
    let tail = ["\"} 1\nup 0", "\\", "\0\u{7}", "é\u{202e}", "'; --", "{{}}", " ", "\r\n"];
    format!("stranger-{nr}{}", tail[nr % tail.len()].repeat(1 + nr % 7))
}

#[test]
fn three_thousand_strangers_are_bounded() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let before = page_lines(&running);
    for nr in 0..3000 {
        let mut name = hostile(nr);
        if nr % 500 == 0 {
            name.push_str(&"x".repeat(60_000));
        }
        let body = json!({ "scenario_type": name, "confidence": 1 }).to_string();
        let route = running.client.post("/v1/route", &body).with_code(200).json();
        assert_eq!(route["scenario_type"], name);
    }
    // The installation's own names still have their series.
    running.client.refund_route();
    let page = running.client.get("/metrics").with_code(200).text;
    let own = r#"{overlay="rollback_first",result="success",scenario="refund_processing"} 1"#;
    assert!(page.contains(&format!("fusion_routing_overlay_selected_total{own}\n")));

    let metrics = running.service.metrics();
    assert!(metrics.series() < 1000, "{} series", metrics.series());
    let selected = metrics.by_result(catalogue::OVERLAY_SELECTED);
    assert_eq!((selected[&Outcome::Fallback], selected[&Outcome::Success]), (3000, 1));
    let grown = page.lines().count() - before;
    assert!(grown < 500, "{grown} lines more");
    assert!(page.len() < 200_000, "{} bytes", page.len());
    assert!(page.lines().all(is_exposition), "{page}");
}

fn page_lines(running: &Running) -> usize {
    running.client.get("/metrics").with_code(200).text.lines().count()
}

/// Whether a line is a comment or a series with a number, and holds no control character.
fn is_exposition(line: &str) -> bool {
    let is_series = || {
        let number = line.rsplit_once(' ').is_some_and(|(_, it)| it.parse::<f64>().is_ok());
        number && line.starts_with("fusion_")
    };
    !line.chars().any(char::is_control) && (line.starts_with("# ") || is_series())
}
