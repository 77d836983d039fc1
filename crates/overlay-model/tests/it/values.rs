use expect_test::{Expect, expect};
use overlay_model::{Data, Shape, Value, canonical_number};
use proptest::prelude::*;

/// The canonical text, or why there is none.
#[track_caller]
fn check(shape: Shape, texts: &[&str], expect: Expect) {
    let lines = texts.iter().map(|text| match Value::parse(shape, text) {
        Ok(value) => {
            assert_eq!(value.text(), *text);
            format!("{text:?} -> {}\n", value.canonical())
        }
        Err(err) => format!("{text:?} !! {err}\n"),
    });
    expect.assert_eq(&lines.collect::<String>());
}

#[test]
fn numbers() {
    check(
        Shape::Number,
        &["0.30", "0.3", "3e-1", "+.5", "-0", "1e21", "5.", "007", "1e308"],
        expect![[r#"
            "0.30" -> 0.3
            "0.3" -> 0.3
            "3e-1" -> 0.3
            "+.5" -> 0.5
            "-0" -> 0
            "1e21" -> 1000000000000000000000
            "5." -> 5
            "007" -> 7
            "1e308" -> 100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
        "#]],
    );
    check(
        Shape::Number,
        &[
            "",
            "nan",
            "-NaN",
            "inf",
            "+Infinity",
            "1e999",
            "٠.٥",
            "1_0e-1",
            "1,5",
            "0x10",
            "1e",
            ".",
            "--1",
            "½",
            " 1",
        ],
        expect![[r#"
            "" !! the value is empty
            "nan" !! not a finite number
            "-NaN" !! not a finite number
            "inf" !! not a finite number
            "+Infinity" !! not a finite number
            "1e999" !! not a finite number
            "٠.٥" !! only the digits 0 to 9 make a number
            "1_0e-1" !! only the digits 0 to 9 make a number
            "1,5" !! not a number
            "0x10" !! not a number
            "1e" !! not a number
            "." !! not a number
            "--1" !! not a number
            "½" !! only the digits 0 to 9 make a number
            " 1" !! not a number
        "#]],
    );
}

#[test]
fn whole_numbers() {
    check(
        Shape::Integer,
        &[
            "150",
            "-3",
            "+7",
            "007",
            "9223372036854775807",
            "9223372036854775808",
            "150.0",
            "1e3",
            "",
            "x",
            "١٥",
            "inf",
        ],
        expect![[r#"
            "150" -> 150
            "-3" -> -3
            "+7" -> 7
            "007" -> 7
            "9223372036854775807" -> 9223372036854775807
            "9223372036854775808" !! not a whole number
            "150.0" !! not a whole number
            "1e3" !! not a whole number
            "" !! the value is empty
            "x" !! not a number
            "١٥" !! only the digits 0 to 9 make a number
            "inf" !! not a finite number
        "#]],
    );
    check(
        Shape::Millis,
        &["250", "-1", "9223372036854775807", "250ms"],
        expect![[r#"
        "250" -> 250
        "-1" !! must not be negative
        "9223372036854775807" -> 9223372036854775807
        "250ms" !! not a number
    "#]],
    );
}

#[test]
fn switches_and_words() {
    check(
        Shape::Switch,
        &["true", "false", "True", "1", "yes", ""],
        expect![[r#"
        "true" -> true
        "false" -> false
        "True" !! neither `true` nor `false`
        "1" !! neither `true` nor `false`
        "yes" !! neither `true` nor `false`
        "" !! neither `true` nor `false`
    "#]],
    );
    check(
        Shape::Word,
        &["adaptive_routing", "a b", ""],
        expect![[r#"
        "adaptive_routing" -> adaptive_routing
        "a b" -> a b
        "" !! the value is empty
    "#]],
    );
    check(
        Shape::Text,
        &["", "anything: at #all"],
        expect![[r#"
        "" -> 
        "anything: at #all" -> anything: at #all
    "#]],
    );
}

#[test]
fn lists() {
    check(
        Shape::List,
        &["a,b", " b , a ", "none", "a", "", "a,,b", "a,", "a,none"],
        expect![[r#"
            "a,b" -> a,b
            " b , a " -> b,a
            "none" -> none
            "a" -> a
            "" !! the value is empty
            "a,,b" !! element 2 of the list is empty or `none`
            "a," !! element 2 of the list is empty or `none`
            "a,none" !! element 2 of the list is empty or `none`
        "#]],
    );
}

#[test]
fn weights() {
    check(
        Shape::Weights,
        &[
            "trust:1,energy:2",
            "single:1",
            "model/vendor:tag:3",
            "a:0,b:1",
            "a : 1",
            "",
            "a",
            "a:1.5",
            "a:-1",
            ":1",
            "a:1,a:2",
            "a:0",
            "a:4294967296",
            "a:1,",
            "a:+1",
            "a:",
        ],
        expect![[r#"
            "trust:1,energy:2" -> energy:2,trust:1
            "single:1" -> single:1
            "model/vendor:tag:3" -> model/vendor:tag:3
            "a:0,b:1" -> a:0,b:1
            "a : 1" -> a:1
            "" !! the value is empty
            "a" !! `a` is not `name:weight` with a whole weight
            "a:1.5" !! `a:1.5` is not `name:weight` with a whole weight
            "a:-1" !! `a:-1` is not `name:weight` with a whole weight
            ":1" !! `:1` is not `name:weight` with a whole weight
            "a:1,a:2" !! `a` stands in the map twice
            "a:0" !! the weights add up to zero
            "a:4294967296" !! `a:4294967296` is not `name:weight` with a whole weight
            "a:1," !! `` is not `name:weight` with a whole weight
            "a:+1" !! `a:+1` is not `name:weight` with a whole weight
            "a:" !! `a:` is not `name:weight` with a whole weight
        "#]],
    );
}

#[test]
fn versions() {
    check(
        Shape::Version,
        &[
            "2.1.0",
            "v2.1.0",
            "0.3",
            "2.1",
            "1.0.0-rc.1+b5",
            "2",
            "2.1.0.0",
            "02.1.0",
            "2.x",
            "banana",
            "",
            "2.1.0-",
            "-1.0",
            "1.0.0-ü",
            "v",
            "vv1.0",
        ],
        expect![[r#"
            "2.1.0" -> 2.1.0
            "v2.1.0" -> 2.1.0
            "0.3" -> 0.3.0
            "2.1" -> 2.1.0
            "1.0.0-rc.1+b5" -> 1.0.0-rc.1+b5
            "2" !! not a version
            "2.1.0.0" !! not a version
            "02.1.0" !! not a version
            "2.x" !! not a version
            "banana" !! not a version
            "" !! not a version
            "2.1.0-" !! not a version
            "-1.0" !! not a version
            "1.0.0-ü" !! not a version
            "v" !! not a version
            "vv1.0" !! not a version
        "#]],
    );
}

#[test]
fn a_number_is_read_as_one() {
    let read = |shape, text| Value::parse(shape, text).unwrap().as_f64();
    assert_eq!(read(Shape::Number, "0.30"), Some(0.3));
    assert_eq!(read(Shape::Millis, "250"), Some(250.0));
    assert_eq!(read(Shape::Text, "250"), None);
    assert_eq!(*Value::parse(Shape::List, "none").unwrap().data(), Data::List(Vec::new()));
}

proptest! {
    #[test]
    fn a_canonical_number_reads_back_as_the_same(bits in any::<u64>()) {
        let number = f64::from_bits(bits);
        prop_assume!(number.is_finite());
        let back = Value::parse(Shape::Number, &canonical_number(number)).unwrap();
        prop_assert_eq!(back.as_f64(), Some(number));
    }

    #[test]
    fn canonical_is_a_fixed_point(shape in shape(), text in any_text()) {
        if let Ok(value) = Value::parse(shape, &text) {
            let canonical = value.canonical();
            prop_assert_eq!(Value::parse(shape, &canonical).unwrap().canonical(), canonical);
        }
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    use Shape::{Integer, List, Millis, Number, Switch, Text, Version, Weights, Word};
    prop::sample::select(vec![Number, Integer, Millis, Switch, Word, List, Weights, Version, Text])
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[0-9.eE+-]{0,10}",
        "[a-c:, 0-9]{0,12}",
        "v?[0-9]{1,2}(\\.[0-9]{1,2}){0,3}[-+a-z0-9.]{0,5}"
    ]
}
