use expect_test::{Expect, expect};
use overlay_model::{Digest, OverlayName, ParamKey, Ratio, ScenarioId};

#[track_caller]
fn check(file_name: &str, expect: Option<&str>) {
    let name = OverlayName::from_file_name(file_name);
    assert_eq!(name.as_ref().map(OverlayName::as_str), expect, "{file_name}");
}

#[test]
fn a_file_name_says_the_overlay() {
    check("fusion_overlay.refund.txt", Some("refund"));
    check("fusion_overlay.refund_v2.1.txt", Some("refund"));
    check("fusion_overlay.refund_v2.1.0-rc.1.txt", Some("refund"));
    check("fusion_overlay.refund_very.txt", Some("refund_very"));
    check("fusion_overlay.refund_verbose.txt", Some("refund_verbose"));
    check("fusion_overlay.a_v1_v2.txt", Some("a_v1"));
    check("fusion_overlay.2fa-reset.txt", Some("2fa-reset"));
    check("fusion_overlay.v0.3.txt", None);
    check("fusion_overlay._v2.1.txt", None);
    check("fusion_overlay..txt", None);
    check("fusion_overlay.Refund.txt", None);
    check("fusion_overlay.../x.txt", None);
    check("fusion_overlay.txt", None);
    check("overlay.refund.txt", None);
    check("fusion_overlay.refund.txt~", None);
}

#[track_caller]
fn check_name(text: &str, expect: Expect) {
    let said = match text.parse::<OverlayName>() {
        Ok(name) => name.to_string(),
        Err(err) => err.to_string(),
    };
    expect.assert_eq(&said);
}

#[test]
fn a_name_is_a_file_name_everywhere() {
    check_name("refund_2-b", expect!["refund_2-b"]);
    check_name(
        "../x",
        expect![
            "invalid overlay name `../x`: use 1 to 64 lower-case letters, digits, `_` and `-`, a letter or digit first"
        ],
    );
    check_name(
        "",
        expect![
            "invalid overlay name ``: use 1 to 64 lower-case letters, digits, `_` and `-`, a letter or digit first"
        ],
    );
    for text in ["-a", "_a", "a b", "A", "ü", "a\n", "a/b", "a.b"] {
        assert!(text.parse::<OverlayName>().is_err(), "{text:?}");
    }
    assert!("a".repeat(64).parse::<OverlayName>().is_ok());
    assert!("a".repeat(65).parse::<OverlayName>().is_err());
}

#[test]
fn keys_and_scenarios_have_their_own_letters() {
    assert!("LOCAL-GGUF_MAX_CONTEXT_TOKENS".parse::<ParamKey>().is_ok());
    assert!("7B_X".parse::<ParamKey>().is_ok());
    for text in ["", "_A", "-A", "a", "A B", "A.B", "Ä"] {
        assert!(!ParamKey::is_valid(text), "{text:?}");
    }
    assert!("Refund.v2-a_b".parse::<ScenarioId>().is_ok());
    for text in ["", ".a", "a/b", "a b", "ü"] {
        assert!(text.parse::<ScenarioId>().is_err(), "{text:?}");
    }
    assert!("a".repeat(129).parse::<ScenarioId>().is_err());
}

#[test]
fn a_share_is_from_nought_to_one() {
    assert_eq!(Ratio::new(0.5).map(Ratio::get), Ok(0.5));
    for number in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(Ratio::new(number).is_err(), "{number}");
    }
}

#[test]
fn a_digest_reads_back() {
    let digest = Digest::of(b"");
    assert_eq!(digest.to_string().parse(), Ok(digest));
    assert_eq!(digest.short(), "e3b0c44298fc");
    for text in ["", "sha256:", "sha256:zz", "e3b0c44298fc"] {
        assert!(text.parse::<Digest>().is_err(), "{text}");
    }
    assert!(digest.to_string().to_uppercase().replace("SHA", "sha").parse::<Digest>().is_err());
}
