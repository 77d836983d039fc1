use std::path::{Path, PathBuf};

use clap::Args;
use fusion_flags::{FlagFile, FlagReferences, MAX_FLAG_BYTES};
use overlay_model::Diagnostic;

use crate::environment::Environment;
use crate::excerpt;
use crate::exit::{Exit, refusal};
use crate::input::{self, Unread, name_of};
use crate::output::Output;

/// The name of the flag file in an installation.
pub(super) const FILE_NAME: &str = "overlay_feature_flags.yaml";

/// Where the flag file is.
#[derive(Args, Clone, Debug)]
pub(crate) struct FlagSource {
    /// The flag file, `-` for standard input; else overlay_feature_flags.yaml of the installation
    /// (FUSION_CONFIGS, else `configs`)
    #[arg(long, value_name = "FILE")]
    flags: Option<PathBuf>,
}

impl FlagSource {
    /// The file that was named, or that of the installation.
    pub(crate) fn path(&self, environment: &Environment) -> PathBuf {
        self.flags.clone().unwrap_or_else(|| of_installation(environment.configs(None)))
    }

    /// That the deployment root of the environment is not looked at, where no file was named.
    pub(crate) fn unread_root(&self, environment: &Environment) -> Option<String> {
        let root = environment.path("FUSION_ROOT").filter(|_| self.flags.is_none())?;
        Some(format!(
            "FUSION_ROOT is not looked at: a service that follows {} reads the flag file of its \
             generation, not {}, and obeys its KILL; name a file with --flags, or ask `fusion \
             overlay status`",
            name_of(&root),
            name_of(&self.path(environment))
        ))
    }
}

/// The flag file of the installation in `configs`, or in the folder of that name.
pub(crate) fn of_installation(configs: Option<PathBuf>) -> PathBuf {
    configs.unwrap_or_else(|| PathBuf::from("configs")).join(FILE_NAME)
}

/// A flag file as it was read, with what is wrong with it.
pub(crate) struct FlagDocument {
    /// The path as it was named.
    pub(crate) name: String,
    /// The text that findings refer to; empty where there is none.
    pub(crate) text: String,
    /// What it says, where it has the form of a flag file.
    pub(crate) file: Option<FlagFile>,
    /// Everything that was found, in the order of the text.
    pub(crate) findings: Vec<Diagnostic>,
    /// Whether `text` is the file, byte by byte.
    pub(crate) is_whole: bool,
}

impl FlagDocument {
    /// Reads and checks a flag file; one that is too large or no text comes back empty, with
    /// the reason among its findings.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, with the reason.
    pub(crate) fn load(path: &Path, references: Option<&FlagReferences>) -> Result<Self, String> {
        let bytes = match input::try_read(path, MAX_FLAG_BYTES) {
            Ok(input) => input.bytes,
            Err(Unread::TooLarge(len)) => {
                let said =
                    format!("{len} bytes are more than the {MAX_FLAG_BYTES} a flag file may have");
                return Ok(Self::refused(path, "", Diagnostic::error("FLG1002", said)));
            }
            Err(Unread::Failed(why)) => return Err(why),
        };
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::of_text(path, text, references)),
            Err(err) => {
                let end = err.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(err.as_bytes());
                let finding = Diagnostic::error("FLG1001", "the text is no UTF-8 from here on");
                let finding = finding.at(&text, end..end);
                Ok(Self::refused(path, &text, finding))
            }
        }
    }

    fn of_text(path: &Path, text: String, references: Option<&FlagReferences>) -> Self {
        let (file, findings) = fusion_flags::check(&text, references);
        Self { name: name_of(path), text, file, findings, is_whole: true }
    }

    fn refused(path: &Path, text: &str, finding: Diagnostic) -> Self {
        let text = text.to_owned();
        Self { name: name_of(path), text, file: None, findings: vec![finding], is_whole: false }
    }

    /// Reads a flag file that must have no error; what is wrong goes to standard error.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, or must not be used.
    pub(crate) fn sound(path: &Path, output: &mut Output) -> anyhow::Result<(Self, FlagFile)> {
        let mut document = Self::with_errors(path, output)?;
        match document.file.take() {
            Some(file) if document.findings.is_empty() => Ok((document, file)),
            _ => Err(document.refusal()),
        }
    }

    /// Reads a flag file that may have errors, and no other findings; they go to standard
    /// error.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read.
    pub(crate) fn with_errors(path: &Path, output: &mut Output) -> anyhow::Result<Self> {
        let mut document = Self::load(path, None)
            .map_err(|why| refusal(Exit::UNREADABLE, format!("{}: {why}", name_of(path))))?;
        document.findings.retain(Diagnostic::is_error);
        let Self { name, text, findings, .. } = &document;
        if !findings.is_empty() {
            output.remark(&excerpt::render(name, text, findings, output.width))?;
        }
        Ok(document)
    }

    /// That the file must not be used, and why.
    pub(crate) fn refusal(&self) -> anyhow::Error {
        let first = self.findings.first().map(|it| format!(": {it}")).unwrap_or_default();
        refusal(Exit::FINDINGS, format!("{} must not be used{first}", self.name))
    }
}
