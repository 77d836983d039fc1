use fusion_plan::{Evidence, alignment, entropy, trust, wilson_width};
use overlay_schema::TrustModel;

/// `noted` is the figure worked by hand with rounded terms, in two decimals.
#[track_caller]
fn worked(sizes: &[usize], passed: usize, checks: usize, noted: f64, expect: f64) {
    let all = sizes.iter().sum();
    let evidence = Evidence {
        alignment: alignment(passed, checks),
        entropy: entropy(sizes),
        agreement: Some((sizes[0], all)),
        ..Evidence::default()
    };
    let (found, _) = trust(TrustModel::Quality, &evidence);
    assert_eq!(found, Some(expect), "{sizes:?} {passed}/{checks}");
    assert!((expect - noted).abs() < 0.006, "{sizes:?} {passed}/{checks}");
}

#[test]
fn the_worked_numbers_come_out() {
    worked(&[5], 8, 8, 0.94, 0.9364);
    worked(&[4, 1], 8, 8, 0.82, 0.8149);
    worked(&[4, 1], 6, 8, 0.65, 0.6541);
    worked(&[3, 2], 6, 8, 0.60, 0.6035);
    worked(&[3, 1, 1], 8, 8, 0.74, 0.7353);
    worked(&[1, 1, 1, 1, 1], 8, 8, 0.46, 0.4605);
    worked(&[5], 4, 8, 0.81, 0.8045);
}

#[track_caller]
fn scores(model: TrustModel, evidence: &Evidence, expect: Option<f64>) {
    assert_eq!(trust(model, evidence).0, expect, "{model}");
}

#[test]
fn the_models_use_their_terms() {
    let evidence = Evidence {
        alignment: alignment(6, 8),
        judge: Some(0.2),
        entropy: entropy(&[3, 2]),
        agreement: Some((3, 5)),
        pace: Some(0.5),
    };
    scores(TrustModel::Simple, &evidence, Some(0.7222));
    scores(TrustModel::Contextual, &evidence, Some(0.6642));
    scores(TrustModel::Performance, &evidence, Some(0.3321));
    scores(TrustModel::Quality, &evidence, Some(0.48));
}

#[test]
fn one_term_alone_is_the_trust() {
    let alone = Evidence { alignment: alignment(1, 1), ..Evidence::default() };
    for model in [TrustModel::Simple, TrustModel::Contextual, TrustModel::Quality] {
        scores(model, &alone, Some(0.75));
    }
}

#[test]
fn without_checks_agreement_decides() {
    let agree = Evidence { entropy: entropy(&[2]), ..Evidence::default() };
    let differ = Evidence { entropy: entropy(&[1, 1]), ..Evidence::default() };
    scores(TrustModel::Simple, &agree, Some(0.98));
    scores(TrustModel::Contextual, &differ, Some(0.02));
    scores(TrustModel::Contextual, &Evidence::default(), None);
}

#[test]
fn spread_and_interval() {
    assert_eq!(entropy(&[1]), None);
    assert_eq!(entropy(&[4]), Some(0.0));
    assert_eq!(entropy(&[1, 1, 1]), Some(1.0));
    assert_eq!(entropy(&[4, 1]), Some(0.3109));
    assert!((wilson_width(5, 5) - 0.4345).abs() < 5e-5);
    assert!((wilson_width(0, 0) - 1.0).abs() < 1e-12);
}
