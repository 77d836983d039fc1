use std::fmt::Write as _;

use clap::Args;
use overlay_deploy::{Plan, Warning, tree_findings};
use overlay_loader::FileFinding;
use overlay_model::Severity;
use serde::Serialize;

use super::Told;
use super::wanted::Wanted;
use crate::exit::Exit;
use crate::output::{Output, Report};

/// Say what a deployment would change, and which checks it has to pass
///
/// The tree is checked as it would be before a deployment: schema and load. Nothing is locked or
/// written.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy plan configs/overlays/fusion_overlay.rollback_first.txt --root prod
  fusion deploy plan --from configs --root prod --env staging --json

Ends with 2 where something would change, with 1 where it cannot be deployed.")]
pub(super) struct PlanArguments {
    #[command(flatten)]
    wanted: Wanted,
}

/// Why there is no plan.
#[derive(Serialize)]
pub(super) struct Refused {
    findings: Vec<Warning>,
}

impl Refused {
    pub(super) fn of(findings: &[FileFinding]) -> Self {
        Self { findings: findings.iter().cloned().map(Warning::from).collect() }
    }

    /// One line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |Warning { path, diagnostic }: &Warning| match path.as_str() {
            "" => diagnostic.to_string(),
            path if diagnostic.at.is_some() => format!("{path}:{diagnostic}"),
            path => format!("{path}: {diagnostic}"),
        };
        self.findings.iter().map(line).collect()
    }
}

impl Report for Refused {
    const SCHEMA: &'static str = "fusion/deploy-refusal/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        for line in self.lines() {
            // Writing to a string cannot fail.
            let _ = writeln!(res, "{line}");
        }
        res
    }
}

impl PlanArguments {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let store = told.root.look(told.environment)?;
        let name = told.root.environment(store.as_ref(), told.environment)?;
        let dir = told.root.dir(told.environment)?;
        let (planned, findings) = self.wanted.plan(store.as_ref(), &dir, name)?;
        let Some(planned) = planned else {
            output.show(&Refused::of(&findings))?;
            return Ok(Exit::FINDINGS);
        };
        let found = tree_findings(&planned.tree, &planned.plan.environment);
        if !found.is_empty() {
            output.show(&Refused::of(&found))?;
            return Ok(Exit::FINDINGS);
        }
        output.answer(&planned.plan, &planned.plan.to_string())?;
        Ok(ended(&planned.plan, output.strict))
    }
}

fn ended(plan: &Plan, strict: bool) -> Exit {
    let is_bad = |it: &Warning| it.diagnostic.severity >= Severity::Warning;
    if strict && plan.warnings.iter().any(is_bad) {
        return Exit::FINDINGS;
    }
    if plan.is_empty() { Exit::DONE } else { Exit::PENDING }
}
