use std::collections::HashSet;
use std::path::{Path, PathBuf};

use overlay_model::{Diagnostic, Layer, MAX_BYTES, Origin, Overlay, Setting, TextFormat};
use overlay_schema::{Checked, Phase, Profile, References, Subject, capped, check};

use super::structured::{self, LinePlaces, Structured};
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
    /// Where the lines of `overlay` stand in a structured text; `None` where the text is
    /// no such text at all.
    places: Option<LinePlaces>,
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
            places: None,
        }
    }

    fn of(path: &Path, input: Input) -> Self {
        let Input { name, bytes } = input;
        let format = format_of(path, &bytes);
        let path = path.to_path_buf();
        // Size and encoding are limited alike for every format.
        let (overlay, syntax) = Overlay::read(&bytes);
        let text = overlay.source().to_owned();
        let is_unread = text.is_empty() && !bytes.is_empty();
        let lines =
            Self { path, name, format, text, overlay, syntax, types: Vec::new(), places: None };
        if format == TextFormat::Overlay || is_unread {
            return lines;
        }
        match structured::read(format, &lines.text) {
            Ok(Structured { overlay, syntax, types, places }) => {
                Self { overlay, syntax, types, places: Some(places), ..lines }
            }
            Err(finding) => Self { overlay: Overlay::default(), syntax: vec![*finding], ..lines },
        }
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

    /// Whether the text is one of its format, whatever it says.
    pub(crate) fn is_read(&self) -> bool {
        !self.text.is_empty() && (self.format == TextFormat::Overlay || self.places.is_some())
    }

    /// Every finding of every phase, in the order of the text; of very many the first ones.
    pub(crate) fn check(&self, profile: Profile, references: Option<&References<'_>>) -> Checked {
        let is_lines = self.format == TextFormat::Overlay;
        let file_name = self.path.file_name().and_then(|it| it.to_str());
        let file_name = file_name.filter(|_| is_lines && !input::is_stdin(&self.path));
        let subject = Subject { file_name, references };
        if is_lines {
            let checked = check(&self.overlay, self.syntax.clone(), profile, &subject);
            return Checked { diagnostics: capped(checked.diagnostics), ..checked };
        }
        let Some(places) = &self.places else {
            return Checked::unread(capped(self.syntax.clone()), profile);
        };
        let mut checked = check(&self.overlay, Vec::new(), profile, &subject);
        let moved = std::mem::take(&mut checked.diagnostics);
        let mut checked = checked
            .with(Phase::Syntax, self.syntax.clone())
            .with(Phase::Schema, self.types.clone());
        let start = |it: &Diagnostic| it.at.as_ref().map(|at| at.span.start);
        // What is wrong with a value is often wrong in both forms.
        let known: HashSet<_> = checked.diagnostics.iter().map(|it| (it.code, start(it))).collect();
        let moved = moved.into_iter().map(|it| places.moved(it));
        let new = moved.filter(|it| it.at.is_none() || !known.contains(&(it.code, start(it))));
        checked.diagnostics.extend(new);
        checked.diagnostics.sort_by_key(|it| start(it).unwrap_or(usize::MAX));
        Checked { diagnostics: capped(checked.diagnostics), ..checked }
    }

    /// The entries as a layer, with their places in this text.
    pub(crate) fn layer(&self) -> Layer {
        if self.format == TextFormat::Overlay {
            return self.overlay.layer(&self.name);
        }
        let settings = self.overlay.entries().filter_map(|it| {
            let path = self.name.clone();
            let (line, column) = self.place_of(it.line).unwrap_or((1, 1));
            let origin = Origin::File { path, line, column };
            Some((it.key.parse().ok()?, Setting { value: it.value.to_owned(), origin }))
        });
        settings.collect()
    }

    /// The line on which `key` stands.
    pub(crate) fn line_of(&self, key: &str) -> Option<usize> {
        let line = self.overlay.get(key)?.line;
        match self.format {
            TextFormat::Overlay => Some(line),
            _ => self.place_of(line).map(|(line, _)| line),
        }
    }

    /// Line and column of the value that a line of the overlay of a structured text is about.
    fn place_of(&self, line: usize) -> Option<(usize, usize)> {
        let place = self.places.as_ref()?.of_line(line)?;
        Some((place.value.line, place.value.column))
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
