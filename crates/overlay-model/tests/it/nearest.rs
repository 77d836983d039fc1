use overlay_model::nearest;

#[track_caller]
fn check(name: &str, known: &[&str], expected: Option<&str>) {
    assert_eq!(nearest(name, known.iter().copied()), expected, "{name}");
}

#[test]
fn a_third_of_the_letters_may_differ() {
    check("FUSION_MOED", &["FUSION_MODE", "SAMPLES"], Some("FUSION_MODE"));
    check("abcdef", &["abcdxx"], Some("abcdxx"));
    check("abcdef", &["abcxxx"], None);
    check("abcdef", &["abcdefgh"], Some("abcdefgh"));
    check("abcdef", &["abcdefghi"], None);
}

#[test]
fn one_letter_of_a_short_name_may_differ() {
    check("po", &["pol", "pool"], Some("pol"));
    check("a", &["b", "abc"], Some("b"));
    check("on", &["yes"], None);
}

#[test]
fn case_and_hyphens_are_aside() {
    check("trust-floor", &["SAMPLES", "TRUST_FLOOR"], Some("TRUST_FLOOR"));
    check("Überfall", &["überfall"], Some("überfall"));
}

#[test]
fn letters_are_counted_not_bytes() {
    // Two of four letters differ; of the bytes it would be a third.
    check("ééab", &["ééxy"], None);
    check("ééabcd", &["ééabxy"], Some("ééabxy"));
}

#[test]
fn the_nearest_comes_first_then_the_first() {
    check("abcdef", &["abcdxx", "abcdex", "abcdey"], Some("abcdex"));
}

#[test]
fn what_is_no_typing_error_has_no_nearest() {
    check("", &["a"], None);
    let long = "a".repeat(65);
    check(&long, &[&long], None);
    let long = "a".repeat(64);
    check(&long, &[&long], Some(&long));
}
