use expect_test::expect;
use overlay_model::{Effective, Layer, Origin, Overlay, Setting, merge};
use proptest::prelude::*;

use crate::{key, value};

fn layer(pairs: &[(String, String)]) -> Layer {
    let mut res = Layer::default();
    for (key, value) in pairs {
        res.set(key.parse().unwrap(), value.as_str(), Origin::Default);
    }
    res
}

/// What is in force, as one layer.
fn flattened(effective: &Effective) -> Layer {
    effective.iter().map(|(key, it)| (key.clone(), it.setting.clone())).collect()
}

fn values(effective: &Effective) -> Vec<(String, String)> {
    effective.iter().map(|(key, it)| (key.to_string(), it.setting.value.clone())).collect()
}

#[test]
fn the_strongest_wins_and_names_what_it_shadows() {
    let set = |value: &str, origin: Origin| {
        let mut res = Layer::default();
        res.set("TRUST_FLOOR".parse().unwrap(), value, origin);
        res
    };
    let (file, _) = Overlay::parse("# Refunds\n  TRUST_FLOOR = 0.65\nFUSION_MODE=quality_first\n");
    let variable = "RESONTINEX_FUSION_TRUST_FLOOR".to_owned();
    let layers = [
        set("0.60", Origin::Default),
        set("0.40", Origin::Embedded),
        file.layer("refund.txt"),
        set("0.70", Origin::Environment { variable }),
    ];
    let effective = merge(&layers);
    let trust = effective.get("TRUST_FLOOR").unwrap();
    let stack = std::iter::once(&trust.setting).chain(&trust.shadowed);
    let stack: String = stack.map(|it| format!("{} ({})\n", it.value, it.origin)).collect();
    expect![[r#"
        0.70 (environment variable RESONTINEX_FUSION_TRUST_FLOOR)
        0.65 (refund.txt:2:17)
        0.40 (embedded overlay)
        0.60 (default)
    "#]]
    .assert_eq(&stack);
    let mode = effective.get("FUSION_MODE").unwrap();
    assert_eq!((mode.setting.value.as_str(), mode.shadowed.len()), ("quality_first", 0));
    assert_eq!(effective.value("ENTROPY_FLOOR"), None);
    expect![[r#"
        {
          "value": "0.70",
          "origin": {
            "from": "environment",
            "variable": "RESONTINEX_FUSION_TRUST_FLOOR"
          },
          "shadowed": [
            {
              "value": "0.65",
              "origin": {
                "from": "file",
                "path": "refund.txt",
                "line": 2,
                "column": 17
              }
            },
            {
              "value": "0.40",
              "origin": {
                "from": "embedded"
              }
            },
            {
              "value": "0.60",
              "origin": {
                "from": "default"
              }
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(trust).unwrap());
}

#[test]
fn every_origin_has_a_name() {
    let origins = [
        Origin::Default,
        Origin::Embedded,
        Origin::Template { name: "balanced".to_owned() },
        Origin::Rule { id: "latency".to_owned(), because: "latency_ms < 200".to_owned() },
        Origin::Tuner { run: "r1".to_owned(), trial: 7 },
        Origin::Scenario { id: "refund".to_owned() },
        Origin::CommandLine,
    ];
    let said: String = origins.iter().map(|it| format!("{it}\n")).collect();
    expect![[r#"
        default
        embedded overlay
        template balanced
        rule latency: latency_ms < 200
        tuner run r1, trial 7
        scenario refund
        command line
    "#]]
    .assert_eq(&said);
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec(("[A-D]", value()), 0..5)
}

proptest! {
    #[test]
    fn merging_is_associative(a in pairs(), b in pairs(), c in pairs()) {
        let (a, b, c) = (layer(&a), layer(&b), layer(&c));
        let all = merge([&a, &b, &c]);
        let left = merge([&flattened(&merge([&a, &b])), &c]);
        let right = merge([&a, &flattened(&merge([&b, &c]))]);
        prop_assert_eq!(values(&all), values(&left));
        prop_assert_eq!(values(&all), values(&right));
    }

    #[test]
    fn every_setting_is_in_force_or_shadowed(a in pairs(), b in pairs(), c in pairs()) {
        let layers = [layer(&a), layer(&b), layer(&c)];
        let effective = merge(&layers);
        for (key, it) in effective.iter() {
            let stack: Vec<&Setting> = std::iter::once(&it.setting).chain(&it.shadowed).collect();
            let given: Vec<&Setting> =
                layers.iter().rev().filter_map(|layer| layer.get(key.as_str())).collect();
            prop_assert_eq!(stack, given);
        }
    }

    #[test]
    fn the_place_of_a_value_is_where_it_stands(
        lines in prop::collection::vec(("[ \t]{0,3}", key(), "[ \t]{0,3}", "[a-zü0-9 ]{1,6}[a-z]", any::<bool>()), 1..8),
    ) {
        let text: String = lines.iter().map(|(a, key, b, value, crlf)| {
            format!("# ü {value}\n{a}{key}{b}={b}{value}{}", if *crlf { "\r\n" } else { "\n" })
        }).collect();
        let (overlay, _) = Overlay::parse(&text);
        let effective = merge([&overlay.layer("x.txt")]);
        prop_assert!(effective.iter().count() > 0);
        for (_, it) in effective.iter() {
            let Origin::File { line, column, .. } = &it.setting.origin else { panic!("no file") };
            let rest: String =
                text.lines().nth(line - 1).unwrap().chars().skip(column - 1).collect();
            prop_assert_eq!(rest.trim_end(), it.setting.value.as_str());
        }
    }
}
