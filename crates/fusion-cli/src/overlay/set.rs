use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use overlay_model::{Change, Data, Overlay, ParamKey, Shape, Value};
use overlay_schema::{Acts, Profile, param};
use serde::Serialize;

use super::assignment::Assignment;
use super::document::Document;
use super::rewrite::{Writing, rewrite};
use super::secret::hidden;
use crate::excerpt;
use crate::exit::{Exit, refusal};
use crate::findings::{Finding, are_fatal, views};
use crate::output::{Output, Report};

/// The key that says which keys are pinned.
const PINNED: &str = "OVERLAY_PINNED";

/// Set keys of an overlay, and pin them
///
/// Values are checked against the parameter table, and a file that would not pass
/// `overlay check --profile deploy` is refused. What a person sets is pinned: generator,
/// optimizer and tuner leave it alone until `overlay unpin`. Comments and order stay.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion overlay set configs/overlays/fusion_overlay.rollback_first.txt TRUST_FLOOR=0.65
  fusion overlay set configs/overlays/fusion_overlay.rollback_first.txt SAMPLES=3 --dry-run")]
pub(crate) struct Set {
    /// The overlay
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What to set
    #[arg(required = true, value_name = "KEY=VALUE")]
    assignments: Vec<Assignment>,
    /// Show the change and write nothing; ends with 2 where there is one
    #[arg(long)]
    dry_run: bool,
    /// Write even what does not pass
    #[arg(long)]
    force: bool,
}

/// Take the pins off keys of an overlay
///
/// The values stay; generator, optimizer and tuner may change them again.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion overlay unpin configs/examples/fusion_overlay.legal_document_analysis.txt TRUST_FLOOR")]
pub(crate) struct Unpin {
    /// The overlay
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The keys
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<ParamKey>,
    /// Show the change and write nothing; ends with 2 where there is one
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct SetReport {
    path: String,
    written: bool,
    changes: Vec<Change>,
    pinned: Vec<String>,
    digest: overlay_model::Digest,
    diagnostics: Vec<Finding>,
}

impl Report for SetReport {
    const SCHEMA: &'static str = "fusion/overlay-set/1";

    fn text(&self, _width: usize) -> String {
        let text = |it: &Option<String>| it.clone().unwrap_or_else(|| "unset".to_owned());
        let line = |it: &Change| format!("{}: {} → {}\n", it.key, text(&it.from), text(&it.to));
        if self.changes.is_empty() {
            return format!("{}: nothing changes\n", self.path);
        }
        if self.written { self.changes.iter().map(line).collect() } else { String::new() }
    }
}

impl Set {
    pub(crate) fn run(self, output: &mut Output) -> anyhow::Result<Exit> {
        self.refuse_twice()?;
        let document = Document::writable(&self.file, output)?;
        let mut changed = document.overlay.clone();
        let mut pins = pins(&changed);
        for Assignment { key, value } in &self.assignments {
            changed
                .set(key, value)
                .map_err(|err| refusal(Exit::FINDINGS, format!("{key}: {err}")))?;
            let is_setting = param(key.as_str()).is_none_or(|it| it.acts != Acts::Description);
            if is_setting && !pins.iter().any(|it| it == key.as_str()) {
                pins.push(key.to_string());
            }
        }
        write_pins(&mut changed, &pins)?;
        let changed = laid_out_as(&document.overlay, changed);
        let writing = Writing::of(self.dry_run);
        finish(&self.file, &document, &changed, writing, self.force, output)
    }
}

impl Set {
    /// Of two values for one key nobody knows which was meant.
    fn refuse_twice(&self) -> anyhow::Result<()> {
        let mut seen = BTreeSet::new();
        match self.assignments.iter().find(|it| !seen.insert(it.key.as_str())) {
            Some(Assignment { key, .. }) => {
                Err(refusal(Exit::USAGE, format!("{key} is given twice: set it once")))
            }
            None => Ok(()),
        }
    }
}

impl Unpin {
    pub(crate) fn run(self, output: &mut Output) -> anyhow::Result<Exit> {
        let document = Document::writable(&self.file, output)?;
        let mut changed = document.overlay.clone();
        let mut pins = pins(&changed);
        for key in &self.keys {
            if !pins.iter().any(|it| it == key.as_str()) {
                let message = format!("{key} is not pinned in {}", document.name);
                return Err(refusal(Exit::FINDINGS, message));
            }
        }
        pins.retain(|it| !self.keys.iter().any(|key| key.as_str() == it));
        write_pins(&mut changed, &pins)?;
        let changed = laid_out_as(&document.overlay, changed);
        let writing = Writing::of(self.dry_run);
        finish(&self.file, &document, &changed, writing, true, output)
    }
}

/// The pinned keys, in their order.
fn pins(overlay: &Overlay) -> Vec<String> {
    let value = overlay.value(PINNED).and_then(|it| Value::parse(Shape::List, it).ok());
    match value.as_ref().map(Value::data) {
        Some(Data::List(keys)) => keys.clone(),
        _ => Vec::new(),
    }
}

fn write_pins(overlay: &mut Overlay, pins: &[String]) -> anyhow::Result<()> {
    if pins.is_empty() {
        overlay.remove(PINNED);
    } else {
        overlay.set(&PINNED.parse()?, &pins.join(","))?;
    }
    Ok(())
}

/// `changed` with its new keys where `overlay fmt` has them, if it has nothing to do in
/// `before`; else they stay behind the others, as the file has an order of its own.
fn laid_out_as(before: &Overlay, changed: Overlay) -> Overlay {
    let laid_out = |it: &Overlay| overlay_model::format(it, &overlay_schema::place);
    if laid_out(before) == before.source() {
        Overlay::parse(&laid_out(&changed)).0
    } else {
        changed
    }
}

/// Checks, writes and reports the change of `document` to `changed`.
fn finish(
    path: &Path,
    document: &Document,
    changed: &Overlay,
    writing: Writing,
    force: bool,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let after = Document::of_text(path, changed.source());
    let findings = after.check(Profile::Deploy, None).diagnostics;
    let refused = are_fatal(&findings, output.strict) && !force;
    if !output.is_json() {
        output.remark(&excerpt::render(&after.name, &after.text, &findings, output.width))?;
    }
    let exit = if refused {
        Exit::FINDINGS
    } else {
        rewrite(path, &document.text, &after.text, writing, output)?
    };
    let (a, b) = (overlay_schema::typed(&document.overlay), overlay_schema::typed(&after.overlay));
    let report = SetReport {
        path: document.name.clone(),
        written: !refused && writing == Writing::Replace && document.text != after.text,
        changes: overlay_model::diff(&a, &b),
        pinned: pins(changed),
        digest: overlay_schema::digest(changed),
        diagnostics: views(&hidden(&after.text, &findings)),
    };
    if refused && !output.is_json() {
        let message = format!("{} stays as it is: give --force to write it", report.path);
        return Err(refusal(exit, message));
    }
    output.show(&report)?;
    Ok(exit)
}
