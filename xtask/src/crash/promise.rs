use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::script::{Kept, Script, Start};
use super::seen::{Seen, check_tidy, read};
use super::strace::{End, Outcome};
use super::tripwire::Wires;

/// What a command that nobody harms makes of what it keeps.
#[derive(Debug)]
pub(super) enum Promise {
    Root(Steps),
    Files { old: Files, new: Files },
    Tripwire(Box<Wires>),
}

/// Paths and bytes.
type Files = BTreeMap<PathBuf, Vec<u8>>;

impl Promise {
    /// What `outcome` of a run without harm says for every other run. `base` is what it
    /// started from, once in order, and `root` what it left.
    pub(super) fn of(
        script: &Script,
        base: &Path,
        outcome: &Outcome,
        root: &Path,
    ) -> anyhow::Result<Self> {
        ensure!(outcome.end == End::Done, "{} fails by itself: {outcome}", script.name);
        if let Kept::Files { .. } = script.kept {
            return Ok(Self::Files { old: files(base)?, new: files(root)? });
        }
        if let Kept::Tripwire = script.kept {
            return Ok(Self::Tripwire(Box::new(Wires::of(script, base, root)?)));
        }
        Ok(Self::Root(Steps::of(script, Seen::of(base)?, outcome, root)?))
    }

    /// How often the command acknowledges something.
    pub(super) fn acknowledgements(&self) -> usize {
        match self {
            Self::Root(steps) => steps.steps.len() - 1,
            Self::Files { .. } | Self::Tripwire(_) => 1,
        }
    }

    /// Puts `root` in order after a run that ended with `outcome`, and holds it against the
    /// promise.
    pub(super) fn check(
        &self,
        script: &Script,
        outcome: &Outcome,
        root: &Path,
    ) -> anyhow::Result<()> {
        match (self, &script.kept) {
            (Self::Files { old, new }, Kept::Files { undo }) => {
                ensure!(outcome.end != End::Done || files(root)? == *new, "it is not done");
                script.recover(root)?;
                ensure!(files(root)? == *new, "the next run did not bring it to its end");
                script.undo(undo, root)?;
                ensure!(files(root)? == *old, "it was not taken back byte for byte");
                Ok(())
            }
            (Self::Root(steps), _) => {
                // Killed before it made the root, a command leaves nothing to put in order.
                if root.exists() {
                    read(root)?;
                    script.recover(root)?;
                    check_tidy(root)?;
                }
                steps.check(outcome, &Seen::of(root)?)
            }
            (Self::Tripwire(wires), _) => wires.check(script, outcome, root),
            (Self::Files { .. }, _) => Ok(()),
        }
    }
}

/// The files below `dir`, without the journal and the backups of a migration.
fn files(dir: &Path) -> anyhow::Result<Files> {
    let mut res = Files::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in next.read_dir().with_context(|| format!("{}", next.display()))? {
            let path = entry?.path();
            if path.ends_with(".fusion-migrate") {
                continue;
            }
            if path.is_dir() {
                dirs.push(path);
            } else {
                let bytes = std::fs::read(&path).with_context(|| format!("{}", path.display()))?;
                res.insert(path.strip_prefix(dir)?.to_owned(), bytes);
            }
        }
    }
    Ok(res)
}

/// What a command makes of a root, step by step.
#[derive(Debug)]
pub(super) struct Steps {
    /// As it was, and then as of each acknowledgement.
    steps: Vec<Seen>,
    /// Whether each step is one of them.
    is_exact: bool,
}

impl Steps {
    fn of(script: &Script, base: Seen, outcome: &Outcome, root: &Path) -> anyhow::Result<Self> {
        let (last, mut steps) = (Seen::of(root)?, vec![base]);
        let is_exact = matches!(script.kept, Kept::Told);
        if is_exact {
            steps.extend(Seen::acknowledged(&outcome.stdout)?);
            ensure!(steps.last() == Some(&last), "the last line says something else: {last:?}");
        } else {
            steps.push(last);
        }
        // What the next command adds to the log to put a root in order was never acknowledged.
        if let (Start::Interrupted, Some(first)) = (script.start, steps.first_mut()) {
            first.records = 0;
        }
        Ok(Self { steps, is_exact })
    }

    /// Holds what was `seen` after a run against what the run acknowledged.
    fn check(&self, outcome: &Outcome, seen: &Seen) -> anyhow::Result<()> {
        let told = self.told(outcome)?;
        let (acknowledged, next) = self.around(told)?;
        ensure!(
            seen.records >= acknowledged.records,
            "{} audit records, {} were acknowledged",
            seen.records,
            acknowledged.records
        );
        check_sets(seen, acknowledged, next)?;
        self.check_live(seen, outcome, acknowledged, next)
    }

    /// How many steps the run acknowledged.
    fn told(&self, outcome: &Outcome) -> anyhow::Result<usize> {
        let whole = self.steps.len() - 1;
        if !self.is_exact {
            return Ok(if outcome.end == End::Done { whole } else { 0 });
        }
        let told = Seen::acknowledged(&outcome.stdout)?;
        let expected = self.steps.get(1..=told.len()).unwrap_or_default();
        ensure!(told == expected, "it acknowledged what it never did: {told:?}");
        ensure!(outcome.end != End::Done || told.len() == whole, "it ended well too early");
        Ok(told.len())
    }

    /// The step that was acknowledged last, and the one after it.
    fn around(&self, told: usize) -> anyhow::Result<(&Seen, &Seen)> {
        let acknowledged = self.steps.get(told).context("too many acknowledgements")?;
        Ok((acknowledged, self.steps.get(told + 1).unwrap_or(acknowledged)))
    }

    fn check_live(
        &self,
        seen: &Seen,
        outcome: &Outcome,
        acknowledged: &Seen,
        next: &Seen,
    ) -> anyhow::Result<()> {
        if !self.is_exact {
            // A rollout that the next command continues or takes back: one of the two ends.
            let ends = [acknowledged.stable, next.stable];
            ensure!(ends.contains(&seen.stable), "stable is {:?}, not of {ends:?}", seen.stable);
            ensure!(seen.epoch >= acknowledged.epoch, "the epoch went back to {}", seen.epoch);
            return Ok(());
        }
        let is_old = seen.live() == acknowledged.live();
        // Where the command says that nothing changed, nothing has.
        let may_be_new = outcome.end != End::Refused;
        let is_new = may_be_new && seen.live() == next.live();
        ensure!(is_old || is_new, "the pointer says {:?}, after {outcome}", seen.live());
        Ok(())
    }
}

/// Generations and pins are as they were acknowledged or as they were to become.
fn check_sets(seen: &Seen, acknowledged: &Seen, next: &Seen) -> anyhow::Result<()> {
    for id in &acknowledged.generations {
        let stays = next.generations.contains(id);
        ensure!(!stays || seen.generations.contains(id), "generation {id} is gone");
    }
    for id in &seen.generations {
        let known = [acknowledged, next].iter().any(|it| it.generations.contains(id));
        ensure!(known, "generation {id} is there, and should not be");
    }
    let pins = [&acknowledged.pins, &next.pins];
    ensure!(pins.contains(&&seen.pins), "the pins are {:?}", seen.pins);
    Ok(())
}

#[cfg(test)]
mod tests {
    use overlay_store::GenerationId;

    use super::*;

    /// The state after so many deployments.
    fn deployed(epoch: u64) -> Seen {
        Seen {
            epoch,
            stable: Some(GenerationId(epoch)),
            generations: (1..=epoch).map(GenerationId).collect(),
            records: 2 * epoch,
            ..Seen::default()
        }
    }

    /// Of a run that deploys twice, says so `told` times, ends with `end` and leaves `seen`.
    #[track_caller]
    fn check(told: u64, end: End, seen: &Seen, expect: &str) {
        let steps = Steps { steps: (1..=3).map(deployed).collect(), is_exact: true };
        let lines = (2..2 + told).map(|it| serde_json::to_string(&deployed(it)).unwrap() + "\n");
        let outcome = Outcome::new(end, lines.collect::<String>().into_bytes());
        let found =
            steps.check(&outcome, seen).map_or_else(|err| err.to_string(), |()| String::new());
        assert!(found.starts_with(expect) && found.is_empty() == expect.is_empty(), "{found}");
    }

    #[test]
    fn old_or_new_is_fine() {
        check(0, End::Killed, &deployed(1), "");
        check(0, End::Killed, &deployed(2), "");
        check(1, End::Unknown, &deployed(3), "");
        check(2, End::Done, &deployed(3), "");
        // More may be in the log than anybody was told.
        check(1, End::Killed, &Seen { records: 5, ..deployed(2) }, "");
    }

    #[test]
    fn what_was_acknowledged_and_is_lost_is_noticed() {
        check(1, End::Killed, &deployed(1), "2 audit records, 4 were acknowledged");
        check(1, End::Killed, &Seen { records: 4, ..deployed(1) }, "generation 00000002 is gone");
        let forgotten = Seen { epoch: 1, stable: Some(GenerationId(1)), ..deployed(2) };
        check(1, End::Killed, &forgotten, "the pointer says (1, ");
        check(2, End::Done, &forgotten, "4 audit records, 6 were acknowledged");
    }

    #[test]
    fn what_nobody_did_is_noticed() {
        check(0, End::Killed, &deployed(3), "generation 00000003 is there, and should not be");
        check(0, End::Refused, &deployed(2), "the pointer says (2, ");
        check(1, End::Done, &deployed(3), "it ended well too early");
        let pinned = Seen { pins: vec!["x".to_owned()], ..deployed(1) };
        check(0, End::Killed, &pinned, "the pins are");
    }
}
