use std::fs;
use std::io;
use std::path::{Path, absolute};

/// Makes the folder `state` and what is missing on the way to it. Where it is in `root`, that
/// has to be there: a root that is gone (a volume that is not mounted) must not come back as
/// an empty folder, in which no switch is thrown and nothing was ever deployed.
///
/// # Errors
///
/// Where a folder cannot be made, or the root that `state` is in is not there.
pub fn make_state_folder(root: &Path, state: &Path) -> io::Result<()> {
    let (mut at, state) = (absolute(root)?, absolute(state)?);
    let Ok(below) = state.strip_prefix(&at) else { return fs::create_dir_all(state) };
    for part in below {
        at.push(part);
        match fs::create_dir(&at) {
            Err(err) if err.kind() != io::ErrorKind::AlreadyExists => return Err(err),
            _ => (),
        }
    }
    fs::read_dir(at).map(drop)
}

#[cfg(test)]
mod tests {
    use super::make_state_folder;

    #[test]
    fn a_root_that_is_gone_stays_gone() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        for state in [root.join("state/here"), root.clone()] {
            make_state_folder(&root, &state).unwrap_err();
            assert!(!root.exists());
        }
        let beside = dir.path().join("beside/here");
        make_state_folder(&root, &beside).unwrap();
        assert!(beside.is_dir() && !root.exists());
        std::fs::create_dir(&root).unwrap();
        for _ in 0..2 {
            make_state_folder(&root, &root.join("state/here")).unwrap();
            assert!(root.join("state/here").is_dir());
        }
        std::fs::write(root.join("file"), "").unwrap();
        make_state_folder(&root, &root.join("file")).unwrap_err();
    }
}
