//! `fusion deploy …`

mod account;
mod apply;
mod control;
mod diff;
mod fit;
mod installation;
mod interrupt;
mod keep;
mod list;
mod options;
mod order;
mod plan;
mod promote;
mod recover;
mod refusal;
mod rollback;
mod root;
mod rows;
mod sample;
mod show;
mod site;
mod status;
mod verdict;
mod verify;
mod wanted;
mod watch;
mod which;

use clap::{Args, Subcommand};

use crate::environment::Environment;
use crate::exit::Exit;
use crate::output::Output;

pub(crate) use self::options::{RootOptions, Told};
pub(crate) use self::order::OrderReport;
pub(crate) use self::recover::recover_first;
pub(crate) use self::refusal::{deploy_error, exit_of, store_error};
pub(crate) use self::root::RootArguments;
pub(crate) use self::site::{Site, host, moment, new_id, random};
pub(crate) use self::verdict::VerdictArguments;
pub(crate) use self::watch::Watch;

/// Put overlays in force, step by step, and take them back
///
/// A deployment root holds every generation that was ever in force, and one small file that
/// says which is live. A rollout checks the candidate, gives it a growing share of the units
/// where it is staged, and takes it back by itself where it does harm. A process that dies on
/// the way leaves nothing half: the next command continues or restores.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy plan configs/overlays/fusion_overlay.rollback_first.txt --root prod
  fusion deploy apply --from configs --root prod --env development
  fusion deploy apply fusion_overlay.refund.txt --root prod --mode staged --bake 10m
  fusion deploy status --root prod --json
  fusion deploy rollback --root prod --steps 1

Exit codes: 0 done, 1 refused by a check, 2 changes pending, 3 paused, 5 nothing deployed,
6 rolled back by itself, 7 frozen, 8 integrity violation, 9 base epoch moved, 10 aborted,
11 outcome unknown, 69 disk or database, 75 another is at work.")]
pub(crate) struct DeployCommands {
    #[command(flatten)]
    pub(crate) options: RootOptions,
    #[command(subcommand)]
    command: DeployCommand,
}

#[derive(Debug, Subcommand)]
enum DeployCommand {
    Plan(plan::PlanArguments),
    Apply(apply::Apply),
    Status(status::Status),
    List(list::List),
    Show(show::Show),
    Diff(diff::Diff),
    Promote(promote::Promote),
    Pause(control::Pause),
    Resume(control::Resume),
    Abort(control::Abort),
    Rollback(rollback::Rollback),
    Verify(verify::Verify),
    Recover(recover::Recover),
    Gc(keep::Gc),
    Pin(keep::Pin),
    Unpin(keep::Unpin),
    Sample(sample::SampleArguments),
}

impl DeployCommands {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        output.refuse_sarif()?;
        let told = self.options.told(environment);
        match self.command {
            DeployCommand::Plan(it) => it.run(told, output),
            DeployCommand::Apply(it) => it.run(told, output),
            DeployCommand::Status(it) => it.run(told, output),
            DeployCommand::List(it) => it.run(told, output),
            DeployCommand::Show(it) => it.run(told, output),
            DeployCommand::Diff(it) => it.run(told, output),
            DeployCommand::Promote(it) => it.run(told, output),
            DeployCommand::Pause(it) => it.run(told, output),
            DeployCommand::Resume(it) => it.run(told, output),
            DeployCommand::Abort(it) => it.run(told, output),
            DeployCommand::Rollback(it) => it.run(told, output),
            DeployCommand::Verify(it) => it.run(told, output),
            DeployCommand::Recover(it) => it.run(told, output),
            DeployCommand::Gc(it) => it.run(told, output),
            DeployCommand::Pin(it) => it.run(told, output),
            DeployCommand::Unpin(it) => it.run(told, output),
            DeployCommand::Sample(it) => it.run(told, output),
        }
    }
}
