use std::fmt::Write as _;

use expect_test::{Expect, expect};
use overlay_model::{LineView, MAX_BYTES, MAX_LINES, Overlay};
use proptest::prelude::*;

use crate::{key, listed, value};

/// Entries, other lines in brackets, then the findings.
#[track_caller]
fn check(text: &str, expect: Expect) {
    let (overlay, findings) = Overlay::parse(text);
    assert_eq!(overlay.source(), text, "the text must come back as it was");
    let mut res = String::new();
    for line in overlay.lines() {
        match line {
            LineView::Entry(it) => {
                assert_eq!(text.get(it.key_span()), Some(it.key));
                assert_eq!(text.get(it.value_span()), Some(it.value));
                assert_eq!(overlay.get(it.key), Some(it));
                writeln!(res, "{}: {} -> {}", it.line, it.key, it.value).unwrap();
            }
            LineView::Comment(it) => writeln!(res, "[{it}]").unwrap(),
            LineView::Broken(it) => {
                writeln!(res, "[broken {:?}]", it.get(..30).unwrap_or(it)).unwrap();
            }
            LineView::Blank => res.push_str("[]\n"),
        }
    }
    expect.assert_eq(&(res + &listed(&findings)));
}

#[test]
fn keeps_everything_and_every_order() {
    check(
        "# Refunds\n\nTRUST_FLOOR = 0.60 \n  LOCAL-GGUF_MAX_CONTEXT_TOKENS=4096",
        expect![[r#"
        [# Refunds]
        []
        3: TRUST_FLOOR -> 0.60
        4: LOCAL-GGUF_MAX_CONTEXT_TOKENS -> 4096
    "#]],
    );
}

#[test]
fn a_value_holds_any_sign() {
    check(
        "RULE_001=IF a>0.7 THEN b=c(d)\nTRUST=a+b\nMAP=x:1,y:2\nEMPTY=\nHASH=a#b\nTAB=a\tb\n",
        expect![[r#"
            1: RULE_001 -> IF a>0.7 THEN b=c(d)
            2: TRUST -> a+b
            3: MAP -> x:1,y:2
            4: EMPTY -> 
            5: HASH -> a#b
            6: TAB -> a	b
        "#]],
    );
}

#[test]
fn what_cannot_be_seen_is_named() {
    let shown = |c: char| Overlay::parse(&format!("A=0{c}5\n")).1.first().map(ToString::to_string);
    for c in ['\u{200b}', '\u{feff}', '\u{ad}', '\u{200f}', '\u{2060}', '\u{e0041}'] {
        let expected = format!(
            "1:4: error[OVL1004]: the character U+{:04X} cannot be seen and is not allowed (remove it)",
            u32::from(c)
        );
        assert_eq!(shown(c), Some(expected));
    }
    let (_, findings) = Overlay::parse("TRUST\u{200b}_FLOOR=1\n# \u{ad}\n");
    assert_eq!(findings.iter().map(|it| it.code).collect::<Vec<_>>(), ["OVL1004", "OVL1004"]);
    // Persian and emoji are written with joiners.
    assert_eq!(shown('\u{200c}'), None);
    assert_eq!(overlay_model::visible("a\u{200c}\u{e0041}b"), "a\\u{200c}\\u{e0041}b");
}

#[test]
fn takes_crlf_and_a_byte_order_mark() {
    check(
        "\u{feff}A=1\r\n\r\n# c\r\nB=2\r\n",
        expect![[r#"
            1: A -> 1
            []
            [# c]
            4: B -> 2
            1:1: note[OVL1007]: the file begins with a byte order mark (save the file as UTF-8 without it)
            1:4: note[OVL1012]: lines end in CRLF (nothing to do: both are read; `fusion overlay fmt` writes LF)
        "#]],
    );
}

#[test]
fn refuses_a_lone_carriage_return() {
    check(
        "A=1\rB=2\n",
        expect![[r#"
            [broken "A=1\rB=2"]
            1:4: error[OVL1004]: the character U+000D cannot be seen and is not allowed (end the line with a line feed)
        "#]],
    );
}

#[test]
fn refuses_what_cannot_be_seen() {
    check(
        "A=1\0\nB=\u{202e}x\nC=\u{85}\n# \u{2028}\nD\u{7}=1\nE=\u{1b}[31m\n",
        expect![[r##"
        [broken "A=1\0"]
        [broken "B=\u{202e}x"]
        [broken "C=\u{85}"]
        [broken "# \u{2028}"]
        [broken "D\u{7}=1"]
        [broken "E=\u{1b}[31m"]
        1:4: error[OVL1004]: the character U+0000 cannot be seen and is not allowed (remove it)
        2:3: error[OVL1004]: the character U+202E cannot be seen and is not allowed (remove it)
        3:3: error[OVL1004]: the character U+0085 cannot be seen and is not allowed (remove it)
        4:3: error[OVL1004]: the character U+2028 cannot be seen and is not allowed (remove it)
        5:2: error[OVL1004]: the character U+0007 cannot be seen and is not allowed (remove it)
        6:3: error[OVL1004]: the character U+001B cannot be seen and is not allowed (remove it)
    "##]],
    );
}

#[test]
fn refuses_what_is_no_entry() {
    check(
        "TRUST_FLOOR\n= 1\n[section]\n",
        expect![[r#"
        [broken "TRUST_FLOOR"]
        [broken "= 1"]
        [broken "[section]"]
        1:1: error[OVL1001]: expected `KEY=VALUE` (put `#` in front of a comment)
        2:1: error[OVL1002]: no key in front of `=`
        3:1: error[OVL1001]: expected `KEY=VALUE` (put `#` in front of a comment)
    "#]],
    );
}

#[test]
fn refuses_a_key_of_another_form() {
    check(
        "trust.floor=1\n_A=1\nÄ=1\nexport X=1\nA B=2\n",
        expect![[r#"
            [broken "trust.floor=1"]
            [broken "_A=1"]
            [broken "Ä=1"]
            [broken "export X=1"]
            [broken "A B=2"]
            1:1: error[OVL1003]: `trust.floor` is no key: use upper-case letters, digits, `_` and `-`, a letter or digit first (write `TRUST_FLOOR`)
            2:1: error[OVL1003]: `_A` is no key: use upper-case letters, digits, `_` and `-`, a letter or digit first
            3:1: error[OVL1003]: `Ä` is no key: use upper-case letters, digits, `_` and `-`, a letter or digit first
            4:1: error[OVL1003]: `export X` is no key: use upper-case letters, digits, `_` and `-`, a letter or digit first (write `X`)
            5:1: error[OVL1003]: `A B` is no key: use upper-case letters, digits, `_` and `-`, a letter or digit first (write `A_B`)
        "#]],
    );
}

#[test]
fn names_both_lines_of_a_duplicate() {
    check(
        "B=1\nA=1\n B = 2\nB=3\n",
        expect![[r#"
        1: B -> 1
        2: A -> 1
        [broken " B = 2"]
        [broken "B=3"]
        3:2: error[OVL2003]: `B` is set on line 1 already (keep one of the two lines)
        4:1: error[OVL2003]: `B` is set on line 1 already (keep one of the two lines)
    "#]],
    );
    let (overlay, findings) = Overlay::parse("A=1\n# c\nA=2\n");
    let related: Vec<_> = findings[0].related.iter().map(|(at, _)| at.line).collect();
    assert_eq!((overlay.value("A"), related), (Some("1"), vec![1]));
}

#[test]
fn doubts_what_is_rarely_meant() {
    check(
        "A=1 # one\nB=\"quoted\"\nC='x'\nD=\"\nE=#x\n",
        expect![[r#"
        1: A -> 1 # one
        2: B -> "quoted"
        3: C -> 'x'
        4: D -> "
        5: E -> #x
        1:5: warning[OVL1008]: looks like a comment, and is part of the value (comments stand on lines of their own)
        2:3: warning[OVL1009]: the quotes are part of the value (values are written without quotes)
        3:3: warning[OVL1009]: the quotes are part of the value (values are written without quotes)
    "#]],
    );
}

#[test]
fn columns_count_characters() {
    check(
        "# ü\nA=ü \u{202e}\n",
        expect![[r#"
        [# ü]
        [broken "A=ü \u{202e}"]
        2:5: error[OVL1004]: the character U+202E cannot be seen and is not allowed (remove it)
    "#]],
    );
}

#[test]
fn read_refuses_bytes_that_are_no_text() {
    let (overlay, findings) = Overlay::read(b"A=1\nB=\xff\n");
    assert!(overlay.is_empty());
    expect![[r#"
        2:3: error[OVL1005]: invalid UTF-8: byte 0xff (save the file as UTF-8)
    "#]]
    .assert_eq(&listed(&findings));
    let (_, findings) = Overlay::read(b"\xc3");
    expect![[r#"
        1:1: error[OVL1005]: invalid UTF-8: byte 0xc3 (save the file as UTF-8)
    "#]]
    .assert_eq(&listed(&findings));
}

#[test]
fn a_file_has_a_size() {
    let (overlay, findings) = Overlay::read(&vec![b'a'; 100 << 20]);
    assert!(overlay.is_empty());
    expect![[r#"
        error[OVL1006]: 104857600 bytes are more than the 1048576 a file may have (an overlay holds settings; long texts belong into its micro overlay)
    "#]].assert_eq(&listed(&findings));

    let (overlay, findings) = Overlay::read("A=1\n".repeat(5_000_000).as_bytes());
    assert!(overlay.is_empty());
    assert_eq!(findings[0].code, "OVL1006");

    let lines = "#\n".repeat(MAX_LINES);
    assert!(Overlay::parse(&lines).1.is_empty());
    let (overlay, findings) = Overlay::parse(&(lines + "A=1\n"));
    assert!(overlay.is_empty());
    expect![[r#"
        4097:1: error[OVL1006]: more than the 4096 lines a file may have
    "#]]
    .assert_eq(&listed(&findings));

    let full = format!("A={}", "x".repeat(MAX_BYTES - 2));
    assert_eq!(Overlay::parse(&full).1, []);
}

#[test]
fn the_first_error_is_the_error() {
    assert!("\u{feff}A=1 # note\n".parse::<Overlay>().is_ok());
    let err = "A=1\nx\n".parse::<Overlay>().unwrap_err();
    expect!["2:1: error[OVL1001]: expected `KEY=VALUE` (put `#` in front of a comment)"]
        .assert_eq(&err.to_string());
}

/// A line that is right, in every way to write it.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => ("[ \t]{0,2}", key(), "[ \t]{0,2}", "[ \t]{0,2}", value(), "[ \t]{0,2}")
            .prop_map(|(a, key, b, c, value, d)| format!("{a}{key}{b}={c}{value}{d}")),
        1 => "[ \t]{0,2}#[ -~]{0,20}",
        1 => "[ \t]{0,3}",
    ]
}

fn document() -> impl Strategy<Value = String> {
    (
        any::<bool>(),
        prop::collection::vec((line(), prop::sample::select(vec!["\n", "\r\n"])), 0..20),
        line(),
    )
        .prop_map(|(mark, lines, last)| {
            let mark = if mark { "\u{feff}" } else { "" };
            let lines: String = lines.into_iter().map(|(line, end)| line + end).collect();
            format!("{mark}{lines}{last}")
        })
}

proptest! {
    #[test]
    fn the_text_comes_back(text in document()) {
        let (overlay, findings) = Overlay::parse(&text);
        prop_assert_eq!(overlay.source(), text.as_str());
        prop_assert!(findings.iter().all(|it| !it.is_error() || it.code == "OVL2003"), "{findings:?}");
        let printed = overlay.to_string();
        let (again, _) = Overlay::parse(&printed);
        prop_assert_eq!(again.to_string(), printed);
        let pairs = |it: &Overlay| -> Vec<_> {
            it.entries().map(|it| (it.key.to_owned(), it.value.to_owned())).collect()
        };
        prop_assert_eq!(pairs(&overlay), pairs(&again));
        for entry in overlay.entries() {
            prop_assert_eq!(text.get(entry.key_span()), Some(entry.key));
            prop_assert_eq!(text.get(entry.value_span()), Some(entry.value));
        }
    }

    #[test]
    fn the_short_way_through_an_entry_agrees_with_the_long_one(key in key(), value in value()) {
        let (plain, plain_findings) = Overlay::parse(&format!("{key}={value}\n"));
        // A carriage return sends the line the long way.
        let (long, long_findings) = Overlay::parse(&format!("{key}={value}\r\n"));
        prop_assert_eq!(plain.value(&key), Some(value.as_str()));
        prop_assert_eq!(long.value(&key), Some(value.as_str()));
        let long_findings: Vec<_> =
            long_findings.into_iter().filter(|it| it.code != "OVL1012").collect();
        prop_assert_eq!(plain_findings, long_findings);
    }
}
