use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::document::Document;
use super::rewrite::{Writing, rewrite};
use crate::exit::{Exit, worst};
use crate::output::{Output, Report};

/// Lay overlay files out
///
/// One heading a section, keys in the order of the reference below it, comments with the entry
/// they stand in front of, LF at the end of every line. Values and the digest stay.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion overlay fmt configs/overlays/*.txt
  fusion overlay fmt --check configs/overlays/*.txt

Ends with 2 under `--check` and `--dry-run` where a file would change.")]
pub(crate) struct Fmt {
    /// The overlays
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Name the files that would change, and write nothing
    #[arg(long)]
    check: bool,
    /// Show the changes, and write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct FormatReport {
    files: Vec<FormattedFile>,
    #[serde(skip)]
    verb: &'static str,
}

#[derive(Serialize)]
struct FormattedFile {
    path: String,
    changed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Report for FormatReport {
    const SCHEMA: &'static str = "fusion/overlay-fmt/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        for FormattedFile { path, error, .. } in self.files.iter().filter(|it| it.matters()) {
            // Writing to a string cannot fail.
            let _ = match error {
                Some(why) => writeln!(res, "{path}: {why}"),
                None => writeln!(res, "{} {path}", self.verb),
            };
        }
        res
    }
}

impl FormattedFile {
    fn matters(&self) -> bool {
        self.changed || self.error.is_some()
    }
}

impl Fmt {
    pub(crate) fn run(self, output: &mut Output) -> anyhow::Result<Exit> {
        let writing = Writing::of(self.dry_run || self.check);
        let verb = if writing == Writing::Show { "would change" } else { "formatted" };
        let mut report = FormatReport { files: Vec::new(), verb };
        let mut exit = Exit::DONE;
        for path in &self.files {
            let name = path.display().to_string();
            let (changed, ended, error) = match self.file(path, writing, output) {
                Ok((changed, ended)) => (changed, ended, None),
                Err(err) => {
                    // The report names the file already.
                    let why = format!("{err:#}");
                    let why = why.strip_prefix(&format!("{name}: ")).unwrap_or(&why).to_owned();
                    (false, crate::exit::exit_of(&err), Some(why))
                }
            };
            exit = worst(exit, ended);
            report.files.push(FormattedFile { path: name, changed, error });
        }
        output.show(&report)?;
        Ok(exit)
    }

    fn file(
        &self,
        path: &Path,
        writing: Writing,
        output: &mut Output,
    ) -> anyhow::Result<(bool, Exit)> {
        let document = Document::writable(path, output)?;
        let laid_out = overlay_model::format(&document.overlay, &overlay_schema::place);
        let changed = laid_out != document.text;
        if self.check {
            return Ok((changed, if changed { Exit::PENDING } else { Exit::DONE }));
        }
        let exit = rewrite(path, &document.text, &laid_out, writing, output)?;
        Ok((changed, exit))
    }
}
