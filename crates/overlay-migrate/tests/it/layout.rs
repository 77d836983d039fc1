//! Flat files and their place.

use overlay_migrate::Tree;

use crate::{after, lines, planned};

const GOOD: &str = "FUSION_OVERLAY_VERSION=2.1.0\nOVERLAY_NAME=x\nENTROPY_REDUCTION_TARGET=0.3\n\
    CONTINUITY_ENFORCEMENT=basic_thread\nTRUST_SCORING_MODEL=simple_alignment\nFUSION_MODE=baseline_only\n";

fn variants() -> Tree {
    let other = "FUSION_OVERLAY_VERSION=2.1.0\nENTROPY_REDUCTION_TARGET=0.5\n\
        CONTINUITY_ENFORCEMENT=basic_thread\nTRUST_SCORING_MODEL=simple_alignment\nFUSION_MODE=baseline_only\n";
    Tree::of([
        ("fusion_overlay.x_v2.1.txt", GOOD),
        ("fusion_overlay.x_production_v2.1.txt", other),
        ("fusion/fusion_overlay.y_v2.1.txt", other),
        ("fusion/micro_overlays/y.txt", "# Y\n"),
        ("eval_scenarios.yaml", "scenarios: []\n"),
        ("slo.yaml", "a: 1\n"),
    ])
    .modified("fusion_overlay.x_v2.1.txt", "2025-08-09T10:00:00Z".parse().expect("a moment"))
    .modified(
        "fusion_overlay.x_production_v2.1.txt",
        "2025-08-10T10:00:00Z".parse().expect("a moment"),
    )
}

#[test]
fn two_candidates_are_a_question_and_time_is_evidence() {
    let (plan, findings) = planned(&variants(), &[], &[]);
    expect_test::expect![[r#"
        error[MIG1201]: 2 files hold overlay `x`: fusion_overlay.x_production_v2.1.txt (written 2025-08-10T10:00:00Z), fusion_overlay.x_v2.1.txt (written 2025-08-09T10:00:00Z) (say which one was live, as --keep fusion_overlay.x_production_v2.1.txt; by its time the original took fusion_overlay.x_production_v2.1.txt, which copies and checkouts change)
        overlays/fusion_overlay.y.txt: note[MIG1102]: OVERLAY_NAME=y, from the name of the file
        slo.yaml: warning[MIG1204]: no part of an installation (write the objectives to `slo.toml`)
    "#]]
    .assert_eq(&lines(&findings));
    expect_test::expect![[r#"
        1. prompt+configuration move fusion/micro_overlays/y.txt to micro_overlays/y.txt
        2. configuration move fusion/fusion_overlay.y_v2.1.txt to overlays/fusion_overlay.y.txt
        3. params        overlays/fusion_overlay.y.txt: newer names
        4. configuration move eval_scenarios.yaml to scenarios.yaml
        5. configuration delete eval_scenarios.yaml, which is scenarios.yaml now
        6. configuration delete fusion/fusion_overlay.y_v2.1.txt, which is overlays/fusion_overlay.y.txt now
        7. prompt+configuration delete fusion/micro_overlays/y.txt, which is micro_overlays/y.txt now
    "#]]
    .assert_eq(&steps(&plan.to_string()));
}

fn steps(text: &str) -> String {
    text.lines().skip(1).map(|it| format!("{}\n", it.trim_start())).collect()
}

#[test]
fn the_file_a_person_keeps_takes_the_place() {
    let tree = variants();
    let (plan, findings) = planned(&tree, &["fusion_overlay.x_v2.1.txt"], &[]);
    assert!(!findings.iter().any(|it| it.is_manual()), "{}", lines(&findings));
    assert_eq!(after(&tree, &plan, "overlays/fusion_overlay.x.txt").as_deref(), Some(GOOD));
    assert_eq!(after(&tree, &plan, "fusion_overlay.x_v2.1.txt"), None);
    assert_eq!(after(&tree, &plan, "fusion_overlay.x_production_v2.1.txt"), None);
}

#[test]
fn what_stands_in_its_place_is_a_candidate_too() {
    let mut files = vec![("overlays/fusion_overlay.x.txt", GOOD)];
    let flat = GOOD.replace("0.3", "0.4");
    files.push(("fusion_overlay.x.txt", flat.as_str()));
    let tree = Tree::of(files);
    let (plan, findings) = planned(&tree, &[], &[]);
    assert!(plan.is_empty() && lines(&findings).contains("MIG1201"));
    // The file name fits both, so it decides nothing.
    let (plan, findings) = planned(&tree, &["fusion_overlay.x.txt"], &[]);
    assert!(!plan.is_empty() && !lines(&findings).contains("MIG1201"), "{}", lines(&findings));
}

#[test]
fn copies_need_no_decision() {
    let tree = Tree::of([
        ("fusion_overlay.x_v2.1.txt", GOOD),
        ("fusion_overlay.x_staging_v2.1.txt", GOOD),
    ]);
    let (plan, findings) = planned(&tree, &[], &[]);
    assert_eq!(after(&tree, &plan, "overlays/fusion_overlay.x.txt").as_deref(), Some(GOOD));
    assert!(lines(&findings).contains("MIG1205") && !findings.iter().any(|it| it.is_manual()));
}

#[test]
fn a_decision_without_a_question_is_said() {
    let tree = Tree::of([("overlays/fusion_overlay.x.txt", GOOD)]);
    let (plan, findings) = planned(&tree, &["y.txt"], &["FUSION_MODE=quality_first"]);
    assert!(plan.is_empty());
    expect_test::expect![[r#"
        warning[MIG1003]: `--keep y.txt` answers no question of this plan
        warning[MIG1003]: `--set FUSION_MODE=quality_first` answers no question of this plan
    "#]]
    .assert_eq(&lines(&findings));
}

#[test]
fn a_migrated_tree_has_nothing_to_migrate() {
    let tree = variants();
    let (plan, _) = planned(&tree, &["fusion_overlay.x_v2.1.txt"], &[]);
    let texts: Vec<_> = plan
        .files()
        .keys()
        .filter_map(|path| Some(((*path).to_owned(), after(&tree, &plan, path)?)))
        .collect();
    let migrated = Tree::of(texts.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    let (again, _) = planned(&migrated, &[], &[]);
    assert!(again.is_empty(), "{again}");
}
