use std::collections::HashSet;

use overlay_store::Store;
use overlay_store::model::{ModelFs, Sampling};
use overlay_store::vfs::Vfs;

use super::commands::Command;
use crate::roots::{Seen, directories, holder};

/// What was acknowledged, and after how many operations.
pub(super) struct Marks<'a> {
    fs: &'a ModelFs,
    marks: Vec<(usize, Seen)>,
}

impl Marks<'_> {
    pub(super) fn set(&mut self) {
        let seen = Seen::of(&Store::with(self.fs.clone())).unwrap();
        self.marks.push((self.fs.operations().len(), seen));
    }
}

/// One run of a command, recorded.
pub(super) struct Run {
    pub(super) fs: ModelFs,
    marks: Vec<(usize, Seen)>,
}

impl Run {
    pub(super) fn of(fs: &ModelFs, command: &Command) -> Self {
        let mut marks = Marks { fs, marks: Vec::new() };
        let seen = Seen::of(&Store::with(fs.clone())).unwrap();
        marks.marks.push((0, seen));
        let store = Store::with(fs.clone());
        let mut writer = store.lock(&holder()).unwrap();
        marks.set();
        (command.run)(&mut writer, &mut marks);
        Self { fs: fs.clone(), marks: marks.marks }
    }

    /// How much had been acknowledged after so many operations.
    fn acknowledged(&self, after: usize) -> usize {
        self.marks.iter().rposition(|it| it.0 <= after).unwrap()
    }

    /// What had been acknowledged after so many operations, and what was to come.
    fn around(&self, after: usize) -> (&Seen, &Seen) {
        let at = self.acknowledged(after);
        let next = self.marks.get(at + 1).unwrap_or(&self.marks[at]);
        (&self.marks[at].1, &next.1)
    }
}

/// Goes through the states, each once, and counts.
#[derive(Default)]
pub(super) struct Explorer {
    pub(super) states: usize,
    pub(super) violations: Vec<String>,
    known: HashSet<(u64, usize)>,
}

impl Explorer {
    pub(super) fn crashes(&mut self, run: &Run, sampling: Sampling) {
        for after in 0..=run.fs.operations().len() {
            self.crashes_after(run, after, sampling);
        }
    }

    /// As [`Self::crashes`], from an operation on and no further than the first violation.
    pub(super) fn crashes_until_violation(&mut self, run: &Run, from: usize) {
        const SOME: Sampling = Sampling { all_up_to: 64, drawn: 32, seed: 7 };
        for after in from..=run.fs.operations().len() {
            self.crashes_after(run, after, SOME);
            if !self.violations.is_empty() {
                return;
            }
        }
    }

    fn crashes_after(&mut self, run: &Run, after: usize, sampling: Sampling) {
        let around = run.around(after);
        for state in run.fs.crashes(after, sampling) {
            if self.known.insert((state.fingerprint(), run.acknowledged(after))) {
                self.states += 1;
                self.look(run, after, check(&state, around));
            }
        }
    }

    /// Two in a row: after each operation a kill or a power failure, and then a power
    /// failure while the next writer puts the root in order, or after it has.
    pub(super) fn crashes_of_recovering(&mut self, run: &Run) {
        const NONE: Sampling = Sampling { all_up_to: 0, drawn: 0, seed: 13 };
        let mut known = HashSet::new();
        for after in 0..=run.fs.operations().len() {
            // Of the first failure, the state where all is lost that may be.
            let crashed = run.fs.crashes(after, NONE).into_iter().take(1);
            let killed = run.fs.killed(after).unwrap();
            for state in crashed.filter(|it| known.insert(it.fingerprint())).chain([killed]) {
                self.recovering(run, after, &state);
            }
        }
    }

    /// What the next writer shows once it has the lock is acknowledged by that.
    pub(super) fn recovering(&mut self, run: &Run, after: usize, state: &ModelFs) {
        const FEW: Sampling = Sampling { all_up_to: 4, drawn: 2, seed: 11 };
        let around = run.around(after);
        let mut seen = match check(state, around) {
            Ok(it) => it,
            Err(err) => return self.look(run, after, Err(err)),
        };
        let operations = state.operations();
        let done = operations.len();
        // A record that was whole and never synced is durable with the next one.
        if !operations.iter().any(|it| it.path == "audit/HEAD" && it.synced) {
            seen.head = around.0.head;
        }
        for again in 0..=done {
            let around = if again == done { (&seen, &seen) } else { around };
            for state in state.crashes(again, FEW) {
                if again == done
                    || self.known.insert((state.fingerprint(), run.acknowledged(after)))
                {
                    self.states += 1;
                    self.look(run, after, check(&state, around));
                }
            }
        }
    }

    fn look(&mut self, run: &Run, after: usize, res: Result<Seen, String>) {
        if let Err(err) = res {
            let operations = run.fs.operations();
            let last = after.checked_sub(1).map(|at| operations[at].clone());
            self.violations.push(format!("after {after} operations, {last:?}: {err}"));
        }
    }
}

/// Recovers a state and looks at everything: each part is as it was acknowledged or as it
/// was to become.
fn check(state: &ModelFs, (before, after): (&Seen, &Seen)) -> Result<Seen, String> {
    let store = Store::with(state.clone());
    let early = store.current().map_err(|err| format!("unreadable before recovery: {err:?}"))?;
    let named = early.as_ref().map(|it| it.audit);
    let verified = store.audit().verify(named);
    let head = verified.map_err(|err| format!("taken for tampering: {err:?}"))?.head;
    if head.seq < before.head.seq {
        return Err(format!("audit/HEAD is at {}, {} was acknowledged", head.seq, before.head.seq));
    }
    let directories = directories(state);
    if let Some(lost) = before.directories.iter().find(|it| !directories.contains(it)) {
        return Err(format!("{lost}/ is gone"));
    }
    drop(store.lock(&holder()).map_err(|err| format!("recovery: {err:?}"))?);
    let seen = Seen::of(&store)?;
    if seen.pointer != early || ![&before.pointer, &after.pointer].contains(&&seen.pointer) {
        return Err(format!("pointer {:?}", seen.pointer));
    }
    for (id, digest) in &before.generations {
        if after.generations.contains_key(id) && seen.generations.get(id) != Some(digest) {
            return Err(format!("generation {id} is gone"));
        }
    }
    if ![&before.pins, &after.pins].contains(&&seen.pins) {
        return Err(format!("pins {:?}", seen.pins));
    }
    if ![&before.rollouts, &after.rollouts].contains(&&seen.rollouts) {
        return Err(format!("rollouts {:?}", seen.rollouts));
    }
    if seen.head.seq < before.head.seq {
        return Err(format!("the audit log ends at {}", seen.head.seq));
    }
    check_log(&store, before, &seen)?;
    if !state.list("tmp").map_err(|err| err.to_string())?.is_empty() {
        return Err("tmp/ is not empty".to_owned());
    }
    Ok(seen)
}

/// Each change that the log announces has an end right after it, and the right one.
fn check_log(store: &Store<ModelFs>, before: &Seen, seen: &Seen) -> Result<(), String> {
    let records = store.audit().records(before.head.seq.max(1)).map_err(|err| err.to_string())?;
    let records: Result<Vec<_>, _> = records.collect();
    let records = records.map_err(|err| err.to_string())?;
    let reached = seen.pointer.as_ref().map_or(0, |it| it.epoch);
    for (at, record) in records.iter().enumerate() {
        let Some(action) = record.entry.action.strip_suffix("_intent") else { continue };
        let committed = record.entry.detail["epoch"].as_u64().unwrap() <= reached;
        let expect = format!("{action}_{}", if committed { "committed" } else { "abandoned" });
        let next = records.get(at + 1).map(|it| it.entry.action.as_str());
        if next != Some(&expect) {
            return Err(format!("record {} needs {expect}, and has {next:?}", record.seq));
        }
    }
    Ok(())
}
