use std::fmt::Write as _;

use expect_test::{Expect, expect};
use overlay_model::{Location, Outline, Places, TextFormat};
use proptest::prelude::*;

/// Each key and each element with the bytes that stand there.
fn listed(text: &str, outline: &Outline, depth: usize, res: &mut String) {
    let indent = "  ".repeat(depth);
    for field in outline.fields() {
        let key = text.get(field.key_at.clone()).unwrap_or("?");
        let value = text.get(field.value.at.clone()).unwrap_or("?");
        let value = value.lines().next().unwrap_or_default();
        writeln!(res, "{indent}{} `{key}` = `{value}`", field.key).unwrap();
        listed(text, &field.value, depth + 1, res);
    }
    for item in outline.items() {
        writeln!(res, "{indent}- `{}`", text.get(item.at.clone()).unwrap_or("?")).unwrap();
        listed(text, item, depth + 1, res);
    }
}

#[track_caller]
fn check(format: TextFormat, text: &str, expect: Expect) {
    let outline = Outline::of(format, text).expect("an outline");
    let mut res = String::new();
    listed(text, &outline, 0, &mut res);
    expect.assert_eq(&res);
}

#[test]
fn keys_stand_where_the_parser_read_them() {
    check(
        TextFormat::Yaml,
        "# A: 0\nB: \"A: 1\"\n\"A\": [x, 'ü', \"z\"]\nC:\n  D: 1\n",
        expect![[r#"
            B `B` = `A: 1`
            A `A` = `[`
              - `x`
              - `ü`
              - `z`
            C `C` = ``
              D `D` = `1`
        "#]],
    );
    check(
        TextFormat::Toml,
        "# A = 0\nB = \"A = 1\"\n'A' = [\"x\", 'ü']\n[C]\nD = 1\n",
        expect![[r#"
            B `B` = `A = 1`
            A `A` = `["x", 'ü']`
              - `x`
              - `ü`
            C `C` = `[C]`
              D `D` = `1`
        "#]],
    );
    check(
        TextFormat::Json,
        "\u{feff}{\"B\": \"\\\"A\\\": 1\",\n \"\\u0041\": [1, {\"ü\": \"y\"}]}",
        expect![[r#"
            B `B` = `\"A\": 1`
            A `\u0041` = `[1, {"ü": "y"}]`
              - `1`
              - `{"ü": "y"}`
                ü `ü` = `y`
        "#]],
    );
}

#[test]
fn what_is_no_such_text_has_no_outline() {
    for text in ["{", "[", "a: &a 1\n", "{\"a\": 1} x"] {
        for format in TextFormat::ALL {
            assert_eq!(Outline::of(format, text), None, "{format}: {text}");
        }
    }
}

proptest! {
    #[test]
    fn places_agree_with_those_found_one_by_one(text in "([ -~üß中]{0,90}\n?){0,40}", at in 0..4000_usize) {
        let places = Places::of(&text);
        let at = (0..=at.min(text.len())).rev().find(|it| text.is_char_boundary(*it)).unwrap();
        prop_assert_eq!(places.get(at..at + 3), Location::of(&text, at..at + 3));
        prop_assert_eq!(places.get(text.len()..text.len()), Location::of(&text, text.len()..text.len()));
    }
}
