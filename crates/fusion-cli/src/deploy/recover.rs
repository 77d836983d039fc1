use std::fmt::Write as _;

use clap::Args;
use overlay_deploy::{Outcome, Recovered, recover};
use overlay_store::{Recovery, Settled};
use serde::Serialize;

use super::Told;
use super::order::OrderReport;
use super::refusal::{deploy_error, exit_of};
use super::site::Site;
use super::watch::Watch;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::output::{Output, Report};

/// Put the root in order after a crash
///
/// Settles what an interrupted writer left, and takes a rollout back whose process died; one
/// that is driven, or paused, is left alone. Commands that begin something do this first. To go
/// on with the rollout instead: `fusion deploy resume`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy recover --root prod
  fusion deploy recover --root prod --json

Ends with 7 where the generation before fails too, with 8 where something was tampered with.")]
pub(super) struct Recover {}

#[derive(Serialize)]
struct RecoverReport {
    /// Whether there was nothing to put in order.
    clean: bool,
    /// What was put in order, for people.
    repairs: Vec<String>,
    /// The rollout that was taken back.
    rollout: Option<OrderReport>,
}

impl Report for RecoverReport {
    const SCHEMA: &'static str = "fusion/deploy-recover/1";

    fn text(&self, width: usize) -> String {
        if self.clean {
            return "nothing to put in order\n".to_owned();
        }
        let mut res = String::new();
        for repair in &self.repairs {
            // Writing to a string cannot fail.
            let _ = writeln!(res, "{repair}");
        }
        res + &self.rollout.as_ref().map(|it| it.text(width)).unwrap_or_default()
    }
}

impl Recover {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let site = told.root.existing(told.environment)?;
        let recovered = site.act(&Watch::new(output, told.environment), recover)?;
        let report = report(&site, &recovered)?;
        output.show(&report)?;
        if !recovered.store.tampered.is_empty() {
            return Ok(Exit::INTEGRITY);
        }
        Ok(match recovered.rollout.map(|it| it.outcome) {
            // That is what it is for.
            None | Some(Outcome::RolledBack) => Exit::DONE,
            Some(outcome) => exit_of(outcome.exit_code()),
        })
    }
}

fn report(site: &Site, recovered: &Recovered) -> anyhow::Result<RecoverReport> {
    let repairs = repairs(&recovered.store);
    let applied = recovered.rollout.as_ref();
    let rollout = applied.map(|it| OrderReport::of("recover", it, site)).transpose()?;
    Ok(RecoverReport { clean: repairs.is_empty() && rollout.is_none(), repairs, rollout })
}

/// What a command does before it begins something; people are told what there was to do.
pub(crate) fn recover_first(
    site: &Site,
    output: &mut Output,
    environment: &Environment,
) -> anyhow::Result<()> {
    let recovered = site.with(&Watch::new(output, environment), recover);
    let report = report(site, &recovered.map_err(deploy_error)?)?;
    if !report.clean && !output.is_json() {
        output.remark(&format!("before anything else:\n{}", report.text(output.width)))?;
    }
    Ok(())
}

fn repairs(recovery: &Recovery) -> Vec<String> {
    let mut res = Vec::new();
    if !recovery.cleared.is_empty() {
        res.push(format!("removed what was left half: {}", recovery.cleared.join(", ")));
    }
    if let Some(tail) = recovery.tail {
        res.push(format!(
            "the end of the audit log was repaired: {} bytes cut off, {} records adopted",
            tail.cut_bytes, tail.adopted
        ));
    }
    match &recovery.settled {
        Some(Settled::Committed { action }) => res.push(format!("`{action}` had taken place")),
        Some(Settled::Abandoned { action }) => res.push(format!("`{action}` had not taken place")),
        _ => {}
    }
    for (generation, problems) in &recovery.tampered {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        res.push(format!("generation {generation} was tampered with: {}", problems.join(", ")));
    }
    res
}
