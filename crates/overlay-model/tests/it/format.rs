use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use overlay_model::{LineView, MAX_LINES, Overlay, Place, format};
use proptest::prelude::*;

use crate::{key, value};

/// A little table, as overlay-schema has a large one.
fn place(key: &str) -> Place {
    let (section, rank) = match key {
        "NAME" => ("Identity", 0),
        "AUTHOR" => ("Identity", 1),
        "TRUST" => ("Floors", 10),
        "ENERGY" => ("Floors", 11),
        "A" | "B" => ("Letters", 20),
        _ => ("Other keys", u32::MAX),
    };
    Place { section, rank }
}

fn formatted(text: &str) -> String {
    format(&Overlay::parse(text).0, &place)
}

#[track_caller]
fn check(text: &str, expect: Expect) {
    let once = formatted(text);
    expect.assert_eq(&once);
    assert_eq!(formatted(&once), once, "formatting twice changes more");
}

#[test]
fn groups_keys_under_headings() {
    check(
        "TRUST = 0.60\nZZZ=1\nENERGY=0.05\nAUTHOR=me\nYYY=2\r\nNAME=refund",
        expect![[r#"
        ## Identity
        NAME=refund
        AUTHOR=me

        ## Floors
        TRUST=0.60
        ENERGY=0.05

        ## Other keys
        YYY=2
        ZZZ=1
    "#]],
    );
}

#[test]
fn comments_stay_where_they_belong() {
    check(
        "\u{feff}# Refund overlay\n# for the EU\n\n# Another note\n\n# why so high\nTRUST=0.9\n\n## My heading\n\n# who\nNAME=x\n\n# the end\n\n# really\n",
        expect![[r#"
            # Refund overlay
            # for the EU

            # Another note

            ## Identity
            ## My heading
            # who
            NAME=x

            ## Floors
            # why so high
            TRUST=0.9

            # the end

            # really
        "#]],
    );
}

#[test]
fn a_comment_right_above_an_entry_is_its_own() {
    check(
        "# trust is low here\nTRUST=0.1\nNAME=x\n",
        expect![[r#"
        ## Identity
        NAME=x

        ## Floors
        # trust is low here
        TRUST=0.1
    "#]],
    );
    check(
        "# Title\n### Core\nTRUST=0.1\nNAME=x\n",
        expect![[r#"
        # Title

        ## Identity
        NAME=x

        ## Floors
        ### Core
        TRUST=0.1
    "#]],
    );
}

#[test]
fn its_own_headings_are_written_anew() {
    check(
        "## Floors\nNAME=x\n\n## Identity\nTRUST=0.1\n\n## Letters\n",
        expect![[r#"
        ## Identity
        NAME=x

        ## Floors
        TRUST=0.1

        ## Letters
    "#]],
    );
    check(
        "# Top\n## Floors\n# about trust\n\nTRUST=0.1\n",
        expect![[r#"
        # Top

        ## Floors
        # about trust
        TRUST=0.1
    "#]],
    );
}

#[test]
fn a_file_without_entries() {
    check("", expect![""]);
    check("\n\n", expect![""]);
    check("\u{feff}", expect![""]);
    check(
        "# only\n\n\n#  this \n",
        expect![[r#"
        # only

        #  this
    "#]],
    );
}

#[test]
fn a_broken_file_stays_as_it_is() {
    for text in ["B=1\nx\nA=1", "A=1\nA=2", "B=1\nA=\0\n"] {
        assert_eq!(formatted(text), text);
    }
    let lines = "#\n".repeat(MAX_LINES);
    assert_eq!(formatted(&(lines.clone() + "A=1")), lines.clone() + "A=1");
    let mut full: String = (0..MAX_LINES).map(|it| std::format!("K{it}=1\n")).collect();
    assert_eq!(formatted(&full), full, "no room for a heading");
    full.truncate(full.len() - 20);
    assert_eq!(formatted(&full), full, "nor here");
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (prop_oneof![
                prop::sample::select(vec!["NAME", "AUTHOR", "TRUST", "ENERGY", "A", "B"]).prop_map(str::to_owned),
                key(),
            ], value()).prop_map(|(key, value)| std::format!("{key} = {value}")),
        2 => "#{1,3} ?[a-c ]{0,3}",
        1 => prop::sample::select(vec!["## Floors", "## Identity", " ## Letters", "##", "## Other keys"])
            .prop_map(str::to_owned),
        2 => Just(String::new()),
    ]
}

/// Entries sorted, and comments that are no heading of the layout's sorted.
fn content(text: &str) -> (BTreeMap<String, String>, Vec<String>) {
    let (overlay, _) = Overlay::parse(text);
    let entries = overlay.entries().map(|it| (it.key.to_owned(), it.value.to_owned())).collect();
    let headings: Vec<_> =
        overlay.entries().map(|it| std::format!("## {}", place(it.key).section)).collect();
    let comments = overlay.lines().filter_map(|line| match line {
        LineView::Comment(text) if !headings.iter().any(|it| it == text) => Some(text.to_owned()),
        _ => None,
    });
    let mut comments: Vec<_> = comments.collect();
    comments.sort();
    (entries, comments)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn loses_nothing_and_settles_at_once(lines in prop::collection::vec(line(), 0..16)) {
        let text = lines.join("\n");
        let once = formatted(&text);
        prop_assert_eq!(formatted(&once), once.clone());
        prop_assert_eq!(content(&once), content(&text));
        if Overlay::parse(&text).0.is_sound() && !once.is_empty() {
            prop_assert!(once.ends_with('\n') && !once.ends_with("\n\n") && !once.contains("\n\n\n"));
            let headings: Vec<_> = once.lines().filter(|it| *it == "## Floors").collect();
            prop_assert!(headings.len() <= 1 || content(&once).1.contains(&"## Floors".to_owned()));
        }
    }
}
