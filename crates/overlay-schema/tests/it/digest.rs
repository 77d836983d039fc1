//! What digests cover.

use overlay_model::{Overlay, diff};
use overlay_schema::{digest, key_digests, typed};

fn of(text: &str) -> String {
    digest(&Overlay::parse(text).0).to_string()
}

#[test]
fn meaning_counts_and_form_does_not() {
    let base = of("TRUST_FLOOR=0.30\nOVERLAY_AUTHOR=ops\nVOTING_POWER_MAP=trust:1,energy:2\n");
    for same in [
        "# a comment\r\nOVERLAY_AUTHOR = ops\r\n\r\nVOTING_POWER_MAP=energy:2, trust:1\r\nTRUST_FLOOR=3e-1",
        "TRUST_FLOOR=0.3\nAUTHOR=ops\nVOTING_POWER_MAP=energy:2,trust:1\nLAST_MODIFIED=2026-11-21T09:30:00Z",
        "TRUST_FLOOR=0.3\nAUTHOR=dev\nOVERLAY_AUTHOR=ops\nVOTING_POWER_MAP=energy:2,trust:1\nCREATED_DATE=x",
    ] {
        assert_eq!(of(same), base, "{same}");
    }
    for other in [
        "TRUST_FLOOR=0.31\nOVERLAY_AUTHOR=ops\nVOTING_POWER_MAP=trust:1,energy:2\n",
        "TRUST_FLOOR=0.30\nOVERLAY_AUTHOR=ops\nVOTING_POWER_MAP=trust:2,energy:2\n",
        "TRUST_FLOOR=0.30\nOVERLAY_AUTHOR=ops\n",
        "TRUST_FLOOR=0.30\nOVERLAY_AUTHOR=ops\nVOTING_POWER_MAP=trust:1,energy:2\nXYZ=1\n",
    ] {
        assert_ne!(of(other), base, "{other}");
    }
}

#[test]
fn a_list_keeps_its_order() {
    assert_ne!(of("MODEL=a,b"), of("MODEL=b,a"));
}

#[test]
fn a_value_that_is_none_of_its_parameter_is_text() {
    assert_ne!(of("TRUST_FLOOR=high"), of("TRUST_FLOOR=low"));
    assert_eq!(typed(&Overlay::parse("AUTHOR=x\nTRUST_FLOOR=high").0)[0].0, "OVERLAY_AUTHOR");
}

#[test]
fn key_digests_say_which_key_changed() {
    let digests = |text: &str| key_digests(&Overlay::parse(text).0);
    let (a, b) = (digests("TRUST_FLOOR=0.30\nSAMPLES=3"), digests("TRUST_FLOOR=0.3\nSAMPLES=4"));
    assert_eq!(a["TRUST_FLOOR"], b["TRUST_FLOOR"]);
    assert_ne!(a["SAMPLES"], b["SAMPLES"]);
    assert_eq!(a["SAMPLES"], "4e07408562bedb8b");
}

#[test]
fn equal_digests_have_no_changes() {
    let (a, b) = (
        Overlay::parse("SAMPLES=3\nTRUST_FLOOR=0.30").0,
        Overlay::parse("TRUST_FLOOR=0.3\nSAMPLES=3").0,
    );
    assert_eq!(digest(&a), digest(&b));
    assert!(diff(&typed(&a), &typed(&b)).is_empty());
}
