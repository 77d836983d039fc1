//! What the manifest of a generation has to be. The files say nothing of it: who changes them
//! can write a manifest that fits.

use std::collections::BTreeMap;

use overlay_model::Digest;
use overlay_store::vfs::Vfs;
use overlay_store::{GenerationId, GenerationRef, Manifest, Pointer, Store, StoreError};

/// The digest of each generation's manifest as the audit log has it: that of the newest record
/// about the generation that says one.
///
/// # Errors
///
/// Where the audit log cannot be read.
pub(crate) fn published<F: Vfs>(
    store: &Store<F>,
) -> Result<BTreeMap<GenerationId, Digest>, StoreError> {
    let mut res = BTreeMap::new();
    for record in store.audit().records(1)? {
        let entry = record?.entry;
        if let (Some(generation), Some(manifest)) = (entry.generation, entry.manifest_sha256) {
            res.insert(GenerationId(generation), manifest);
        }
    }
    Ok(res)
}

/// A generation with the digest that its manifest has to have; where the log does not know it,
/// the one that it has.
pub(super) fn reference<F: Vfs>(
    store: &Store<F>,
    generation: GenerationId,
) -> Result<GenerationRef, StoreError> {
    let manifest = match published(store)?.get(&generation) {
        Some(manifest) => *manifest,
        None => store.manifest(generation)?.1,
    };
    Ok(GenerationRef { generation, manifest })
}

/// The digests that manifests have to have, by the pointer and by the audit log.
#[derive(Debug)]
pub(crate) struct Due {
    pub(super) named: Vec<GenerationRef>,
    published: BTreeMap<GenerationId, Digest>,
}

impl Due {
    /// By `pointer`, and by the log of the root.
    pub(crate) fn of<F: Vfs>(
        store: &Store<F>,
        pointer: Option<&Pointer>,
    ) -> Result<Self, StoreError> {
        let named = pointer.iter().flat_map(|it| [Some(it.stable), it.candidate]).flatten();
        Ok(Self { named: named.collect(), published: published(store)? })
    }

    /// Compares the files of a generation with its manifest, and that with what is due.
    pub(crate) fn verify<F: Vfs>(
        &self,
        store: &Store<F>,
        generation: GenerationId,
    ) -> Result<Manifest, StoreError> {
        let named = self.named.iter().find(|it| it.generation == generation);
        let named = named.map(|it| it.manifest);
        let published = self.published.get(&generation).copied();
        let manifest = store.verify(generation, named.or(published))?;
        // A pointer that says something else than the log was written by somebody else.
        if published.is_some_and(|it| named.is_some_and(|named| named != it)) {
            return store.verify(generation, published);
        }
        Ok(manifest)
    }

    /// Whether a manifest with this digest is the one that the log knows, if it knows one.
    pub(crate) fn fits(&self, generation: GenerationId, manifest: Digest) -> bool {
        self.published.get(&generation).is_none_or(|it| *it == manifest)
    }
}
