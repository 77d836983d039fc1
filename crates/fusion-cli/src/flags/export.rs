use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::document::{FlagDocument, FlagSource};
use super::question::warn;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::output::{Output, json_text};
use crate::replace::replace;

/// Write a flag file as JSON, ours or flagd's
///
/// The same flags in the same order, without comments: for programs that read no YAML. With
/// `--flagd`, as flagd reads them, for one environment: every unit is in there that is in
/// here, and what flagd's rules cannot say is a warning and off there.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion flags export > flags.json
  fusion flags export --flagd --env production -o flagd.json

Ends with 1 where flagd cannot say a flag, under --strict.")]
pub(crate) struct Export {
    #[command(flatten)]
    source: FlagSource,
    /// Write flagd's JSON
    #[arg(long)]
    flagd: bool,
    /// With `--flagd`: the environment; else RESON_ENV
    #[arg(long, value_name = "NAME", requires = "flagd")]
    env: Option<String>,
    /// Where to write it; else standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Export {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let (document, file) = FlagDocument::sound(&self.source.path(environment), output)?;
        let to = self.output.as_deref();
        if !self.flagd {
            hand_over(&json_text(&file)?, to, output)?;
            return Ok(Exit::DONE);
        }
        let name = self.env.as_deref().or_else(|| environment.get("RESON_ENV"));
        let (flagd, findings) = fusion_flagd::export(&file, name);
        hand_over(&json_text(&flagd)?, to, output)?;
        let unknown = self.env.as_deref().filter(|it| !file.environments.contains_key(*it));
        let unknown = unknown.map(|it| format!("{} has no environment `{it}`", document.name));
        let unsaid = findings.iter().map(|it| format!("{}: {}", it.code, it.message));
        let warnings: Vec<_> = unknown.into_iter().chain(unsaid).collect();
        warn(&warnings, output)
    }
}

/// Writes `text` to the file that was named, or to standard output.
fn hand_over(text: &str, to: Option<&Path>, output: &mut Output) -> anyhow::Result<()> {
    match to {
        Some(path) => replace(path, text.as_bytes()).context("exporting flags"),
        None => output.json(text),
    }
}
