use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use fusion_flags::FlagReferences;
use overlay_loader::Installation;
use overlay_model::Diagnostic;
use serde::Serialize;

use super::document::{FlagDocument, of_installation};
use crate::codes;
use crate::environment::Environment;
use crate::excerpt;
use crate::exit::{Exit, worst};
use crate::findings::{Finding, are_fatal, plural, tally, views};
use crate::input::name_of;
use crate::output::{Output, Report};
use crate::overlay::unreadable_installation;

/// Check flag files and say everything that is wrong with them
///
/// Wrong types, ranges, names twice, cycles, ramps that fall, flags that can never be on or
/// that others shadow, flags past their day. With an installation (`--configs` or
/// FUSION_CONFIGS), overlays and scenario types must be there too. A value of another type, or a
/// field that there is not, is said alone: the rest is checked once it is mended. `fusion overlay explain
/// FLG3011` says what a code means.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion flags check configs/overlay_feature_flags.yaml --configs configs
  fusion flags check - --strict --json < flags.yaml

Ends with 1 where a file is not valid, with 65 where one cannot be read.")]
pub(crate) struct Check {
    /// Flag files, `-` for standard input; else that of the installation
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The installation whose overlays and scenario types may be named
    #[arg(long, value_name = "DIR")]
    configs: Option<PathBuf>,
}

#[derive(Serialize)]
struct CheckReport {
    files: Vec<CheckedFile>,
}

#[derive(Serialize)]
struct CheckedFile {
    path: String,
    valid: bool,
    /// How many flags there are.
    features: usize,
    diagnostics: Vec<Finding>,
    #[serde(skip)]
    document: FlagDocument,
}

impl Report for CheckReport {
    const SCHEMA: &'static str = "fusion/flags-check/1";

    fn text(&self, width: usize) -> String {
        let mut res = String::new();
        for CheckedFile { document: FlagDocument { name, text, findings, .. }, .. } in &self.files {
            res.push_str(&excerpt::render(name, text, findings, width));
        }
        for CheckedFile { path, valid, features, document, .. } in &self.files {
            let verdict = if *valid { "valid" } else { "not valid" };
            let tally = tally(&document.findings);
            // Writing to a string cannot fail.
            if document.is_whole && document.file.is_none() {
                let rest = "the rest is checked once this is mended";
                let _ = writeln!(res, "{path}: {verdict} ({tally}); {rest}");
                continue;
            }
            let _ = write!(res, "{path}: {verdict}, {}", plural(*features, "flag"));
            let _ = if tally.is_empty() { writeln!(res) } else { writeln!(res, " ({tally})") };
        }
        res
    }
}

impl Check {
    pub(crate) fn run(
        mut self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let mut configs = environment.configs(self.configs.as_deref());
        if self.files.is_empty() {
            self.files.push(of_installation(configs.clone()));
            configs.get_or_insert_with(|| PathBuf::from("configs"));
        }
        let now_ms = i64::try_from(environment.now()).ok().and_then(|it| it.checked_mul(1000));
        let mut references = FlagReferences { now_ms, ..FlagReferences::default() };
        if let Some(dir) = configs {
            refer_to(&mut references, &dir)?;
        }
        let mut exit = Exit::DONE;
        let mut report = CheckReport { files: Vec::with_capacity(self.files.len()) };
        for path in &self.files {
            let (file, ended) = checked(path, &references, output.strict);
            exit = worst(exit, ended);
            report.files.push(file);
        }
        output.show(&report)?;
        Ok(exit)
    }
}

/// Fills in what the installation in `dir` has.
fn refer_to(references: &mut FlagReferences, dir: &Path) -> anyhow::Result<()> {
    let installation = Installation::read(dir).map_err(|err| unreadable_installation(&err))?;
    let scenarios = &installation.catalogue().scenarios;
    references.overlays = Some(installation.overlays().keys().map(ToString::to_string).collect());
    references.scenario_types = Some(scenarios.iter().map(|it| it.kind().to_owned()).collect());
    Ok(())
}

fn checked(path: &Path, references: &FlagReferences, strict: bool) -> (CheckedFile, Exit) {
    let (document, failed) = match FlagDocument::load(path, Some(references)) {
        Ok(document) => (document, Exit::FINDINGS),
        Err(why) => {
            let finding = Diagnostic::error(codes::UNREADABLE, format!("cannot be read: {why}"));
            let (name, text) = (name_of(path), String::new());
            let findings = vec![finding];
            let document = FlagDocument { name, text, file: None, findings, is_whole: false };
            (document, Exit::UNREADABLE)
        }
    };
    let valid = !are_fatal(&document.findings, strict);
    let file = CheckedFile {
        path: document.name.clone(),
        valid,
        features: document.file.as_ref().map_or(0, |it| it.features.0.len()),
        diagnostics: views(&document.findings),
        document,
    };
    (file, if valid { Exit::DONE } else { failed })
}
