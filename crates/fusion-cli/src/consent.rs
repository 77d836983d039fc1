use anyhow::Context as _;
use clap::Args;
use dialoguer::Confirm;

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
        let answer = Confirm::new().with_prompt(question).default(false).interact();
        if answer.context("asking")? {
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

    fn is_asked(self, environment: &Environment) -> bool {
        let is_attended = environment.stdin_is_terminal && environment.stderr_is_terminal;
        !self.yes && is_attended && !environment.is_ci()
    }
}
