//! Prompt texts of micro overlays, looked through for what must not be sent.

use std::path::Path;

use overlay_loader::Installation;
use overlay_model::{Diagnostic, MAX_BYTES, MicroOverlay};
use overlay_schema::{PiiDetection, capped, scan_prompt};

use super::document::Document;
use crate::input::{self, Input, Unread, name_of};

/// The folder of an installation that holds them.
const FOLDER: &str = "micro_overlays";
/// The overlay below all others.
const BASE: &str = "baseline";

/// A prompt as it was read.
pub(super) struct Prompt {
    /// The path as it was named.
    pub(super) name: String,
    /// Its text, which findings refer to; empty where it is none.
    pub(super) text: String,
    /// What must not stand in it.
    pub(super) findings: Vec<Diagnostic>,
}

impl Prompt {
    /// Reads a prompt and looks it through; personal data are errors where its overlay says so.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, with the reason.
    pub(super) fn load(path: &Path, installation: Option<&Installation>) -> Result<Self, String> {
        let Input { name, bytes } = match input::try_read(path, MAX_BYTES) {
            Ok(input) => input,
            Err(Unread::Failed(why)) => return Err(why),
            Err(Unread::TooLarge(len)) => {
                let message = format!("{len} bytes are more than the {MAX_BYTES} a file may have");
                let findings = vec![Diagnostic::error("OVL1006", message)];
                return Ok(Self { name: name_of(path), text: String::new(), findings });
            }
        };
        let (_, mut findings) = MicroOverlay::read(&bytes);
        let text = String::from_utf8(bytes).unwrap_or_default();
        findings.extend(scan_prompt(&text, strictness(path, installation)));
        Ok(Self { name, text, findings: capped(findings) })
    }
}

/// Whether a file is a prompt, by its name.
pub(super) fn is_prompt(path: &Path) -> bool {
    is_of_installation(path) || path.extension().is_some_and(|it| it == "md")
}

/// Whether a file stands where the prompts of an installation do.
pub(super) fn is_of_installation(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name);
    folder.is_some_and(|it| it == FOLDER)
        && path.extension().is_some_and(|it| it == "md" || it == "txt")
}

/// What the overlay of the prompt says of personal data, or the one below all others.
fn strictness(path: &Path, installation: Option<&Installation>) -> PiiDetection {
    let name = path.file_stem().and_then(|it| it.to_str()).unwrap_or_default();
    let word = [name, BASE].into_iter().find_map(|name| match installation {
        Some(installation) => {
            let overlay = installation.overlays().get(name)?;
            overlay.overlay.value("PII_DETECTION").map(str::to_owned)
        }
        None => beside(path, name),
    });
    word.as_deref().and_then(PiiDetection::from_word).unwrap_or(PiiDetection::Off)
}

/// What the overlay `name` in the folder beside that of the prompt says.
fn beside(path: &Path, name: &str) -> Option<String> {
    let folder = path.parent()?.parent()?.join("overlays");
    let overlay = Document::load(&folder.join(format!("fusion_overlay.{name}.txt"))).ok()?;
    overlay.overlay.value("PII_DETECTION").map(str::to_owned)
}
