//! The order of steps.

use overlay_migrate::{InvalidPlan, Kind, OrderError, Plan, Step, Tree, order};
use proptest::prelude::*;

use crate::planned;

fn step(id: &str, priority: u8, depends_on: &[&str]) -> Step {
    Step {
        id: id.to_owned(),
        kind: Kind::PARAMS,
        priority,
        file: format!("{id}.txt"),
        depends_on: depends_on.iter().map(|it| (*it).to_owned()).collect(),
        summary: String::new(),
        pre: None,
        post: None,
        like: None,
        edits: Vec::new(),
    }
}

fn ids(steps: Vec<Step>) -> Vec<String> {
    order(steps).expect("an order").into_iter().map(|it| it.id).collect()
}

#[test]
fn dependencies_first_then_priority_then_id() {
    let steps = vec![step("b", 2, &[]), step("a", 2, &[]), step("z", 1, &["b"]), step("m", 9, &[])];
    assert_eq!(ids(steps), ["a", "b", "z", "m"]);
}

#[test]
fn a_cycle_is_named() {
    let steps =
        vec![step("a", 1, &["c"]), step("b", 1, &["a"]), step("c", 1, &["b"]), step("d", 1, &[])];
    let err = order(steps).expect_err("a cycle");
    assert_eq!(err.to_string(), "the steps wait for each other: a → b → c → a");
    assert_eq!(
        order(vec![step("a", 1, &["a"])]),
        Err(OrderError::Cycle(vec!["a".into(), "a".into()]))
    );
}

#[test]
fn a_step_that_is_not_there_and_one_that_is_there_twice() {
    let missing = OrderError::Missing { step: "a".into(), missing: "x".into() };
    assert_eq!(order(vec![step("a", 1, &["x"])]), Err(missing));
    assert_eq!(
        order(vec![step("a", 1, &[]), step("a", 2, &[])]),
        Err(OrderError::Twice("a".into()))
    );
}

proptest! {
    #[test]
    fn any_input_order_gives_the_same_plan(
        edges in proptest::collection::vec((0_usize..12, 0_usize..12), 0..30),
        mut shuffle in Just((0_usize..12).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let names: Vec<_> = (0..12).map(|it| format!("s{it:02}")).collect();
        let make = |at: usize| {
            // Only from a larger to a smaller number, so that there is no cycle.
            let before = edges.iter().filter(|(a, b)| *a == at && b < a).map(|(_, b)| names[*b].as_str());
            step(&names[at], u8::try_from(at % 3).expect("small"), &before.collect::<Vec<_>>())
        };
        let straight = order((0..12).map(make).collect()).expect("an order");
        let shuffled = order(shuffle.drain(..).map(make).collect()).expect("an order");
        prop_assert_eq!(&straight, &shuffled);
        for (at, step) in straight.iter().enumerate() {
            for before in &step.depends_on {
                prop_assert!(straight.iter().take(at).any(|it| it.id == *before));
            }
        }
    }
}

#[test]
fn an_altered_plan_is_refused() {
    let tree = Tree::of([("overlays/fusion_overlay.x.txt", "FUSION_OVERLAY_VERSION=v2.1.0\n")]);
    let (plan, _) = planned(&tree, &[], &[]);
    plan.verify().expect("as it was made");
    let read: Plan = serde_json_round_trip(&plan);
    assert_eq!(read, plan);
    let mut altered = plan.clone();
    altered.steps[0].summary.push('!');
    assert_eq!(altered.verify(), Err(InvalidPlan::Digest));
    let mut outside = plan.steps[0].clone();
    for file in ["../x", "/etc/x", "a/../../x", ".fusion-migrate/LOCK", "a//b"] {
        outside.file = file.to_owned();
        let plan = Plan::new(vec![outside.clone()]).expect("an order");
        assert!(matches!(plan.verify(), Err(InvalidPlan::Path { .. })), "{file}");
    }
}

fn serde_json_round_trip(plan: &Plan) -> Plan {
    let text = serde_json::to_string(plan).expect("JSON");
    serde_json::from_str(&text).expect("a plan")
}

#[test]
fn many_steps_are_put_in_order_in_no_time() {
    // Quadratic work would take minutes here.
    let steps = (0..20_000).rev().map(|n| {
        let before: Vec<_> = (n % 2 == 1).then(|| format!("{:05}", n - 1)).into_iter().collect();
        let before: Vec<_> = before.iter().map(String::as_str).collect();
        step(&format!("{n:05}"), 10, &before)
    });
    let ids: Vec<_> =
        order(steps.collect()).expect("an order").into_iter().map(|it| it.id).collect();
    assert!(ids.is_sorted() && ids.len() == 20_000);
}
