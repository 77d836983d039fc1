use overlay_deploy::{CheckName, EnvironmentName, Mode, Span, Stages};
use proptest::prelude::*;

#[track_caller]
fn stages(text: &str, expect: Option<&str>) {
    let parsed = text.parse::<Stages>().ok().map(|it| it.to_string());
    assert_eq!(parsed.as_deref(), expect, "{text}");
}

#[test]
fn stages_grow_to_everybody() {
    stages("1,5,25,50,100", Some("1,5,25,50,100"));
    stages(" 0.001 , 100 ", Some("0.001,100"));
    for text in [
        "",
        "100",
        "1,5",
        "5,1,100",
        "1,1,100",
        "0,100",
        "-1,100",
        "1,101",
        "1,x,100",
        "0.0001,100",
        "nan,100",
        "1,inf,100",
        "1,100,100",
    ] {
        stages(text, None);
    }
}

#[test]
fn an_unknown_mode_is_no_mode() {
    assert_eq!("blue-green".parse(), Ok(Mode::BlueGreen));
    for text in ["", "Direct", "blue_green", "rolling", "direct "] {
        let err = text.parse::<Mode>().unwrap_err().to_string();
        assert_eq!(err, format!("unknown mode `{text}`: use direct, staged or blue-green"));
    }
}

#[test]
fn names_are_no_paths() {
    for text in ["", "../x", "a/b", "A", "-a", "a b", "a\n", &"a".repeat(65)] {
        assert!(text.parse::<EnvironmentName>().is_err(), "{text}");
        assert!(text.parse::<CheckName>().is_err(), "{text}");
    }
    assert!("eu-west_2".parse::<EnvironmentName>().is_ok());
}

#[test]
fn spans_are_bounded() {
    assert_eq!("90m".parse::<Span>().unwrap().to_string(), "1h 30m");
    for text in ["", "5", "-5m", "31days", "9999999h", "5 fortnights"] {
        assert!(text.parse::<Span>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn spans_read_back(millis in 0_u64..30 * 86_400_000) {
        let span = Span(std::time::Duration::from_millis(millis));
        prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
    }

    #[test]
    fn stages_read_back(mut buckets in prop::collection::btree_set(1_u32..100_000, 1..20)) {
        buckets.insert(100_000);
        let percent: Vec<f64> = buckets.iter().map(|it| f64::from(*it) / 1000.0).collect();
        let stages = Stages::of_percent(&percent).unwrap();
        prop_assert_eq!(stages.to_string().parse::<Stages>(), Ok(stages));
    }
}
