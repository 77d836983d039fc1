//! Real files, from the folder that `FUSION_DATA` names.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the folder of real inputs is a setting of the test run"
)]

use std::path::PathBuf;

use crate::{flags, routed, scenario};

/// The text of the original's flag file, where the folder is there.
#[track_caller]
pub(crate) fn original() -> Option<String> {
    let Some(root) = std::env::var_os("FUSION_DATA") else {
        let required = std::env::var_os("FUSION_DATA_REQUIRED").is_some_and(|it| it == "1");
        assert!(!required, "FUSION_DATA is not set");
        println!("skipped: no data at FUSION_DATA");
        return None;
    };
    let path = PathBuf::from(root).join("origin/overlay_feature_flags.yaml");
    Some(std::fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display())))
}

#[test]
fn the_originals_flags_route_unchanged() {
    let Some(text) = original() else { return };
    let flags = flags(&text);
    assert_eq!(
        routed(&flags, &scenario("refund_processing_duplicate")),
        "[rollback_first] else baseline_only"
    );
    assert_eq!(
        routed(&flags, &scenario("regulatory_compliance_audit_prep")),
        "[state_compliance_model regulatory_audit_prep] else baseline_only"
    );
    assert_eq!(routed(&flags, &scenario("greeting")), "[] else baseline_only");
}
