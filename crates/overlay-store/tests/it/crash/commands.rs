use std::fmt;

use overlay_store::audit::Entry;
use overlay_store::model::ModelFs;
use overlay_store::{Change, GenerationId, GenerationRef, Phase, Retention, Store, Writer};
use serde_json::json;

use super::explore::Marks;
use crate::roots::{NOW_US, canary, entry, holder, publish};

/// What is there before a command.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    /// Not even a directory.
    Nothing,
    /// Four generations; 3 is stable, 4 on trial, 1 pinned.
    Canary,
    /// The same, and `audit/HEAD` is full: the next record moves all of them to the segment.
    Full,
}

/// One command of a deployment tool, by what it does to the store.
pub(super) struct Command {
    pub(super) name: &'static str,
    pub(super) start: Start,
    pub(super) run: fn(&mut Writer<'_, ModelFs>, &mut Marks<'_>),
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A root where all that was acknowledged is durable.
pub(super) fn base(start: Start) -> ModelFs {
    let fs = ModelFs::new();
    if !matches!(start, Start::Nothing) {
        let store = Store::with(fs.clone());
        let mut writer = store.lock(&holder()).unwrap();
        let made: Vec<_> = (1..=4).map(|it| publish(&mut writer, it)).collect();
        writer.switch(Some(0), Change::to(made[2]), entry("deploy")).unwrap();
        writer.switch(Some(1), canary(made[2], made[3]), entry("deploy")).unwrap();
        writer.pin("first", GenerationId(1)).unwrap();
        writer.write_rollout("d4", b"stage 1\n").unwrap();
        if let Start::Full = start {
            let detail = json!({ "why": "x".repeat(1 << 15) });
            writer.append(Entry { detail, ..entry("kill") }).unwrap();
        }
    }
    fs.killed(fs.operations().len()).unwrap()
}

fn candidate(writer: &Writer<'_, ModelFs>) -> GenerationRef {
    writer.current().unwrap().candidate.unwrap()
}

fn stable(writer: &Writer<'_, ModelFs>) -> GenerationRef {
    writer.current().unwrap().stable
}

pub(super) fn all() -> Vec<Command> {
    let command = |name, start, run| Command { name, start, run };
    vec![
        command("first apply", Start::Nothing, |writer, marks| {
            let made = publish(writer, 1);
            marks.set();
            writer.switch(Some(0), Change::to(made), entry("deploy")).unwrap();
            marks.set();
        }),
        command("apply", Start::Canary, |writer, marks| {
            let made = publish(writer, 5);
            marks.set();
            writer.switch(Some(2), canary(stable(writer), made), entry("deploy")).unwrap();
            marks.set();
        }),
        command("promote", Start::Canary, |writer, marks| {
            let change = Change { phase: Phase::PostCheck, ..Change::to(candidate(writer)) };
            writer.switch(None, change, entry("promote")).unwrap();
            marks.set();
            writer.switch(None, Change::to(stable(writer)), entry("deploy")).unwrap();
            marks.set();
        }),
        command("abort", Start::Canary, |writer, marks| {
            writer.switch(None, Change::to(stable(writer)), entry("abort")).unwrap();
            marks.set();
        }),
        command("rollback", Start::Canary, |writer, marks| {
            let (_, manifest) = writer.store().manifest(GenerationId(2)).unwrap();
            let old = GenerationRef { generation: GenerationId(2), manifest };
            writer.switch(None, Change::to(old), entry("rollback")).unwrap();
            marks.set();
        }),
        command("gc", Start::Canary, |writer, marks| {
            writer.unpin("first").unwrap();
            marks.set();
            let policy = Retention { keep: 1, older_than_us: 0, now_us: NOW_US };
            let collected = writer.gc(&policy, false).unwrap();
            assert_eq!(collected.removed, [GenerationId(1), GenerationId(2)]);
            marks.set();
        }),
        command("audit append", Start::Canary, |writer, marks| {
            for action in ["kill", "revive"] {
                writer.append(entry(action)).unwrap();
                marks.set();
            }
        }),
        command("audit flush", Start::Full, |writer, marks| {
            for action in ["kill", "revive"] {
                writer.append(entry(action)).unwrap();
                marks.set();
            }
        }),
        command("rollout", Start::Canary, |writer, marks| {
            writer.write_rollout("d4", b"stage 2, 300 samples\n").unwrap();
            marks.set();
            writer.write_rollout("d5", b"stage 1\n").unwrap();
            marks.set();
        }),
        command("pin", Start::Canary, |writer, marks| {
            writer.pin("first", GenerationId(2)).unwrap();
            marks.set();
            writer.pin("release-2.1", GenerationId(3)).unwrap();
            marks.set();
        }),
    ]
}
