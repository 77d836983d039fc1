use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use fusion_flags::Switches;
use overlay_loader::{
    Generation, Installation, RootSwitch, Source, Thrown, has_deployments, kill_switch,
};
use overlay_store::Store;
use serde::Serialize;
use serde_json::json;

use super::document::{FILE_NAME, FlagDocument, of_installation};
use super::edit::with_kill_switch;
use super::switch_file::{SwitchFile, at_the_start, switch_file};
use crate::environment::{Environment, rfc3339};
use crate::exit::{Exit, refusal, worst};
use crate::input::{is_stdin, name_of};
use crate::output::{Output, Report};
use crate::overlay::{Writing, rewrite};

/// Switch every overlay off, or on again
///
/// Sets `global.kill_switch` in the flag file, and leaves everything else in it as it is; with
/// `--root`, or where FUSION_ROOT is set, writes the file `KILL` into the deployment root, for
/// every service that follows it, and a record into its audit log; with `--file`, empties the
/// switch file that RESON_FEATURES_FILE names. A service that watches it answers with the
/// baseline within a second. Says where else the switch is thrown.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion flags kill --reason 'refunds answer wrongly'
  fusion flags kill --reason 'fixed by 2.1.1' --undo
  fusion flags kill --reason 'refunds answer wrongly' --root /srv/fusion
  fusion flags kill --reason drill --file /run/fusion/features --dry-run

A flag file that a service refuses is switched off too, since a service obeys that all the same;
--undo waits until it is mended. Ends with 1 where the file stays as it is, or where --undo has
no effect since a service refuses the installation around it; with 2 under --dry-run where there
is a change.")]
pub(crate) struct Kill {
    /// Why, for those who come after you; a YAML file keeps it as a comment, JSON has no
    /// place for one
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    /// The flag file; else, where there is no FUSION_ROOT, overlay_feature_flags.yaml of the
    /// installation (FUSION_CONFIGS, else `configs`)
    #[arg(long, value_name = "FILE")]
    flags: Option<PathBuf>,
    /// Throw the switch of this deployment root instead; else FUSION_ROOT
    #[arg(long, value_name = "DIR", conflicts_with = "flags")]
    root: Option<PathBuf>,
    /// Empty this switch file instead, and keep what it said beside it; under `--undo`, put that
    /// back, or remove the file
    #[arg(long, value_name = "SWITCH_FILE", conflicts_with_all = ["flags", "root"])]
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
    /// Whether it was written, or removed.
    written: bool,
    /// Whether the switch is a file that is not there any more.
    #[serde(skip)]
    removed: bool,
    /// What a switch file said that had more than nothing in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<String>,
    /// Where that is kept, for `--undo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<String>,
    /// What a switch file says again that was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<String>,
    /// Whether every overlay is off for a service with this environment.
    emergency: bool,
    /// Where the switch is thrown.
    held_by: Vec<String>,
    /// Whether the audit log of the deployment root has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    audited: Option<bool>,
    /// What is to be known besides: who does not read the file, why there is no record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// Why a service that watches the installation takes no change of it over; a switch
    /// that is thrown in a refused tree holds, one that is taken back there does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

impl Report for KillReport {
    const SCHEMA: &'static str = "fusion/flags-kill/1";

    fn text(&self, _width: usize) -> String {
        let did = match (self.changed, self.written, self.removed) {
            (false, ..) => "nothing changes",
            (true, true, false) => "written",
            (true, true, true) => "removed",
            (true, false, false) => "would be written",
            (true, false, true) => "would be removed",
        };
        let mut res = format!("{}: {did}\n", self.path);
        if let Some(replaced) = &self.replaced {
            // Writing to a string cannot fail.
            let _ = write!(res, "it said: {}", replaced.trim());
            let kept = self.kept.as_ref().map(|it| format!(" (kept in {it} for --undo)"));
            let _ = writeln!(res, "{}", kept.unwrap_or_default());
        }
        if let Some(restored) = &self.restored {
            let _ = writeln!(res, "it says again: {}", restored.trim());
        }
        if let Some(refused) = &self.refused {
            let how = if self.emergency { "holds all the same" } else { "without effect" };
            let _ = writeln!(res, "{how}: {refused}");
        }
        if self.held_by.is_empty() {
            let here = if self.notes.is_empty() { "" } else { "with this environment " };
            let _ = writeln!(res, "{here}the flags decide");
        } else {
            let is = if self.changed && !self.written { "would be" } else { "is" };
            let _ = writeln!(res, "every overlay {is} off by {}", self.held_by.join(", "));
        }
        for note in &self.notes {
            let _ = writeln!(res, "{note}");
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
    Some(format!("a service refuses the installation as it stands ({first})"))
}

/// Where the switch is thrown.
enum Place {
    FlagFile(PathBuf),
    SwitchFile(PathBuf),
    Root(PathBuf),
}

/// What happened to the file.
struct Change {
    path: PathBuf,
    changed: bool,
    replaced: Option<String>,
    /// Where that is kept.
    beside: Option<PathBuf>,
    /// What is put back.
    restored: Option<String>,
    /// Why it is thrown already.
    kept: Option<String>,
    /// What was lost on the way.
    lost: Option<String>,
    /// Whether the file has no place for the reason.
    is_silent: bool,
    /// Why a service refuses the file.
    refused: Option<String>,
    exit: Exit,
}

impl Change {
    /// A file of which all that matters is whether it is thrown.
    fn of(path: PathBuf, changed: bool, dry_run: bool) -> Self {
        let exit = if changed && dry_run { Exit::PENDING } else { Exit::DONE };
        Self {
            path,
            changed,
            replaced: None,
            beside: None,
            restored: None,
            kept: None,
            lost: None,
            is_silent: false,
            refused: None,
            exit,
        }
    }
}

impl Kill {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let place = self.place(environment);
        let change = match &place {
            Place::SwitchFile(path) => self.switch_file(path)?,
            Place::Root(root) => self.switch_root(root, environment)?,
            Place::FlagFile(path) => self.flag_file(path, output)?,
        };
        let (held_by, mut notes) = (self.held_by(&place, environment), Vec::new());
        notes.extend(self.unread(&place, environment));
        if change.is_silent {
            notes.push("the file does not keep the reason: it has no place for a comment".into());
        }
        notes.extend(change.lost);
        notes.extend(change.kept.map(|it| format!("it is thrown already, and says: {it}")));
        let written = change.changed && !self.dry_run;
        let audited = match &place {
            Place::Root(root) if written => {
                let recorded = self.record(root, environment);
                notes.extend(recorded.as_ref().err().map(|err| format!("not audited: {err:#}")));
                Some(recorded.is_ok())
            }
            _ => None,
        };
        let refused = match &place {
            Place::FlagFile(path) => change.refused.or_else(|| refused_around(path, environment)),
            _ => None,
        };
        let report = KillReport {
            path: name_of(&change.path),
            by: self.by(environment),
            reason: self.reason,
            at: rfc3339(environment.now()),
            changed: change.changed,
            written,
            removed: self.undo && change.restored.is_none() && !matches!(place, Place::FlagFile(_)),
            replaced: change.replaced,
            kept: change.beside.as_deref().map(name_of),
            restored: change.restored,
            emergency: !held_by.is_empty(),
            held_by,
            audited,
            notes,
            refused,
        };
        output.show(&report)?;
        let in_vain = self.undo && report.refused.is_some();
        let holds = if in_vain { Exit::FINDINGS } else { Exit::DONE };
        Ok(worst(change.exit, holds))
    }

    /// What was named, else what a service with this environment is served from.
    fn place(&self, environment: &Environment) -> Place {
        if let Some(file) = &self.file {
            return Place::SwitchFile(file.clone());
        }
        if let Some(flags) = &self.flags {
            return Place::FlagFile(flags.clone());
        }
        match self.root.clone().or_else(|| environment.path("FUSION_ROOT")) {
            Some(root) => Place::Root(root),
            None => Place::FlagFile(of_installation(environment.configs(None))),
        }
    }

    fn by(&self, environment: &Environment) -> Option<String> {
        environment.get("USER").or_else(|| environment.get("USERNAME")).map(str::to_owned)
    }

    fn flag_file(&self, path: &Path, output: &mut Output) -> anyhow::Result<Change> {
        if is_stdin(path) {
            return Err(refusal(Exit::USAGE, "this command changes files: name one"));
        }
        let hint = if self.undo {
            "the flag file stays as it is: the switch is taken back in one that has no error"
        } else {
            "the flag file stays as it is; --file throws the switch without it"
        };
        let document = if self.undo {
            FlagDocument::sound(path, output).context(hint)?.0
        } else {
            FlagDocument::with_errors(path, output)?
        };
        if !document.is_whole {
            return Err(document.refusal().context(hint));
        }
        let edited = with_kill_switch(&document.text, !self.undo, &self.reason);
        let edited = edited.ok_or_else(|| self.by_hand(&document.name))?;
        let exit = rewrite(path, &document.text, &edited.text, Writing::of(self.dry_run), output)?;
        let changed = document.text != edited.text;
        let is_silent = changed && !self.undo && !edited.has_reason;
        let first = document.findings.first();
        let refused =
            first.map(|it| format!("a service refuses the flag file as it stands ({it})"));
        let path = path.to_path_buf();
        Ok(Change { is_silent, refused, exit, ..Change::of(path, changed, self.dry_run) })
    }

    /// What to type where no edit fits.
    fn by_hand(&self, name: &str) -> anyhow::Error {
        let or = if self.undo { "" } else { ", or throw the switch with --file or --root" };
        let said = format!(
            "{name} has a form that is changed by hand: write `kill_switch: {}` under `global:`{or}",
            !self.undo
        );
        refusal(Exit::FINDINGS, said)
    }

    fn switch_file(&self, path: &Path) -> anyhow::Result<Change> {
        let (read, file) = (switch_file(path), SwitchFile::new(path));
        // What cannot be read is made what was asked for.
        let is_thrown = read.as_ref().map_or(self.undo, |it| it.emergency);
        let changed = is_thrown == self.undo;
        let mut change = Change::of(path.to_path_buf(), changed, self.dry_run);
        if !changed {
            return Ok(change);
        }
        if self.undo {
            let earlier = Some(&file.earlier).filter(|_| file.has_earlier());
            let says = earlier.map(|it| switch_file(it).map_or_else(Some, |it| words(&it)));
            change.restored = says.map(Option::unwrap_or_default);
            if !self.dry_run {
                file.restore()?;
            }
            return Ok(change);
        }
        let said = read.map_or_else(Some, |it| words(&it));
        change.replaced = said.filter(|_| file.is_there());
        let says_something = change.replaced.is_some();
        if !self.dry_run {
            change.lost = file.empty(says_something)?;
        }
        let is_kept = says_something && change.lost.is_none();
        change.beside = is_kept.then_some(file.earlier);
        Ok(change)
    }

    fn switch_root(&self, root: &Path, environment: &Environment) -> anyhow::Result<Change> {
        if !has_deployments(root) {
            let name = name_of(root);
            let message = format!("{name}: no deployment root, it has no CURRENT and no gen/");
            return Err(refusal(Exit::UNREADABLE, message));
        }
        let path = root.join("KILL");
        let failed = || name_of(&path);
        let thrown = RootSwitch::read(root).with_context(failed)?;
        let changed = thrown.is_some() == self.undo;
        let mut lost = None;
        if changed && !self.dry_run {
            if self.undo {
                RootSwitch::take_back(root).with_context(failed)?;
            } else {
                let at = rfc3339(environment.now());
                let by = self.by(environment).unwrap_or_default();
                let switch = RootSwitch { reason: self.reason.clone(), by, at };
                lost = match switch.throw(root).with_context(failed)? {
                    Thrown::Whole => None,
                    Thrown::Bare(err) => {
                        Some(format!("it is thrown, and the reason is lost: {err}"))
                    }
                    Thrown::Unsynced(err) => {
                        Some(format!("it is thrown, and a power cut may take it back: {err}"))
                    }
                };
            }
        }
        let kept = thrown.filter(|_| !self.undo).map(|it| it.reason);
        Ok(Change { kept, lost, ..Change::of(path, changed, self.dry_run) })
    }

    /// Puts the change into the audit log of the root; the switch is thrown already.
    fn record(&self, root: &Path, environment: &Environment) -> anyhow::Result<()> {
        let action = if self.undo { "revive" } else { "kill" };
        let detail = json!({ "form": "root", "reason": self.reason });
        crate::serve::record(root, action, detail, environment)
    }

    /// Where the switch is thrown now, or would be, for a service with this environment.
    fn held_by(&self, place: &Place, environment: &Environment) -> Vec<String> {
        let mut res = Vec::new();
        let is_thrown = !self.undo;
        let root = match place {
            Place::Root(root) => Some(root.clone()),
            _ => environment.path("FUSION_ROOT"),
        };
        match (root, place) {
            (Some(root), _) => {
                let is_changed = matches!(place, Place::Root(_));
                let is_there = || matches!(RootSwitch::read(&root), Ok(Some(_)));
                let holds = if is_changed { is_thrown } else { is_there() };
                res.extend(holds.then(|| name_of(&root.join("KILL"))));
                res.extend(of_generation(&root));
            }
            (None, Place::FlagFile(path)) => res.extend(is_thrown.then(|| of_flag_file(path))),
            (None, _) => {
                let flags = of_installation(environment.configs(None));
                let text = FlagDocument::load(&flags, None).ok().map(|it| it.text);
                let is_killed = text.is_some_and(|it| kill_switch(&it) == Some(true));
                res.extend(is_killed.then(|| of_flag_file(&flags)));
            }
        }
        let variable = Switches::parse(environment.text("RESON_FEATURES"));
        res.extend(variable.emergency.then(|| "RESON_FEATURES".to_owned()));
        if let Some(watched) = environment.path("RESON_FEATURES_FILE") {
            let changed = matches!(place, Place::SwitchFile(it) if is_same(it, &watched));
            let now = || at_the_start(&switch_file(&watched)).emergency;
            let holds = if changed { is_thrown } else { now() };
            let name = || format!("RESON_FEATURES_FILE={}", name_of(&watched));
            res.extend(holds.then(name));
        }
        res
    }

    /// Why a service with this environment does not read the file that was changed, where
    /// that is so.
    fn unread(&self, place: &Place, environment: &Environment) -> Option<String> {
        match place {
            Place::Root(_) => None,
            Place::SwitchFile(path) => {
                let watched = environment.path("RESON_FEATURES_FILE");
                let is = match &watched {
                    Some(watched) if is_same(path, watched) => return None,
                    Some(watched) => format!("names {}", name_of(watched)),
                    None => "is not set".to_owned(),
                };
                let name = name_of(path);
                Some(format!(
                    "a service reads {name} where its RESON_FEATURES_FILE names it; here that {is}"
                ))
            }
            Place::FlagFile(path) => {
                let root = environment.path("FUSION_ROOT")?;
                Some(format!(
                    "a service that follows the deployment root {} does not read {}: use --root",
                    name_of(&root),
                    name_of(path)
                ))
            }
        }
    }
}

/// The words of a switch file that has any.
fn words(said: &Switches) -> Option<String> {
    let off = said.off.iter().map(|it| format!("-{it}"));
    let words: Vec<String> = said.on.iter().cloned().chain(off).collect();
    (!words.is_empty()).then(|| words.join(","))
}

fn of_flag_file(path: &Path) -> String {
    format!("global.kill_switch of {}", name_of(path))
}

/// The kill switch in the flag file of the generation that is live in `root`.
fn of_generation(root: &Path) -> Option<String> {
    let (pointer, live) = Store::open(root).ok()?.read_current().ok()??;
    let text = std::str::from_utf8(live.tree.get(FILE_NAME)?).ok()?;
    let (file, _) = fusion_flags::check(text, None);
    let is_killed = file.is_some_and(|it| it.global.kill_switch);
    let name = || format!("global.kill_switch of generation {}", pointer.stable.generation);
    is_killed.then(name)
}

/// Whether both name one file, which need not be there.
fn is_same(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| {
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    a == b || real(a).is_some_and(|it| real(b) == Some(it))
}
