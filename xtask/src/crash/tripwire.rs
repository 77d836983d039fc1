//! The tripwire of the token budget: `fusion budget check`, killed where it makes an
//! installation fall, and where it lets it return.

use std::fs::{create_dir_all, write};
use std::path::Path;

use anyhow::{Context as _, ensure};
use overlay_store::Store;
use serde_json::Value;

use super::script::{Kept, Script, Start, copy_file, rewrite};
use super::seen::{Seen, check_tidy, read};
use super::strace::{End, Outcome};

/// The exit codes of `fusion budget check`.
const FALLEN: i32 = 1;
const FELL: i32 = 6;

/// The overlay of the installation that falls.
const OVERLAY: &str = "rollback_first";

const SCENARIOS: &str = "\
schema_version: \"2.0.0\"
scenarios:
  - id: duplicate_charge
    type: refund_processing
    prompt: Decide on this refund request.
";

/// The third breach, and the fifth good run more than two hours later. The next run comes a
/// minute after each.
pub(super) fn scripts(program: &Path, configs: &Path, room: &Path) -> anyhow::Result<Vec<Script>> {
    let room = room.join("budget");
    installation(configs, &room.join("released"), "")?;
    installation(configs, &room.join("live"), &"word ".repeat(400))?;
    create_dir_all(room.join("goldens")).context("making a folder")?;
    create_dir_all(room.join("tmp")).context("making a folder")?;
    let suite = "schema = \"fusion/suite/1\"\ninstallation = \"../released\"\n";
    write(room.join("goldens/suite.toml"), suite).context("writing a suite")?;
    let place = |name: &str| room.join(name).to_string_lossy().into_owned();
    let at = |second: u64, words: &[&str]| -> Vec<String> {
        let clock = format!("SOURCE_DATE_EPOCH={second}");
        // What a killed run leaves there goes with the room.
        let around = [clock, format!("TMPDIR={}", place("tmp"))];
        let program = program.to_string_lossy().into_owned();
        let words = words.iter().chain(&["--root", "{root}"]).map(|it| (*it).to_owned());
        around.into_iter().chain([program]).chain(words).collect()
    };
    let check = |base: &str, second| {
        at(second, &["budget", "check", "--suite", &place("goldens"), "--base", &place(base)])
    };
    let deploy = at(0, &["deploy", "apply", "--from", &place("live"), "--yes"]);
    let armed = vec![deploy, check("released", 1_000), check("released", 2_000)];
    let mut waited = armed.clone();
    waited.push(check("released", 3_000));
    waited.extend((1..=4).map(|hour| check("live", 3_000 + 3_600 * hour)));
    let script = |name, command, setup, recover, done, recovered| Script {
        name,
        start: Start::Whole,
        files: None,
        program: "env".into(),
        command,
        done,
        setup,
        recover,
        recovered,
        kept: Kept::Tripwire,
    };
    let (fall, later) = (check("released", 3_000), check("released", 3_060));
    let fall = script("fusion budget check, falls", fall, armed, later, FELL, &[FALLEN, FELL]);
    let (back, later) = (check("live", 21_000), check("live", 21_060));
    let back = script("fusion budget check, returns", back, waited, later, 0, &[0]);
    Ok(vec![fall, back])
}

/// A small installation with this at the end of its prompt.
fn installation(configs: &Path, dir: &Path, more: &str) -> anyhow::Result<()> {
    for folder in ["overlays", "micro_overlays"] {
        create_dir_all(dir.join(folder)).context("making a folder")?;
    }
    for name in ["baseline", OVERLAY] {
        let path = format!("overlays/fusion_overlay.{name}.txt");
        copy_file(&configs.join(&path), &dir.join(&path))?;
    }
    copy_file(&configs.join("providers.toml"), &dir.join("providers.toml"))?;
    write(dir.join("scenarios.yaml"), SCENARIOS).context("writing scenarios")?;
    let path = format!("micro_overlays/{OVERLAY}.md");
    rewrite(&configs.join(&path), &dir.join(&path), |line| match line {
        "## Core Directive" => format!("{line}\n{more}"),
        line => line.to_owned(),
    })
}

/// What a root says of its tripwire.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Wire {
    epoch: u64,
    /// Whether the built-in minimum is in force.
    is_minimal: bool,
    /// How often it fell and returned, by the audit log.
    falls: usize,
    returns: usize,
    /// How many runs left their record.
    runs: usize,
    /// What the last of them kept, without the number of the minimum's generation.
    kept: Value,
}

impl Wire {
    /// Looks at a root that need not be in order.
    fn of(root: &Path) -> anyhow::Result<Self> {
        let store = Store::open(root)?;
        let (pointer, live) = store.read_current()?.context("nothing is deployed")?;
        let overlays = live.tree.iter().filter(|(path, _)| path.starts_with("overlays/")).count();
        let mut res = Self {
            epoch: pointer.epoch,
            is_minimal: overlays == 1,
            falls: 0,
            returns: 0,
            runs: 0,
            kept: Value::Null,
        };
        for record in store.audit().records(1)? {
            let entry = record?.entry;
            match entry.action.as_str() {
                "budget_fall_committed" => res.falls += 1,
                "budget_return_committed" => res.returns += 1,
                "budget_check" => {
                    res.runs += 1;
                    res.kept = entry.detail;
                }
                _ => (),
            }
        }
        // A run that was killed may have used up a number.
        if let Some(generation) = res.kept.pointer_mut("/fell/1") {
            *generation = Value::Null;
        }
        Ok(res)
    }
}

/// What runs that nobody harms make of a root.
#[derive(Debug)]
pub(super) struct Wires {
    before: Wire,
    /// After the run.
    after: Wire,
    /// After it and the next one.
    next: Wire,
    /// After the next one alone.
    late: Wire,
}

impl Wires {
    /// `base` is what the run started from, `root` what it left.
    pub(super) fn of(script: &Script, base: &Path, root: &Path) -> anyhow::Result<Self> {
        let (before, after) = (Wire::of(base)?, Wire::of(root)?);
        script.recover(root)?;
        script.recover(base)?;
        let res = Self { before, after, next: Wire::of(root)?, late: Wire::of(base)? };
        ensure!(res.before.epoch + 1 == res.after.epoch, "it neither falls nor returns");
        ensure!(res.next.epoch == res.after.epoch, "the next run changes something");
        Ok(res)
    }

    /// Has the next run come to a root after `outcome`, and holds what is there against what
    /// unharmed runs leave: the same state and count, and one record each.
    pub(super) fn check(
        &self,
        script: &Script,
        outcome: &Outcome,
        root: &Path,
    ) -> anyhow::Result<()> {
        read(root)?;
        let left = Wire::of(root)?;
        ensure!(outcome.end != End::Done || left == self.after, "it is not done: {left:?}");
        let is_moved = left.epoch != self.before.epoch;
        let is_told = left.runs != self.before.runs;
        ensure!(
            outcome.end != End::Refused || !is_moved || is_told,
            "it says that nothing changed, and the pointer moved: {outcome}"
        );
        script.recover(root)?;
        check_tidy(root)?;
        Seen::of(root)?;
        let expected = if is_moved { &self.next } else { &self.late };
        let expected = Wire { runs: left.runs + 1, ..expected.clone() };
        let found = Wire::of(root)?;
        ensure!(found == expected, "the next run left {found:?}, not {expected:?}");
        Ok(())
    }
}
