//! Whatever comes in: no panic, a coded answer, and soon.

use std::ops::Range;
use std::time::Duration;

use overlay_model::{
    Catalogue, DesignSpec, Edit, MicroOverlay, Overlay, Shape, TextFormat, Value, from_toml,
    from_yaml, read,
};
use proptest::prelude::*;
use rustix::time::{ClockId, clock_gettime};

/// Does the work, which may use three seconds of processor time: a busy machine is no
/// finding, work without bound is one.
#[track_caller]
fn soon<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = processor_time();
    let res = work();
    let used = processor_time() - start;
    assert!(used < Duration::from_secs(3), "{what} takes {used:?}");
    res
}

/// What this thread has used so far.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

#[test]
fn a_mebibyte_of_broken_lines_is_read_soon() {
    let files = [
        ("no entry", "x\n"),
        ("no key", "=\n"),
        ("bad key", "ä=1\n"),
        ("control", "A=\u{1}\n"),
        ("duplicate", "A=1\n"),
        ("comment-like", "A=1 # x # y\n"),
        ("one line", "=# "),
        ("blanks", "\t "),
        ("quotes", "\""),
    ];
    for (what, line) in files {
        let text = line.repeat((1 << 20) / line.len());
        let (overlay, findings) = soon(what, || Overlay::read(text.as_bytes()));
        assert!(findings.len() <= 2 * 4096 + 1, "{what}: {} findings", findings.len());
        assert!(overlay.len() <= 4096);
    }
    let long_lines = format!("{}\n", "é=".repeat(120)).repeat(2000);
    soon("long lines", || Overlay::parse(&long_lines));
}

#[test]
fn bombs_are_refused_soon() {
    let laughs: String = (1..10)
        .map(|it| format!("a{it}: &a{it} [{}]\n", vec![format!("*a{}", it - 1); 9].join(",")))
        .collect();
    let bombs = [
        format!("a0: &a0 lol\n{laughs}"),
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
        format!("a = {}", "[".repeat(100_000)),
        "a.".repeat(50_000) + "a = 1",
        (0..3000).map(|it| format!("{}a:\n", " ".repeat(it))).collect(),
        format!("A: {}", "x".repeat(100 << 20)),
        "A: 1\n---\nB: 2\n".to_owned(),
        "A: 1\nA: 2\n".to_owned(),
        "A: \0\n".to_owned(),
    ];
    for bomb in &bombs {
        for format in [TextFormat::Toml, TextFormat::Yaml, TextFormat::Json] {
            let head: String = bomb.chars().take(20).collect();
            let err = soon(&head, || read(format, bomb)).expect_err(&head);
            assert!(err.line > 0 && err.column > 0 && err.message.len() < 300, "{err}");
        }
        assert!(from_yaml::<Catalogue>(bomb).is_err());
        assert!(from_toml::<DesignSpec>(bomb).is_err());
    }
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let span = (0..60_usize, 0..60_usize).prop_map(|(start, end)| Range { start, end });
    prop::collection::vec(
        (span, "[A=\n#ü]{0,4}").prop_map(|(span, text)| Edit { span, text }),
        0..6,
    )
}

/// Half noise, half something like the real thing with noise in it.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec![
        "TRUST_FLOOR",
        "=",
        "0.60",
        "\n",
        "\r\n",
        "#",
        "\u{feff}",
        " ",
        "\t",
        "\0",
        "ü",
        "\u{202e}",
        "## Core Directive",
        "scenarios:",
        "- id: a",
        "  prompt: x",
        "  expect:",
        "    - contains: y",
        "{",
        "}",
        "[",
        "]",
        "&a",
        "*a",
        ":",
        ",",
        "\"",
        "'",
        "name",
        "purpose",
        "performance_goals",
        "latency_ms",
        "1e999",
        ".nan",
        "|\n",
        "<<",
        "!!binary",
        "---\n",
    ];
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(prop::sample::select(pieces), 0..40)
            .prop_map(|it| it.concat().into_bytes()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in noise()) {
        let (overlay, findings) = Overlay::read(&bytes);
        let len = overlay.source().len();
        for finding in &findings {
            prop_assert!(finding.code.starts_with("OVL"));
            if let Some(at) = &finding.at {
                prop_assert!(at.span.start <= at.span.end && (len == 0 || at.span.end <= len));
            }
        }
        prop_assert_eq!(overlay.lines().count(), overlay.to_string().lines().count());
        let _ = overlay.layer("x");
        let text = String::from_utf8_lossy(&bytes);
        let micro = MicroOverlay::parse(&text);
        let _ = (micro.sections().count(), micro.checks().len(), micro.title(), micro.purpose());
        if let Ok(catalogue) = from_yaml::<Catalogue>(&text) {
            let _ = catalogue.findings(&text);
        }
        let _ = Catalogue::default().findings(&text);
        let _ = from_toml::<DesignSpec>(&text);
        for format in TextFormat::ALL {
            let _ = read(format, &text);
        }
    }

    #[test]
    fn no_edit_makes_apply_panic(text in "[A-C=\n#ü\r]{0,40}", edits in edits()) {
        let (mut overlay, _) = Overlay::parse(&text);
        prop_assert!(overlay.apply(&edits) <= edits.len());
    }

    #[test]
    fn no_text_makes_a_value_panic(text in any::<String>()) {
        use Shape::{Integer, List, Millis, Number, Switch, Version, Weights, Word};
        for shape in [Number, Integer, Millis, Switch, Word, List, Weights, Version, Shape::Text] {
            if let Ok(value) = Value::parse(shape, &text) {
                let _ = (value.canonical(), value.as_f64());
            }
        }
    }
}
