use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use fusion_flags::Switches;
use overlay_loader::{Generation, Installation, Source};
use serde::Serialize;

use super::document::{FILE_NAME, FlagDocument, FlagSource};
use super::edit::with_kill_switch;
use super::question::switch_file;
use crate::environment::{Environment, rfc3339};
use crate::exit::{Exit, refusal, worst};
use crate::input::{is_stdin, name_of};
use crate::output::{Output, Report};
use crate::overlay::{Writing, rewrite};
use crate::replace::replace;

/// Switch every overlay off, or on again
///
/// Sets `global.kill_switch` in the flag file, and leaves everything else in it as it is; or,
/// with `--file`, empties the switch file that RESON_FEATURES_FILE names. A service that
/// watches either one answers with the baseline within a second. Says where else the switch
/// is thrown.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion flags kill --reason 'refunds answer wrongly'
  fusion flags kill --reason 'fixed by 2.1.1' --undo
  fusion flags kill --reason drill --file /run/fusion/features --dry-run

Ends with 1 where a service would refuse the flag file or the installation around it, so that
the switch does not hold; with 2 under --dry-run where there is a change.")]
pub(crate) struct Kill {
    /// Why, for those who come after you; YAML files keep it as a comment
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    #[command(flatten)]
    source: FlagSource,
    /// Empty this switch file instead; under `--undo`, remove it
    #[arg(long, value_name = "SWITCH_FILE", conflicts_with = "flags")]
    file: Option<PathBuf>,
    /// Switch on again
    #[arg(long)]
    undo: bool,
    /// Show the change and write nothing; ends with 2 where there is one
    #[arg(long)]
    dry_run: bool,
}

/// One line that a comment can hold.
fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_odd = |it: char| it.is_control() || matches!(it, '\u{2028}' | '\u{2029}' | '\u{feff}');
    match text.chars().find(|it| is_odd(*it)) {
        Some(odd) => Err(format!("a reason is one line; {odd:?} is none of it")),
        None if text.is_empty() => Err("say why".to_owned()),
        None if text.len() > 500 => Err("a reason has at most 500 bytes".to_owned()),
        None => Ok(text.to_owned()),
    }
}

#[derive(Serialize)]
struct KillReport {
    /// The file that was changed.
    path: String,
    reason: String,
    /// Who, as far as the environment says.
    by: Option<String>,
    /// When, as RFC 3339 has it.
    at: String,
    /// Whether the file said otherwise.
    changed: bool,
    /// Whether it was written.
    written: bool,
    /// What a switch file said that had more than nothing in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<String>,
    /// Whether every overlay is off for a service with this environment.
    emergency: bool,
    /// Where the switch is thrown.
    held_by: Vec<String>,
    /// Why a service that watches the installation takes no change of it over; a switch
    /// that is thrown in a refused tree holds, one that is taken back there does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

impl Report for KillReport {
    const SCHEMA: &'static str = "fusion/flags-kill/1";

    fn text(&self, _width: usize) -> String {
        let did = match (self.changed, self.written) {
            (false, _) => "nothing changes",
            (true, true) => "written",
            (true, false) => "would be written",
        };
        let mut res = format!("{}: {did}\n", self.path);
        if let Some(replaced) = &self.replaced {
            // Writing to a string cannot fail.
            let _ = writeln!(res, "it said: {}", replaced.trim());
        }
        if let Some(refused) = &self.refused {
            let how = if self.emergency { "holds all the same" } else { "without effect" };
            let _ = writeln!(res, "{how}: {refused}");
        }
        if self.held_by.is_empty() {
            res.push_str("the flags decide\n");
        } else {
            let is = if self.changed && !self.written { "would be" } else { "is" };
            let _ = writeln!(res, "every overlay {is} off by {}", self.held_by.join(", "));
        }
        res
    }
}

/// Why a service refuses the installation that the flag file `path` stands in: but for the
/// kill switch, it takes over a tree as a whole or not at all, and a file beside this one
/// may be broken.
fn refused_around(path: &Path, environment: &Environment) -> Option<String> {
    let dir = path.parent().filter(|_| path.file_name().is_some_and(|it| it == FILE_NAME))?;
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let read = Installation::read_for(dir, environment.get("RESON_ENV")).ok()?;
    let findings = Generation::compile(read, &[], Source::Files).err()?;
    let first = findings.first()?;
    let (file, why) = (&first.path, &first.diagnostic);
    Some(format!("a service refuses the installation as it stands ({file}: {why})"))
}

/// What happened to the file.
struct Change {
    path: PathBuf,
    changed: bool,
    replaced: Option<String>,
    exit: Exit,
}

impl Kill {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let change = match &self.file {
            Some(path) => self.switch_file(path)?,
            None => self.flag_file(self.source.path(environment), output)?,
        };
        let held_by = self.held_by(&change.path, environment);
        let flag_file = self.file.is_none().then_some(&change.path);
        let refused = flag_file.and_then(|it| refused_around(it, environment));
        let report = KillReport {
            path: name_of(&change.path),
            reason: self.reason,
            by: environment.get("USER").or_else(|| environment.get("USERNAME")).map(str::to_owned),
            at: rfc3339(environment.now()),
            changed: change.changed,
            written: change.changed && !self.dry_run,
            replaced: change.replaced,
            emergency: !held_by.is_empty(),
            held_by,
            refused,
        };
        output.show(&report)?;
        let in_vain = self.undo && report.refused.is_some();
        let holds = if in_vain { Exit::FINDINGS } else { Exit::DONE };
        Ok(worst(change.exit, holds))
    }

    fn flag_file(&self, path: PathBuf, output: &mut Output) -> anyhow::Result<Change> {
        if is_stdin(&path) {
            return Err(refusal(Exit::USAGE, "this command changes files: name one"));
        }
        let hint = "the flag file stays as it is; --file throws the switch without it";
        let (document, _) = FlagDocument::sound(&path, output).context(hint)?;
        let text = with_kill_switch(&document.text, !self.undo, &self.reason);
        let text = text.ok_or_else(|| {
            let name = &document.name;
            let said = format!("{name} has a form that is changed by hand: global.kill_switch");
            refusal(Exit::FINDINGS, said)
        })?;
        let writing = Writing::of(self.dry_run);
        let exit = rewrite(&path, &document.text, &text, writing, output)?;
        Ok(Change { path, changed: document.text != text, replaced: None, exit })
    }

    fn switch_file(&self, path: &Path) -> anyhow::Result<Change> {
        let (before, unread) = switch_file(path);
        let is_thrown = before.emergency;
        let changed = is_thrown == self.undo;
        let exit = if changed && self.dry_run { Exit::PENDING } else { Exit::DONE };
        if changed && !self.dry_run {
            // Set and empty: every overlay is off. Not there: nothing is switched.
            match self.undo {
                true => fs::remove_file(path).with_context(|| name_of(path))?,
                false => replace(path, b"\n")?,
            }
        }
        let words = [before.on, before.off.iter().map(|it| format!("-{it}")).collect()].concat();
        let replaced = (changed && !words.is_empty()).then(|| words.join(","));
        Ok(Change { path: path.to_path_buf(), changed, replaced: replaced.or(unread), exit })
    }

    /// Where the switch is thrown now, or would be.
    fn held_by(&self, changed: &Path, environment: &Environment) -> Vec<String> {
        let mut res = Vec::new();
        let flag_file = |path: &Path| format!("global.kill_switch of {}", name_of(path));
        match &self.file {
            None if self.undo => (),
            None => res.push(flag_file(changed)),
            Some(path) => {
                let flags = self.source.path(environment);
                let file = FlagDocument::load(&flags, None).ok().and_then(|it| it.file);
                let is_thrown = file.is_some_and(|it| it.global.kill_switch);
                res.extend(is_thrown.then(|| flag_file(&flags)));
                res.extend((!self.undo).then(|| name_of(path)));
            }
        }
        let variable = Switches::parse(environment.text("RESON_FEATURES"));
        res.extend(variable.emergency.then(|| "RESON_FEATURES".to_owned()));
        let other = environment.path("RESON_FEATURES_FILE");
        let other = other.filter(|it| self.file.as_ref() != Some(it));
        let other = other.filter(|it| switch_file(it).0.emergency);
        res.extend(other.map(|it| format!("RESON_FEATURES_FILE={}", name_of(&it))));
        res
    }
}
