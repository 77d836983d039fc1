use fusion_plan::{ExecutionPlan, token_cap_exceeded};

use crate::scene::{Scene, calls};

fn limits(plan: &ExecutionPlan) -> Vec<Option<u64>> {
    plan.steps.iter().map(|it| it.calls[0].request.max_tokens).collect()
}

#[track_caller]
fn check(overlay: &str, expect: (&str, &[Option<u64>], &[&str])) {
    let plan = Scene::of(overlay).plan();
    let dropped: Vec<_> = plan.dropped.iter().map(String::as_str).collect();
    assert_eq!((calls(&plan).as_str(), limits(&plan).as_slice(), dropped.as_slice()), expect);
}

// The prompt has 25 tokens: 1.25 units for the small model, 12.5 for the large one. A token of
// an answer costs 0.15 and 1.5 units.

#[test]
fn a_wide_cap_changes_nothing() {
    check(
        "FUSION_MODE=quality_first\nSAMPLES=3\nMAX_TOKENS=100\nMAX_ENERGY_UNITS=60\n",
        ("small#0* small#1* small#2", &[Some(100)], &[]),
    );
}

#[test]
fn a_cap_drops_samples_that_do_not_fit() {
    check(
        "FUSION_MODE=quality_first\nSAMPLES=3\nMAX_TOKENS=100\nMAX_ENERGY_UNITS=35\n",
        ("small#0* small#1*", &[Some(100)], &["SAMPLES: 2 of 3 calls fit MAX_ENERGY_UNITS=35"]),
    );
}

#[test]
fn a_cap_shortens_answers() {
    check(
        "FUSION_MODE=adaptive_routing\nMODEL=small,large\nSAMPLES=1\nMAX_TOKENS=100\n\
         MAX_ENERGY_UNITS=60\n",
        (
            "small#0* | large#0*",
            &[Some(100), Some(20)],
            &["MAX_TOKENS: 100 -> 20 for large, MAX_ENERGY_UNITS=60"],
        ),
    );
}

#[test]
fn a_cap_leaves_out_models() {
    check(
        "FUSION_MODE=adaptive_routing\nMODEL=small,large\nSAMPLES=1\nMAX_TOKENS=100\n\
         MAX_ENERGY_UNITS=20\n",
        (
            "small#0*",
            &[Some(100)],
            &["MODEL: large is not asked, MAX_ENERGY_UNITS=20 leaves no token for it"],
        ),
    );
}

#[test]
fn a_cap_below_one_token_is_refused() {
    let err = Scene::of("FUSION_MODE=quality_first\nMAX_ENERGY_UNITS=1\n").try_plan().unwrap_err();
    assert_eq!(
        err.to_string(),
        "MAX_ENERGY_UNITS=1 does not pay the prompt and one token of `small`"
    );
}

#[test]
fn the_cap_against_the_baseline_is_a_ratio() {
    assert!(!token_cap_exceeded(0.0, 100, 100));
    assert!(token_cap_exceeded(0.0, 100, 101));
    assert!(!token_cap_exceeded(250.0, 100, 350));
    assert!(token_cap_exceeded(250.0, 100, 351));
    assert!(token_cap_exceeded(250.0, 0, 1));
}
