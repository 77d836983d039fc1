use clap::Args;
use overlay_deploy::{Outcome, Target, rollback, rollback_unproven, take_back};

use super::Told;
use super::order::OrderReport;
use super::site::new_id;
use super::watch::Watch;
use crate::exit::Exit;
use crate::findings::plural;
use crate::output::Output;

/// Put an older generation in force again, in one step
///
/// It is verified against its manifest and loaded first. A rollout that is under way ends. Without
/// --to and --steps a candidate on trial is taken back, as `abort` does, and what is in force
/// stays.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy rollback --root prod
  fusion deploy rollback --root prod --steps 2
  fusion deploy rollback --root prod --to release-7 --yes

Ends with 1 where that generation was never in force for good, with 5 where what was to be taken
back is gone and nothing is kept of it, with 7 where the loader refuses the generation and nothing
was changed, with 8 where it was tampered with, with 9 where another has replaced meanwhile what was
to be taken back, with 65 where there is none.")]
pub(super) struct Rollback {
    /// The number of a generation, the id of a deployment, or the name of a pin
    #[arg(long, value_name = "GENERATION", conflicts_with = "steps")]
    to: Option<Target>,
    /// So many steps back from the one in force, in the order in which generations were, none of
    /// them twice: a second rollback goes forth again. Else one, where no candidate is on trial
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    steps: Option<u32>,
    /// Also a generation that was refused, taken back, or never came to its end; the audit log
    /// says so
    #[arg(long, requires = "to")]
    unproven: bool,
    /// Only where the root is at this epoch
    #[arg(long, value_name = "N")]
    base_epoch: Option<u64>,
}

impl Rollback {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let site = told.root.existing(told.environment)?;
        let target = self.to.or(self.steps.map(Target::Steps));
        let question = match &target {
            None => "Take back what was deployed last?".to_owned(),
            Some(Target::Steps(1)) => "Return to the generation before?".to_owned(),
            Some(Target::Steps(steps)) => format!("Go {} back?", plural(*steps, "generation")),
            Some(target) => format!("Return to {target}?"),
        };
        told.consent.ask(&question, told.environment)?;
        let (id, base_epoch) = (new_id()?, self.base_epoch);
        let watch = Watch::new(output, told.environment);
        let applied = site.act(&watch, |root| match &target {
            None => take_back(root, &id, base_epoch),
            Some(target) if self.unproven => rollback_unproven(root, target, &id, base_epoch),
            Some(target) => rollback(root, target, &id, base_epoch),
        })?;
        drop(watch);
        let wanted = match applied.outcome {
            // A candidate on trial is aborted; one that ended by itself meanwhile is as much gone.
            gone @ (Outcome::Aborted | Outcome::RolledBack | Outcome::Refused)
                if target.is_none() =>
            {
                gone
            }
            _ => Outcome::Restored,
        };
        OrderReport::of("rollback", &applied, &site)?.end(wanted, output)
    }
}
