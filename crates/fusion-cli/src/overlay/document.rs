use std::path::{Path, PathBuf};

use overlay_model::{Diagnostic, Layer, MAX_BYTES, Origin, Overlay, Setting, TextFormat};
use overlay_schema::{Checked, Profile, References, Subject, check};

use super::structured::{self, Structured};
use crate::excerpt;
use crate::exit::{Exit, refusal};
use crate::input::{self, Input, Unread, name_of};
use crate::output::Output;

/// An overlay as it was read, in whichever of the four formats.
pub(crate) struct Document {
    /// The path.
    pub(crate) path: PathBuf,
    /// The path as it was named.
    pub(crate) name: String,
    /// How it is written.
    pub(crate) format: TextFormat,
    /// Its text, which findings refer to; empty where it is no text.
    pub(crate) text: String,
    /// What it says, as `KEY=VALUE` lines.
    pub(crate) overlay: Overlay,
    /// Findings about its syntax.
    pub(crate) syntax: Vec<Diagnostic>,
    /// Findings about the types that a structured format has.
    types: Vec<Diagnostic>,
}

impl Document {
    /// Reads a document; one that is too large or no text comes back empty, with the
    /// reason among its findings.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, with the reason.
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        match input::try_read(path, MAX_BYTES) {
            Ok(input) => Ok(Self::of(path, input)),
            Err(Unread::TooLarge(len)) => {
                let finding = Diagnostic::error(
                    "OVL1006",
                    format!("{len} bytes are more than the {MAX_BYTES} a file may have"),
                );
                Ok(Self { syntax: vec![finding], ..Self::of_text(path, "") })
            }
            Err(Unread::Failed(why)) => Err(why),
        }
    }

    /// The overlay file `path`, if it held `text`.
    pub(crate) fn of_text(path: &Path, text: &str) -> Self {
        let (overlay, syntax) = Overlay::parse(text);
        Self {
            path: path.to_path_buf(),
            name: name_of(path),
            format: TextFormat::Overlay,
            text: text.to_owned(),
            overlay,
            syntax,
            types: Vec::new(),
        }
    }

    fn of(path: &Path, input: Input) -> Self {
        let Input { name, bytes } = input;
        let format = format_of(path, &bytes);
        let path = path.to_path_buf();
        // Size and encoding are limited alike for every format.
        let (lines, mut syntax) = Overlay::read(&bytes);
        let text = lines.source().to_owned();
        let is_unread = text.is_empty() && !bytes.is_empty();
        if format == TextFormat::Overlay || is_unread {
            return Self { path, name, format, text, overlay: lines, syntax, types: Vec::new() };
        }
        let Structured { overlay, syntax: found, types } = structured::read(format, &text);
        syntax = found;
        Self { path, name, format, text, overlay, syntax, types }
    }

    /// Reads a document that must have no syntax error; findings go to standard error.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, or is no overlay.
    pub(crate) fn sound(path: &Path, output: &mut Output) -> anyhow::Result<Self> {
        let document = Self::load(path).map_err(|why| unreadable(path, &why))?;
        if document.syntax.iter().any(Diagnostic::is_error) {
            let Self { name, text, syntax, .. } = &document;
            output.remark(&excerpt::render(name, text, syntax, output.width))?;
            return Err(refusal(Exit::FINDINGS, format!("{name} is no overlay")));
        }
        Ok(document)
    }

    /// As [`Document::sound`], for commands that write the file back.
    pub(crate) fn writable(path: &Path, output: &mut Output) -> anyhow::Result<Self> {
        if input::is_stdin(path) {
            return Err(refusal(Exit::USAGE, "this command changes files: name one"));
        }
        let document = Self::sound(path, output)?;
        if document.format != TextFormat::Overlay {
            let message = format!(
                "{} is {}: convert it to an overlay file first (`fusion overlay convert`)",
                document.name, document.format
            );
            return Err(refusal(Exit::USAGE, message));
        }
        Ok(document)
    }

    /// Every finding of every phase, in the order of the text.
    pub(crate) fn check(&self, profile: Profile, references: Option<&References<'_>>) -> Checked {
        let is_lines = self.format == TextFormat::Overlay;
        let file_name = self.path.file_name().and_then(|it| it.to_str());
        let file_name = file_name.filter(|_| is_lines && !input::is_stdin(&self.path));
        let subject = Subject { file_name, references };
        if is_lines {
            return check(&self.overlay, self.syntax.clone(), profile, &subject);
        }
        let mut checked = check(&self.overlay, Vec::new(), profile, &subject);
        let moved = checked.diagnostics.into_iter();
        let moved = moved.map(|it| structured::moved(&self.text, &self.overlay, it));
        let mut all: Vec<Diagnostic> = self.syntax.iter().chain(&self.types).cloned().collect();
        // What is wrong with a value is often wrong in both forms.
        for finding in moved {
            let is_known = |it: &Diagnostic| it.code == finding.code && it.at == finding.at;
            if finding.at.is_none() || !all.iter().any(is_known) {
                all.push(finding);
            }
        }
        all.sort_by_key(|it| it.at.as_ref().map_or(usize::MAX, |at| at.span.start));
        checked.diagnostics = all;
        checked
    }

    /// The entries as a layer, with their places in this text.
    pub(crate) fn layer(&self) -> Layer {
        if self.format == TextFormat::Overlay {
            return self.overlay.layer(&self.name);
        }
        let settings = self.overlay.entries().filter_map(|it| {
            let at = structured::place_of(&self.text, it.key)?;
            let path = self.name.clone();
            let origin = Origin::File { path, line: at.line, column: at.column };
            Some((it.key.parse().ok()?, Setting { value: it.value.to_owned(), origin }))
        });
        settings.collect()
    }

    /// The line on which `key` stands.
    pub(crate) fn line_of(&self, key: &str) -> Option<usize> {
        match self.format {
            TextFormat::Overlay => self.overlay.get(key).map(|it| it.line),
            _ => structured::place_of(&self.text, key).map(|it| it.line),
        }
    }
}

/// The error for a file that cannot be read.
pub(crate) fn unreadable(path: &Path, why: &str) -> anyhow::Error {
    refusal(Exit::UNREADABLE, format!("{}: {why}", name_of(path)))
}

/// By the extension; standard input by what it looks like.
fn format_of(path: &Path, bytes: &[u8]) -> TextFormat {
    let of_name = path.file_name().and_then(|it| it.to_str()).and_then(TextFormat::of_file_name);
    match of_name {
        Some(format) => format,
        None if bytes.trim_ascii_start().starts_with(b"{") => TextFormat::Json,
        None => TextFormat::Overlay,
    }
}
