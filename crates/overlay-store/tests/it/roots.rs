//! What the tests fill a root with, and how they look at one.

use std::collections::BTreeMap;
use std::sync::Mutex;

use overlay_model::Digest;
use overlay_store::audit::{Entry, Head};
use overlay_store::vfs::{Kind, Vfs};
use overlay_store::{
    Change, GenerationId, GenerationRef, Holder, Origin, Phase, Pointer, Store, StoreError, Tree,
    Writer,
};
use serde_json::Value;

/// A moment, microseconds since 1970.
pub(crate) const NOW_US: i64 = 1_767_225_600_000_000;

pub(crate) fn holder() -> Holder {
    Holder { pid: 4711, host: "db1".to_owned(), started_us: NOW_US, deployment: None }
}

pub(crate) fn entry(action: &str) -> Entry {
    Entry {
        at_us: NOW_US,
        actor: "tester".to_owned(),
        host: "db1".to_owned(),
        action: action.to_owned(),
        env: "test".to_owned(),
        deployment: None,
        generation: None,
        base: None,
        manifest_sha256: None,
        detail: Value::Null,
    }
}

pub(crate) fn tree(number: u64) -> Tree {
    let mut tree = Tree::new();
    tree.insert("overlays/refund.txt", format!("TRUST_FLOOR=0.{number}\n")).unwrap();
    tree.insert("deploy.toml", "bake = \"5m\"\n").unwrap();
    tree
}

pub(crate) fn publish<F: Vfs>(writer: &mut Writer<'_, F>, number: u64) -> GenerationRef {
    writer.publish(&tree(number), Origin::default(), &format!("d{number}"), NOW_US).unwrap()
}

/// A canary of `candidate` beside `stable`.
pub(crate) fn canary(stable: GenerationRef, candidate: GenerationRef) -> Change {
    Change { phase: Phase::Canary, candidate: Some(candidate), weight: 5000, ..Change::to(stable) }
}

/// Everything of a root that somebody may have been told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) pointer: Option<Pointer>,
    pub(crate) generations: BTreeMap<GenerationId, Digest>,
    pub(crate) pins: BTreeMap<String, GenerationId>,
    pub(crate) rollouts: BTreeMap<String, Vec<u8>>,
    pub(crate) head: Head,
    pub(crate) directories: Vec<String>,
}

impl Seen {
    /// Looks at everything, and verifies it.
    pub(crate) fn of<F: Vfs>(store: &Store<F>) -> Result<Self, String> {
        fn text(err: impl std::fmt::Debug) -> String {
            format!("{err:?}")
        }
        let pointer = store.current().map_err(text)?;
        let mut generations = BTreeMap::new();
        for id in store.generations().map_err(text)? {
            generations.insert(id, verified(store, id).map_err(text)?);
        }
        for it in pointer.iter().flat_map(|it| [Some(it.stable), it.candidate]).flatten() {
            if generations.get(&it.generation) != Some(&it.manifest) {
                return Err(format!("generation {} is named and not there", it.generation));
            }
        }
        let mut rollouts = BTreeMap::new();
        for id in store.rollouts().map_err(text)? {
            let bytes = store.read_rollout(&id).map_err(text)?;
            rollouts.insert(id, bytes.ok_or("a rollout vanished")?);
        }
        let pins = store.pins().map_err(text)?;
        let verified = store.audit().verify(pointer.as_ref().map(|it| it.audit)).map_err(text)?;
        let directories = directories(store.fs());
        Ok(Self { pointer, generations, pins, rollouts, head: verified.head, directories })
    }
}

/// The digest of a verified generation's manifest. The same files are verified once.
fn verified<F: Vfs>(store: &Store<F>, id: GenerationId) -> Result<Digest, StoreError> {
    type Files = Vec<(String, Vec<u8>)>;
    static KNOWN: Mutex<BTreeMap<Files, Digest>> = Mutex::new(BTreeMap::new());
    let dir = format!("gen/{id}");
    let files = store.fs().read_tree(&dir, 1 << 20).unwrap();
    if let Some(known) = KNOWN.lock().unwrap().get(&files) {
        return Ok(*known);
    }
    store.verify(id, None)?;
    let digest = store.manifest(id)?.1;
    KNOWN.lock().unwrap().insert(files, digest);
    Ok(digest)
}

/// The directories of the layout that are there.
pub(crate) fn directories<F: Vfs>(fs: &F) -> Vec<String> {
    let below = |dir: &str| fs.list(dir).unwrap_or_default().into_iter();
    let directories = below("").chain(below("audit")).filter(|it| it.1 == Kind::Directory);
    directories.map(|it| it.0).collect()
}
