//! Typed settings, and what the fifth phase says about them.

use overlay_model::{Layer, Origin, Overlay, Setting, merge};
use overlay_schema::{
    EMBEDDED_OVERLAY, FusionMode, Kind, PARAMS, Phase, PhaseVerdict, Profile, Settings, Subject,
    Voter, check,
};
use proptest::prelude::*;

use crate::{checked, with_lines};

fn layer(text: &str) -> Layer {
    Overlay::parse(text).0.layer("test")
}

#[test]
fn every_default_of_the_table_is_read() {
    let defaults: Layer = PARAMS
        .iter()
        .filter_map(|it| {
            let setting = Setting { value: it.default?.to_owned(), origin: Origin::Default };
            Some((it.key.parse().unwrap(), setting))
        })
        .collect();
    let written = Settings::resolve(&merge([&defaults])).unwrap();
    assert_eq!(written, Settings::defaults());
    assert_eq!(written, Settings::resolve(&merge([])).unwrap());
    assert_eq!(written.mode, FusionMode::BaselineOnly);
    assert_eq!((written.trust_floor.get(), written.samples), (0.6, 5));
    for param in PARAMS.iter().filter(|it| it.default.is_some()) {
        let text = with_lines(&format!("{}={}", param.key, param.default.unwrap()));
        let report = checked(&text, Profile::Deploy);
        assert!(report.is_valid(), "{}: {:?}", param.key, report.diagnostics);
    }
}

#[test]
fn a_value_out_of_range_comes_to_no_settings() {
    for line in ["SAMPLES=17", "TRUST_FLOOR=1.5", "GPT-4O_TOP_P=2", "MAX_TOKENS=0", "TOP_P=-1"] {
        let err = Settings::resolve(&merge([&layer(line)])).unwrap_err();
        assert_eq!(format!("{}={}", err.key, err.value), line);
    }
}

#[test]
fn voters_are_read() {
    let voters = |text: &str| Settings::resolve(&merge([&layer(text)])).map(|it| it.voters);
    assert_eq!(voters("VOTING_POWER_MAP=single:1"), Ok(vec![]));
    let model = Voter::Model("vendor:tag".to_owned());
    assert_eq!(voters("VOTING_POWER_MAP=model/vendor:tag:2"), Ok(vec![(model, 2)]));
    assert!(voters("VOTING_POWER_MAP=single:1,trust:1").is_err());
}

/// A value near what the kind takes, on either side.
fn near(kind: Kind) -> BoxedStrategy<String> {
    let fixed = |words: Vec<String>| prop::sample::select(words).boxed();
    let wild = prop_oneof!["[ -~]{0,12}", Just("nan".to_owned()), Just("٠.٥".to_owned())].boxed();
    let tame = match kind {
        Kind::Number { min, max } => {
            ((min - 1.0)..(max + 1.0)).prop_map(|it| it.to_string()).boxed()
        }
        Kind::Integer { min, max } | Kind::Millis { min, max, .. } => {
            ((min - 2)..=(max + 2)).prop_map(|it| it.to_string()).boxed()
        }
        Kind::Switch => fixed(vec!["true".into(), "false".into(), "True".into()]),
        Kind::Word(words) => fixed(words.iter().map(|it| (*it).to_owned()).collect()),
        Kind::Voters => fixed(vec![
            "single:1".into(),
            "energy:1,trust:2".into(),
            "energie:1".into(),
            "trust:0".into(),
            "single:1,trust:1".into(),
            "model/:1".into(),
            "model/a:1".into(),
        ]),
        Kind::Version => {
            fixed(vec!["2.1.0".into(), "v2.1".into(), "2".into(), "2.1.0-a..b".into()])
        }
        Kind::Models | Kind::Scenarios | Kind::Keys => {
            fixed(vec!["a,b".into(), "none".into(), "a,,b".into(), "none,a".into()])
        }
        Kind::Name => fixed(vec!["refund".into(), "Refund".into(), "a".repeat(65)]),
        Kind::Time | Kind::Token | Kind::Text => wild.clone(),
    };
    prop_oneof![4 => tame, 1 => wild].boxed()
}

fn entry() -> impl Strategy<Value = (String, String)> {
    let known = prop::sample::select((0..PARAMS.len()).collect::<Vec<_>>());
    let known = known.prop_flat_map(|at| {
        near(PARAMS[at].kind).prop_map(move |it| (PARAMS[at].key.to_owned(), it))
    });
    let model = near(Kind::Integer { min: 1, max: 1_000_000 })
        .prop_map(|it| ("GPT-4O_MAX_TOKENS".to_owned(), it));
    prop_oneof![8 => known, 1 => model]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    /// The short cut of the fifth phase: what schema and semantic phase take, settings take.
    #[test]
    fn loadable_is_what_resolves(entries in prop::collection::vec(entry(), 0..8)) {
        let text: String = entries.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
        let (overlay, syntax) = Overlay::parse(&text);
        let resolved = Settings::resolve(&merge([&layer(EMBEDDED_OVERLAY), &overlay.layer("x")]));
        let report = check(&overlay, syntax, Profile::Seed, &Subject::default());
        let verdict = report.phases.iter().find(|(it, _)| *it == Phase::Loadable).unwrap().1;
        prop_assert_eq!(verdict == PhaseVerdict::Passed, resolved.is_ok(), "{}", text);
    }

    #[test]
    fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let (overlay, syntax) = Overlay::read(&bytes);
        for profile in Profile::ALL {
            check(&overlay, syntax.clone(), profile, &Subject::default());
        }
    }

    #[test]
    fn no_text_is_too_odd(text in "([A-Z_]{1,12}=)?[\\PC\n=,:.%]{0,80}") {
        let (overlay, syntax) = Overlay::parse(&text);
        for profile in Profile::ALL {
            check(&overlay, syntax.clone(), profile, &Subject::default());
        }
        overlay_schema::redact(&text);
        overlay_schema::digest(&overlay);
    }
}
