use serde_json::{Value, json};

use crate::installation::{Tree, flags_with};
use crate::running::{Running, wait};

const FLAG_FILE: &str = "configs/overlay_feature_flags.yaml";

/// The value of the reload counter for `result`.
#[track_caller]
fn reloads(running: &Running, result: &str) -> f64 {
    let page = running.client.get("/metrics").with_code(200).text;
    let line = format!("fusion_config_reloads_total{{result=\"{result}\"}} ");
    let value = page.lines().find_map(|it| it.strip_prefix(&line));
    value.map_or(0.0, |it| it.parse().expect("a number"))
}

#[test]
fn a_change_on_disk_shows_in_the_next_route() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let changes = running.changes();
    assert_eq!(running.client.refund_route()["primary_overlay"], "rollback_first");
    tree.write(FLAG_FILE, &flags_with("[rollback_first]", "[concise_support]"));
    wait(&changes);
    let route = running.client.refund_route();
    assert_eq!(route["primary_overlay"], "concise_support");
    assert_eq!(route["generation"], 2);
    assert_eq!(running.client.get("/v1/status").json()["epoch"], 2);
}

#[test]
fn what_was_offered_is_counted_once() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let live = running.service.live();
    assert_eq!((reloads(&running, "success"), reloads(&running, "rejected")), (1.0, 0.0));

    tree.write(FLAG_FILE, &flags_with("0.7", "0.8"));
    live.reload();
    assert_eq!((reloads(&running, "success"), reloads(&running, "rejected")), (2.0, 0.0));

    for text in ["features: [", "features: 7"] {
        let before = reloads(&running, "rejected");
        tree.write(FLAG_FILE, text);
        live.reload();
        // The watch may have been faster than the call; then it was refused twice.
        let refused = reloads(&running, "rejected");
        assert_eq!(refused, live.status().nacks as f64);
        assert!(refused > before);
        assert_eq!(reloads(&running, "rejected"), refused);
        assert_eq!(reloads(&running, "success"), 2.0);
    }
}

/// A folder that is gone is no configuration that was judged.
#[test]
fn what_cannot_be_read_is_counted_apart() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let before = reloads(&running, "rejected");
    std::fs::rename(tree.configs(), tree.path("elsewhere")).expect("a name");
    running.service.live().reload();
    let status = running.service.live().status();
    assert!(status.unreadable > 0 && status.unreadable == status.nacks, "{status:#?}");
    assert!(reloads(&running, "error") >= 1.0);
    assert_eq!(reloads(&running, "rejected"), before);
    let reasons = running.service.live().health().reasons;
    assert!(reasons[0].starts_with("the last change was refused: error[OVL5201]: "), "{reasons:?}");
}

#[test]
fn a_refused_change_says_where_and_changes_nothing() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let before = running.client.refund_route();
    for text in [
        "features: {refunds: {rollout_percentage: 140, enabled_overlays: [rollback_first]}}",
        "features: {refunds: {enabled_overlays: [nobody]}}",
        "features:\n  a: {}\n  a: {}\n",
        "a: &a [x, x]\nb: [*a, *a]\n",
    ] {
        tree.write(FLAG_FILE, text);
        running.service.live().reload();
        assert_eq!(running.client.refund_route(), before, "{text}");
        let status = running.client.get("/v1/status").json();
        let finding = &status["last_error"]["findings"][0];
        assert_eq!(finding["path"], "overlay_feature_flags.yaml", "{text}");
        assert_ne!(finding["message"], Value::Null);
    }
    tree.remove(FLAG_FILE);
    running.service.live().reload();
    assert_eq!(running.client.refund_route(), before);
    let status = running.client.get("/v1/status").json();
    assert_eq!(status["last_error"]["findings"][0]["code"], "OVL5222");
    tree.write(FLAG_FILE, "schema_version: 2\nfeatures: {}\n");
    running.service.live().reload();
    assert_eq!(running.client.refund_route()["overlay_candidates"], json!([]));
}
