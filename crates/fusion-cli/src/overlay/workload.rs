use std::path::Path;

use overlay_model::{Diagnostic, MAX_TEXT_BYTES, TextFormat};
use overlay_optimizer::WorkloadProfile;

use super::document::unreadable;
use crate::input::{Input, Unread, is_stdin, try_read};

/// A workload profile as it was read.
pub(super) struct Workload {
    /// The file, as it was named.
    pub(super) name: String,
    /// What it says; fields with errors have their defaults.
    pub(super) profile: WorkloadProfile,
    /// The text that findings refer to.
    pub(super) text: String,
    /// What is to be said about it.
    pub(super) findings: Vec<Diagnostic>,
}

impl Workload {
    /// Reads a profile in TOML, YAML or JSON.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read at all.
    pub(super) fn load(path: &Path) -> anyhow::Result<Self> {
        let Input { name, bytes } = match try_read(path, MAX_TEXT_BYTES) {
            Ok(input) => input,
            Err(Unread::TooLarge(len)) => {
                let why = format!("{len} bytes are more than the {MAX_TEXT_BYTES} allowed");
                return Err(unreadable(path, &why));
            }
            Err(Unread::Failed(why)) => return Err(unreadable(path, &why)),
        };
        let text = String::from_utf8(bytes).map_err(|err| {
            let at = err.utf8_error().valid_up_to();
            unreadable(path, &format!("invalid UTF-8 at byte {at}"))
        })?;
        let (profile, findings) = WorkloadProfile::read(format_of(path, &text), &text);
        Ok(Self { name, profile, text, findings })
    }
}

/// By the extension; where there is none, by how the first line that says something begins.
fn format_of(path: &Path, text: &str) -> TextFormat {
    let file_name = path.file_name().and_then(|it| it.to_str()).filter(|_| !is_stdin(path));
    match file_name.and_then(TextFormat::of_file_name) {
        Some(format) if format != TextFormat::Overlay => return format,
        _ => (),
    }
    let said = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let first = text.lines().map(str::trim).find(said).unwrap_or_default();
    let key = first.split(['=', ':']).next().unwrap_or_default();
    match first.get(key.len()..) {
        _ if first.starts_with('{') => TextFormat::Json,
        _ if first.starts_with('[') => TextFormat::Toml,
        Some(rest) if rest.starts_with('=') => TextFormat::Toml,
        _ => TextFormat::Yaml,
    }
}
