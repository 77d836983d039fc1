//! `fusion golden …`

mod answers;
mod calibrate;
mod compare;
mod counted;
mod findings;
mod import;
mod mutate;
mod power;
mod prune;
mod record;
mod refusal;
mod review;
mod scope;
mod update;
mod validate;

use clap::{Args, Subcommand};

pub(crate) use self::refusal::suite_error;
pub(crate) use self::scope::require_folder;

use crate::environment::Environment;
use crate::exit::Exit;
use crate::output::Output;

/// Replay recorded scenarios through the overlays and say what changed
///
/// A suite is a folder of goldens (what was accepted) and cassettes (recorded answers). Replay
/// is offline and exact: a request without a recording is stale, never guessed. `record` asks a
/// real endpoint or a command, `update` and `review` accept what replays now, with a reason.
/// Without a subcommand: `validate`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion golden --suite goldens
  fusion golden --suite goldens --scenario refund_processing_duplicate --junit report.xml
  fusion golden record --suite goldens --endpoint http://127.0.0.1:8080/v1 --dry-run
  fusion golden update --suite goldens --reason 'shorter answers wanted'

Exit codes: 0 as accepted, 1 regression, 3 insufficient or warnings under --strict, 4 stale,
5 nothing selected, 8 integrity violation, 65 unreadable.")]
pub(crate) struct Golden {
    #[command(flatten)]
    scope: scope::Scope,
    #[command(flatten)]
    validate: validate::Validate,
    #[command(subcommand)]
    command: Option<GoldenCommand>,
}

#[derive(Debug, Subcommand)]
enum GoldenCommand {
    Validate(validate::Validate),
    Record(record::Record),
    Update(update::Update),
    Review(review::Review),
    Import(import::Import),
    Prune(prune::Prune),
    Compare(compare::Compare),
    Calibrate(calibrate::Calibrate),
    Power(power::Power),
    Mutate(mutate::Mutate),
}

impl Golden {
    /// Whether the answer on standard output is JSON.
    pub(crate) fn answers_json(&self) -> bool {
        self.scope.answers_json()
    }

    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        output.refuse_sarif()?;
        let Self { scope, validate, command } = self;
        scope.require_folder()?;
        match command {
            None => validate.run(&scope, output, environment),
            Some(GoldenCommand::Validate(it)) => it.or(validate).run(&scope, output, environment),
            Some(GoldenCommand::Record(it)) => it.run(&scope, output, environment),
            Some(GoldenCommand::Update(it)) => it.run(&scope, output, environment),
            Some(GoldenCommand::Review(it)) => it.run(&scope, output, environment),
            Some(GoldenCommand::Import(it)) => it.run(&scope, output, environment),
            Some(GoldenCommand::Prune(it)) => it.run(&scope, output, environment),
            Some(GoldenCommand::Compare(it)) => it.run(&scope, output, environment),
            Some(GoldenCommand::Calibrate(it)) => it.run(&scope, output),
            Some(GoldenCommand::Power(it)) => it.run(&scope, output, environment),
            Some(GoldenCommand::Mutate(it)) => it.run(&scope, output, environment),
        }
    }
}
