//! The folder of real inputs.
#![expect(clippy::disallowed_methods, reason = "the one place where tests read the environment")]

use std::path::PathBuf;

/// The folder, or `None` after saying that it is not there.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = std::env::var("FUSION_DATA").ok().map(PathBuf::from).filter(|it| it.is_dir());
    if folder.is_none() {
        let required = std::env::var("FUSION_DATA_REQUIRED").is_ok_and(|it| it == "1");
        assert!(!required, "FUSION_DATA_REQUIRED=1, and there is no data at FUSION_DATA");
        std::io::Write::write_all(&mut std::io::stderr(), b"skipped: no data at FUSION_DATA\n")
            .unwrap();
    }
    folder
}
