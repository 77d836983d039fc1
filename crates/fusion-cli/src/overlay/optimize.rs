use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use overlay_model::{Diagnostic, Digest};
use overlay_optimizer::{
    ActiveHours, Analysis, Conflict, KeyChange, OptimizeError, OptimizeOptions, Optimized, Pins,
    Strategy, optimize,
};
use overlay_schema::param;
use serde::Serialize;

use super::document::Document;
use super::rewrite::unified;
use super::tune::places::may_hold;
use super::workload::Workload;
use crate::answer_error;
use crate::environment::{Environment, rfc3339};
use crate::excerpt;
use crate::exit::{Exit, refusal};
use crate::findings::{Finding, are_fatal, views};
use crate::output::{Output, Report};
use crate::replace::create;

/// Change an overlay to what its workload asks for, with the reason of each change
///
/// The profile says how many requests come, how fast and how good answers must be and how much
/// memory there is; by that one of four fixed strategies is taken. Keys that the overlay pins
/// keep their values and are named as conflicts. The file itself stays as it is: the result goes
/// to `--output`. These are fixed rules and no measurement; `fusion overlay tune` measures.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion overlay optimize configs/overlays/fusion_overlay.rollback_first.txt \\
    --workload schemas/samples/valid/workload-profile/only_quality.yaml
  fusion overlay optimize configs/overlays/fusion_overlay.rollback_first.txt \\
    --workload schemas/samples/valid/workload-profile/everything.toml --dry-run --explain
  echo 'requests_per_minute = 150' > refund.toml
  echo 'average_latency_ms = 200' >> refund.toml
  fusion overlay optimize configs/overlays/fusion_overlay.rollback_first.txt \\
    --workload refund.toml -o optimized.txt
  echo 'quality_score_minimum: 0.95' | fusion overlay optimize \\
    configs/overlays/fusion_overlay.rollback_first.txt --workload - --json

They can be typed in a clone of the repository. `fusion overlay profile` makes a profile of what was
measured.")]
pub(crate) struct Optimize {
    /// The overlay
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The workload profile (TOML, YAML or JSON), `-` for standard input
    #[arg(long, value_name = "PROFILE")]
    workload: PathBuf,
    /// Apply this strategy instead of the one the profile asks for: latency_optimization,
    /// quality_optimization, resource_optimization or balanced_optimization
    #[arg(long, value_name = "NAME")]
    strategy: Option<Strategy>,
    /// Overwrite pinned keys too, and check nothing, as the original did
    #[arg(long)]
    seed_exact: bool,
    /// Say of each changed key what it is and what it changes
    #[arg(long)]
    explain: bool,
    /// Where the result goes; FILE itself may be named
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file of `--output` where there is one
    #[arg(long, requires = "output")]
    force: bool,
    /// Show the change as a diff and write nothing; ends with 2 where there is one
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct OptimizeReport {
    path: String,
    analysis: Analysis,
    strategy: Strategy,
    changes: Vec<KeyChange>,
    conflicts: Vec<Conflict>,
    active: Option<ActiveHours>,
    /// The overlay after the changes.
    overlay: String,
    digest: Digest,
    /// Where it was written.
    written: Option<String>,
    diagnostics: Vec<Finding>,
    #[serde(skip)]
    explain: bool,
    #[serde(skip)]
    diff: String,
}

impl Report for OptimizeReport {
    const SCHEMA: &'static str = "fusion/overlay-optimize/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut res);
        res
    }
}

impl OptimizeReport {
    fn write(&self, to: &mut String) -> std::fmt::Result {
        self.write_classes(to)?;
        self.write_changes(to)?;
        for Conflict { key, kept, wanted, rule } in &self.conflicts {
            let kept = kept.as_deref().unwrap_or("unset");
            writeln!(to, "\npinned: {key} keeps {kept}, {rule} wants {wanted}")?;
            writeln!(to, "  `fusion overlay unpin {} {key}` lets it go", self.path)?;
        }
        if let Some(ActiveHours { hours, tz }) = &self.active {
            let hours: Vec<_> = hours.iter().map(|it| format!("\"{it}\"")).collect();
            writeln!(to, "\nfor the flag of this work, active in its peak hours only:")?;
            writeln!(to, "  active: {{hours: [{}], tz: {tz}}}", hours.join(", "))?;
        }
        if !self.diff.is_empty() {
            write!(to, "\n{}", self.diff)?;
        }
        match &self.written {
            Some(path) => writeln!(to, "\nwrote {path}"),
            None => writeln!(to, "\nnothing was written"),
        }
    }

    fn write_classes(&self, to: &mut String) -> std::fmt::Result {
        let Analysis { workload_type, primary_constraint, matches, .. } = &self.analysis;
        writeln!(to, "{}: {}", self.path, self.strategy)?;
        writeln!(to, "workload {workload_type}, short of {primary_constraint}")?;
        if matches.is_empty() {
            writeln!(to, "  no class matches")?;
        }
        for (number, class) in (1..).zip(matches) {
            let decides = if number == 1 { "decides" } else { "matches too" };
            let (rule, strategy) = (class.rule, class.strategy);
            writeln!(to, "  {rule} → {strategy} ({decides}): {}", class.because)?;
        }
        if self.strategy != self.analysis.recommended_strategy {
            writeln!(to, "  {} was chosen by hand", self.strategy)?;
        }
        Ok(())
    }

    fn write_changes(&self, to: &mut String) -> std::fmt::Result {
        if self.changes.is_empty() {
            return writeln!(to, "\nnothing changes");
        }
        let from = |it: &KeyChange| it.from.clone().unwrap_or_else(|| "unset".to_owned());
        let width = |text: &dyn Fn(&KeyChange) -> usize| self.changes.iter().map(text).max();
        let key_width = width(&|it| it.key.len()).unwrap_or_default();
        let from_width = width(&|it| from(it).chars().count()).unwrap_or_default();
        let to_width = width(&|it| it.to.chars().count()).unwrap_or_default().min(24);
        writeln!(to)?;
        for it in &self.changes {
            let (key, value, from) = (&it.key, &it.to, from(it));
            let why = self.why(it);
            writeln!(to, "{key:key_width$}  {from:>from_width$} → {value:to_width$}  {why}")?;
            if let Some(param) = param(key).filter(|_| self.explain) {
                writeln!(to, "  {}: {}", it.rule, param.doc)?;
                writeln!(to, "  changes {}", param.lowers_to)?;
            }
        }
        Ok(())
    }
}

impl OptimizeReport {
    /// What a value is good for; which numbers of the profile ask for it stands above.
    fn why<'a>(&self, it: &'a KeyChange) -> &'a str {
        let mut classes = self.analysis.matches.iter();
        let said = classes
            .find_map(|class| it.because.strip_prefix(class.because.as_str())?.strip_prefix(": "));
        said.unwrap_or(&it.because)
    }
}

impl Optimize {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let document = Document::writable(&self.file, output)?;
        if let Some(path) = self.output.as_deref().filter(|_| !self.dry_run) {
            may_hold("--output", path)?;
        }
        let workload = Workload::load(&self.workload)?;
        let Workload { name, profile, text, findings } = &workload;
        if !output.is_json() {
            output.remark(&excerpt::render(name, text, findings, output.width))?;
        }
        if are_fatal(findings, output.strict) {
            let message = format!("{name} is no workload profile");
            return Err(because(message, findings, output)?);
        }
        let applied = environment.get("SOURCE_DATE_EPOCH").map(|_| rfc3339(environment.now()));
        let options = OptimizeOptions {
            strategy: self.strategy,
            pins: if self.seed_exact { Pins::SeedExact } else { Pins::Keep },
            applied: applied.as_deref(),
        };
        let made = match optimize(&document.overlay, profile, options) {
            Ok(made) => made,
            Err(err) => return Err(refused(err, &document, output)?),
        };
        let exit = self.write(&document, &made)?;
        let report = self.report(&document, made, &workload, exit);
        output.show(&report)?;
        Ok(exit)
    }

    /// Writes the result where it is to go; the input only where it is named.
    fn write(&self, document: &Document, made: &Optimized) -> anyhow::Result<Exit> {
        let after = made.overlay.source();
        if self.dry_run {
            return Ok(if after == document.text { Exit::DONE } else { Exit::PENDING });
        }
        if let Some(path) = &self.output {
            create(path, after.as_bytes(), self.force || is_same(path, &self.file))?;
        }
        Ok(Exit::DONE)
    }

    fn report(
        &self,
        document: &Document,
        made: Optimized,
        workload: &Workload,
        exit: Exit,
    ) -> OptimizeReport {
        let Optimized { analysis, strategy, changes, conflicts, active, overlay, .. } = made;
        let diff = match exit == Exit::PENDING {
            true => unified(&document.name, &document.text, overlay.source()),
            false => String::new(),
        };
        let written = self.output.as_ref().filter(|_| !self.dry_run);
        OptimizeReport {
            path: document.name.clone(),
            analysis,
            strategy,
            changes,
            conflicts,
            active,
            digest: overlay_schema::digest(&overlay),
            overlay: overlay.source().to_owned(),
            written: written.map(|it| it.display().to_string()),
            diagnostics: views(&workload.findings),
            explain: self.explain,
            diff,
        }
    }
}

/// Whether both name one file that is there.
pub(super) fn is_same(a: &Path, b: &Path) -> bool {
    match (fs::canonicalize(a), fs::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// The error for an overlay that is not optimized, its findings shown.
fn refused(
    err: OptimizeError,
    document: &Document,
    output: &mut Output,
) -> anyhow::Result<anyhow::Error> {
    let Document { name, text, .. } = document;
    let findings = match &err {
        OptimizeError::Invalid(findings) => findings.clone(),
        _ => Vec::new(),
    };
    if !output.is_json() {
        output.remark(&excerpt::render(name, text, &findings, output.width))?;
    }
    let message = format!("{name}: {:#}", anyhow::Error::new(err));
    because(message, &findings, output)
}

/// The error for what `findings` are about; a machine gets them with it.
fn because(
    message: String,
    findings: &[Diagnostic],
    output: &mut Output,
) -> anyhow::Result<anyhow::Error> {
    if output.is_json() {
        answer_error(&message, Exit::FINDINGS, findings, output)?;
    }
    Ok(refusal(Exit::FINDINGS, message))
}
