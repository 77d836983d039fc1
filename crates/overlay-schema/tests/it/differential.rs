//! Our schema phase and the exported schema, on the same 100,000 overlays.

use overlay_schema::{Kind, MODEL_PARAMS, PARAMS, Required, check_typed, overlay_schema};
use serde_json::{Map, Value, json};

const CASES: usize = 100_000;

/// SplitMix64, so that every run sees the same overlays.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

fn overlay(dice: &mut Dice) -> Map<String, Value> {
    let mut res = Map::new();
    // Half of the overlays are left sound, so that both verdicts are common.
    let flaws = if dice.one_in(2) { 0 } else { 1 + dice.below(2) };
    for param in PARAMS {
        let asked = param.required != Required::No;
        if asked || dice.one_in(5) {
            res.insert(param.key.to_owned(), good(param.kind, dice));
        }
    }
    if dice.one_in(3) {
        let param = &MODEL_PARAMS[dice.below(MODEL_PARAMS.len())];
        res.insert(format!("GPT-4O{}", param.key), good(param.kind, dice));
    }
    for _ in 0..flaws {
        flaw(&mut res, dice);
    }
    res
}

fn flaw(overlay: &mut Map<String, Value>, dice: &mut Dice) {
    let param = &PARAMS[dice.below(PARAMS.len())];
    match dice.below(8) {
        0 => {
            let keys: Vec<_> = overlay.keys().cloned().collect();
            overlay.remove(&dice.pick(&keys));
        }
        1 => {
            let key = dice.pick(&[
                "XYZ",
                "trust_floor",
                "_TOP_P",
                "-A_TOP_P",
                "TOP_P_",
                "A_TOP_P",
                "É_TOP_P",
                "",
            ]);
            overlay.insert(key.to_owned(), json!(1));
        }
        2 | 3 => drop(overlay.insert(param.key.to_owned(), of_any_type(dice))),
        4 => {
            let param = &MODEL_PARAMS[dice.below(MODEL_PARAMS.len())];
            overlay.insert(format!("LOCAL-GGUF{}", param.key), near(param.kind, dice));
        }
        _ => drop(overlay.insert(param.key.to_owned(), near(param.kind, dice))),
    }
}

/// A value that the kind takes.
fn good(kind: Kind, dice: &mut Dice) -> Value {
    match kind {
        Kind::Number { min, max } => json!(min + (max - min) * dice.below(101) as f64 / 100.0),
        Kind::Integer { min, max } | Kind::Millis { min, max, .. } => {
            json!(min + dice.below((max - min + 1) as usize) as i64)
        }
        Kind::Switch => json!(dice.one_in(2)),
        Kind::Word(words) => json!(dice.pick(words)),
        Kind::Models | Kind::Scenarios | Kind::Keys => {
            dice.pick(&[json!([]), json!(["a"]), json!(["gpt-4o", "b c"])])
        }
        Kind::Voters => dice.pick(&[
            json!({"single": 1}),
            json!({"trust": 2, "energy": 0}),
            json!({"model/a:b": 1.0}),
        ]),
        Kind::Version => json!(dice.pick(&["2.1.0", "2.1.0-rc.1+b7", "v2.1", "0.3"])),
        Kind::Name => json!(dice.pick(&["refund", "0", "a_b-c"])),
        Kind::Time | Kind::Token | Kind::Text => {
            json!(dice.pick(&["", "x", "Ünï # = text", "a\tb", "2026-11-21T09:30:00Z"]))
        }
    }
}

/// A value at the border of what the kind takes.
fn near(kind: Kind, dice: &mut Dice) -> Value {
    match kind {
        Kind::Number { min, max } => {
            let edge = dice.pick(&[min, max]);
            json!(edge + dice.pick(&[-1.0, -1e-9, 0.0, 1e-9, 1.0, 1e300]))
        }
        Kind::Integer { min, max } | Kind::Millis { min, max, .. } => {
            let edge = dice.pick(&[min, max]);
            dice.pick(&[
                json!(edge - 1),
                json!(edge),
                json!(edge + 1),
                json!(edge as f64),
                json!(edge as f64 + 0.5),
                json!(u64::MAX),
                json!(-1e18),
            ])
        }
        Kind::Switch => dice.pick(&[json!("true"), json!(1), json!(false)]),
        Kind::Word(words) => {
            let word = dice.pick(words);
            dice.pick(&[
                json!(word.to_uppercase()),
                json!(format!("{word} ")),
                json!(word),
                json!(""),
                json!(true),
            ])
        }
        Kind::Models | Kind::Scenarios | Kind::Keys => dice.pick(&[
            json!(["none"]),
            json!([""]),
            json!(["a,b"]),
            json!([" a"]),
            json!(["a", 1]),
            json!(["a\u{85}"]),
            json!(["\u{a0}a"]),
            json!(["a\u{2028}b"]),
            json!(["a\u{200b}b"]),
            json!(["a\u{200d}b"]),
            json!(["\u{e0041}"]),
            json!("a"),
            json!(["a", "none", "b"]),
            json!(["a", "a"]),
        ]),
        Kind::Voters => dice.pick(&[
            json!({}),
            json!({"trust": 0}),
            json!({"trust": -1}),
            json!({"trust": 1.5}),
            json!({"": 1}),
            json!({"a,b": 1}),
            json!({" a": 1}),
            json!({"trust": 4_294_967_295_u64}),
            json!({"trust": 4_294_967_296_u64}),
            json!({"trust": "1"}),
            json!({"a": 0, "b": 0}),
            json!({"a": 0.0, "b": 3}),
            json!({"none": 1}),
        ]),
        Kind::Version => json!(dice.pick(&[
            "2",
            "2.1.0.0",
            "02.1.0",
            "2.1.0-",
            "2.1.0-a..b",
            "2.1.0-01",
            "2.1.0-0a",
            "2.1.0+",
            "2.1.0+001",
            "vv2.1",
            "V2.1",
            "1234567890.0.0",
            "2.1-x",
            "fallback",
            "",
            "2.1.0-a+b+c",
            "2.1.0+b-a",
            "2.1.0-a+b-c",
        ])),
        Kind::Name => json!(dice.pick(&["", "A", "-a", "_a", "a b", "a\n", "ä", "../x"])),
        Kind::Time | Kind::Token | Kind::Text => {
            json!(dice.pick(&[
                " a",
                "a ",
                "a\nb",
                "a\u{7}",
                "\u{202e}a",
                "\t",
                "a\r",
                "\u{a0}a",
                "a\u{feff}",
                "a\u{ad}b",
                "\u{200b}a",
                "a\u{200d}b",
                "a\u{2060}",
                "a\u{e0041}b"
            ]))
        }
    }
}

fn of_any_type(dice: &mut Dice) -> Value {
    dice.pick(&[
        json!(null),
        json!(true),
        json!(0),
        json!(0.5),
        json!(-3),
        json!("x"),
        json!([]),
        json!(["x"]),
        json!([null]),
        json!({}),
        json!({"x": 1}),
        json!({"x": null}),
        json!(100),
        json!([["x"]]),
    ])
}

#[test]
fn schema_phase_and_exported_schema_agree() {
    let schema = jsonschema::validator_for(&overlay_schema()).unwrap();
    let mut dice = Dice(0x5EED);
    let mut sound = 0;
    for case in 0..CASES {
        let overlay = overlay(&mut dice);
        let found = check_typed(&overlay);
        let ours = !found.iter().any(overlay_model::Diagnostic::is_error);
        let overlay = Value::Object(overlay);
        assert_eq!(ours, schema.is_valid(&overlay), "case {case}: {overlay}\n{found:?}");
        sound += usize::from(ours);
    }
    assert!(sound > CASES / 10 && sound < CASES * 9 / 10, "{sound} of {CASES} are sound");
}
