//! Real inputs, which are not part of the repository.

#![expect(clippy::disallowed_methods, reason = "the tests are told where the data are")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::path::PathBuf;

/// The folder of real inputs, where there is one.
pub(crate) fn data() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os("FUSION_DATA") {
        return Some(dir.into());
    }
    let is_required = std::env::var_os("FUSION_DATA_REQUIRED").is_some_and(|it| it == "1");
    assert!(!is_required, "no data at FUSION_DATA");
    println!("skipped: no data at FUSION_DATA");
    None
}

/// Says that a program the test would ask is not installed.
pub(crate) fn skip_without(program: &str) {
    println!("skipped: no {program} on PATH");
}
