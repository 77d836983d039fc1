//! Real inputs, which lie beside the checkout or not at all.
#![expect(clippy::disallowed_methods, reason = "the place of the data is told by the environment")]
#![expect(clippy::print_stdout, reason = "a test that was skipped says so")]

use std::path::Path;

/// The lines of `file` below `FUSION_DATA`, `None` where that is not set.
pub(crate) fn lines(file: &str) -> Option<Vec<String>> {
    let Ok(folder) = std::env::var("FUSION_DATA") else {
        assert!(
            std::env::var("FUSION_DATA_REQUIRED").as_deref() != Ok("1"),
            "FUSION_DATA_REQUIRED is set, FUSION_DATA is not"
        );
        println!("skipped: no data at FUSION_DATA");
        return None;
    };
    let text = std::fs::read_to_string(Path::new(&folder).join(file)).unwrap();
    Some(text.lines().map(str::to_owned).collect())
}
