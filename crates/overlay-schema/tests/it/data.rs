//! Where the real inputs lie.

#![expect(clippy::disallowed_methods, reason = "the one place where tests read the environment")]
#![expect(clippy::print_stderr, reason = "a test that is skipped must say so")]

use std::path::PathBuf;

/// The folder of real inputs; `None`, with a word about it, where there is none.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("FUSION_DATA").map(PathBuf::from).filter(|it| it.is_dir());
    let required = std::env::var("FUSION_DATA_REQUIRED").is_ok_and(|it| it == "1");
    assert!(folder.is_some() || !required, "no data at FUSION_DATA");
    if folder.is_none() {
        eprintln!("skipped: no data at FUSION_DATA");
    }
    folder
}
