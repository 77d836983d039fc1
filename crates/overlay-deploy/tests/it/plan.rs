use expect_test::{Expect, expect};
use overlay_deploy::{
    Base, DeployFile, EnvironmentName, Mode, NamedFile, OverlayFile, Planned, Request,
    minimal_tree, plan,
};
use overlay_model::Digest;
use overlay_store::audit::Head;
use overlay_store::{GenerationId, GenerationRef, Phase, Pointer, Tree};

pub(crate) fn environment(name: &str) -> EnvironmentName {
    name.parse().unwrap()
}

/// An overlay that may be deployed, with this trust floor.
pub(crate) fn overlay_text(name: &str, floor: &str) -> String {
    format!(
        "FUSION_OVERLAY_VERSION=2.1.0\nOVERLAY_NAME={name}\nFUSION_MODE=adaptive_routing\n\
         ENTROPY_REDUCTION_TARGET=0.3\nCONTINUITY_ENFORCEMENT=basic_thread\n\
         TRUST_SCORING_MODEL=contextual_alignment\nTRUST_FLOOR={floor}\n"
    )
}

pub(crate) fn file(name: &str, text: &str) -> NamedFile {
    NamedFile { name: name.to_owned(), bytes: text.as_bytes().to_vec() }
}

pub(crate) fn overlay(name: &str, text: &str) -> OverlayFile {
    OverlayFile { file: file(name, text), micro: None }
}

/// The minimal tree, in force, with these files beside.
pub(crate) fn base(files: &[(&str, &str)]) -> Base {
    let mut tree = minimal_tree();
    for (path, text) in files {
        tree.insert(path, text.as_bytes()).unwrap();
    }
    let stable = GenerationRef { generation: GenerationId(7), manifest: Digest::of(b"7") };
    let pointer = Pointer {
        v: 1,
        epoch: 12,
        phase: Phase::Stable,
        stable,
        candidate: None,
        weight: 0,
        deployment: None,
        step: 0,
        step_started_us: 0,
        audit: Head { seq: 0, hash: Digest::of(b"") },
    };
    Base { pointer: Some(pointer), tree }
}

fn request(environment_name: &str, overlays: Vec<OverlayFile>) -> Request {
    Request { overlays, ..Request::to(environment(environment_name)) }
}

/// The plan without its findings.
#[track_caller]
fn planned(base: &Base, request: &Request) -> Planned {
    let (planned, findings) = plan(base, request, &DeployFile::default());
    planned.unwrap_or_else(|| panic!("{findings:?}"))
}

#[track_caller]
fn findings(base: &Base, request: &Request, expect: Expect) {
    let (_, findings) = plan(base, request, &DeployFile::default());
    let lines: Vec<String> =
        findings.iter().map(|it| format!("{}: {}", it.path, it.diagnostic)).collect();
    expect.assert_eq(&lines.join("\n"));
}

#[test]
fn a_plan_says_what_changes_and_how_it_goes() {
    let before = overlay_text("refund", "0.60");
    let base = base(&[
        ("overlays/fusion_overlay.refund_v2.1.txt", &before),
        ("micro_overlays/refund.md", "# Refund\n"),
    ]);
    let after = overlay_text("refund", "0.65") + "SAMPLES=3\n";
    let request = Request {
        requests_per_hour: Some(12_000.0),
        ..request("production", vec![overlay("refund.txt", &after)])
    };
    let plan = planned(&base, &request).plan;
    expect![[r#"
        production: staged, from epoch 12 (generation 00000007)
          + overlays/fusion_overlay.refund.txt
          - overlays/fusion_overlay.refund_v2.1.txt
        tree sha256:TREE
        checks before: schema, load, golden
        stages: 1,5,25,50,100 %, each at least 5m and 300 samples an arm, pausing after 6h
        takes about 3.3 hours at the traffic of now, at least 25m
        refund.txt: note[DEP1112]: the micro overlay of `refund` stays as it is in force
    "#]]
    .assert_eq(&plan.to_string().replace(&plan.tree.to_string(), "sha256:TREE"));
}

#[test]
fn keys_are_compared_by_value() {
    let before = overlay_text("refund", "0.60") + "SAMPLES=3\n";
    let base = base(&[("overlays/fusion_overlay.refund.txt", &before)]);
    let after = overlay_text("refund", "0.6").replace("adaptive_routing", "quality_first");
    let plan = planned(&base, &request("development", vec![overlay("x.txt", &after)])).plan;
    let shown = plan.to_string().replace(&plan.tree.to_string(), "sha256:TREE");
    expect![[r#"
        development: direct, from epoch 12 (generation 00000007)
          ~ overlays/fusion_overlay.refund.txt
              FUSION_MODE adaptive_routing → quality_first
              SAMPLES is gone: was 3
        tree sha256:TREE
        checks before: schema, load
        takes no longer than its checks
    "#]]
    .assert_eq(&shown);
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["schema"], "fusion/deploy-plan/1");
    assert_eq!(json["changes"][0]["keys"][0]["key"], "FUSION_MODE");
    assert_eq!(json["rules"]["stages"][1], 5.0);
}

#[test]
fn a_name_is_no_path() {
    let text = overlay_text("../../evil", "0.6");
    let evil = request("development", vec![overlay("fusion_overlay.evil.txt", &text)]);
    let (none, found) = plan(&base(&[]), &evil, &DeployFile::default());
    assert!(none.is_none());
    let said: Vec<String> = found.iter().map(ToString::to_string).collect();
    expect![[r#"
        [
            "fusion_overlay.evil.txt:2:14: error[DEP1113]: `../../evil` is no name of an overlay (write `OVERLAY_NAME=<name>`: lower-case letters, digits, `_` and `-`)",
        ]
    "#]]
    .assert_debug_eq(&said);
    let other =
        Request { with: vec![file("../scenarios.yaml", "")], ..request("development", vec![]) };
    let (plan, found) = plan(&base(&[]), &other, &DeployFile::default());
    assert!(plan.is_none());
    assert_eq!(found[0].diagnostic.code, "DEP1103");
}

#[test]
fn two_files_for_one_place_are_refused() {
    let text = overlay_text("refund", "0.6");
    findings(
        &base(&[]),
        &request("development", vec![overlay("a.txt", &text), overlay("b.txt", &text)]),
        expect!["b.txt: error[DEP1102]: a second file for `overlays/fusion_overlay.refund.txt`"],
    );
}

#[test]
fn versions_that_go_down_and_rules_that_change_are_said() {
    let text = overlay_text("refund", "0.6");
    let base = base(&[("overlays/fusion_overlay.refund.txt", &text.replace("2.1.0", "3.0.0"))]);
    let request = Request {
        with: vec![file("deploy.toml", "")],
        ..request("eu", vec![overlay("refund.txt", &text)])
    };
    findings(
        &base,
        &request,
        expect![[r#"
        refund.txt: warning[DEP1104]: FUSION_OVERLAY_VERSION goes down from 3.0.0 to 2.1.0 (to return to what was in force before, roll back)
        refund.txt: warning[DEP1105]: FUSION_OVERLAY_VERSION changes its major version, from 3.0.0 to 2.1.0
        : warning[DEP1109]: the rules do not name `eu`: those of production hold
        : warning[DEP1107]: deploy.toml changes: the rules in force judge this deployment"#]],
    );
}

#[test]
fn what_is_in_force_already_is_an_empty_plan() {
    let text = overlay_text("refund", "0.6");
    let base = base(&[("overlays/fusion_overlay.refund.txt", &text)]);
    let planned = planned(&base, &request("production", vec![overlay("r.txt", &text)]));
    assert!(planned.plan.is_empty());
    assert_eq!(planned.tree.digest(), base.tree.digest());
}

#[test]
fn the_first_deployment_is_direct() {
    let empty = Base { pointer: None, tree: minimal_tree() };
    let text = overlay_text("refund", "0.6");
    let planned = planned(&empty, &request("production", vec![overlay("r.txt", &text)]));
    assert_eq!(planned.plan.mode.as_str(), "direct");
    assert_eq!(planned.plan.base_epoch, 0);
    // All of it is new.
    assert_eq!(planned.plan.changes.len(), 2);
    findings(
        &Base { pointer: None, tree: Tree::new() },
        &request("development", vec![]),
        expect!["
            : error[DEP1110]: there is nothing to deploy (give an overlay file, or a tree to begin with)
            : note[DEP1106]: the tree in force has these files already"],
    );
}

#[test]
fn a_micro_overlay_has_one_ending() {
    let text = overlay_text("refund", "0.6");
    let base = base(&[("micro_overlays/refund.txt", "old")]);
    let with_micro =
        OverlayFile { file: file("r.txt", &text), micro: Some(file("refund.md", "new")) };
    let tree = planned(&base, &request("development", vec![with_micro])).tree;
    assert_eq!(tree.get("micro_overlays/refund.txt"), None);
    assert_eq!(tree.get("micro_overlays/refund.md"), Some(&b"new"[..]));
}

#[test]
fn stages_too_small_for_the_traffic_are_said_before() {
    let text = overlay_text("refund", "0.6");
    let request = Request {
        requests_per_hour: Some(100.0),
        ..request("production", vec![overlay("r.txt", &text)])
    };
    let plan = planned(&base(&[]), &request).plan;
    assert_eq!(plan.expected.hours, None);
    let slow: Vec<bool> = plan.expected.stages.iter().map(|it| it.pauses).collect();
    assert_eq!(slow, [true, true, true, false, false]);
    assert!(plan.warnings.iter().any(|it| it.diagnostic.code == "DEP1111"));
}

#[test]
fn the_longest_time_of_a_stage_is_asked_for_and_printed() {
    let text = overlay_text("refund", "0.6");
    let staged = |max_stage: &str, bake: Option<&str>| Request {
        max_stage: Some(max_stage.parse().unwrap()),
        bake: bake.map(|it| it.parse().unwrap()),
        ..request("production", vec![overlay("r.txt", &text)])
    };
    let plan = planned(&base(&[]), &staged("90m", None)).plan;
    assert_eq!(plan.expected.at_most.to_string(), "7h 30m");
    assert_eq!(serde_json::to_value(&plan).unwrap()["rules"]["max_stage"], "1h 30m");
    let said = plan.to_string();
    assert!(
        said.contains("each at least 5m and 300 samples an arm, pausing after 1h 30m"),
        "{said}"
    );
    planned(&base(&[]), &staged("5m", None));
    findings(
        &base(&[]),
        &staged("4m", None),
        expect![[
            r#": error[DEP1117]: a stage cannot pause after 4m: it bakes for 5m at least (give a longer `--max-stage`, or a shorter `--bake`)"#
        ]],
    );
    let direct = Request { mode: Some(Mode::Direct), ..staged("6h", None) };
    let (_, found) = plan_of(&direct);
    assert_eq!(
        found,
        [
            "error[DEP1114]: the longest time of a stage was given, and the deployment is direct (give `--mode staged`, or neither `--stages` nor `--max-stage`)"
        ]
    );
}

/// Whether there is a plan, and its errors.
fn plan_of(request: &Request) -> (bool, Vec<String>) {
    let (planned, found) = plan(&base(&[]), request, &DeployFile::default());
    let errors = found.iter().filter(|it| it.diagnostic.is_error());
    (planned.is_some(), errors.map(|it| it.diagnostic.to_string()).collect())
}

#[test]
fn a_stage_that_bakes_longer_than_the_rules_give_it_takes_so_long() {
    let text = overlay_text("refund", "0.6");
    let request = Request {
        bake: Some("8h".parse().unwrap()),
        ..request("production", vec![overlay("r.txt", &text)])
    };
    let said = planned(&base(&[]), &request).plan.to_string();
    assert!(said.contains("each at least 8h and 300 samples an arm, pausing after 8h"), "{said}");
}
