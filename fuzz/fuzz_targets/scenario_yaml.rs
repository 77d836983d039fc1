//! The text of a scenario catalogue.
#![no_main]

use libfuzzer_sys::fuzz_target;
use overlay_model::Catalogue;

fuzz_target!(|text: &str| {
    if let Ok(catalogue) = overlay_model::from_yaml::<Catalogue>(text) {
        let _ = catalogue.findings(text);
    }
});
