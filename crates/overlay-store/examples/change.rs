//! One command of a deployment tool, by what it does to the store: `change ROOT COMMAND`.
//!
//! For each step that is durable a line goes to standard output: what of the root may be
//! relied on from then on, as one JSON object. `cargo xtask crash` kills this program at
//! every system call, lets its calls fail, cuts its power, and holds the root against the
//! last of these lines.
//!
//! Ends with 0 where all is done, 1 where nothing after the last line is, 11 where that is
//! not known, 64 for an unknown command.

use std::error::Error;
use std::io::{Write as _, stderr, stdout};
use std::path::Path;
use std::process::ExitCode;

use overlay_store::audit::Entry;
use overlay_store::vfs::RealFs;
use overlay_store::{
    Change, GenerationId, GenerationRef, Holder, Origin, Phase, Retention, Store, Tree, WriteError,
    Writer,
};
use serde_json::{Value, json};

/// The clock stands, so that two runs make the same root.
const NOW_US: i64 = 1_767_225_600_000_000;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (root, command) = (args.next().unwrap_or_default(), args.next().unwrap_or_default());
    let Some(steps) = steps(&command) else {
        return end("usage: change ROOT COMMAND", 64);
    };
    match run(Path::new(&root), steps) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Nothing(err)) => end(&format!("{err}: nothing changed"), 1),
        Err(Failure::Unknown(err)) => end(&err.to_string(), 11),
    }
}

fn end(message: &str, code: u8) -> ExitCode {
    // Whoever took standard error away still has the code.
    let _ = writeln!(stderr(), "{message}");
    ExitCode::from(code)
}

/// How a step ended that is not done.
enum Failure {
    /// What is live is as the last line says.
    Nothing(Box<dyn Error>),
    /// It may be done.
    Unknown(Box<dyn Error>),
}

impl From<WriteError> for Failure {
    fn from(err: WriteError) -> Self {
        match err {
            WriteError::OutcomeUnknown { .. } => Self::Unknown(err.into()),
            _ => Self::Nothing(err.into()),
        }
    }
}

#[derive(Clone, Copy)]
enum Step {
    Base,
    First,
    Apply,
    Promote,
    Abort,
    Rollback,
    Pin,
    Gc,
    Append,
}

/// The steps of a command.
fn steps(command: &str) -> Option<&'static [Step]> {
    use Step::{Abort, Append, Apply, Base, First, Gc, Pin, Promote, Rollback};
    Some(match command {
        "base" => &[Base],
        "first" => &[First],
        "apply" => &[Apply],
        "promote" => &[Promote],
        "abort" => &[Abort],
        "rollback" => &[Rollback],
        "pin" => &[Pin],
        "gc" => &[Gc],
        "append" => &[Append],
        "recover" => &[],
        "history" => {
            &[First, Apply, Promote, Apply, Abort, Apply, Promote, Rollback, Pin, Gc, Append]
        }
        _ => return None,
    })
}

fn run(root: &Path, steps: &[Step]) -> Result<(), Failure> {
    let store = Store::create(root).map_err(|err| Failure::Nothing(err.into()))?;
    let holder = Holder { pid: 4711, host: "db1".to_owned(), started_us: NOW_US, deployment: None };
    let writer = store.lock(&holder).map_err(|err| Failure::Nothing(err.into()))?;
    let mut hand = Hand { writer };
    hand.acknowledge()?;
    steps.iter().try_for_each(|step| hand.take(*step))
}

/// Whoever works on the root.
struct Hand<'a> {
    writer: Writer<'a, RealFs>,
}

impl Hand<'_> {
    fn take(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            Step::Base => self.base(),
            Step::First => self.first(),
            Step::Apply => self.apply(),
            Step::Promote => self.promote(),
            Step::Abort => self.abort(),
            Step::Rollback => self.rollback(),
            Step::Pin => self.pin(),
            Step::Gc => self.gc(),
            Step::Append => self.append(),
        }
    }

    /// Four generations: 3 is stable, 4 on trial, 1 pinned.
    fn base(&mut self) -> Result<(), Failure> {
        self.first()?;
        self.publish()?;
        let stable = self.publish()?;
        self.switch(Change::to(stable), "deploy")?;
        self.apply()?;
        self.writer.pin("first", GenerationId(1))?;
        self.acknowledge()
    }

    fn first(&mut self) -> Result<(), Failure> {
        let made = self.publish()?;
        self.switch(Change::to(made), "deploy")
    }

    /// A canary of a new generation.
    fn apply(&mut self) -> Result<(), Failure> {
        let (made, stable) = (self.publish()?, self.live()?.0);
        let canary = Change {
            phase: Phase::Canary,
            candidate: Some(made),
            weight: 5000,
            ..Change::to(stable)
        };
        self.switch(canary, "deploy")
    }

    fn promote(&mut self) -> Result<(), Failure> {
        let (stable, candidate) = self.live()?;
        let made = candidate.unwrap_or(stable);
        self.switch(Change { phase: Phase::PostCheck, ..Change::to(made) }, "promote")?;
        self.switch(Change::to(made), "deploy")
    }

    fn abort(&mut self) -> Result<(), Failure> {
        let (stable, _) = self.live()?;
        self.switch(Change::to(stable), "abort")
    }

    fn rollback(&mut self) -> Result<(), Failure> {
        let old = GenerationId(self.live()?.0.generation.0 - 1);
        let (_, manifest) = self.writer.store().manifest(old).map_err(WriteError::from)?;
        self.switch(Change::to(GenerationRef { generation: old, manifest }), "rollback")
    }

    fn pin(&mut self) -> Result<(), Failure> {
        self.writer.pin("first", GenerationId(2))?;
        self.acknowledge()?;
        self.writer.pin("release-2.1", GenerationId(2))?;
        self.acknowledge()
    }

    /// Keeps nothing that is not needed.
    fn gc(&mut self) -> Result<(), Failure> {
        self.writer.unpin("first")?;
        self.acknowledge()?;
        let policy = Retention { keep: 1, older_than_us: 0, now_us: NOW_US };
        self.writer.gc(&policy, false)?;
        self.acknowledge()
    }

    fn append(&mut self) -> Result<(), Failure> {
        for action in ["kill", "revive"] {
            self.writer.append(entry(action))?;
            self.acknowledge()?;
        }
        Ok(())
    }

    fn publish(&mut self) -> Result<GenerationRef, Failure> {
        let all = self.writer.store().generations().map_err(WriteError::from)?;
        let number = all.last().map_or(1, |it| it.0 + 1);
        let tree = tree(number).map_err(|err| Failure::Nothing(err.into()))?;
        let deployment = format!("d{number}");
        let made = self.writer.publish(&tree, Origin::default(), &deployment, NOW_US)?;
        self.acknowledge()?;
        Ok(made)
    }

    fn switch(&mut self, change: Change, action: &str) -> Result<(), Failure> {
        self.writer.switch(None, change, entry(action))?;
        self.acknowledge()
    }

    /// The stable generation and the one on trial.
    fn live(&self) -> Result<(GenerationRef, Option<GenerationRef>), Failure> {
        let pointer = self.writer.current().ok_or("nothing is deployed");
        let pointer = pointer.map_err(|err| Failure::Nothing(err.into()))?;
        Ok((pointer.stable, pointer.candidate))
    }

    /// Says what is done. Whoever does not hear that does not know it.
    fn acknowledge(&self) -> Result<(), Failure> {
        let line = self.seen().map_err(Failure::Unknown)?;
        stdout()
            .write_all(format!("{line}\n").as_bytes())
            .map_err(|err| Failure::Unknown(err.into()))
    }

    fn seen(&self) -> Result<Value, Box<dyn Error>> {
        let (pointer, store) = (self.writer.current(), self.writer.store());
        Ok(json!({
            "epoch": pointer.map_or(0, |it| it.epoch),
            "phase": pointer.map(|it| it.phase),
            "stable": pointer.map(|it| it.stable.generation),
            "candidate": pointer.and_then(|it| it.candidate).map(|it| it.generation),
            "generations": store.generations()?,
            "pins": store.pins()?.into_keys().collect::<Vec<_>>(),
            "records": self.writer.head().seq,
        }))
    }
}

fn tree(number: u64) -> Result<Tree, overlay_store::InvalidPath> {
    let mut tree = Tree::new();
    tree.insert("overlays/fusion_overlay.refund.txt", format!("TRUST_FLOOR=0.{number}\n"))?;
    tree.insert("micro_overlays/refund.md", "## Core Directive\n\nRefund what is owed.\n")?;
    tree.insert("deploy.toml", "bake = \"5m\"\n")?;
    Ok(tree)
}

fn entry(action: &str) -> Entry {
    Entry {
        at_us: NOW_US,
        actor: "mara".to_owned(),
        host: "db1".to_owned(),
        action: action.to_owned(),
        env: "production".to_owned(),
        deployment: None,
        generation: None,
        base: None,
        manifest_sha256: None,
        detail: Value::Null,
    }
}
