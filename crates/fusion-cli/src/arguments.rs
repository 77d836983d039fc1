use std::ffi::OsString;

use clap::{Args, Parser, Subcommand};

use crate::audit::AuditCommands;
use crate::backup::BackupCommands;
use crate::budget::BudgetCommands;
use crate::completions::Completions;
use crate::deploy::DeployCommands;
use crate::design::Design;
use crate::doctor::Doctor;
use crate::flags::FlagsCommands;
use crate::golden::Golden;
use crate::health::HealthArguments;
use crate::migrate::MigrateCommands;
use crate::output::{Color, Format};
use crate::overlay::OverlayCommands;
use crate::serve::Serve;

/// Configuration overlays for language models: author them, prove offline what a change
/// breaks and costs
///
/// An overlay is a versioned layer of configuration — parameters, sampling settings, prompt
/// text, model choice — over a baseline model, for a kind of work. `overlay` writes and
/// checks such files, `design` and `overlay generate` make them from goals, `golden` replays
/// recorded answers through them and says what changed, `flags` says which of them serves a
/// request, and why.
#[derive(Debug, Parser)]
#[command(
    name = "fusion",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = "\
Examples:
  fusion overlay check configs/overlays
  fusion golden --suite goldens
  fusion flags route --scenario refund_processing --confidence 0.9 --unit user-7
  fusion deploy status --root prod
  fusion overlay explain TRUST_FLOOR

Exit codes: 0 done, 1 findings, 2 changes pending, 3 insufficient, 4 stale recording,
5 nothing selected, 8 integrity violation, 64 usage, 65 unreadable input.
`fusion overlay explain exit-codes` lists them all."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    style: StyleArguments,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct StyleArguments {
    /// How to answer
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Whether text has colour
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
    /// Treat warnings as errors
    #[arg(long, global = true)]
    strict: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Overlay(OverlayCommands),
    Design(Design),
    Doctor(Doctor),
    Health(HealthArguments),
    Flags(Box<FlagsCommands>),
    Golden(Box<Golden>),
    Budget(BudgetCommands),
    Deploy(Box<DeployCommands>),
    Audit(Box<AuditCommands>),
    Backup(Box<BackupCommands>),
    Migrate(Box<MigrateCommands>),
    Serve(Serve),
    Completions(Completions),
}

/// How a command answers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    pub(crate) format: Format,
    pub(crate) color: Color,
    pub(crate) strict: bool,
}

impl Arguments {
    /// How this command answers; `--json` is short for `--format json`.
    pub(crate) fn style(&self) -> Style {
        let StyleArguments { format, color, strict } = self.style;
        let json = match &self.command {
            Command::Overlay(it) => it.json,
            Command::Design(it) => it.json,
            Command::Doctor(it) => it.json,
            Command::Health(it) => it.json,
            Command::Flags(it) => it.json,
            Command::Golden(it) => it.answers_json(),
            Command::Budget(it) => it.answers_json(),
            Command::Deploy(it) => it.options.json,
            Command::Audit(it) => it.options.json,
            Command::Backup(it) => it.options.json,
            Command::Migrate(it) => it.json,
            Command::Serve(it) => it.json,
            Command::Completions(_) => false,
        };
        Style { format: if json { Format::Json } else { format }, color, strict }
    }
}

/// How a command wanted to answer whose arguments cannot be read.
pub(crate) fn style_of(args: &[OsString]) -> Style {
    let args: Vec<_> = args.iter().filter_map(|it| it.to_str()).collect();
    let pair = |name: &str, value: &str| args.windows(2).any(|it| it == [name, value]);
    // These two write their report to files, where `--json` names one.
    let is_golden = args.contains(&"golden") || args.contains(&"budget");
    let json = pair("--format", "json")
        || args.contains(&"--format=json")
        || (!is_golden && args.contains(&"--json"))
        || (is_golden && pair("--json", "-"));
    let format = if json { Format::Json } else { Format::Text };
    let color = if pair("--color", "never") { Color::Never } else { Color::Auto };
    Style { format, color, strict: false }
}
