use std::path::PathBuf;

use clap::Args;
use fusion_flags::FlagFile;

use super::document::{FlagDocument, FlagSource};
use super::question::warn;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::output::{Output, json_text};
use crate::replace::create;

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

Ends with 1, and writes nothing, where flagd cannot say a flag, under --strict; with 64 where
the file of -o exists.")]
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
    /// Replace the file of `--output` where there is one
    #[arg(long, requires = "output")]
    force: bool,
}

impl Export {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let (document, file) = FlagDocument::sound(&self.source.path(environment), output)?;
        let text = if self.flagd {
            let (text, warnings) = self.flagd(&document, &file, environment)?;
            let exit = warn(&warnings, output)?;
            if exit != Exit::DONE {
                return Ok(exit);
            }
            text
        } else {
            json_text(&file)?
        };
        match &self.output {
            Some(path) => create(path, text.as_bytes(), self.force)?,
            None => output.json(&text)?,
        }
        Ok(Exit::DONE)
    }

    /// flagd's JSON, and what it cannot say.
    fn flagd(
        &self,
        document: &FlagDocument,
        file: &FlagFile,
        environment: &Environment,
    ) -> anyhow::Result<(String, Vec<String>)> {
        let name = self.env.as_deref().or_else(|| environment.get("RESON_ENV"));
        let (flagd, findings) = fusion_flagd::export(file, name);
        let unknown = self.env.as_deref().filter(|it| !file.environments.contains_key(*it));
        let unknown = unknown.map(|it| format!("{} has no environment `{it}`", document.name));
        let unsaid = findings.iter().map(|it| format!("{}: {}", it.code, it.message));
        Ok((json_text(&flagd)?, unknown.into_iter().chain(unsaid).collect()))
    }
}
