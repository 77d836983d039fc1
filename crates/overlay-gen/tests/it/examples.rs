//! The worked examples in `configs/examples`, regenerated.
//!
//! `UPDATE_EXPECT=1` writes them anew.

use expect_test::{ExpectFile, expect_file};
use overlay_gen::{Template, check_design, generate};
use overlay_model::{DesignSpec, from_toml, from_yaml};

const LEGAL_TOML: &str = include_str!("../../../../configs/examples/legal_document_analysis.toml");
const LEGAL_YAML: &str = include_str!("../../../../configs/examples/legal_document_analysis.yaml");
const FINANCIAL_TOML: &str =
    include_str!("../../../../configs/examples/financial_analysis_overlay.toml");

#[track_caller]
fn check(spec: &DesignSpec, source: &str, expect: ExpectFile) {
    let report = check_design(spec, Some(source));
    assert!(report.valid, "{:?}", report.issues);
    let made = generate(spec, &Template::named("quality_focused").unwrap()).unwrap();
    expect.assert_eq(made.overlay.source());
}

#[test]
fn legal_document_analysis() {
    let spec = from_toml(LEGAL_TOML).unwrap();
    let expect =
        expect_file!["../../../../configs/examples/fusion_overlay.legal_document_analysis.txt"];
    check(&spec, LEGAL_TOML, expect);
    assert_eq!(from_yaml(LEGAL_YAML), Ok(spec), "the spec in YAML is the same one");
}

#[test]
fn financial_analysis() {
    let expect =
        expect_file!["../../../../configs/examples/fusion_overlay.financial_analysis_overlay.txt"];
    check(&from_toml(FINANCIAL_TOML).unwrap(), FINANCIAL_TOML, expect);
}
