//! What the tables promise.

use overlay_schema::{
    ALIASES, Caching, Continuity, FusionMode, Group, Judge, MODEL_PARAMS, ModelSelection,
    Monitoring, PARAMS, PiiDetection, ResponseFormat, SecurityMode, TrustModel, VOLATILE, param,
    place,
};

#[test]
fn parameters_are_sorted_and_documented() {
    assert!(PARAMS.is_sorted_by(|a, b| a.key < b.key));
    for it in PARAMS.iter().chain(MODEL_PARAMS) {
        assert!(it.doc.ends_with('.') && !it.lowers_to.is_empty(), "{}", it.key);
        assert_eq!(it.since.split('.').count(), 3);
    }
}

#[test]
fn aliases_and_timestamps_are_parameters() {
    for key in ALIASES.iter().flat_map(|(older, newer)| [older, newer]).chain(VOLATILE) {
        assert!(param(key).is_some(), "{key}");
    }
}

#[test]
fn words_come_back_as_they_are_written() {
    macro_rules! check {
        ($($name:ident)+) => {$(
            for word in $name::WORDS {
                let it = $name::from_word(word).unwrap();
                assert_eq!((it.as_str(), it.to_string().as_str()), (*word, *word));
            }
            assert_eq!($name::from_word(""), None);
        )+};
    }
    check!(Continuity TrustModel FusionMode ModelSelection Caching Monitoring SecurityMode
        PiiDetection ResponseFormat Judge);
}

#[test]
fn keys_have_places_by_group() {
    let section = |key: &str| place(key).section;
    assert_eq!(section("OVERLAY_NAME"), Group::Metadata.heading());
    assert_eq!(section("GPT-4O_MAX_TOKENS"), Group::Models.heading());
    assert_eq!(section("XYZ"), "Other");
    assert!(place("OVERLAY_NAME").rank < place("TRUST_FLOOR").rank);
    assert!(place("TRUST_FLOOR").rank < place("GPT-4O_TOP_P").rank);
    assert!(place("GPT-4O_TOP_P").rank < place("XYZ").rank);
}
