use std::path::Path;

use anyhow::{Context as _, ensure};
use overlay_store::{GenerationId, Phase, Store, StoreError};
use serde::{Deserialize, Serialize};

/// What of a root somebody may rely on, as the example `change` says it in a line.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    pub(super) epoch: u64,
    pub(super) phase: Option<Phase>,
    pub(super) stable: Option<GenerationId>,
    pub(super) candidate: Option<GenerationId>,
    pub(super) generations: Vec<GenerationId>,
    pub(super) pins: Vec<String>,
    /// How many records the audit log has.
    pub(super) records: u64,
}

/// What a change of the pointer changes.
pub(super) type Live = (u64, Option<Phase>, Option<GenerationId>, Option<GenerationId>);

impl Seen {
    /// Looks at a root and verifies all of it: pointer, generations, audit log.
    pub(super) fn of(root: &Path) -> anyhow::Result<Self> {
        let store = match Store::open(root) {
            Err(StoreError::NoRoot { .. }) => return Ok(Self::default()),
            other => other?,
        };
        let pointer = store.current().context("the pointer")?;
        let generations = store.generations()?;
        for id in &generations {
            store.verify(*id, None).context("a generation")?;
        }
        for it in pointer.iter().flat_map(|it| [Some(it.stable), it.candidate]).flatten() {
            store.verify(it.generation, Some(it.manifest)).context("what the pointer names")?;
        }
        let known = pointer.as_ref().map(|it| it.audit);
        let verified = store.audit().verify(known).context("the audit log")?;
        let stable = pointer.as_ref().map(|it| it.stable.generation);
        Ok(Self {
            epoch: pointer.as_ref().map_or(0, |it| it.epoch),
            phase: pointer.as_ref().map(|it| it.phase),
            stable,
            candidate: pointer.and_then(|it| it.candidate).map(|it| it.generation),
            generations,
            pins: store.pins()?.into_keys().collect(),
            records: verified.records,
        })
    }

    /// The lines of standard output that arrived whole.
    pub(super) fn acknowledged(stdout: &[u8]) -> anyhow::Result<Vec<Self>> {
        let lines = stdout.split_inclusive(|it| *it == b'\n').filter(|it| it.ends_with(b"\n"));
        lines.map(|it| serde_json::from_slice(it).context("a line of standard output")).collect()
    }

    pub(super) fn live(&self) -> Live {
        (self.epoch, self.phase, self.stable, self.candidate)
    }
}

/// A reader that comes before anything is put in order: what is live is there, whole.
pub(super) fn read(root: &Path) -> anyhow::Result<()> {
    match Store::open(root) {
        Err(StoreError::NoRoot { .. }) => Ok(()),
        other => other?.read_current().map(|_| ()).context("before recovery"),
    }
}

/// Whether a writer left nothing in the folder of what is unfinished.
pub(super) fn check_tidy(root: &Path) -> anyhow::Result<()> {
    let tmp = root.join("tmp");
    let left = tmp.read_dir().context("reading tmp/")?.count();
    ensure!(left == 0, "{left} files are left in tmp/");
    Ok(())
}
