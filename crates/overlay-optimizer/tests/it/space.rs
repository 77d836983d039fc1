//! What may be tuned, and what comes of a candidate.

use expect_test::expect;
use overlay_model::{Overlay, ParamKey};
use overlay_optimizer::{Candidate, Dimension, Evaluation, Space, SpaceError, Strategy};
use overlay_schema::{PARAMS, Profile, Subject, check};
use proptest::prelude::{ProptestConfig, Strategy as _, prop_assert, prop_assert_eq, proptest};

use crate::overlay;
use crate::property::overlays;

fn shown(space: &Space) -> String {
    let line = |it: &Dimension| {
        let levels: Vec<_> = it.levels().collect();
        match levels.as_slice() {
            [a, b, .., c] if levels.len() > 6 => {
                format!("{}: {a} {b} .. {c} ({})\n", it.key(), levels.len())
            }
            _ => format!("{}: {}\n", it.key(), levels.join(" ")),
        }
    };
    space.dimensions().iter().map(line).collect()
}

#[test]
fn live_and_replayed_spaces() {
    let overlay = overlay("TEMPERATURE=0.333\nSECURITY_MODE=enhanced\nMAX_TOKENS=700\n");
    let live = Space::of(&overlay, Evaluation::Live).unwrap();
    expect![[r#"
        ADAPTIVE_CACHING: false true aggressive
        ARBITRATION_TIMEOUT_MS: 50 100 .. 1000 (20)
        ENTROPY_REDUCTION_TARGET: 0.00 0.05 .. 1.00 (21)
        FUSION_MODE: baseline_only adaptive_routing speed_optimized quality_first efficiency_mode
        MAX_TOKENS: 64 96 .. 4096 (13)
        PRIMARY_MODEL_SELECTION: single_model multi_model_weighted capability_weighted
        SAMPLES: 1 2 .. 9 (9)
        TEMPERATURE: 0.15 0.16 .. 0.40 (27)
    "#]]
    .assert_eq(&shown(&live));
    let replay = Space::of(&overlay, Evaluation::Replay).unwrap();
    let keys = |it: &Space| -> Vec<ParamKey> {
        it.dimensions().iter().map(|it| it.key().clone()).collect()
    };
    let only_live: Vec<_> =
        keys(&live).into_iter().filter(|it| !keys(&replay).contains(it)).collect();
    assert_eq!(
        only_live.iter().map(ParamKey::as_str).collect::<Vec<_>>(),
        ["ARBITRATION_TIMEOUT_MS"]
    );
}

#[test]
fn what_guards_is_varied_only_where_it_is_named() {
    let guards = [
        "CONTINUITY_ENFORCEMENT",
        "ENERGY_FLOOR",
        "ENTROPY_FLOOR",
        "TRUST_FLOOR",
        "TRUST_SCORING_MODEL",
    ];
    let overlay = overlay("");
    let usual = shown(&Space::of(&overlay, Evaluation::Live).unwrap());
    assert!(!guards.iter().any(|it| usual.contains(it)), "{usual}");
    let space = Space::of_keys(&overlay, Evaluation::Live, &guards).unwrap();
    expect![[r#"
        CONTINUITY_ENFORCEMENT: basic_thread enhanced_thread comprehensive_thread aggressive_thread
        ENERGY_FLOOR: 0.00 0.01 .. 0.50 (51)
        ENTROPY_FLOOR: 0.00 0.05 .. 1.00 (21)
        TRUST_FLOOR: 0.00 0.05 .. 1.00 (21)
        TRUST_SCORING_MODEL: simple_alignment contextual_alignment performance_weighted quality_alignment
    "#]].assert_eq(&shown(&space));
}

#[test]
fn pinned_and_overruled_keys_are_left_out() {
    let overlay = overlay("TEMPERATURE=0.2\nTOP_P=0.9\nOVERLAY_PINNED=TRUST_FLOOR,FUSION_MODE\n");
    let shown = shown(&Space::of(&overlay, Evaluation::Live).unwrap());
    for key in ["FUSION_MODE", "ENTROPY_REDUCTION_TARGET"] {
        assert!(!shown.contains(key), "{key}");
    }
    let of = |keys: &[&str]| Space::of_keys(&overlay, Evaluation::Live, keys);
    assert_eq!(
        of(&["SAMPLES", "TRUST_FLOOR"]).unwrap_err().to_string(),
        "`TRUST_FLOOR` is no key of the space: it is pinned, describes or promises something, or \
         has one value"
    );
    assert_eq!(
        of(&["SAMPLE"]).unwrap_err().to_string(),
        "there is no parameter `SAMPLE`, did you mean `SAMPLES`?"
    );
    assert_eq!(of(&["NOPE"]).unwrap_err().to_string(), "there is no parameter `NOPE`");
    assert_eq!(of(&["SAMPLES"]).unwrap().size(), 9);
    assert!(matches!(of(&[]), Err(SpaceError::Empty)));
}

#[test]
fn a_candidate_changes_its_keys_only() {
    let overlay = overlay("TRUST_FLOOR = 0.60 \n# end\n");
    let space = Space::of_keys(
        &overlay,
        Evaluation::Live,
        &["ARBITRATION_TIMEOUT_MS", "FUSION_MODE", "TRUST_FLOOR"],
    );
    let space = space.unwrap();
    assert_eq!(space.apply(&overlay, &space.start()).unwrap(), overlay);
    let preset = space.preset(Strategy::Quality);
    let made = space.apply(&overlay, &preset).unwrap();
    assert!(made.source().contains("\nTRUST_FLOOR = 0.75 \n# end\n"));
    assert_eq!(made.value("ARBITRATION_TIMEOUT_MS"), Some("400"));
    assert_eq!(space.candidate_of(&made).unwrap(), preset);
    let patch = space.patch(&overlay, &preset);
    let floor = patch.iter().find(|it| it.key.as_str() == "TRUST_FLOOR").unwrap();
    assert_eq!((floor.from.as_deref(), floor.to.as_str()), (Some("0.60"), "0.75"));
    let other: Overlay = overlay.source().replace("0.60", "0.61").parse().unwrap();
    assert_eq!(
        space.candidate_of(&other).unwrap_err().to_string(),
        "`0.61` is no level of TRUST_FLOOR"
    );
}

#[test]
fn an_invalid_overlay_has_no_space() {
    let refused = Space::of(&overlay("TRUST_FLOOR=2\n"), Evaluation::Live);
    assert!(matches!(refused, Err(SpaceError::Invalid(findings)) if !findings.is_empty()));
}

#[test]
fn steps_and_words() {
    let key = || "SAMPLES".parse().unwrap();
    let levels = |it: Option<Dimension>| -> Vec<String> {
        it.unwrap().levels().map(str::to_owned).collect()
    };
    assert_eq!(
        levels(Dimension::steps(key(), (0.0, 1.0), 0.25, "0.5")),
        ["0.00", "0.25", "0.5", "0.75", "1.00"]
    );
    assert_eq!(levels(Dimension::steps(key(), (1.0, 3.0), 1.0, "1.5")), ["1", "1.5", "2", "3"]);
    assert_eq!(Dimension::steps(key(), (0.0, 1.0), 0.0, "0"), None);
    assert_eq!(Dimension::steps(key(), (0.0, 1.0), 0.5, "none"), None);
    assert_eq!(Dimension::words(key(), &["a", "b"], "c"), None);
    assert_eq!(Dimension::words(key(), &["a"], "a"), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_candidate_deploys(overlay in overlays(), numbers in proptest::collection::vec(0..100_000usize, 30).no_shrink()) {
        let may_change = |it: &&str| Space::of_keys(&overlay, Evaluation::Live, &[it]).is_ok();
        let keys: Vec<_> = PARAMS.iter().map(|it| it.key).filter(may_change).collect();
        let space = match Space::of_keys(&overlay, Evaluation::Live, &keys) {
            Ok(space) => space,
            Err(SpaceError::Empty) => return Ok(()),
            Err(err) => panic!("{err}"),
        };
        let levels: Vec<_> = space.dimensions().iter().zip(numbers).map(|(it, number)| number % it.levels().len()).collect();
        let candidate: Candidate = serde_json::from_value(serde_json::json!(levels)).unwrap();
        let made = space.apply(&overlay, &candidate).unwrap();
        let (again, syntax) = Overlay::parse(made.source());
        prop_assert!(check(&again, syntax, Profile::Deploy, &Subject::default()).is_deployable());
        let pinned = overlay.value("OVERLAY_PINNED").unwrap_or_default();
        for line in space.patch(&overlay, &candidate) {
            prop_assert!(!pinned.split(',').any(|it| it == line.key.as_str()));
            prop_assert_eq!(made.value(line.key.as_str()), Some(line.to.as_str()));
        }
        prop_assert_eq!(space.candidate_of(&made), Ok(candidate));
    }
}
