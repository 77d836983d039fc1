use std::borrow::Cow;
use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use anyhow::Context as _;
use clap::ValueEnum;
use overlay_model::is_hidden;
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
            Format::Text => self.text(&readable(&report.text(self.width))),
            Format::Json | Format::Sarif => self.json(&to_json(report)?),
        }
    }

    /// Prints a value that has a `schema` field of its own, or `text` for people.
    pub(crate) fn answer(&mut self, value: &impl Serialize, text: &str) -> anyhow::Result<()> {
        match self.format {
            Format::Text => self.text(&readable(text)),
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
        let text = readable(text);
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

/// `text` with what a terminal would act on, or hide, as its escape: names of files, and what
/// others have written, may hold anything. Line ends, tabs and colours stay.
fn readable(text: &str) -> Cow<'_, str> {
    let is_odd = |c: char| c != '\n' && is_hidden(c);
    if !text.contains(is_odd) {
        return Cow::Borrowed(text);
    }
    let (mut res, mut rest) = (String::with_capacity(text.len() + 16), text);
    while let Some(c) = rest.chars().next() {
        let len = colour(rest).unwrap_or(c.len_utf8());
        let (first, more) = rest.split_at(len);
        match len == c.len_utf8() && is_odd(c) {
            true => res.extend(c.escape_default()),
            false => res.push_str(first),
        }
        rest = more;
    }
    Cow::Owned(res)
}

/// The length of the colour, or other look of letters, that `text` begins with: `ESC[1;31m`.
fn colour(text: &str) -> Option<usize> {
    let codes = text.strip_prefix("\x1b[")?;
    let end = codes.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    codes.get(end..)?.starts_with('m').then_some(end + 3)
}

/// A reader that has gone (`fusion … | head`) is no error.
fn finish(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("writing output"),
    }
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn what_a_terminal_would_act_on_is_shown() {
        let plain = "a\tb\n\x1b[1;31mred\x1b[0m \x1b[mä👩\u{200d}🚒\n";
        assert_eq!(readable(plain), plain);
        let odd = "\x1b]0;title\x07\r\x1b[2J\x1b[31\u{202e}\0\x1b";
        let shown = r"\u{1b}]0;title\u{7}\r\u{1b}[2J\u{1b}[31\u{202e}\u{0}\u{1b}";
        assert_eq!(readable(odd), shown);
        assert_eq!(readable(&format!("{plain}{odd}")), format!("{plain}{shown}"));
    }
}
