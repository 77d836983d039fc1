use clap::Args;
use overlay_deploy::{Outcome, Target, rollback};

use super::Told;
use super::order::OrderReport;
use super::site::new_id;
use super::watch::Watch;
use crate::exit::Exit;
use crate::output::Output;

/// Put an older generation in force again, in one step
///
/// It is verified against its manifest and loaded first. A rollout that is under way ends.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy rollback --root prod
  fusion deploy rollback --root prod --steps 2
  fusion deploy rollback --root prod --to release-7 --yes

Ends with 7 where the loader refuses it and nothing was changed, with 8 where it was tampered
with, with 65 where there is no such generation.")]
pub(super) struct Rollback {
    /// The number of a generation, the id of a deployment, or the name of a pin
    #[arg(long, value_name = "GENERATION", conflicts_with = "steps")]
    to: Option<Target>,
    /// So many steps back, in the order in which generations were in force, none of them twice: a
    /// second rollback goes forth again
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    /// Only where the root is at this epoch
    #[arg(long, value_name = "N")]
    base_epoch: Option<u64>,
}

impl Rollback {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let site = told.root.existing(told.environment)?;
        let target = self.to.unwrap_or(Target::Steps(self.steps));
        let question = match target {
            Target::Steps(1) => "Return to the generation before?".to_owned(),
            Target::Steps(steps) => format!("Go {steps} generations back?"),
            _ => format!("Return to {target}?"),
        };
        told.consent.ask(&question, told.environment)?;
        let id = new_id()?;
        let watch = Watch::new(output, told.environment);
        let applied = site.act(&watch, |root| rollback(root, &target, &id, self.base_epoch))?;
        drop(watch);
        OrderReport::of("rollback", &applied, &site)?.end(Outcome::Restored, output)
    }
}
