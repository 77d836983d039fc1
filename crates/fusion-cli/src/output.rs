use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use anyhow::Context as _;
use clap::ValueEnum;
use serde::Serialize;

use crate::environment::Environment;
use crate::exit::{Exit, refusal};

/// How a command answers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For machines: one object with a `schema` field.
    Json,
    /// SARIF 2.1.0, which code hosts show beside the lines (`overlay check` only).
    Sarif,
}

/// Whether text has colour.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What a command has to say: one model, printed for people or for machines.
pub(crate) trait Report: Serialize {
    /// The version of the JSON form, its `schema` field.
    const SCHEMA: &'static str;

    /// The form for people, with a line end; colours are taken out where none are wanted.
    fn text(&self, width: usize) -> String;
}

#[derive(Serialize)]
struct Tagged<'a, T> {
    schema: &'static str,
    #[serde(flatten)]
    report: &'a T,
}

/// The JSON form of a report, on several lines.
pub(crate) fn to_json<T: Report>(report: &T) -> anyhow::Result<String> {
    json_text(&Tagged { schema: T::SCHEMA, report })
}

/// Any value as JSON on several lines, with a line end.
pub(crate) fn json_text(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value).context("writing JSON")? + "\n")
}

/// Standard output and standard error, with what the user asked of them.
pub(crate) struct Output {
    /// Text, JSON or SARIF.
    pub(crate) format: Format,
    /// How many columns a table may have.
    pub(crate) width: usize,
    /// Whether errors and warnings count alike.
    pub(crate) strict: bool,
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
    /// Whether the JSON form has been printed.
    answered: bool,
}

impl Output {
    /// Output as `environment` and the user wish.
    pub(crate) fn new(
        format: Format,
        color: Color,
        strict: bool,
        environment: &Environment,
    ) -> Self {
        let choice = |is_terminal| match color {
            Color::Always => ColorChoice::AlwaysAnsi,
            Color::Auto if environment.wants_color(is_terminal) => ColorChoice::Always,
            Color::Auto | Color::Never => ColorChoice::Never,
        };
        Self {
            format,
            width: environment.width(),
            strict,
            out: AutoStream::new(io::stdout(), choice(environment.stdout_is_terminal)),
            err: AutoStream::new(io::stderr(), choice(environment.stderr_is_terminal)),
            answered: false,
        }
    }

    /// Prints the report in the form that was asked for.
    pub(crate) fn show<T: Report>(&mut self, report: &T) -> anyhow::Result<()> {
        match self.format {
            Format::Text => self.text(&report.text(self.width)),
            Format::Json | Format::Sarif => self.json(&to_json(report)?),
        }
    }

    /// Prints a value that has a `schema` field of its own, or `text` for people.
    pub(crate) fn answer(&mut self, value: &impl Serialize, text: &str) -> anyhow::Result<()> {
        match self.format {
            Format::Text => self.text(text),
            Format::Json | Format::Sarif => self.json(&json_text(value)?),
        }
    }

    /// Prints `text` on standard output as it is.
    pub(crate) fn text(&mut self, text: &str) -> anyhow::Result<()> {
        finish(self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()))
    }

    /// Prints a JSON text, after which no error object follows.
    pub(crate) fn json(&mut self, text: &str) -> anyhow::Result<()> {
        self.answered = true;
        self.text(text)
    }

    /// Prints `text` on standard error.
    pub(crate) fn remark(&mut self, text: &str) -> anyhow::Result<()> {
        finish(self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush()))
    }

    /// For commands that have no SARIF form.
    pub(crate) fn refuse_sarif(&self) -> anyhow::Result<()> {
        if self.format == Format::Sarif {
            let message = "--format sarif goes with `overlay check` only";
            return Err(refusal(Exit::USAGE, message));
        }
        Ok(())
    }

    /// Whether a machine reads.
    pub(crate) fn is_json(&self) -> bool {
        self.format != Format::Text
    }

    /// Whether the JSON form has been printed.
    pub(crate) fn has_answered(&self) -> bool {
        self.answered
    }

    /// Whether standard output has colour.
    pub(crate) fn has_color(&self) -> bool {
        self.out.current_choice() != ColorChoice::Never
    }
}

/// A reader that has gone (`fusion … | head`) is no error.
fn finish(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("writing output"),
    }
}
