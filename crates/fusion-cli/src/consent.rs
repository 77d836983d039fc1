use std::io;

use anyhow::Context as _;
use clap::Args;
use console::{Key, Term};

use crate::environment::Environment;
use crate::exit::{Exit, refusal};
use crate::output::Output;

/// Whether a person is asked before something changes.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Consent {
    /// Ask nothing; the default where standard input is no terminal
    #[arg(long, short, global = true)]
    yes: bool,
}

/// Asks on the terminal, where no is what nobody has to type. Ctrl-C is a no too: it is read
/// as a key here, so that the terminal stays as it was.
fn is_wanted(question: &str) -> io::Result<bool> {
    let term = Term::stderr();
    term.write_str(&format!("{question} [y/N] "))?;
    let answer = loop {
        match term.read_key_raw()? {
            Key::Char('y' | 'Y') => break true,
            Key::Char('n' | 'N' | END_OF_INPUT) | Key::Enter | Key::Escape | Key::CtrlC => {
                break false;
            }
            _ => {}
        }
    };
    term.write_line(if answer { "y" } else { "n" })?;
    Ok(answer)
}

/// Ctrl-D.
const END_OF_INPUT: char = '\u{4}';

impl Consent {
    /// Asks, where somebody can answer; goes on where nobody can.
    ///
    /// # Errors
    ///
    /// Where the answer is no.
    pub(crate) fn ask(self, question: &str, environment: &Environment) -> anyhow::Result<()> {
        if !self.is_asked(environment) {
            return Ok(());
        }
        if is_wanted(question).context("asking")? {
            return Ok(());
        }
        Err(refusal(Exit::ABORTED, "nothing was changed"))
    }

    /// [`Self::ask`], once `shown` was shown to whoever is asked.
    pub(crate) fn ask_after(
        self,
        shown: &str,
        question: &str,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<()> {
        if self.is_asked(environment) {
            output.remark(shown)?;
        }
        self.ask(question, environment)
    }

    /// Whether somebody can answer, and is to.
    pub(crate) fn is_asked(self, environment: &Environment) -> bool {
        let is_attended = environment.stdin_is_terminal && environment.stderr_is_terminal;
        !self.yes && is_attended && !environment.is_ci()
    }
}
