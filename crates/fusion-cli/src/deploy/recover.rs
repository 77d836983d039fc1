use std::fmt::Write as _;

use clap::Args;
use overlay_deploy::{Outcome, Recovered, Target, rebuild, rebuild_unproven, recover};
use overlay_store::{Phase, Pointer, Recovery, Settled};
use serde::Serialize;

use super::Told;
use super::order::OrderReport;
use super::refusal::{deploy_error, exit_of};
use super::site::Site;
use super::watch::{Watch, word};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::findings::plural;
use crate::output::{Output, Report};

/// Put the root in order after a crash
///
/// Settles what an interrupted writer left, and takes a rollout back whose process died; one
/// that is driven, or paused, is left alone, and so is the first deployment of a root, which
/// there is nothing to take back to. Commands that begin something do this first. To go
/// on with the rollout instead: `fusion deploy resume`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy recover --root prod
  fusion deploy recover --root prod --json
  fusion deploy recover --root prod --rebuild
  fusion deploy recover --root prod --rebuild --to 41

Ends with 7 where the generation before fails too, with 8 where something was tampered with.")]
pub(super) struct Recover {
    /// Write the pointer CURRENT anew where it is damaged, gone, or was replaced by an older one:
    /// as the audit log, which is verified first, says it stood last
    #[arg(long)]
    rebuild: bool,
    /// Put this generation in force instead: its number, its name, or the id of its deployment
    #[arg(long, value_name = "GENERATION", requires = "rebuild")]
    to: Option<Target>,
    /// Also one that was refused, taken back, or never came to its end; the audit log says so
    #[arg(long, requires = "to")]
    unproven: bool,
}

#[derive(Serialize)]
struct RecoverReport {
    /// Whether there was nothing to put in order, and nothing waits for somebody.
    clean: bool,
    /// What was put in order, or waits, for people.
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
        if self.rebuild {
            return self.rebuilt(&site, told, output);
        }
        let recovered = site.act(&Watch::new(output, told.environment), recover)?;
        let mut report = report(&site, &recovered)?;
        report.repairs.extend(site.mend_index());
        report.clean &= report.repairs.is_empty();
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

impl Recover {
    /// Writes the pointer anew, and leaves a rollout as it stood.
    fn rebuilt(&self, site: &Site, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        told.consent.ask("Write the pointer anew from the audit log?", told.environment)?;
        let watch = Watch::new(output, told.environment);
        let rebuilt = site.act(&watch, |root| match &self.to {
            Some(to) if self.unproven => rebuild_unproven(root, to),
            to => rebuild(root, to.as_ref()),
        })?;
        drop(watch);
        let repairs: Vec<String> = rebuilt.iter().map(described).collect();
        output.show(&RecoverReport { clean: repairs.is_empty(), repairs, rollout: None })?;
        Ok(Exit::DONE)
    }
}

/// `CURRENT was written anew: epoch 5, stable, generation 00000002 in force`.
fn described(pointer: &Pointer) -> String {
    let Pointer { epoch, phase, stable, .. } = pointer;
    let what = match phase {
        Phase::Stable => "",
        _ => "; a rollout was under way: resume, recover or abort it",
    };
    let (phase, stable) = (word(*phase), stable.generation);
    format!("CURRENT was written anew: epoch {epoch}, {phase}, generation {stable} in force{what}")
}

fn report(site: &Site, recovered: &Recovered) -> anyhow::Result<RecoverReport> {
    let mut repairs = repairs(&recovered.store);
    repairs.extend(recovered.waits.as_deref().map(waits));
    let applied = recovered.rollout.as_ref();
    let rollout = applied.map(|it| OrderReport::of("recover", it, site)).transpose()?;
    Ok(RecoverReport { clean: repairs.is_empty() && rollout.is_none(), repairs, rollout })
}

/// Of a first deployment that nobody drives.
fn waits(id: &str) -> String {
    format!(
        "deployment {id} is the first one, so that there is nothing to take it back to, and its \
         checks have not ended: `fusion deploy resume` sees it through, and so does `apply` of \
         the same files"
    )
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
            "the end of the audit log was repaired: {} cut off, {} put back, {} that no writer \
             wrote taken out",
            plural(tail.cut_bytes, "byte"),
            plural(tail.restored_bytes, "byte"),
            plural(tail.foreign_bytes, "byte")
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
