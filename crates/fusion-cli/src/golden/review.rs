use std::fmt::Write as _;

use anyhow::Context as _;
use clap::Args;
use dialoguer::{Input, Select};
use fusion_golden::{
    Golden, ScenarioReport, SideReport, Suite, UpdateOptions, UpdateReport, ValidateOptions,
    Verdict, read_golden, update, validate,
};
use serde::Serialize;

use super::refusal::suite_error;
use super::scope::{Attended, Scope};
use super::update::author;
use crate::environment::{Environment, rfc3339};
use crate::exit::{Exit, refusal};
use crate::findings::plural;
use crate::output::{Output, Report};
use crate::overlay::unified;

/// Look at every scenario that is not as accepted, and accept or reject it
///
/// Shows the findings, the change of the answers and where the prompt tokens go, and asks. What
/// is accepted is written with the reason; what is rejected or skipped stays. Without a terminal:
/// `--accept ID --reason TEXT`. Refused in pipelines. Ends with 1 where something is left.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion golden review --suite goldens
  fusion golden review --accept refund_processing_duplicate --reason 'names the invoice now'")]
pub(super) struct Review {
    /// Accept this scenario without asking; may be given several times
    #[arg(long, value_name = "ID", requires = "reason")]
    accept: Vec<String>,
    /// Why; asked for where it is not given
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Who accepts it; else the user who is logged in
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    #[command(flatten)]
    attended: Attended,
}

#[derive(Default, Serialize)]
struct ReviewReport {
    accepted: Vec<String>,
    rejected: Vec<String>,
    skipped: Vec<String>,
    /// What could not be accepted, with the reason.
    refused: Vec<String>,
}

impl Report for ReviewReport {
    const SCHEMA: &'static str = "fusion/golden-review/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        // Writing to a string cannot fail.
        for line in &self.refused {
            let _ = writeln!(res, "refused {line}");
        }
        let Self { accepted, rejected, skipped, .. } = self;
        let accepted = plural(accepted.len(), "scenario");
        let _ = writeln!(
            res,
            "{accepted} accepted, {} rejected, {} skipped",
            rejected.len(),
            skipped.len()
        );
        res
    }
}

/// What a person decides about a scenario.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Decision {
    Accept,
    Reject,
    Skip,
    /// Skip all that are left.
    Leave,
}

impl Review {
    pub(super) fn run(
        self,
        scope: &Scope,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        self.attended.ensure("review", environment)?;
        let suite = scope.open(environment)?;
        let is_attended = environment.stdin_is_terminal && environment.stderr_is_terminal;
        if self.accept.is_empty() && !is_attended {
            let message = "there is no terminal to ask on: give --accept ID and --reason TEXT";
            return Err(refusal(Exit::USAGE, message));
        }
        let options = ValidateOptions {
            scenarios: if self.accept.is_empty() {
                scope.selected(&suite)?
            } else {
                self.accept.clone()
            },
            tokens: true,
            now: Some(environment.now()),
            ..ValidateOptions::default()
        };
        let found = validate(&suite, &options).map_err(suite_error)?;
        let open = found.scenarios.iter().filter(|it| it.verdict != Verdict::Pass);
        let mut report = ReviewReport::default();
        let mut is_left = false;
        for scenario in open {
            let decision = match (is_left, self.accept.is_empty()) {
                (true, _) => Decision::Leave,
                (false, true) => {
                    output.remark(&shown(scenario, golden_of(&suite, &scenario.id).as_ref()))?;
                    ask(scenario)?
                }
                (false, false) => Decision::Accept,
            };
            is_left = decision == Decision::Leave;
            self.decide(decision, &suite, scenario, environment, &mut report)?;
        }
        let is_done =
            report.rejected.is_empty() && report.skipped.is_empty() && report.refused.is_empty();
        scope.report(&report, output)?;
        Ok(if is_done { Exit::DONE } else { Exit::FINDINGS })
    }

    fn decide(
        &self,
        decision: Decision,
        suite: &Suite,
        scenario: &ScenarioReport,
        environment: &Environment,
        report: &mut ReviewReport,
    ) -> anyhow::Result<()> {
        let id = scenario.id.clone();
        match decision {
            Decision::Reject => report.rejected.push(id),
            Decision::Skip | Decision::Leave => report.skipped.push(id),
            Decision::Accept => {
                let reason = match &self.reason {
                    Some(reason) => reason.clone(),
                    None => Input::new().with_prompt("reason").interact_text()?,
                };
                let options = UpdateOptions {
                    scenarios: vec![id.clone()],
                    reason,
                    author: author(self.author.clone(), environment),
                    at: Some(rfc3339(environment.now())),
                    dry_run: false,
                };
                let UpdateReport { refused, .. } = update(suite, &options).map_err(suite_error)?;
                match refused.first() {
                    Some(it) => report.refused.push(format!("{}: {}", it.id, it.why)),
                    None => report.accepted.push(id),
                }
            }
        }
        Ok(())
    }
}

fn ask(scenario: &ScenarioReport) -> anyhow::Result<Decision> {
    let choice = Select::new()
        .with_prompt(format!("{}: {}", scenario.id, scenario.verdict.as_str()))
        .items(["accept", "reject", "skip", "skip all that are left"])
        .default(2)
        .interact()
        .context("asking")?;
    Ok(match choice {
        0 => Decision::Accept,
        1 => Decision::Reject,
        2 => Decision::Skip,
        _ => Decision::Leave,
    })
}

/// What was accepted, where there is something.
fn golden_of(suite: &Suite, id: &str) -> Option<Golden> {
    let text = std::fs::read_to_string(suite.golden_path(id)).ok()?;
    read_golden(&text).0
}

/// Findings, the change of both answers, and the bill.
fn shown(scenario: &ScenarioReport, golden: Option<&Golden>) -> String {
    let mut res = format!("\n{} ({})\n", scenario.id, scenario.verdict.as_str());
    // Writing to a string cannot fail.
    for check in &scenario.checks {
        let _ = writeln!(res, "  [{}] {}", check.code, check.message);
    }
    let accepted = |side: fn(&Golden) -> &String| golden.map_or("", |it| side(it));
    res += &change("baseline", accepted(|it| &it.baseline_output), scenario.baseline.as_ref());
    res += &change("overlay", accepted(|it| &it.overlay_output), scenario.overlay.as_ref());
    for item in &scenario.bill {
        let _ = writeln!(res, "  {:>6} tokens  {}", item.tokens, item.part);
    }
    res
}

fn change(name: &str, before: &str, side: Option<&SideReport>) -> String {
    let after = side.map_or("", |it| it.answer.as_str());
    unified(name, &format!("{before}\n"), &format!("{after}\n"))
}
