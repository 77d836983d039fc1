//! Tests of the public API, in one binary.

mod crash;
mod data;
mod foreign;
mod layout;
mod models;
mod order;
mod origin;
mod run;
mod session;
mod sim;

use overlay_migrate::{Decisions, Finding, Options, Plan, RETIRED_MODELS, Retired, Tree, plan};

/// The day on which the tests judge models.
const TODAY: &str = "2026-11-21";

/// The plan and the findings for `tree` with the choices `keep` and `set`.
#[track_caller]
fn planned(tree: &Tree, keep: &[&str], set: &[&str]) -> (Plan, Vec<Finding>) {
    let set = set.iter().map(|it| it.parse().expect("a choice")).collect();
    let keep = keep.iter().map(|it| (*it).to_owned()).collect();
    let decisions = Decisions { keep, set };
    let retired = Retired::parse(RETIRED_MODELS).expect("the table is one");
    let today = TODAY.parse().expect("a day");
    let options = Options { today, decisions: &decisions, retired: &retired };
    plan(tree, options).expect("an order")
}

/// The text of `path` after the plan; `None` where it is gone.
#[track_caller]
fn after(tree: &Tree, plan: &Plan, path: &str) -> Option<String> {
    let mut bytes = tree.files().get(path).map(|it| it.bytes.clone());
    for step in plan.steps.iter().filter(|it| it.file == path) {
        bytes = step.outcome(bytes.as_deref()).expect("a sound step");
    }
    bytes.map(|it| String::from_utf8(it).expect("text"))
}

/// The findings, one a line.
fn lines(findings: &[Finding]) -> String {
    findings.iter().map(|it| format!("{it}\n")).collect()
}
