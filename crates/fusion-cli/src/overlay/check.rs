use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use overlay_loader::Installation;
use overlay_model::{Diagnostic, Digest, Edit, MicroOverlay, Overlay, TextFormat};
use overlay_schema::{Phase, PhaseVerdict, Profile, References};
use serde::Serialize;

use super::document::Document;
use super::prompt::{self, Prompt};
use super::rewrite::{Writing, rewrite};
use super::secret::hidden;
use super::unreadable_installation;
use crate::codes;
use crate::environment::Environment;
use crate::excerpt;
use crate::exit::{Exit, worst};
use crate::findings::{Finding, are_fatal, plural, tally, views};
use crate::input;
use crate::output::{Format, Output, Report, json_text};
use crate::sarif;

/// Check overlays and say everything that is wrong with them
///
/// Five phases, one verdict each: syntax, schema, semantic, reference (only with `--configs` or
/// FUSION_CONFIGS), loadable. Every finding has a stable code (`fusion overlay explain CODE`), a
/// place, and often a change that `--fix` applies. Of a folder, the files
/// `fusion_overlay.*.txt` below it are checked, and the prompts in `micro_overlays` for secrets
/// and personal data.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion overlay check configs/overlays --configs configs
  fusion overlay check configs --configs configs --json
  fusion overlay check configs/overlays/fusion_overlay.baseline.txt --profile seed
  fusion overlay check configs/overlays --fix --dry-run
  fusion overlay check configs/overlays --format sarif > overlays.sarif

Ends with 1 where a file is not valid, with 65 where one cannot be read.")]
pub(crate) struct Check {
    /// Overlays (.txt, .toml, .yaml, .json), prompts (.md) or folders; `-` for standard input
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    /// Whose rules count: `deploy` ours, `seed` the original generator's, `origin` the original
    /// loader's
    #[arg(long, default_value_t, value_name = "PROFILE", value_parser = profiles())]
    profile: Profile,
    /// The installation whose models, scenarios and micro overlays may be named
    #[arg(long, value_name = "DIR")]
    configs: Option<PathBuf>,
    /// Apply the changes that findings propose, until nothing changes any more
    #[arg(long)]
    fix: bool,
    /// With `--fix`: show the changes and write nothing; ends with 2 where there are some
    #[arg(long, requires = "fix")]
    dry_run: bool,
}

#[derive(Serialize)]
struct CheckReport {
    files: Vec<CheckedFile>,
}

#[derive(Serialize)]
struct CheckedFile {
    path: String,
    valid: bool,
    profile: Profile,
    digest: Option<Digest>,
    phases: Vec<PhaseResult>,
    /// How many changes `--fix` applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    fixed: Option<usize>,
    diagnostics: Vec<Finding>,
    #[serde(skip)]
    findings: Vec<Diagnostic>,
    #[serde(skip)]
    text: String,
}

#[derive(Serialize)]
struct PhaseResult {
    phase: Phase,
    verdict: PhaseVerdict,
}

impl Report for CheckReport {
    const SCHEMA: &'static str = "fusion/overlay-check/1";

    fn text(&self, width: usize) -> String {
        let mut res = String::new();
        for CheckedFile { path, findings, text, .. } in &self.files {
            res.push_str(&excerpt::render(path, text, findings, width));
        }
        for file in &self.files {
            // Writing to a string cannot fail.
            let _ = writeln!(res, "{}", file.line());
        }
        let valid = self.files.iter().filter(|it| it.valid).count();
        if self.files.len() > 1 {
            let _ = writeln!(res, "{} checked, {valid} valid", plural(self.files.len(), "file"));
        }
        res
    }
}

impl CheckedFile {
    /// `refund.txt: valid, sha256:0123456789ab (1 note)`.
    fn line(&self) -> String {
        let mut res = format!("{}: {}", self.path, if self.valid { "valid" } else { "not valid" });
        // Writing to a string cannot fail.
        if let Some(digest) = &self.digest {
            let _ = write!(res, ", {}", digest.short());
        }
        if let Some(fixed) = self.fixed.filter(|it| *it > 0) {
            let _ = write!(res, ", {} applied", plural(fixed, "change"));
        }
        let tally = tally(&self.findings);
        if !tally.is_empty() {
            let _ = write!(res, " ({tally})");
        }
        res
    }

    fn unreadable(path: &Path, profile: Profile, why: &str) -> Self {
        let finding = Diagnostic::error(codes::UNREADABLE, format!("cannot be read: {why}"));
        Self {
            path: input::name_of(path),
            valid: false,
            profile,
            digest: None,
            phases: Vec::new(),
            fixed: None,
            diagnostics: views(std::slice::from_ref(&finding)),
            findings: vec![finding],
            text: String::new(),
        }
    }
}

impl Check {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let configs = environment.configs(self.configs.as_deref());
        let installation = configs.map(|dir| Installation::read(&dir)).transpose();
        let installation = installation.map_err(|err| unreadable_installation(&err))?;
        let references = installation.as_ref().map(references);
        let wanted = |path: &Path| is_overlay(path) || prompt::is_of_installation(path);
        let files = input::expand(&self.files, &wanted)?;
        if files.is_empty() {
            output.remark("no overlay files there: they are named fusion_overlay.<name>.txt\n")?;
        }
        let mut exit = if files.is_empty() { Exit::NOTHING } else { Exit::DONE };
        let mut report = CheckReport { files: Vec::with_capacity(files.len()) };
        for path in &files {
            let (file, ended) = if prompt::is_prompt(path) {
                self.prompt(path, installation.as_ref(), output)
            } else {
                self.file(path, references.as_ref(), output)?
            };
            exit = worst(exit, ended);
            report.files.push(file);
        }
        if output.format == Format::Sarif {
            output.json(&json_text(&log(&report))?)?;
        } else {
            output.show(&report)?;
        }
        Ok(exit)
    }

    fn file(
        &self,
        path: &Path,
        references: Option<&References<'_>>,
        output: &mut Output,
    ) -> anyhow::Result<(CheckedFile, Exit)> {
        let mut document = match Document::load(path) {
            Ok(document) => document,
            Err(why) => {
                let file = CheckedFile::unreadable(path, self.profile, &why);
                return Ok((file, Exit::UNREADABLE));
            }
        };
        let mut exit = Exit::DONE;
        let mut fixed = None;
        let is_mendable = document.format == TextFormat::Overlay && !input::is_stdin(path);
        if self.fix && !is_mendable {
            output.remark(&format!("{}: only overlay files are mended\n", document.name))?;
        } else if self.fix {
            let before = document.text.clone();
            fixed = Some(mend(&mut document, self.profile, references));
            let writing = Writing::of(self.dry_run);
            exit = rewrite(path, &before, &document.text, writing, output)
                .with_context(|| format!("mending {}", document.name))?;
        }
        let checked = document.check(self.profile, references);
        let valid = !are_fatal(&checked.diagnostics, output.strict);
        let findings = hidden(&document.text, &checked.diagnostics);
        let digest = document.is_read().then(|| overlay_schema::digest(&document.overlay));
        let phases = checked.phases.into_iter();
        let file = CheckedFile {
            path: document.name,
            valid,
            profile: self.profile,
            digest,
            phases: phases.map(|(phase, verdict)| PhaseResult { phase, verdict }).collect(),
            fixed,
            diagnostics: views(&findings),
            findings,
            text: document.text,
        };
        Ok((file, if valid { exit } else { worst(exit, Exit::FINDINGS) }))
    }

    /// The prompt text of a micro overlay.
    fn prompt(
        &self,
        path: &Path,
        installation: Option<&Installation>,
        output: &Output,
    ) -> (CheckedFile, Exit) {
        let Prompt { name, text, findings } = match Prompt::load(path, installation) {
            Ok(prompt) => prompt,
            Err(why) => {
                return (CheckedFile::unreadable(path, self.profile, &why), Exit::UNREADABLE);
            }
        };
        let valid = !are_fatal(&findings, output.strict);
        let findings = hidden(&text, &findings);
        let file = CheckedFile {
            path: name,
            valid,
            profile: self.profile,
            digest: Some(Digest::of(MicroOverlay::parse(&text).text().as_bytes())),
            phases: Vec::new(),
            fixed: None,
            diagnostics: views(&findings),
            findings,
            text,
        };
        (file, if valid { Exit::DONE } else { Exit::FINDINGS })
    }
}

/// One change may bring another finding to light, or undo what another one proposed.
const MAX_ROUNDS: usize = 16;

/// Applies the changes that findings propose until nothing changes any more, and says
/// how many were applied.
fn mend(document: &mut Document, profile: Profile, references: Option<&References<'_>>) -> usize {
    let mut applied = 0;
    for _ in 0..MAX_ROUNDS {
        let checked = document.check(profile, references);
        let fixes = checked.diagnostics.into_iter().filter_map(|it| it.fix);
        let edits: Vec<Edit> = fixes.flat_map(|it| it.edits).collect();
        let mut mended = document.overlay.clone();
        let count = mended.apply(&edits);
        if mended.source() == document.text {
            break;
        }
        applied += count;
        let (overlay, syntax) = Overlay::parse(mended.source());
        document.text = overlay.source().to_owned();
        document.overlay = overlay;
        document.syntax = syntax;
    }
    applied
}

fn references(installation: &Installation) -> References<'_> {
    let with_micro = installation.overlays().iter().filter(|(_, it)| it.micro.is_some());
    References {
        providers: installation.providers(),
        scenario_types: installation.catalogue().scenarios.iter().map(|it| it.kind()).collect(),
        micro_overlays: with_micro.map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>(),
    }
}

/// Takes the names of the profiles, and lists them in the help.
fn profiles() -> impl TypedValueParser<Value = Profile> {
    PossibleValuesParser::new(Profile::ALL.map(Profile::as_str)).try_map(|it| it.parse::<Profile>())
}

/// Whether a file of a folder is an overlay, by its name.
fn is_overlay(path: &Path) -> bool {
    let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
    name.starts_with("fusion_overlay.") && name.ends_with(".txt")
}

fn log(report: &CheckReport) -> serde_json::Value {
    let files = report.files.iter();
    let files: Vec<_> =
        files.map(|it| sarif::FileFindings { path: &it.path, findings: &it.findings }).collect();
    sarif::log(&files, &|code| codes::find(code).map(|it| it.title.to_owned()))
}
