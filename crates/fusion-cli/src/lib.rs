//! The commands behind the `fusion` binary: arguments, printing, exit codes.
//!
//! [`run`] is a command from its arguments to its [`Exit`]; the binary and `cargo xtask`
//! are thin callers of it. What an overlay means is the business of the crates below:
//! here are files, the environment, the clock and the terminal, each in one place.
//!
//! ```
//! use fusion_cli::{Environment, Exit, run};
//!
//! let environment = Environment::of([], 0);
//! assert_eq!(run(["fusion", "overlay", "explain", "TRUST_FLOOR"], &environment), Exit::DONE);
//! assert_eq!(run(["fusion", "overlay", "brew"], &environment), Exit::USAGE);
//! ```

mod arguments;
mod audit;
mod backup;
mod budget;
mod codes;
mod completions;
mod condition;
mod consent;
mod deploy;
mod design;
mod doctor;
mod environment;
mod excerpt;
mod exit;
mod findings;
mod flags;
mod golden;
mod health;
mod input;
mod migrate;
mod output;
mod overlay;
mod progress;
mod replace;
mod sarif;
mod schemas;
mod serve;

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};
use overlay_model::Diagnostic;

use crate::arguments::{Arguments, Command};
use crate::output::{Output, json_text};

pub use crate::codes::diagnostics_md;
pub use crate::environment::{Environment, VARIABLES, VarInfo, environment_md, wall_clock};
pub use crate::exit::{EXIT_CODES, Exit, ExitInfo, exit_codes_md, worst};
pub use crate::schemas::{metrics_md, schemas};

/// Runs the command that `args` say, the name of the program first, and prints what it
/// has to say.
pub fn run(args: impl IntoIterator<Item = impl Into<OsString>>, environment: &Environment) -> Exit {
    run_as("fusion", args, environment)
}

/// [`run`], for a program that is called `name` in help and messages.
pub fn run_as(
    name: &'static str,
    args: impl IntoIterator<Item = impl Into<OsString>>,
    environment: &Environment,
) -> Exit {
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let command = Arguments::command().name(name).bin_name(name);
    let parsed = command
        .try_get_matches_from(&args)
        .and_then(|mut it| Arguments::from_arg_matches_mut(&mut it));
    match parsed {
        Ok(arguments) => execute(arguments, environment),
        Err(err) => usage(&err, &args, environment),
    }
}

fn execute(arguments: Arguments, environment: &Environment) -> Exit {
    let style = arguments.style();
    let mut output = Output::new(style.format, style.color, style.strict, environment);
    if let Some(why) = environment.refused().filter(|_| !is_kill(&arguments.command)) {
        return failed(&exit::refusal(Exit::USAGE, why), &mut output);
    }
    if writes_dates(&arguments.command)
        && let Err(why) = environment.source_date()
    {
        return failed(&exit::refusal(Exit::USAGE, why), &mut output);
    }
    let result = match arguments.command {
        Command::Overlay(command) => command.run(&mut output, environment),
        Command::Design(command) => command.run(&mut output, environment),
        Command::Doctor(command) => command.run(&mut output, environment),
        Command::Health(command) => command.run(&mut output, environment),
        Command::Flags(command) => command.run(&mut output, environment),
        Command::Golden(command) => command.run(&mut output, environment),
        Command::Budget(command) => command.run(&mut output, environment),
        Command::Deploy(command) => command.run(&mut output, environment),
        Command::Audit(command) => command.run(&mut output, environment),
        Command::Backup(command) => command.run(&mut output, environment),
        Command::Migrate(command) => command.run(&mut output, environment),
        Command::Serve(command) => command.run(&mut output, environment),
        Command::Completions(command) => command.run(&mut output),
    };
    result.unwrap_or_else(|err| failed(&err, &mut output))
}

/// Whether the command is the switch, which no variable may hold up that it does not need.
fn is_kill(command: &Command) -> bool {
    matches!(command, Command::Flags(it) if it.is_kill())
}

/// Whether the command writes the moment of `SOURCE_DATE_EPOCH` into files. A kill switch and
/// a service must not fail on it.
fn writes_dates(command: &Command) -> bool {
    matches!(
        command,
        Command::Overlay(_) | Command::Golden(_) | Command::Budget(_) | Command::Migrate(_)
    )
}

/// Help and version go to standard output; anything else is a wrong command line.
fn usage(err: &clap::Error, args: &[OsString], environment: &Environment) -> Exit {
    // Where even this cannot be written, nobody is left to tell.
    let _ = err.print();
    if !err.use_stderr() {
        return Exit::DONE;
    }
    let style = arguments::style_of(args);
    let mut output = Output::new(style.format, style.color, style.strict, environment);
    if output.is_json() {
        let text = err.render().to_string();
        let first = text.lines().next().unwrap_or_default();
        let first = first.trim_start_matches("error: ");
        let _ = answer_error(first, Exit::USAGE, &[], &mut output);
    }
    Exit::USAGE
}

/// Says why the command ended early, on standard error for people and, where a machine
/// reads, as an object on standard output.
fn failed(err: &anyhow::Error, output: &mut Output) -> Exit {
    let exit = exit::exit_of(err);
    let message = format!("{err:#}");
    let style = anstyle::AnsiColor::Red.on_default().bold();
    // Where even this cannot be written, nobody is left to tell.
    let _ = output.remark(&format!("{style}error{style:#}: {message}\n"));
    if output.is_json() && !output.has_answered() {
        let _ = answer_error(&message, exit, &[], output);
    }
    exit
}

/// Says as an object on standard output why a command ended early, with the findings that are
/// the reason, where there are any.
pub(crate) fn answer_error(
    message: &str,
    exit: Exit,
    findings: &[Diagnostic],
    output: &mut Output,
) -> anyhow::Result<()> {
    let mut object = serde_json::json!({
        "schema": "fusion/error/1",
        "error": message,
        "exit_code": exit.code(),
    });
    if !findings.is_empty() {
        object["diagnostics"] = serde_json::to_value(findings::views(findings))?;
    }
    output.json(&json_text(&object)?)
}
