//! A rollout, as those see it who are served by it.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use overlay_sqlite::{Arm, Sample};
use overlay_store::audit::Entry;
use overlay_store::{Change, GenerationRef, Holder, Origin, Phase, Store, Tree as Files};
use serde_json::{Value, json};

use crate::installation::Tree;
use crate::running::{ADMIN, NOW_MS, Running, TOKEN, options, wait};

const DEPLOYMENT: &str = "d-7";

fn holder() -> Holder {
    Holder { pid: 1, host: "here".to_owned(), started_us: 1, deployment: None }
}

/// Publishes the installation of `tree` with `more` at the end of its overlay.
fn publish(root: &Path, tree: &Tree, more: &str) -> GenerationRef {
    let mut files = Files::new();
    for folder in ["", "overlays/"] {
        for entry in fs::read_dir(tree.configs().join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                let name = path.file_name().and_then(|it| it.to_str()).expect("a name");
                let mut text = fs::read_to_string(&path).expect("a text");
                if name.contains("rollback_first") {
                    text.push_str(more);
                }
                files.insert(&format!("{folder}{name}"), text.as_bytes()).expect("a name");
            }
        }
    }
    let store = Store::create(root).expect("a root");
    let mut writer = store.lock(&holder()).expect("nobody else");
    writer.publish(&files, Origin::default(), "d-1", 1).expect("a generation")
}

fn switch(root: &Path, change: Change) {
    let entry = Entry {
        at_us: 1,
        actor: "ann".to_owned(),
        host: "here".to_owned(),
        action: "deploy".to_owned(),
        env: "development".to_owned(),
        deployment: None,
        generation: None,
        base: None,
        manifest_sha256: None,
        detail: Value::Null,
    };
    let store = Store::open(root).expect("a root");
    let mut writer = store.lock(&holder()).expect("nobody else");
    writer.switch(None, change, entry).expect("a pointer");
}

/// Who asks is told which generation answers, so that settings and prompt can be taken from
/// it, and which arm its figures belong to. A switch changes nothing of that.
#[test]
fn an_answer_names_its_generation_and_arm() {
    let tree = Tree::new();
    let root = tree.path("root");
    let stable = publish(&root, &tree, "");
    switch(&root, Change::to(stable));
    let running = Running::with(options(root.clone()), Some(TOKEN));
    let value = |name: &str| {
        let page = running.client.get("/metrics").text;
        let value = page.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_default().to_owned()
    };
    let before = running.client.refund_route();
    assert_eq!((&before["generation"], &before["epoch"]), (&json!(1), &json!(1)));
    assert_eq!((&before["arm"], &before["deployment"]), (&Value::Null, &Value::Null));
    for _ in 0..3 {
        let kill = "/admin/v1/kill";
        running.client.post_with(kill, r#"{"reason": "a"}"#, &[ADMIN]).with_code(200);
        running.client.delete_with(kill, &[ADMIN]).with_code(200);
    }
    assert_eq!(running.client.refund_route()["generation"], 1);
    assert_eq!(
        (value("fusion_config_generation"), value("fusion_config_epoch")),
        ("1".into(), "7".into())
    );

    let candidate = publish(&root, &tree, "MAX_TOKENS=7\n");
    let changes = running.changes();
    switch(
        &root,
        Change {
            phase: Phase::Canary,
            candidate: Some(candidate),
            weight: 50_000,
            deployment: Some(DEPLOYMENT.to_owned()),
            ..Change::to(stable)
        },
    );
    wait(&changes);
    let mut counts = [0, 0];
    let mut digests = [Value::Null, Value::Null];
    for unit in 0..40 {
        let body = json!({
            "scenario_type": "refund_processing", "confidence": 0.9, "unit": unit.to_string(),
        });
        let route = running.client.post("/v1/route", &body.to_string()).with_code(200).json();
        let arm = usize::from(route["arm"] == "candidate");
        assert_eq!(route["arm"], ["control", "candidate"][arm]);
        assert_eq!(route["generation"], arm + 1, "{route:#}");
        assert_eq!(route["deployment"], DEPLOYMENT);
        assert_eq!(route["overlay"]["name"], "rollback_first");
        assert_eq!(route["overlay"]["version"], "2.1.0");
        let digest = &route["overlay"]["digest"];
        assert!(counts[arm] == 0 || digests[arm] == *digest);
        (counts[arm], digests[arm]) = (counts[arm] + 1, digest.clone());

        let body = json!({ "context": {
            "targetingKey": unit.to_string(),
            "scenario_type": "refund_processing",
            "confidence": 0.9,
        } });
        let path = "/ofrep/v1/evaluate/flags/refunds";
        let flag = running.client.post(path, &body.to_string()).with_code(200).json();
        for name in ["arm", "generation", "deployment", "digest", "epoch"] {
            assert_eq!(flag["metadata"][name], route[name], "{name}");
        }
    }
    assert!(counts.iter().all(|it| *it > 8), "{counts:?}");
    assert_ne!(digests[0], digests[1]);
    assert_eq!(value("fusion_config_generation"), "1", "the stable one");
}

/// The rollout is judged by what callers tell, as far as it is about it.
#[test]
fn an_outcome_with_its_arm_is_a_sample_of_the_rollout() {
    let tree = Tree::new();
    let root = tree.path("root");
    let stable = publish(&root, &tree, "");
    switch(&root, Change::to(stable));
    let (samples, kept) = channel();
    // Has room for two.
    let asked = AtomicUsize::new(0);
    let keep = move |sample| {
        let has_room = asked.fetch_add(1, Ordering::Relaxed) < 2;
        has_room && samples.send(sample).is_ok()
    };
    let running = Running::sampling(options(root.clone()), keep);
    let tell = |more: Value| {
        let mut body = json!({ "overlay": "rollback_first", "result": "ok" });
        body.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
        running.client.post("/v1/outcome", &body.to_string()).with_code(200).json()
    };
    let of_rollout = json!({ "arm": "candidate", "deployment": DEPLOYMENT, "duration_ms": 840 });
    let answer = tell(of_rollout.clone());
    assert_eq!(answer["not_sampled"], "no candidate is on trial");
    assert_eq!((&answer["counted"], &answer["sampled"]), (&json!(true), &json!(false)));
    let candidate = publish(&root, &tree, "MAX_TOKENS=7\n");
    let changes = running.changes();
    let canary = Change {
        phase: Phase::Canary,
        candidate: Some(candidate),
        weight: 50_000,
        deployment: Some(DEPLOYMENT.to_owned()),
        ..Change::to(stable)
    };
    switch(&root, canary);
    wait(&changes);
    let answer = tell(of_rollout.clone());
    assert_eq!((&answer["sampled"], answer.get("not_sampled")), (&json!(true), None));
    let slow = json!({
        "arm": "control", "deployment": DEPLOYMENT, "duration_ms": 9_000, "tokens": 12,
        "result": "slow", "overlay": "baseline",
    });
    assert_eq!(tell(slow)["sampled"], true);
    let sample = |arm, result: &str, ms: u64, tokens| Sample {
        deployment: DEPLOYMENT.to_owned(),
        arm,
        result: String::from(result),
        duration_us: ms * 1_000,
        tokens,
        at_us: NOW_MS * 1_000,
    };
    let wanted = [
        sample(Arm::Candidate, "success", 840, None),
        sample(Arm::Control, "timeout", 9_000, Some(12)),
    ];
    assert_eq!(kept.try_iter().collect::<Vec<_>>(), wanted);
    let without = |name: &str| {
        let mut body = of_rollout.clone();
        body.as_object_mut().expect("a map").remove(name);
        tell(body)
    };
    assert_eq!(without("arm").get("sampled"), None);
    assert_eq!(without("deployment")["not_sampled"], "it is not of the deployment under way");
    assert_eq!(without("duration_ms")["not_sampled"], "a sample has a `duration_ms`");
    let former = json!({ "arm": "control", "deployment": "d-6", "duration_ms": 1 });
    assert_eq!(tell(former)["not_sampled"], "it is not of the deployment under way");
    assert_eq!(tell(of_rollout)["not_sampled"], "too many samples wait to be written");
    assert_eq!(kept.try_iter().count(), 0);
    let error = r#"{"overlay": "rollback_first", "result": "ok", "arm": "third"}"#;
    let error = running.client.post("/v1/outcome", error).with_code(400).error();
    assert!(error.contains("`control` or `candidate`"), "{error}");
}

/// A deployment without stages is judged by what comes after it is everybody's.
#[test]
fn a_new_generation_under_watch_has_samples_too() {
    let tree = Tree::new();
    let root = tree.path("root");
    let old = publish(&root, &tree, "");
    switch(&root, Change::to(old));
    let (samples, kept) = channel();
    let running = Running::sampling(options(root.clone()), move |it| samples.send(it).is_ok());
    let new = publish(&root, &tree, "MAX_TOKENS=7\n");
    let changes = running.changes();
    let watched = Change {
        phase: Phase::PostCheck,
        deployment: Some(DEPLOYMENT.to_owned()),
        ..Change::to(new)
    };
    switch(&root, watched.clone());
    wait(&changes);
    let route = running.client.refund_route();
    assert_eq!((&route["arm"], &route["generation"]), (&json!("candidate"), &json!(2)));
    let tell = |arm: &Value| {
        let body = json!({
            "overlay": "rollback_first", "result": "failed", "duration_ms": 840, "arm": arm,
            "deployment": route["deployment"],
        });
        running.client.post("/v1/outcome", &body.to_string()).with_code(200).json()
    };
    assert_eq!(tell(&route["arm"])["sampled"], true);
    let late = "it was answered before the candidate became everybody's";
    assert_eq!(tell(&json!("control"))["not_sampled"], late);
    let arms: Vec<_> = kept.try_iter().map(|it| (it.arm, it.result)).collect();
    assert_eq!(arms, [(Arm::Candidate, "error".to_owned())]);

    switch(&root, Change { phase: Phase::Stable, ..watched });
    wait(&changes);
    assert_eq!(running.client.refund_route()["arm"], Value::Null);
    assert_eq!(tell(&route["arm"])["not_sampled"], "no candidate is on trial");
}
