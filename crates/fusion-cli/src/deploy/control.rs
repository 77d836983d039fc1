use clap::Args;
use overlay_deploy::{Outcome, abort, pause, resume};

use super::Told;
use super::interrupt::tell_when_ended;
use super::order::OrderReport;
use super::watch::Watch;
use crate::exit::Exit;
use crate::output::Output;

/// Stop a canary where it stands, until somebody resumes, promotes or aborts it
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy pause --root prod

Ends with 5 where nothing is under way, with 1 where there is no canary, with 3 where it is paused
already.")]
pub(super) struct Pause {}

impl Pause {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let site = told.root.existing(told.environment)?;
        let applied = site.act(&Watch::new(output, told.environment), pause)?;
        OrderReport::of("pause", &applied, &site)?.end(Outcome::Paused, output)
    }
}

/// Go on with a rollout that is paused, or whose process died, and see it through
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy resume --root prod

Ends as `apply` does; with 75 where another process drives the rollout.")]
pub(super) struct Resume {}

impl Resume {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let site = told.root.existing(told.environment)?;
        tell_when_ended(&site, output.format, told.environment);
        let applied = site.act(&Watch::new(output, told.environment), resume)?;
        OrderReport::of("resume", &applied, &site)?.end(Outcome::Deployed, output)
    }
}

/// End the rollout, and give all units back to the generation before, at once
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy abort --root prod --yes

Ends with 5 where nothing is under way, with 7 where the generation before fails too; the
`apply` that drove the rollout ends with 10.")]
pub(super) struct Abort {}

impl Abort {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let site = told.root.existing(told.environment)?;
        told.consent.ask("Abort the rollout?", told.environment)?;
        let applied = site.act(&Watch::new(output, told.environment), abort)?;
        OrderReport::of("abort", &applied, &site)?.end(Outcome::Aborted, output)
    }
}
