use overlay_model::{Edit, InvalidValue, MAX_BYTES, MAX_LINES, Overlay};
use proptest::prelude::*;

use crate::{key, value};

#[track_caller]
fn check_set(text: &str, assignment: (&str, &str), expect: &str) {
    let (mut overlay, _) = Overlay::parse(text);
    overlay.set(&assignment.0.parse().unwrap(), assignment.1).unwrap();
    assert_eq!(overlay.source(), expect);
    assert_eq!(overlay.value(assignment.0), Some(assignment.1));
}

#[test]
fn sets_a_key_where_it_stands() {
    check_set("# a\r\n A = 1 \r\nB=2", ("A", "3"), "# a\r\n A = 3 \r\nB=2");
    check_set("A =\n", ("A", "3"), "A =3\n");
    check_set("A=1\n", ("A", ""), "A=\n");
}

#[test]
fn appends_a_new_key() {
    check_set("", ("A", "1"), "A=1\n");
    check_set("B=2", ("A", "1"), "B=2\nA=1\n");
    check_set("B=2\n", ("A", "x = y"), "B=2\nA=x = y\n");
}

#[test]
fn refuses_a_value_that_no_line_can_hold() {
    let check = |value: &str| Overlay::default().set(&"A".parse().unwrap(), value);
    assert_eq!(check("a\nB=1"), Err(InvalidValue::Control('\n')));
    assert_eq!(check("\u{202e}"), Err(InvalidValue::Control('\u{202e}')));
    assert_eq!(check(" a"), Err(InvalidValue::Blanks));
    assert_eq!(check(&"a".repeat(MAX_BYTES)), Err(InvalidValue::TooLarge));
    let (mut full, _) = Overlay::parse(&"#\n".repeat(MAX_LINES));
    assert_eq!(full.set(&"A".parse().unwrap(), "1"), Err(InvalidValue::TooLarge));
}

#[test]
fn a_new_line_ends_as_the_others_do() {
    let set = |text: &str| {
        let (mut overlay, _) = Overlay::parse(text);
        overlay.set(&"C".parse().unwrap(), "3").unwrap();
        overlay.source().to_owned()
    };
    assert_eq!(set("A=1\r\nB=2\r\n"), "A=1\r\nB=2\r\nC=3\r\n");
    assert_eq!(set("A=1\r\nB=2"), "A=1\r\nB=2\r\nC=3\r\n");
    assert_eq!(set("A=1\nB=2\n"), "A=1\nB=2\nC=3\n");
    assert_eq!(set(""), "C=3\n");
}

#[test]
fn removes_a_key_with_its_line() {
    let (mut overlay, _) = Overlay::parse("A=1\r\n# c\nB=2\nC=3");
    assert!(overlay.remove("A") && overlay.remove("C") && !overlay.remove("X"));
    assert_eq!(overlay.source(), "# c\nB=2\n");
}

#[test]
fn the_fix_of_a_finding_makes_it_go_away() {
    for text in [
        "\u{feff}A=1\n",
        "trust floor=1\n",
        "export A=1\n",
        "A=\"x\"\n",
        "A=1\0\n",
        "A=1\rB=2\n",
        "A=0\u{200b}.5\n",
        "\u{feff} A=1  # one\r\n",
    ] {
        let (mut overlay, findings) = Overlay::parse(text);
        let mends = |it: &overlay_model::Diagnostic| it.code != "OVL1012";
        let findings = findings.into_iter().filter(mends);
        let edits: Vec<_> = findings.flat_map(|it| it.fix.expect("a fix").edits).collect();
        assert_eq!(overlay.apply(&edits), edits.len());
        assert!(!Overlay::parse(overlay.source()).1.iter().any(mends), "{text}");
    }
}

#[test]
fn edits_that_overlap_or_lie_outside_are_left_out() {
    let (mut overlay, _) = Overlay::parse("A=123\n");
    let edit = |span, text: &str| Edit { span, text: text.to_owned() };
    #[expect(clippy::reversed_empty_ranges, reason = "hostile on purpose")]
    let edits = [edit(2..4, "x"), edit(3..5, "y"), edit(90..91, "z"), edit(5..2, "w")];
    assert_eq!(overlay.apply(&edits), 1);
    assert_eq!(overlay.source(), "A=x3\n");
    assert_eq!(overlay.apply(&[edit(0..0, &"#".repeat(MAX_BYTES))]), 0);
    assert_eq!(overlay.source(), "A=x3\n");
}

proptest! {
    #[test]
    fn what_is_set_is_there(
        pairs in prop::collection::vec((key(), value()), 0..8), key in key(), value in value(),
    ) {
        let mut overlay = Overlay::default();
        for (key, value) in &pairs {
            overlay.set(&key.parse().unwrap(), value).unwrap();
        }
        let before = overlay.clone();
        overlay.set(&key.parse().unwrap(), &value).unwrap();
        prop_assert_eq!(overlay.value(&key), Some(value.as_str()));
        for entry in before.entries().filter(|it| it.key != key) {
            prop_assert_eq!(overlay.value(entry.key), Some(entry.value));
        }
        if before.get(&key).is_none() {
            prop_assert!(overlay.remove(&key));
            prop_assert_eq!(overlay, before);
        }
    }
}
