//! `fusion overlay …`

mod assignment;
mod check;
mod convert;
mod diff;
mod document;
mod effective;
mod explain;
mod format;
mod generate;
mod hash;
mod list;
mod optimize;
mod profile;
mod prompt;
mod rewrite;
mod secret;
mod set;
mod status;
mod structured;
mod tune;
mod workload;

use clap::{Args, Subcommand};

use overlay_loader::ReadError;

use crate::environment::Environment;
use crate::exit::{Exit, refusal};
use crate::output::Output;

pub(crate) use self::rewrite::{Writing, rewrite, unified};
pub(crate) use self::secret::{hidden, hidden_text};

/// Write, check and compare overlay files
///
/// An overlay file is a list of `KEY=VALUE` lines with comments between them; the same keys
/// may be written as TOML, YAML or JSON. `fusion overlay explain KEY` says what a key does.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion overlay check configs/overlays
  fusion overlay set configs/overlays/fusion_overlay.rollback_first.txt TRUST_FLOOR=0.7
  fusion overlay effective configs/overlays/fusion_overlay.rollback_first.txt --why TRUST_FLOOR")]
pub(crate) struct OverlayCommands {
    /// Answer as JSON; short for `--format json`
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    command: OverlayCommand,
}

#[derive(Debug, Subcommand)]
enum OverlayCommand {
    Generate(generate::Generate),
    Check(check::Check),
    Fmt(format::Fmt),
    Diff(diff::Diff),
    Hash(hash::Hash),
    Convert(convert::Convert),
    Set(set::Set),
    Unpin(set::Unpin),
    Optimize(optimize::Optimize),
    Profile(profile::Profile),
    Tune(Box<tune::Tune>),
    Explain(explain::Explain),
    Effective(effective::EffectiveArguments),
    List(list::List),
    Status(status::StatusArguments),
}

impl OverlayCommands {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        if !matches!(self.command, OverlayCommand::Check(_)) {
            output.refuse_sarif()?;
        }
        match self.command {
            OverlayCommand::Generate(it) => it.run(output, environment),
            OverlayCommand::Check(it) => it.run(output, environment),
            OverlayCommand::Fmt(it) => it.run(output),
            OverlayCommand::Diff(it) => it.run(output),
            OverlayCommand::Hash(it) => it.run(output),
            OverlayCommand::Convert(it) => it.run(output),
            OverlayCommand::Set(it) => it.run(output),
            OverlayCommand::Unpin(it) => it.run(output),
            OverlayCommand::Optimize(it) => it.run(output, environment),
            OverlayCommand::Profile(it) => it.run(output, environment),
            OverlayCommand::Tune(it) => it.run(output, environment),
            OverlayCommand::Explain(it) => it.run(output),
            OverlayCommand::Effective(it) => it.run(output, environment),
            OverlayCommand::List(it) => it.run(output, environment),
            OverlayCommand::Status(it) => it.run(output, environment),
        }
    }
}

/// The error for an installation that cannot be read.
pub(crate) fn unreadable_installation(err: &ReadError) -> anyhow::Error {
    let cause = std::error::Error::source(err).map(|it| format!(": {it}")).unwrap_or_default();
    refusal(Exit::UNREADABLE, format!("{err}{cause}"))
}
