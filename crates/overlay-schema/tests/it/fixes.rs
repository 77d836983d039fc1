//! Applying a fix makes its finding go away.

use std::collections::BTreeMap;

use overlay_model::Overlay;
use overlay_schema::{PARAMS, Profile, Subject, check};
use proptest::prelude::*;

use crate::with_lines;

/// Applies each fix by itself: its finding must go, and nothing new may be an error.
fn holds(text: &str, profile: Profile) -> Result<(), TestCaseError> {
    let (overlay, syntax) = Overlay::parse(text);
    let before = check(&overlay, syntax, profile, &Subject::default());
    for finding in &before.diagnostics {
        let Some(fix) = &finding.fix else { continue };
        let mut fixed = overlay.clone();
        prop_assert_eq!(fixed.apply(&fix.edits), fix.edits.len());
        let (fixed, syntax) = Overlay::parse(fixed.source());
        let after = check(&fixed, syntax, profile, &Subject::default());
        let same = |it: &&overlay_model::Diagnostic| {
            it.code == finding.code && it.message == finding.message
        };
        let (was, is) = (
            before.diagnostics.iter().filter(same).count(),
            after.diagnostics.iter().filter(same).count(),
        );
        prop_assert!(is < was, "{} stays after `{}` in\n{}", finding, fix.title, text);
    }
    Ok(())
}

/// Values that people and programs write.
fn value() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "0.5",
        "0,5",
        "60%",
        "250ms",
        "250.0",
        "250.7",
        "1_000",
        "٠.٥",
        "nan",
        "",
        "True",
        "yes",
        "v2.1.0",
        "0.3",
        "2.1",
        "2",
        "fallback",
        "quality_frist",
        "Quality-First",
        "simple-alignment",
        "gpt-4o,,gpt-4o-mini",
        "none,a",
        "enrgy:1,trust:2",
        "single:1,trust:2",
        "energy:1",
        "\"0.5\"",
        "Refund Guard",
        "../evil",
        "2026-11-21T09:30:00Z",
        "yesterday",
        "TRUST_FLOR,SAMPLES",
        "x # y",
        "jane.doe@acme-bank.com",
        "1500",
        "99999",
        "-1",
    ]);
    prop_oneof![4 => fixed.prop_map(str::to_owned), 1 => "[ -~]{0,20}"]
}

fn key() -> impl Strategy<Value = String> {
    let known = prop::sample::select(PARAMS.iter().map(|it| it.key).collect::<Vec<_>>());
    let typed = (known.clone(), 0_usize..30, "[A-Z_]").prop_map(|(key, at, letter)| {
        let (mut key, at) = (key.to_owned(), at % key.len());
        key.replace_range(at..=at, &letter);
        key
    });
    prop_oneof![
        6 => known.clone().prop_map(str::to_owned),
        2 => typed,
        1 => known.prop_map(str::to_ascii_lowercase),
        1 => "[A-Z]{2,6}-[0-9]_MAX_TOKEN",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_fix_makes_its_finding_go_away(entries in prop::collection::vec((key(), value()), 1..12)) {
        // A key that stands there twice comes up again where the first one is removed.
        let entries: BTreeMap<_, _> =
            entries.into_iter().map(|(key, value)| (key.to_ascii_uppercase(), (key, value))).collect();
        let lines: Vec<_> =
            entries.values().map(|(key, value)| format!("{key}={value}")).collect();
        for profile in Profile::ALL {
            holds(&with_lines(&lines.join("\n")), profile)?;
            holds(&lines.join("\n"), profile)?;
        }
    }
}

#[test]
fn all_fixes_together_mend_a_typical_file() {
    let text = "FUSION_OVERLAY_VERSION=v2.1\nOVERLAY_NAME=Refund Guard\nfusion_mode=quality_first\n\
        TRUST_FLOR=0,65\nENTROPY_REDUCTION_TARGET=30%\nCONTINUITY_ENFORCEMENT=basic-thread\n\
        AUTHOR=ops\nAPI_CIRCUIT_BREAKER=Yes\nARBITRATION_TIMEOUT_MS=250ms";
    let mut overlay = Overlay::parse(text).0;
    for _ in 0..3 {
        let (again, syntax) = Overlay::parse(overlay.source());
        let report = check(&again, syntax, Profile::Deploy, &Subject::default());
        let edits: Vec<_> = report
            .diagnostics
            .into_iter()
            .filter_map(|it| it.fix)
            .flat_map(|it| it.edits)
            .collect();
        overlay.apply(&edits);
    }
    let (overlay, syntax) = Overlay::parse(overlay.source());
    let report = check(&overlay, syntax, Profile::Deploy, &Subject::default());
    assert!(report.is_deployable(), "{:?}", report.diagnostics);
    expect_test::expect![[r#"
        FUSION_OVERLAY_VERSION=2.1.0
        OVERLAY_NAME=refund_guard
        FUSION_MODE=quality_first
        TRUST_FLOOR=0.65
        ENTROPY_REDUCTION_TARGET=0.3
        CONTINUITY_ENFORCEMENT=basic_thread
        OVERLAY_AUTHOR=ops
        API_CIRCUIT_BREAKER=true
        ARBITRATION_TIMEOUT_MS=250
        TRUST_SCORING_MODEL=contextual_alignment"#]]
    .assert_eq(overlay.source());
}
