use std::collections::BTreeSet;

use overlay_model::Digest;

use crate::error::{StoreError, WriteError};
use crate::layout;
use crate::manifest::{Manifest, Origin};
use crate::pointer::{GenerationId, GenerationRef};
use crate::removal::remove_all;
use crate::tree::Tree;
use crate::vfs::{Kind, Vfs};
use crate::writer::Writer;

/// A file of a generation is never written again.
const READ_ONLY: u32 = 0o444;

impl<F: Vfs> Writer<'_, F> {
    /// Makes a generation of `tree`, durable and complete under the next number. It is not
    /// live before [`Self::switch`]. `at_us` is in microseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; what is live is as before. A half-written generation is removed now
    /// or by the next writer.
    pub fn publish(
        &mut self,
        tree: &Tree,
        origin: Origin,
        deployment: &str,
        at_us: i64,
    ) -> Result<GenerationRef, WriteError> {
        self.check_usable()?;
        let generation = self.next_generation()?;
        let parent = self.pointer.as_ref().map(|it| it.stable);
        let manifest = Manifest::new(generation, tree, parent, deployment, at_us, origin);
        let bytes = manifest
            .encode()
            .map_err(|err| StoreError::of("write", &layout::manifest(generation), err.into()))?;
        let dir = self.temporary();
        if let Err(err) = self.stage(&dir, tree, &bytes) {
            // The next writer does this where it fails too.
            drop(remove_all(&self.store.fs, &dir, Kind::Directory));
            return Err(err.into());
        }
        self.rename_new(&dir, &layout::generation(generation))?;
        self.sync_dir(layout::GENERATIONS)?;
        Ok(GenerationRef { generation, manifest: Digest::of(&bytes) })
    }

    /// One more than any number in use. The highest is never removed, so that no number
    /// comes twice.
    fn next_generation(&self) -> Result<GenerationId, StoreError> {
        let there = self.store.generations()?.last().copied();
        let named = self.pointer.iter().flat_map(|it| [Some(it.stable), it.candidate]).flatten();
        let highest = named.map(|it| it.generation).chain(there).max();
        Ok(GenerationId(highest.map_or(0, |it| it.0) + 1))
    }

    /// Writes the files of a generation. All are written before the first is synced: the
    /// system then writes most of them in one go.
    fn stage(&mut self, dir: &str, tree: &Tree, manifest: &[u8]) -> Result<(), StoreError> {
        let top = format!("{dir}/tree");
        let mut dirs = vec![dir.to_owned(), top.clone()];
        dirs.extend(directories(tree).into_iter().map(|it| format!("{top}/{it}")));
        for dir in &dirs {
            let made = self.store.fs.create_dir(dir);
            made.map_err(|err| StoreError::of("make", dir, err))?;
        }
        let manifest_path = format!("{dir}/manifest.json");
        for (path, bytes) in tree.iter() {
            self.write_new(&format!("{top}/{path}"), bytes, READ_ONLY)?;
        }
        self.write_new(&manifest_path, manifest, READ_ONLY)?;
        for (path, _) in tree.iter() {
            self.sync_file(&format!("{top}/{path}"))?;
        }
        self.sync_file(&manifest_path)?;
        dirs.iter().rev().try_for_each(|dir| self.sync_dir(dir))
    }
}

/// The directories that the files of a tree are in, those above first.
fn directories(tree: &Tree) -> BTreeSet<&str> {
    let above = |path| -> Vec<&str> {
        let path: &str = path;
        path.match_indices('/').filter_map(|(at, _)| path.get(..at)).collect()
    };
    tree.iter().flat_map(|(path, _)| above(path)).collect()
}
