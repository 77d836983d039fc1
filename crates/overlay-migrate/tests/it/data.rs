//! Real files, from the folder that `FUSION_DATA` names.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the folder of real inputs is a setting of the test run"
)]

use std::path::PathBuf;

/// The original's folder, where it is there.
#[track_caller]
pub(crate) fn origin() -> Option<PathBuf> {
    let Some(root) = std::env::var_os("FUSION_DATA") else {
        let required = std::env::var_os("FUSION_DATA_REQUIRED").is_some_and(|it| it == "1");
        assert!(!required, "FUSION_DATA is not set");
        println!("skipped: no data at FUSION_DATA");
        return None;
    };
    Some(PathBuf::from(root).join("origin"))
}
