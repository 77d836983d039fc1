use expect_test::{Expect, expect};
use overlay_model::{Digest, MicroOverlay, SECTIONS};

#[track_caller]
fn check(text: &str, expect: Expect) {
    let micro = MicroOverlay::parse(text);
    let sections: String =
        micro.sections().map(|(name, body)| format!("{name}: {body:?}\n")).collect();
    expect.assert_eq(&format!("{:?} {:?}\n{sections}", micro.title(), micro.purpose()));
}

#[test]
fn splits_on_known_headings_only() {
    check(
        "# ROLLBACK FIRST\n# Say how to undo\n\n## Core Directive\nUndo.\n\n## Response Structure Template\n```\n## Plan\n### Step\n# no title\n```\n## Tone Adjustments\nCalm.\n",
        expect![[r#"
            Some("ROLLBACK FIRST") Some("Say how to undo")
            Core Directive: "Undo.\n\n"
            Response Structure Template: "```\n## Plan\n### Step\n# no title\n```\n"
            Tone Adjustments: "Calm.\n"
        "#]],
    );
}

#[test]
fn any_text_is_a_prompt() {
    check(
        "",
        expect![[r#"
        None None
    "#]],
    );
    check(
        "## Core Directive",
        expect![[r#"
        None None
        Core Directive: ""
    "#]],
    );
    check(
        "##Core Directive\n ## Core Directive\n## Core Directives\n",
        expect![[r#"
        None None
    "#]],
    );
    check(
        "## Core Directive\nA\n## Core Directive\nB\n# late\n",
        expect![[r#"
        None None
        Core Directive: "A\n"
        Core Directive: "B\n# late\n"
    "#]],
    );
}

#[test]
fn the_checkout_leaves_no_trace() {
    let unix = MicroOverlay::parse("# T\n\n## Core Directive\nUndo.\n");
    let windows = MicroOverlay::parse("\u{feff}# T\r\n\r\n## Core Directive\r\nUndo.\r\n");
    assert_eq!(unix, windows);
    assert_eq!(Digest::of(unix.text().as_bytes()), Digest::of(windows.text().as_bytes()));
}

#[test]
fn quality_gates_carry_checks() {
    let text = "## Quality Gates\n- Names a way back [check: contains \"rollback\"]\n\
        - No promises [check: not \"guaranteed\"]\n- A date [check: regex \"\\\\d{4}\"]\n\
        - Plain\n- Odd [check: sounds \"good\"]\n- Bare [check: contains rollback]\n- Open [check: not \"x\"\n";
    let micro = MicroOverlay::parse(text);
    let said: String = micro.checks().iter().map(|it| format!("{it:?}\n")).collect();
    expect![[r#"
        Ok(Rule { id: Some("gate-1"), severity: Hard, test: Contains("rollback") })
        Ok(Rule { id: Some("gate-2"), severity: Hard, test: Not("guaranteed") })
        Ok(Rule { id: Some("gate-3"), severity: Hard, test: Regex("\\d{4}") })
        Err("sounds \"good\"")
        Err("contains rollback")
        Ok(Rule { id: Some("gate-6"), severity: Hard, test: Not("x") })
    "#]]
    .assert_eq(&said);
    assert!(MicroOverlay::parse("- x [check: contains \"y\"]\n").checks().is_empty());
}

#[test]
fn read_refuses_bytes_that_are_no_text() {
    let (micro, findings) = MicroOverlay::read(b"# T\n\xff");
    assert_eq!((micro.text(), findings[0].code), ("", "OVL1005"));
    let (micro, findings) = MicroOverlay::read(&vec![b'x'; 2 << 20]);
    assert_eq!((micro.text(), findings[0].code), ("", "OVL1006"));
    let (micro, findings) = MicroOverlay::read(b"# T\n");
    assert_eq!((micro.title(), findings.len()), (Some("T"), 0));
    assert_eq!(SECTIONS.len(), 7);
}
