//! Bytes of an overlay file: parse, check, format, edit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use overlay_model::Overlay;

fuzz_target!(|bytes: &[u8]| {
    let (mut overlay, findings) = Overlay::read(bytes);
    assert!(overlay.source().is_empty() || overlay.source().as_bytes() == bytes);
    for fix in findings.iter().filter_map(|it| it.fix.as_ref()) {
        overlay.apply(&fix.edits);
    }
    let _ = overlay_schema::digest(&overlay);
});
