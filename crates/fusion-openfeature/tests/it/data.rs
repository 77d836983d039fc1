//! The specification's own suites, from the folder that `FUSION_DATA` names.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the folder of real inputs is a setting of the test run"
)]

use std::path::PathBuf;

/// The text of a suite, where the folder is there.
#[track_caller]
pub(crate) fn suite(name: &str) -> Option<String> {
    let Some(root) = std::env::var_os("FUSION_DATA") else {
        let required = std::env::var_os("FUSION_DATA_REQUIRED").is_some_and(|it| it == "1");
        assert!(!required, "FUSION_DATA is not set");
        println!("skipped: no data at FUSION_DATA");
        return None;
    };
    let path = PathBuf::from(root).join("conformance/openfeature-spec/gherkin").join(name);
    Some(std::fs::read_to_string(&path).unwrap_or_else(|err| panic!("{path:?}: {err}")))
}
