use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;

use super::promise::Promise;
use super::report::{Report, Row};
use super::script::{Script, Start};
use super::strace::{Call, Harm, Outcome, Point, harmed, recorded};
use crate::drill::copy;

/// At how many points a command is harmed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Also at the calls that change nothing.
    pub(super) every: bool,
    pub(super) points: Option<usize>,
}

/// The errors that a file system gives.
const ERRORS: [&str; 2] = ["EIO", "ENOSPC"];

/// Kills a command at its system calls and lets them fail, one at a time, each on a fresh
/// copy of its root.
pub(super) fn kill(script: &Script, limits: Limits, report: &mut Report) -> anyhow::Result<()> {
    let ground = Ground::of(script).with_context(|| format!("preparing {}", script.name))?;
    let wanted = |it: &&Call| limits.every || it.changes;
    let kills = ground.calls.iter().filter(wanted).map(|it| (it.point.clone(), Harm::Kill));
    let kills = spread(kills.collect(), limits.points);
    report.row(ground.harm_all("killed", kills)?);
    let failing = ground
        .calls
        .iter()
        .filter(|it| it.changes)
        .flat_map(|it| ERRORS.map(|error| (it.point.clone(), Harm::Error(error))));
    let failing = spread(failing.collect(), limits.points);
    report.row(ground.harm_all("EIO, ENOSPC", failing)?);
    Ok(())
}

/// At most `limit` of `all`, evenly spread.
pub(super) fn spread<T>(all: Vec<T>, limit: Option<usize>) -> Vec<T> {
    let len = all.len();
    let limit = limit.filter(|it| *it < len).unwrap_or(len);
    let is_taken = |at: usize| (at + 1) * limit / len.max(1) > at * limit / len.max(1);
    all.into_iter().enumerate().filter(|(at, _)| is_taken(*at)).map(|(_, it)| it).collect()
}

/// What a command starts from, and what it promises.
pub(super) struct Ground<'a> {
    pub(super) script: &'a Script,
    dir: tempfile::TempDir,
    pub(super) promise: Promise,
    pub(super) calls: Vec<Call>,
}

impl<'a> Ground<'a> {
    pub(super) fn of(script: &'a Script) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir().context("making a folder")?;
        let (base, root) = (dir.path().join("base"), dir.path().join("root"));
        let trace = dir.path().join("trace");
        set_up(script, &base, &trace)?;
        let orderly = dir.path().join("orderly");
        fresh(&base, &orderly)?;
        if script.start == Start::Interrupted {
            script.recover(&orderly)?;
        }
        fresh(&base, &root)?;
        let (outcome, calls) = recorded(&script.command(&root), script.done, &trace)?;
        let promise = Promise::of(script, &orderly, &outcome, &root)?;
        Ok(Self { script, dir, promise, calls })
    }

    /// The root before the command.
    pub(super) fn base(&self) -> PathBuf {
        self.dir.path().join("base")
    }

    fn harm_all(&self, what: &str, points: Vec<(Point, Harm)>) -> anyhow::Result<Row> {
        let started = Instant::now();
        let mut row = Row::new(self.script.name, what);
        for (point, harm) in points {
            let (outcome, checked) = self.harm(&point, harm)?;
            row.add(&format!("{point} {harm:?}"), outcome.end, checked);
        }
        row.seconds = started.elapsed().as_secs_f64();
        Ok(row)
    }

    fn harm(&self, point: &Point, harm: Harm) -> anyhow::Result<(Outcome, anyhow::Result<()>)> {
        let root = self.dir.path().join("root");
        fresh(&self.base(), &root)?;
        let outcome = harmed(&self.script.command(&root), self.script.done, point, harm)?;
        let checked = self.promise.check(self.script, &outcome, &root);
        Ok((outcome, checked))
    }
}

/// Makes the root that a command starts from.
fn set_up(script: &Script, base: &Path, trace: &Path) -> anyhow::Result<()> {
    if let Some(files) = &script.files {
        copy(files, base)?;
    }
    let all = script.setup(base);
    for (at, words) in all.iter().enumerate() {
        let is_last = at + 1 == all.len();
        if is_last && script.start == Start::Interrupted {
            return interrupt(words, base, trace);
        }
        // A rollout that pauses ends with an error, and is what is wanted.
        recorded(words, 0, trace)?;
    }
    Ok(())
}

/// Kills a command before its last rename.
fn interrupt(words: &[String], base: &Path, trace: &Path) -> anyhow::Result<()> {
    let scratch = base.with_extension("scratch");
    copy(base, &scratch)?;
    let from = base.to_string_lossy();
    let to = scratch.to_string_lossy();
    let moved: Vec<String> = words.iter().map(|it| it.replace(&*from, &to)).collect();
    let (_, calls) = recorded(&moved, 0, trace)?;
    let rename = calls.iter().rfind(|it| it.point.call.starts_with("rename"));
    let point = &rename.context("it renames nothing")?.point;
    harmed(words, 0, point, Harm::Kill)?;
    Ok(())
}

/// Makes `root` what `base` is; a base that is not there is a root that is not.
pub(super) fn fresh(base: &Path, root: &Path) -> anyhow::Result<()> {
    if root.exists() {
        std::fs::remove_dir_all(root).with_context(|| format!("emptying {}", root.display()))?;
    }
    if base.exists() { copy(base, root) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_spread_evenly() {
        let all: Vec<usize> = (0..10).collect();
        assert_eq!(spread(all.clone(), None), all);
        assert_eq!(spread(all.clone(), Some(20)), all);
        assert_eq!(spread(all.clone(), Some(2)), [4, 9]);
        assert!(spread(all, Some(0)).is_empty());
        assert!(spread(Vec::<usize>::new(), Some(3)).is_empty());
    }
}
