use expect_test::{Expect, expect};
use overlay_model::{Overlay, Shape, TextFormat, Value, read, scalar_text, to_typed, write};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const STRUCTURED: [TextFormat; 3] = [TextFormat::Toml, TextFormat::Yaml, TextFormat::Json];

fn value(shape: Shape, text: &str) -> Value {
    Value::parse(shape, text).unwrap()
}

fn sample() -> Vec<(&'static str, Value)> {
    vec![
        ("FUSION_OVERLAY_VERSION", value(Shape::Version, "2.1.0")),
        ("TRUST_FLOOR", value(Shape::Number, "0.60")),
        ("TEMPERATURE", value(Shape::Number, "1")),
        ("SAMPLES", value(Shape::Integer, "5")),
        ("ARBITRATION_TIMEOUT_MS", value(Shape::Millis, "250")),
        ("ADAPTIVE_CACHING", value(Shape::Switch, "false")),
        ("FUSION_MODE", value(Shape::Word, "adaptive_routing")),
        ("LOCAL-GGUF_PREFERRED_MODULES", value(Shape::List, "none")),
        ("OVERLAY_TARGET_SCENARIOS", value(Shape::List, "refund, audit")),
        ("VOTING_POWER_MAP", value(Shape::Weights, "trust:1,model/m:7b:2")),
        ("OVERLAY_DESCRIPTION", value(Shape::Text, "Refunds: \"fast\" & safe # really")),
        ("NO", value(Shape::Text, "no")),
    ]
}

#[track_caller]
fn check_written(format: TextFormat, expect: Expect) {
    expect.assert_eq(&write(format, &sample()));
}

#[test]
fn writes_what_people_would() {
    check_written(
        TextFormat::Overlay,
        expect![[r#"
        FUSION_OVERLAY_VERSION=2.1.0
        TRUST_FLOOR=0.60
        TEMPERATURE=1
        SAMPLES=5
        ARBITRATION_TIMEOUT_MS=250
        ADAPTIVE_CACHING=false
        FUSION_MODE=adaptive_routing
        LOCAL-GGUF_PREFERRED_MODULES=none
        OVERLAY_TARGET_SCENARIOS=refund, audit
        VOTING_POWER_MAP=trust:1,model/m:7b:2
        OVERLAY_DESCRIPTION=Refunds: "fast" & safe # really
        NO=no
    "#]],
    );
    check_written(
        TextFormat::Toml,
        expect![[r#"
            FUSION_OVERLAY_VERSION = "2.1.0"
            TRUST_FLOOR = 0.6
            TEMPERATURE = 1
            SAMPLES = 5
            ARBITRATION_TIMEOUT_MS = 250
            ADAPTIVE_CACHING = false
            FUSION_MODE = "adaptive_routing"
            LOCAL-GGUF_PREFERRED_MODULES = []
            OVERLAY_TARGET_SCENARIOS = ["refund", "audit"]
            VOTING_POWER_MAP = { "model/m:7b" = 2, "trust" = 1 }
            OVERLAY_DESCRIPTION = "Refunds: \"fast\" & safe # really"
            NO = "no"
        "#]],
    );
    check_written(
        TextFormat::Yaml,
        expect![[r#"
        FUSION_OVERLAY_VERSION: "2.1.0"
        TRUST_FLOOR: 0.6
        TEMPERATURE: 1
        SAMPLES: 5
        ARBITRATION_TIMEOUT_MS: 250
        ADAPTIVE_CACHING: false
        FUSION_MODE: adaptive_routing
        LOCAL-GGUF_PREFERRED_MODULES: []
        OVERLAY_TARGET_SCENARIOS: [refund, audit]
        VOTING_POWER_MAP: { "model/m:7b": 2, trust: 1 }
        OVERLAY_DESCRIPTION: "Refunds: \"fast\" & safe # really"
        "NO": "no"
    "#]],
    );
    check_written(
        TextFormat::Json,
        expect![[r#"
        {
          "FUSION_OVERLAY_VERSION": "2.1.0",
          "TRUST_FLOOR": 0.6,
          "TEMPERATURE": 1,
          "SAMPLES": 5,
          "ARBITRATION_TIMEOUT_MS": 250,
          "ADAPTIVE_CACHING": false,
          "FUSION_MODE": "adaptive_routing",
          "LOCAL-GGUF_PREFERRED_MODULES": [],
          "OVERLAY_TARGET_SCENARIOS": ["refund","audit"],
          "VOTING_POWER_MAP": {"model/m:7b":2,"trust":1},
          "OVERLAY_DESCRIPTION": "Refunds: \"fast\" & safe # really",
          "NO": "no"
        }
    "#]],
    );
    for format in TextFormat::ALL {
        let empty = write(format, &[]);
        let read_back = read(format, &empty);
        assert_eq!(read_back, Ok(Vec::new()), "{format}: {empty:?}");
    }
}

#[test]
fn types_say_what_values_are() {
    let typed = Json::Object(to_typed(&sample()));
    expect![[r#"
        {
          "ADAPTIVE_CACHING": false,
          "ARBITRATION_TIMEOUT_MS": 250,
          "FUSION_MODE": "adaptive_routing",
          "FUSION_OVERLAY_VERSION": "2.1.0",
          "LOCAL-GGUF_PREFERRED_MODULES": [],
          "NO": "no",
          "OVERLAY_DESCRIPTION": "Refunds: \"fast\" & safe # really",
          "OVERLAY_TARGET_SCENARIOS": [
            "refund",
            "audit"
          ],
          "SAMPLES": 5,
          "TEMPERATURE": 1,
          "TRUST_FLOOR": 0.6,
          "VOTING_POWER_MAP": {
            "model/m:7b": 2,
            "trust": 1
          }
        }
    "#]]
    .assert_eq(&format!("{typed:#}\n"));
}

#[test]
fn formats_have_names() {
    for format in TextFormat::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    let of = |name| TextFormat::of_file_name(name);
    assert_eq!(of("fusion_overlay.x_v2.1.txt"), Some(TextFormat::Overlay));
    assert_eq!((of("a.yml"), of("a.toml")), (Some(TextFormat::Yaml), Some(TextFormat::Toml)));
    assert_eq!((of("a.md"), of("toml")), (None, None));
    expect!["unknown format `xml`: use overlay, toml, yaml or json"]
        .assert_eq(&"xml".parse::<TextFormat>().unwrap_err().to_string());
}

/// What `read` makes of a text, or why it does not.
#[track_caller]
fn check_read(format: TextFormat, text: &str, expect: Expect) {
    let said = match read(format, text) {
        Ok(entries) => entries.iter().map(|(key, value)| format!("{key} {value}\n")).collect(),
        Err(err) => err.to_string(),
    };
    expect.assert_eq(&said);
}

#[test]
fn yaml_has_no_surprises() {
    check_read(
        TextFormat::Yaml,
        "A: no\nB: 017\nC: 1_000\nD: 0.3\nE: \"0.3\"\nF: 2.1.0\nG: 2025-08-09T10:55:00Z\nH: 12:30\nI: true\nJ: \"true\"\nK: 0x1F\nL: ~\nM: 1e3\nN: [a, 1]\nO: {x: 1}\nP: 'it''s'\nQ: y\nR: 0o17\n",
        expect![[r#"
            A "no"
            B "017"
            C "1_000"
            D 0.3
            E "0.3"
            F "2.1.0"
            G "2025-08-09T10:55:00Z"
            H "12:30"
            I true
            J "true"
            K 31
            L null
            M 1000.0
            N ["a",1]
            O {"x":1}
            P "it's"
            Q "y"
            R 15
        "#]],
    );
    check_read(TextFormat::Yaml, "A: .nan\n", expect!["1:4: not a finite number"]);
    check_read(
        TextFormat::Yaml,
        "A: 1\nB: 2\nA: 3\n",
        expect!["3:1: duplicate mapping key `A` is not allowed here"],
    );
    check_read(
        TextFormat::Yaml,
        "A: {x: 1, x: 2}\n",
        expect!["1:11: duplicate mapping key `x` is not allowed here"],
    );
    check_read(TextFormat::Yaml, "- A\n", expect!["1:1: expected mapping start"]);
    check_read(TextFormat::Yaml, "A: !secret x\n", expect!["1:12: unsupported tag `!secret`"]);
    check_read(TextFormat::Yaml, "", expect![""]);
}

#[test]
fn json_refuses_a_key_set_twice() {
    check_read(
        TextFormat::Json,
        "{\"A\": 0.30, \"B\": [\"x\"], \"C\": null}",
        expect![[r#"
        A 0.3
        B ["x"]
        C null
    "#]],
    );
    check_read(
        TextFormat::Json,
        "{\"A\": 1,\n \"B\": 2,\n \"A\": 3}",
        expect!["3:4: duplicate key `A`"],
    );
    check_read(
        TextFormat::Json,
        "{\"A\": {\"x\": 1, \"x\": 2}}",
        expect!["1:18: duplicate key `x`"],
    );
    check_read(TextFormat::Json, "{\"ü\": 1, ]", expect!["1:10: key must be a string"]);
    check_read(TextFormat::Json, "{\"A\": 1} {}", expect!["1:10: trailing characters"]);
    check_read(TextFormat::Json, "{\"A\": 1e999}", expect!["1:11: number out of range"]);
    check_read(TextFormat::Json, "{\"A\": NaN}", expect!["1:7: expected value"]);
    check_read(
        TextFormat::Json,
        "[]",
        expect!["1:1: invalid type: sequence, expected a map of keys to values"],
    );
    check_read(
        TextFormat::Json,
        &format!("{{\"A\": {}1{}}}", "[".repeat(17), "]".repeat(17)),
        expect!["1:22: more than 16 levels"],
    );
}

#[test]
fn toml_keeps_its_order() {
    check_read(
        TextFormat::Toml,
        "Z = 0x1F\nA = 1_000\nM = 0.30\nD = 2025-08-09T10:55:00Z\nL = [\"a\", 1]\n[W]\ny = 1\nx = 2\n",
        expect![[r#"
            Z 31
            A 1000
            M 0.3
            D "2025-08-09T10:55:00Z"
            L ["a",1]
            W {"x":2,"y":1}
        "#]],
    );
    check_read(TextFormat::Toml, "A = 1\nB = nan\n", expect!["2:5: not a finite number"]);
    check_read(TextFormat::Toml, "A = 1\nA = 2\n", expect!["2:1: duplicate key"]);
    check_read(
        TextFormat::Toml,
        "A = 99999999999999999999\n",
        expect!["1:5: a whole number beyond 64 bits"],
    );
    check_read(
        TextFormat::Toml,
        &format!("A = {}1{}\n", "[".repeat(17), "]".repeat(17)),
        expect!["1:21: more than 16 levels"],
    );
    check_read(TextFormat::Overlay, "A=1\nA=2\n", expect!["2:1: `A` is set on line 1 already"]);
}

#[track_caller]
fn check_text(value: &Json, expect: Expect) {
    let said = match scalar_text(value) {
        Ok(text) => text,
        Err(err) => format!("!! {err}"),
    };
    expect.assert_eq(&said);
}

#[test]
fn typed_values_have_texts() {
    check_text(&json!(0.30), expect!["0.3"]);
    check_text(&json!(5.0), expect!["5"]);
    check_text(&json!(u64::MAX), expect!["18446744073709551615"]);
    check_text(&json!(["a", 1, true]), expect!["a,1,true"]);
    check_text(&json!([]), expect!["none"]);
    check_text(&json!({"b": 2, "a:c": 1}), expect!["a:c:1,b:2"]);
    check_text(&json!(null), expect!["!! null is no value: leave the key out"]);
    check_text(
        &json!(["a,b"]),
        expect![
            "!! `a,b` cannot be an element of a list: it is empty, `none`, or has a comma or blanks around it"
        ],
    );
    check_text(
        &json!(["a", ""]),
        expect![
            "!! `` cannot be an element of a list: it is empty, `none`, or has a comma or blanks around it"
        ],
    );
    check_text(
        &json!(["none"]),
        expect![
            "!! `none` cannot be an element of a list: it is empty, `none`, or has a comma or blanks around it"
        ],
    );
    check_text(&json!([["a"]]), expect!["!! a list holds words, numbers and switches only"]);
    check_text(&json!([null]), expect!["!! null is no value: leave the key out"]);
    check_text(&json!({}), expect!["!! a map of weights needs at least one name"]);
    assert_eq!(overlay_model::scalar_text(&json!({"a": 1.0})), Ok("a:1".to_owned()));
    check_text(
        &json!({"a": 1.5}),
        expect![
            "!! `a` needs a whole, not negative weight and a name without comma and blanks around it"
        ],
    );
    check_text(
        &json!({"a": -1}),
        expect![
            "!! `a` needs a whole, not negative weight and a name without comma and blanks around it"
        ],
    );
    check_text(
        &json!({"a,b": 1}),
        expect![
            "!! `a,b` needs a whole, not negative weight and a name without comma and blanks around it"
        ],
    );
    check_text(
        &json!("two\nlines"),
        expect!["!! the value holds the character U+000A, which cannot be seen"],
    );
    check_text(&json!(" x"), expect!["!! the value begins or ends with a blank"]);
}

/// A value of each shape, in many ways to write it.
fn any_value() -> impl Strategy<Value = (Shape, String)> {
    let name = "[a-zA-Z0-9_./: ~!?#&*%@{}\\[\\]'\"-]{1,8}";
    let names = prop::collection::btree_set(name, 0..4);
    prop_oneof![
        any::<f64>()
            .prop_filter("finite", |it| it.is_finite())
            .prop_map(|it| (Shape::Number, it.to_string())),
        (0..1000_i32).prop_map(|it| (Shape::Number, format!("0.{it}"))),
        any::<i64>().prop_map(|it| (Shape::Integer, it.to_string())),
        (0..i64::MAX).prop_map(|it| (Shape::Millis, it.to_string())),
        any::<bool>().prop_map(|it| (Shape::Switch, it.to_string())),
        crate::value().prop_map(|it| (Shape::Word, it)),
        trap().prop_map(|it| (Shape::Word, it)),
        names.clone().prop_map(|it| (Shape::List, it.into_iter().collect::<Vec<_>>().join(","))),
        (prop::collection::vec(trap(), 1..3)).prop_map(|it| (Shape::List, it.join(","))),
        Just((Shape::List, "none".to_owned())),
        (names, 1..5_u32).prop_map(|(it, weight)| {
            let pairs: Vec<_> = it.into_iter().map(|name| format!("{name}:{weight}")).collect();
            (Shape::Weights, pairs.join(","))
        }),
        "v?[0-9]{1,2}\\.[1-9]{1,2}(\\.[1-9])?(-[a-z]{1,3})?".prop_map(|it| (Shape::Version, it)),
        crate::value().prop_map(|it| (Shape::Text, it)),
        "\\PC{0,10}".prop_map(|it| (Shape::Text, it)),
    ]
}

/// Texts that some reader takes for something else.
fn trap() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "no",
        "yes",
        "on",
        "off",
        "y",
        "n",
        "True",
        "NULL",
        "null",
        "~",
        "017",
        "0o17",
        "1_000",
        "0.3",
        "2.1.0",
        "1e3",
        "0x1F",
        ".nan",
        ".inf",
        "-",
        "- a",
        "a: b",
        "a #b",
        "12:30",
        "2025-08-09",
        "2025-08-09T10:55:00Z",
        "<<",
        "=",
        "!x",
        "&a",
        "*a",
        "|",
        ">",
        "%x",
        "@x",
        "`x",
        "{a}",
        "[a]",
        "'",
        "\"",
        "\\",
        "\\n",
        "?",
        "? a",
        ":",
        "---",
        "...",
        "+1",
        "1.",
        "nan",
        "inf",
        "infinity",
        "Infinity",
        "NaN",
        "nulL",
        "\u{a0}x",
        "\u{feff}",
        "x\u{ad}",
    ])
    .prop_map(str::to_owned)
}

fn entries() -> impl Strategy<Value = Vec<(String, Shape, String)>> {
    let key = prop_oneof![
        crate::key(),
        prop::sample::select(vec![
            "NO", "Y", "NULL", "TRUE", "0", "017", "1E3", "0-1", "123", "NAN", "INF", "12", "0X1F",
            "FALSE", "INFINITY", "ON"
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::btree_map(key, any_value(), 0..8)
        .prop_map(|it| it.into_iter().map(|(key, (shape, text))| (key, shape, text)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_written_reads_back_with_the_same_meaning(entries in entries()) {
        let holds = |text: &str| Overlay::default().set(&"A".parse().unwrap(), text).is_ok();
        let values: Vec<_> = entries.iter().filter(|it| holds(&it.2)).filter_map(|(key, shape, text)| {
            Some((key.as_str(), *shape, Value::parse(*shape, text).ok()?))
        }).collect();
        let pairs: Vec<_> = values.iter().map(|(key, _, value)| (*key, value.clone())).collect();
        for format in STRUCTURED {
            let text = write(format, &pairs);
            let back = read(format, &text);
            prop_assert!(back.is_ok(), "{back:?}: {text}");
            let back = back.unwrap();
            prop_assert_eq!(back.len(), values.len());
            for ((key, typed), (expected, shape, value)) in back.iter().zip(&values) {
                prop_assert_eq!(key, expected);
                let text = scalar_text(typed);
                prop_assert!(text.is_ok(), "{text:?}");
                let again = Value::parse(*shape, &text.unwrap());
                prop_assert_eq!(again.map(|it| it.canonical()), Ok(value.canonical()), "{}", format);
            }
            let typed: serde_json::Map<_, _> = back.into_iter().collect();
            prop_assert_eq!(typed, to_typed(&pairs));
        }
    }
}
