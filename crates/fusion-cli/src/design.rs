use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use overlay_gen::{DesignReport, check_design};
use overlay_model::{DesignSpec, Diagnostic, Location, MAX_TEXT_BYTES, TextError};
use serde::Serialize;

use crate::codes::NO_SPEC;
use crate::environment::Environment;
use crate::excerpt;
use crate::exit::Exit;
use crate::findings::{Finding, are_fatal, views};
use crate::input::{Input, Unread, name_of, read, try_read};
use crate::output::{Output, Report};

/// Check design specs
///
/// A design spec says what an overlay is to achieve: its purpose, goals and limits.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion design check configs/examples/legal_document_analysis.toml")]
pub(crate) struct Design {
    /// Answer as JSON; short for `--format json`
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    command: DesignCommand,
}

#[derive(Debug, Subcommand)]
enum DesignCommand {
    Check(DesignCheck),
}

/// Say whether an overlay can be generated from a spec
///
/// Reads TOML, YAML or JSON, by the extension of the file or, from standard input, by what it
/// looks like. Ends with 1 where the spec has issues.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion design check configs/examples/legal_document_analysis.toml
  fusion design check - --json < configs/examples/legal_document_analysis.yaml")]
struct DesignCheck {
    /// The design spec, `-` for standard input
    spec: PathBuf,
}

#[derive(Serialize)]
struct DesignCheckReport {
    valid: bool,
    issues: Vec<String>,
    recommendations: Vec<String>,
    diagnostics: Vec<Finding>,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    excerpts: String,
}

impl Report for DesignCheckReport {
    const SCHEMA: &'static str = "fusion/design-check/1";

    fn text(&self, _width: usize) -> String {
        let mut res = self.excerpts.clone();
        let verdict = if self.valid { "valid" } else { "not valid" };
        // Writing to a string cannot fail.
        let _ = writeln!(res, "{}: {verdict}", self.name);
        for text in &self.recommendations {
            let _ = writeln!(res, "  recommended: {text}");
        }
        res
    }
}

impl Design {
    pub(crate) fn run(
        self,
        output: &mut Output,
        _environment: &Environment,
    ) -> anyhow::Result<Exit> {
        output.refuse_sarif()?;
        let DesignCommand::Check(command) = self.command;
        let spec = Spec::load(&command.spec)?;
        let DesignReport { valid, issues, recommendations, diagnostics } = match &spec.design {
            Ok(design) => check_design(design, Some(spec.source())),
            Err(finding) => DesignReport {
                issues: vec![finding.message.clone()],
                diagnostics: vec![(**finding).clone()],
                ..DesignReport::default()
            },
        };
        let valid = valid && !are_fatal(&diagnostics, output.strict);
        output.show(&DesignCheckReport {
            valid,
            issues,
            recommendations,
            excerpts: excerpt::render(&spec.name, spec.source(), &diagnostics, output.width),
            diagnostics: views(&diagnostics),
            name: spec.name.clone(),
        })?;
        Ok(if valid { Exit::DONE } else { Exit::FINDINGS })
    }
}

/// A design spec as it was read.
pub(crate) struct Spec {
    /// The file, as it was named.
    pub(crate) name: String,
    /// The spec, or why the text is none.
    pub(crate) design: Result<DesignSpec, Box<Diagnostic>>,
    text: String,
}

impl Spec {
    /// Reads a spec.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read at all.
    pub(crate) fn load(path: &Path) -> anyhow::Result<Self> {
        let input = match try_read(path, MAX_TEXT_BYTES) {
            Ok(input) => input,
            Err(Unread::TooLarge(len)) => {
                let message = format!("{len} bytes are more than the {MAX_TEXT_BYTES} allowed");
                let design = Err(Box::new(Diagnostic::error(NO_SPEC, message)));
                return Ok(Self { name: name_of(path), design, text: String::new() });
            }
            Err(Unread::Failed(_)) => read(path)?,
        };
        let Input { name, bytes } = input;
        Ok(match String::from_utf8(bytes) {
            Ok(text) => Self { design: parse(path, &text), name, text },
            Err(err) => {
                let at = err.utf8_error().valid_up_to();
                let finding = Diagnostic::error(NO_SPEC, format!("invalid UTF-8 at byte {at}"))
                    .hint("save the file as UTF-8");
                Self { name, design: Err(Box::new(finding)), text: String::new() }
            }
        })
    }

    /// The text that findings refer to.
    pub(crate) fn source(&self) -> &str {
        &self.text
    }
}

fn parse(path: &Path, text: &str) -> Result<DesignSpec, Box<Diagnostic>> {
    let parsed = if is_toml(path, text) {
        overlay_model::from_toml(text)
    } else {
        overlay_model::from_yaml(text)
    };
    parsed.map_err(|TextError { line, column, message }| {
        let finding = Diagnostic::error(NO_SPEC, message);
        Box::new(finding.located(located(text, line, column)))
    })
}

/// By the extension; where there is none, by the first line that says something.
fn is_toml(path: &Path, text: &str) -> bool {
    match path.extension().and_then(|it| it.to_str()) {
        Some("toml") => true,
        Some("yaml" | "yml" | "json") => false,
        _ => {
            let said = |line: &&str| !line.is_empty() && !line.starts_with('#');
            let first = text.lines().map(str::trim).find(said).unwrap_or_default();
            let key = first.split(['=', ':']).next().unwrap_or_default();
            first.starts_with('[') && first.ends_with(']')
                || first.get(key.len()..).is_some_and(|rest| rest.starts_with('='))
        }
    }
}

/// The place with this line and column, both counted from 1.
pub(crate) fn located(text: &str, line: usize, column: usize) -> Location {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let at = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
    Location { line, column, span: start + at..start + at }
}
