//! Profiles, phases, verdicts.

use expect_test::{Expect, expect};
use overlay_model::{Diagnostic, Severity};
use overlay_schema::{
    Checked, EMBEDDED_OVERLAY, MAX_FINDINGS, Phase, PhaseVerdict, Profile, capped,
};

use crate::{checked, lines, with_lines};

#[track_caller]
fn check(text: &str, profile: Profile, expect: Expect) {
    let report = checked(text, profile);
    let phases = report.phases.iter().map(|(phase, verdict)| format!("{phase} {verdict:?}\n"));
    let text = format!(
        "{}deployable {}\n{}",
        phases.collect::<String>(),
        report.is_deployable(),
        lines(&report.diagnostics)
    );
    expect.assert_eq(&text);
}

#[test]
fn the_embedded_overlay_is_deployable() {
    for profile in Profile::ALL {
        let report = checked(EMBEDDED_OVERLAY, profile);
        assert!(report.diagnostics.is_empty(), "{}", lines(&report.diagnostics));
        assert_eq!(report.is_deployable(), profile == Profile::Deploy);
    }
}

#[test]
fn an_empty_file_misses_what_the_profile_asks_for() {
    check(
        "",
        Profile::Seed,
        expect![[r#"
        syntax Passed
        schema Failed
        semantic Passed
        reference Skipped
        loadable Passed
        deployable false
        1:1: error[OVL2001]: Missing required field: CONTINUITY_ENFORCEMENT (set it: one of `basic_thread`, `enhanced_thread`, `comprehensive_thread`, `aggressive_thread`)
        1:1: error[OVL2001]: Missing required field: ENTROPY_REDUCTION_TARGET (set it: a number from 0 to 1)
        1:1: error[OVL2001]: Missing required field: FUSION_MODE (set it: one of `baseline_only`, `adaptive_routing`, `speed_optimized`, `quality_first`, `efficiency_mode`)
        1:1: error[OVL2001]: Missing required field: FUSION_OVERLAY_VERSION (set it: a version of three numbers, as `2.1.0`)
        1:1: error[OVL2001]: Missing required field: TRUST_SCORING_MODEL (set it: one of `simple_alignment`, `contextual_alignment`, `performance_weighted`, `quality_alignment`)
    "#]],
    );
    check(
        "",
        Profile::Deploy,
        expect![[r#"
        syntax Passed
        schema Failed
        semantic Passed
        reference Skipped
        loadable Passed
        deployable false
        1:1: error[OVL2001]: Missing required field: CONTINUITY_ENFORCEMENT (set it: one of `basic_thread`, `enhanced_thread`, `comprehensive_thread`, `aggressive_thread`)
        1:1: error[OVL2001]: Missing required field: ENTROPY_REDUCTION_TARGET (set it: a number from 0 to 1)
        1:1: error[OVL2001]: Missing required field: FUSION_MODE (set it: one of `baseline_only`, `adaptive_routing`, `speed_optimized`, `quality_first`, `efficiency_mode`)
        1:1: error[OVL2001]: Missing required field: FUSION_OVERLAY_VERSION (set it: a version of three numbers, as `2.1.0`)
        1:1: error[OVL2001]: Missing required field: OVERLAY_NAME (set it: 1 to 64 lower-case letters, digits, `_` and `-`, a letter or digit first)
        1:1: error[OVL2001]: Missing required field: TRUST_SCORING_MODEL (set it: one of `simple_alignment`, `contextual_alignment`, `performance_weighted`, `quality_alignment`)
    "#]],
    );
    check(
        "",
        Profile::Origin,
        expect![[r#"
        syntax Passed
        schema Failed
        semantic Passed
        reference Skipped
        loadable Passed
        deployable false
        1:1: error[OVL2001]: Missing required field: ARBITRATION_TIMEOUT_MS (set it: whole milliseconds from 50 to 2000, better at most 1000)
        1:1: error[OVL2001]: Missing required field: CONTINUITY_ENFORCEMENT (set it: one of `basic_thread`, `enhanced_thread`, `comprehensive_thread`, `aggressive_thread`)
        1:1: error[OVL2001]: Missing required field: ENTROPY_REDUCTION_TARGET (set it: a number from 0 to 1)
        1:1: error[OVL2001]: Missing required field: FUSION_MODE (set it: one of `baseline_only`, `adaptive_routing`, `speed_optimized`, `quality_first`, `efficiency_mode`)
        1:1: error[OVL2001]: Missing required field: FUSION_OVERLAY_VERSION (set it: a version of three numbers, as `2.1.0`)
        1:1: error[OVL2001]: Missing required field: PRIMARY_MODEL_SELECTION (set it: one of `single_model`, `multi_model_weighted`, `capability_weighted`)
        1:1: error[OVL2001]: Missing required field: TRUST_SCORING_MODEL (set it: one of `simple_alignment`, `contextual_alignment`, `performance_weighted`, `quality_alignment`)
        1:1: error[OVL2001]: Missing required field: VOTING_POWER_MAP (set it: `name:weight` pairs between commas, `single:1` for no vote)
    "#]],
    );
}

#[test]
fn each_phase_fails_by_itself() {
    check(
        &with_lines("no entry"),
        Profile::Deploy,
        expect![[r#"
        syntax Failed
        schema Passed
        semantic Passed
        reference Skipped
        loadable Passed
        deployable false
        20:1: error[OVL1001]: expected `KEY=VALUE` (put `#` in front of a comment)
    "#]],
    );
    check(
        &with_lines("TRUST_FLOOR=2"),
        Profile::Deploy,
        expect![[r#"
        syntax Passed
        schema Failed
        semantic Passed
        reference Skipped
        loadable Failed
        deployable false
        19:13: error[OVL2102]: TRUST_FLOOR value 2.0 outside valid range [0.0, 1.0] (it takes a number from 0 to 1)
    "#]],
    );
    check(
        &with_lines("SAMPLES=2\nSAMPLES=3"),
        Profile::Deploy,
        expect![[r#"
        syntax Passed
        schema Failed
        semantic Passed
        reference Skipped
        loadable Passed
        deployable false
        20:9: note[OVL3006]: SAMPLES has no effect: mode `baseline_only` draws one sample (write 1, or choose a mode that draws more)
        21:1: error[OVL2003]: `SAMPLES` is set on line 20 already (keep one of the two lines)
    "#]],
    );
    check(
        &with_lines("VOTING_POWER_MAP=energie:1,trust:1"),
        Profile::Deploy,
        expect![[r#"
        syntax Passed
        schema Passed
        semantic Failed
        reference Skipped
        loadable Failed
        deployable false
        19:18: error[OVL3004]: unknown voter `energie` (did you mean `energy`?)
    "#]],
    );
    check(
        &with_lines("FUSION_OVERLAY_VERSION=3.0.0"),
        Profile::Deploy,
        expect![[r#"
        syntax Passed
        schema Passed
        semantic Passed
        reference Skipped
        loadable Failed
        deployable false
        19:24: error[OVL2302]: version `3.0.0` is not of major version 2, which this program reads (check the keys against this format, then write `2.1.0`)
    "#]],
    );
}

#[test]
fn the_timeout_has_a_range_a_profile() {
    let codes = |millis: &str, profile| {
        let report = checked(&with_lines(&format!("ARBITRATION_TIMEOUT_MS={millis}")), profile);
        report
            .diagnostics
            .iter()
            .map(|it| format!("{} {}", it.severity, it.code))
            .collect::<Vec<_>>()
    };
    for millis in ["50", "1000"] {
        assert!(codes(millis, Profile::Seed).is_empty());
        assert!(codes(millis, Profile::Deploy).is_empty());
    }
    for millis in ["1001", "2000"] {
        assert_eq!(codes(millis, Profile::Seed), ["error OVL2102"]);
        assert_eq!(codes(millis, Profile::Deploy), ["warning OVL2104"]);
        assert_eq!(codes(millis, Profile::Origin), ["note OVL2104"]);
    }
    for millis in ["49", "2001"] {
        assert_eq!(codes(millis, Profile::Seed), ["error OVL2102"]);
        assert_eq!(codes(millis, Profile::Deploy), ["error OVL2102"]);
        assert_eq!(codes(millis, Profile::Origin), ["note OVL2102"]);
    }
    assert_eq!(codes("0", Profile::Origin), ["error OVL2102"]);
    assert_eq!(codes("150.0", Profile::Origin), ["error OVL2107"]);
}

#[test]
fn profiles_are_read_by_name() {
    for profile in Profile::ALL {
        assert_eq!(profile.to_string().parse(), Ok(profile));
    }
    let err = "prod".parse::<Profile>().unwrap_err();
    assert_eq!(err.to_string(), "unknown profile `prod`: use seed, deploy or origin");
}

#[test]
fn references_are_skipped_where_none_are_given() {
    let report = checked(EMBEDDED_OVERLAY, Profile::Deploy);
    assert!(report.phases.iter().any(|(_, it)| *it == PhaseVerdict::Skipped));
    assert!(report.is_deployable());
}

#[test]
fn of_a_text_that_was_not_read_only_that_is_said() {
    for bytes in [&b"\xff\xfe"[..], &vec![b'a'; overlay_model::MAX_BYTES + 1]] {
        let (overlay, syntax) = overlay_model::Overlay::read(bytes);
        let checked = overlay_schema::check(
            &overlay,
            syntax,
            overlay_schema::Profile::Deploy,
            &overlay_schema::Subject::default(),
        );
        assert_eq!(checked.diagnostics.len(), 1, "{:#?}", checked.diagnostics);
        assert!(!checked.is_valid());
    }
}

#[test]
fn of_very_many_findings_the_first_are_listed() {
    let note = Diagnostic::note("OVL1007", "x");
    let found = |count: usize| vec![note.clone(); count];
    assert_eq!(capped(found(MAX_FINDINGS)), found(MAX_FINDINGS));
    let listed = capped(found(MAX_FINDINGS + 2));
    assert_eq!(listed.len(), MAX_FINDINGS + 1);
    let last = listed.last().unwrap();
    assert_eq!((last.code, last.severity), ("OVL1013", Severity::Note));
    assert_eq!(last.message, "and 2 more findings");
    // An error that is not listed keeps the file from being valid.
    let listed = capped([found(MAX_FINDINGS), vec![Diagnostic::error("OVL2002", "y")]].concat());
    assert!(listed.iter().any(Diagnostic::is_error));
}

#[test]
fn findings_from_elsewhere_fail_their_phase() {
    let of = |report: &Checked, phase| {
        report.phases.iter().find(|(it, _)| *it == phase).map(|(_, verdict)| *verdict)
    };
    let report = checked(EMBEDDED_OVERLAY, Profile::Deploy);
    let noted = report.clone().with(Phase::Schema, vec![Diagnostic::note("OVL1007", "x")]);
    assert_eq!(of(&noted, Phase::Schema), Some(PhaseVerdict::Passed));
    let failed = report.with(Phase::Schema, vec![Diagnostic::error("OVL2101", "x")]);
    assert_eq!(of(&failed, Phase::Schema), Some(PhaseVerdict::Failed));
    assert!(!failed.is_deployable());
    let unread = Checked::unread(vec![Diagnostic::error("OVL1005", "x")], Profile::Deploy);
    assert_eq!(of(&unread, Phase::Syntax), Some(PhaseVerdict::Failed));
    assert_eq!(of(&unread, Phase::Loadable), Some(PhaseVerdict::Skipped));
}
