use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::output::Output;

/// Print the completions of a shell
///
/// The text goes to standard output; where to put it, the manual of the shell says.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion completions bash > ~/.local/share/bash-completion/completions/fusion
  fusion completions zsh > ~/.zfunc/_fusion")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, output: &mut Output) -> anyhow::Result<Exit> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "fusion", &mut text);
        output.text(&String::from_utf8(text)?)?;
        Ok(Exit::DONE)
    }
}
