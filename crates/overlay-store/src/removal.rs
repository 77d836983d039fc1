use crate::error::StoreError;
use crate::vfs::{Kind, Vfs};

/// Removes what is at `path`, with everything below it.
pub(crate) fn remove_all<F: Vfs>(fs: &F, path: &str, kind: Kind) -> Result<(), StoreError> {
    let failed = |err| StoreError::of("remove", path, err);
    if kind != Kind::Directory {
        return fs.remove_file(path).map_err(failed);
    }
    for (name, kind) in fs.list(path).map_err(failed)? {
        remove_all(fs, &format!("{path}/{name}"), kind)?;
    }
    fs.remove_dir(path).map_err(failed)
}
