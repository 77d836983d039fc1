//! What is found, where, and what is said about it.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use overlay_model::Overlay;
use overlay_schema::{Profile, Providers, References, Subject};

use crate::{checked, lines, with_lines};

#[track_caller]
fn check(lines_set: &str, expect: Expect) {
    let report = checked(&with_lines(lines_set), Profile::Deploy);
    let mut text = String::new();
    for it in &report.diagnostics {
        writeln!(text, "{it}").unwrap();
        if let Some(fix) = &it.fix {
            writeln!(text, "  fix: {}", fix.title).unwrap();
        }
        for (at, label) in &it.related {
            writeln!(text, "  {}:{}: {label}", at.line, at.column).unwrap();
        }
    }
    expect.assert_eq(&text);
}

#[test]
fn numbers() {
    check(
        "TRUST_FLOOR=nan",
        expect![[r#"
        19:13: error[OVL2105]: TRUST_FLOOR value nan outside valid range [0.0, 1.0] (it takes a number from 0 to 1)
    "#]],
    );
    check(
        "TRUST_FLOOR=-inf",
        expect![[r#"
        19:13: error[OVL2105]: TRUST_FLOOR value -inf outside valid range [0.0, 1.0] (it takes a number from 0 to 1)
    "#]],
    );
    check(
        "TRUST_FLOOR=1e999",
        expect![[r#"
        19:13: error[OVL2105]: TRUST_FLOOR value inf outside valid range [0.0, 1.0] (it takes a number from 0 to 1)
    "#]],
    );
    check(
        "TRUST_FLOOR=٠.٥",
        expect![[r#"
        19:13: error[OVL2106]: Invalid numeric value for TRUST_FLOOR: ٠.٥ (write numbers with the digits 0 to 9 and a point, without `_`)
          fix: write `0.5`
    "#]],
    );
    check(
        "TRUST_FLOOR=1_0e-1",
        expect![[r#"
        19:13: error[OVL2106]: Invalid numeric value for TRUST_FLOOR: 1_0e-1 (write numbers with the digits 0 to 9 and a point, without `_`)
          fix: write `10e-1`
    "#]],
    );
    check(
        "TRUST_FLOOR=",
        expect![[r#"
        19:13: error[OVL2101]: Invalid numeric value for TRUST_FLOOR:  (it takes a number from 0 to 1)
    "#]],
    );
    check(
        "TRUST_FLOOR=0,5",
        expect![[r#"
        19:13: error[OVL2101]: Invalid numeric value for TRUST_FLOOR: 0,5 (it takes a number from 0 to 1)
          fix: write `0.5`
    "#]],
    );
    check(
        "TRUST_FLOOR=60%",
        expect![[r#"
        19:13: error[OVL2101]: Invalid numeric value for TRUST_FLOOR: 60% (it takes a number from 0 to 1)
          fix: write `0.6`
    "#]],
    );
    check(
        "TRUST_FLOOR=1.01",
        expect![[r#"
        19:13: error[OVL2102]: TRUST_FLOOR value 1.01 outside valid range [0.0, 1.0] (it takes a number from 0 to 1)
    "#]],
    );
    check(
        "TRUST_FLOOR=1e16",
        expect![[r#"
        19:13: error[OVL2102]: TRUST_FLOOR value 1e+16 outside valid range [0.0, 1.0] (it takes a number from 0 to 1)
    "#]],
    );
    check(
        "ENERGY_FLOOR=-0.00001",
        expect![[r#"
        19:14: error[OVL2102]: ENERGY_FLOOR value -1e-05 outside valid range [0.0, 1.0] (it takes a number from 0 to 1)
    "#]],
    );
    check(
        "SAMPLES=2.5",
        expect![[r#"
        20:9: error[OVL2107]: Invalid numeric value for SAMPLES: 2.5 (it takes a whole number from 1 to 16)
    "#]],
    );
    check(
        "SAMPLES=99999999999999999999",
        expect![[r#"
        20:9: error[OVL2102]: SAMPLES value 1e+20 outside valid range [1, 16] (it takes a whole number from 1 to 16)
    "#]],
    );
    check(
        "ARBITRATION_TIMEOUT_MS=250ms",
        expect![[r#"
        19:24: error[OVL2101]: Invalid numeric value for ARBITRATION_TIMEOUT_MS: 250ms (it takes whole milliseconds from 50 to 2000, better at most 1000)
          fix: write `250`
    "#]],
    );
    check(
        "ARBITRATION_TIMEOUT_MS=250.0",
        expect![[r#"
        19:24: error[OVL2107]: Invalid numeric value for ARBITRATION_TIMEOUT_MS: 250.0 (it takes whole milliseconds from 50 to 2000, better at most 1000)
          fix: write `250`
    "#]],
    );
    check(
        "ARBITRATION_TIMEOUT_MS=-5",
        expect![[r#"
        19:24: error[OVL2102]: ARBITRATION_TIMEOUT_MS value -5.0 outside valid range [50, 2000] (it takes whole milliseconds from 50 to 2000, better at most 1000)
    "#]],
    );
    check(
        "GPT-4O_MAX_TOKENS=0",
        expect![[r#"
        20:19: error[OVL2102]: GPT-4O_MAX_TOKENS value 0.0 outside valid range [1, 1000000] (it takes a whole number from 1 to 1000000)
    "#]],
    );
}

#[test]
fn words_and_switches() {
    check(
        "FUSION_MODE=qualty_first",
        expect![[r#"
        19:13: error[OVL2201]: Invalid value for FUSION_MODE: qualty_first. Valid: ['baseline_only', 'adaptive_routing', 'speed_optimized', 'quality_first', 'efficiency_mode'] (did you mean `quality_first`?)
          fix: write `quality_first`
    "#]],
    );
    check(
        "FUSION_MODE=Quality-First",
        expect![[r#"
        19:13: error[OVL2201]: Invalid value for FUSION_MODE: Quality-First. Valid: ['baseline_only', 'adaptive_routing', 'speed_optimized', 'quality_first', 'efficiency_mode'] (did you mean `quality_first`?)
          fix: write `quality_first`
    "#]],
    );
    check(
        "FUSION_MODE=hybrid_orchestration",
        expect![[r#"
        19:13: error[OVL2201]: Invalid value for FUSION_MODE: hybrid_orchestration. Valid: ['baseline_only', 'adaptive_routing', 'speed_optimized', 'quality_first', 'efficiency_mode'] (`hybrid_orchestration` is a word of the original's v0.3; no word here has its meaning)
    "#]],
    );
    check(
        "API_CIRCUIT_BREAKER=Yes",
        expect![[r#"
        19:21: error[OVL2202]: Invalid value for API_CIRCUIT_BREAKER: Yes. Valid: ['true', 'false'] (write `true` or `false`)
          fix: write `true`
    "#]],
    );
    check(
        "API_CIRCUIT_BREAKER=maybe",
        expect![[r#"
        19:21: error[OVL2202]: Invalid value for API_CIRCUIT_BREAKER: maybe. Valid: ['true', 'false'] (write `true` or `false`)
    "#]],
    );
}

#[test]
fn lists_and_maps() {
    check(
        "MODEL=gpt-4o,,gpt-4o-mini",
        expect![[r#"
        20:7: error[OVL2203]: Invalid list for MODEL: gpt-4o,,gpt-4o-mini (element 2 of the list is empty or `none`; it takes model ids between commas, `none` for none)
          fix: write `gpt-4o,gpt-4o-mini`
    "#]],
    );
    check(
        "VOTING_POWER_MAP=garbage::",
        expect![[r#"
        19:18: error[OVL2204]: Invalid map of weights for VOTING_POWER_MAP: garbage:: (`garbage::` is not `name:weight` with a whole weight; it takes `name:weight` pairs between commas, `single:1` for no vote)
    "#]],
    );
    check(
        "VOTING_POWER_MAP=energy:0,trust:0",
        expect![[r#"
        19:18: error[OVL2204]: Invalid map of weights for VOTING_POWER_MAP: energy:0,trust:0 (the weights add up to zero; it takes `name:weight` pairs between commas, `single:1` for no vote)
    "#]],
    );
    check(
        "VOTING_POWER_MAP=energy:1,energy:2",
        expect![[r#"
        19:18: error[OVL2204]: Invalid map of weights for VOTING_POWER_MAP: energy:1,energy:2 (`energy` stands in the map twice; it takes `name:weight` pairs between commas, `single:1` for no vote)
    "#]],
    );
    check(
        "VOTING_POWER_MAP=single:1,energy:2",
        expect![[r#"
        19:18: error[OVL3004]: unknown voter `single` (`single:1` stands alone and means that nobody votes)
    "#]],
    );
    check(
        "VOTING_POWER_MAP=enrgy:1,trust:2",
        expect![[r#"
        19:18: error[OVL3004]: unknown voter `enrgy` (did you mean `energy`?)
          fix: write `energy`
    "#]],
    );
    check(
        "VOTING_POWER_MAP=trust:2,energy:0",
        expect![[r#"
        19:18: warning[OVL3005]: only `trust` votes, and a vote takes two (give a second voter weight, or write `single:1` for no vote)
    "#]],
    );
}

#[test]
fn names_versions_and_times() {
    check(
        "OVERLAY_NAME=../evil",
        expect![[r#"
        19:14: error[OVL2205]: Invalid name for OVERLAY_NAME: ../evil (it takes 1 to 64 lower-case letters, digits, `_` and `-`, a letter or digit first)
          fix: write `evil`
    "#]],
    );
    check(
        "OVERLAY_NAME=Refund Guard",
        expect![[r#"
        19:14: error[OVL2205]: Invalid name for OVERLAY_NAME: Refund Guard (it takes 1 to 64 lower-case letters, digits, `_` and `-`, a letter or digit first)
          fix: write `refund_guard`
    "#]],
    );
    check(
        "FUSION_OVERLAY_VERSION=v2.1.0",
        expect![[r#"
        19:24: warning[OVL2301]: `v2.1.0` is no strict version, and is read as `2.1.0` (write three numbers, as semver has them)
          fix: write `2.1.0`
    "#]],
    );
    check(
        "FUSION_OVERLAY_VERSION=2.1",
        expect![[r#"
        19:24: warning[OVL2301]: `2.1` is no strict version, and is read as `2.1.0` (write three numbers, as semver has them)
          fix: write `2.1.0`
    "#]],
    );
    check(
        "FUSION_OVERLAY_VERSION=0.3",
        expect![[r#"
        19:24: warning[OVL2301]: `0.3` is no strict version, and is read as `0.3.0` (write three numbers, as semver has them)
          fix: write `0.3.0`
        19:24: error[OVL2302]: version `0.3` is not of major version 2, which this program reads (check the keys against this format, then write `2.1.0`)
    "#]],
    );
    check(
        "FUSION_OVERLAY_VERSION=2",
        expect![[r#"
        19:24: error[OVL2301]: Invalid version for FUSION_OVERLAY_VERSION: 2 (it takes a version of three numbers, as `2.1.0`)
          fix: write `2.0.0`
    "#]],
    );
    check(
        "FUSION_OVERLAY_VERSION=fallback",
        expect![[r#"
        19:24: error[OVL2301]: Invalid version for FUSION_OVERLAY_VERSION: fallback (it takes a version of three numbers, as `2.1.0`)
    "#]],
    );
    check(
        "FUSION_OVERLAY_VERSION=2.1.0-rc..1",
        expect![[r#"
        19:24: error[OVL2301]: Invalid version for FUSION_OVERLAY_VERSION: 2.1.0-rc..1 (it takes a version of three numbers, as `2.1.0`)
    "#]],
    );
    check(
        "OVERLAY_CREATED=2026-13-01T00:00:00Z",
        expect![[r#"
        20:17: warning[OVL2401]: Invalid time for OVERLAY_CREATED: 2026-13-01T00:00:00Z (it takes a moment, as `2026-11-21T09:30:00Z`)
    "#]],
    );
    check("OVERLAY_CREATED=2026-11-21T09:30:00.25+01:00", expect![[""]]);
}

#[test]
fn keys() {
    check(
        "FUSION_MOED=quality_first",
        expect![[r#"
        20:1: error[OVL2002]: unknown key `FUSION_MOED` (`FUSION_MODE` is set on line 6 already)
    "#]],
    );
    check(
        "TRUST-FLOR=0.5",
        expect![[r#"
        20:1: error[OVL2002]: unknown key `TRUST-FLOR` (`TRUST_FLOOR` is set on line 14 already)
    "#]],
    );
    check(
        "SAMPELS=3\nSMPLES=4",
        expect![[r#"
        20:1: error[OVL2002]: unknown key `SAMPELS` (did you mean `SAMPLES`?)
          fix: rename to `SAMPLES`
        21:1: error[OVL2002]: unknown key `SMPLES` (`SAMPLES` is set on line 20 already)
    "#]],
    );
    check(
        "GPT-4O_MAX_TOKEN=300",
        expect![[r#"
        20:1: error[OVL2002]: unknown key `GPT-4O_MAX_TOKEN` (did you mean `GPT-4O_MAX_TOKENS`?)
          fix: rename to `GPT-4O_MAX_TOKENS`
    "#]],
    );
    check(
        "XYZ=1",
        expect![[r#"
        20:1: error[OVL2002]: unknown key `XYZ` (remove the line; `fusion overlay explain` lists the keys there are)
    "#]],
    );
    check(
        "trust_model=x",
        expect![[r#"
        20:1: error[OVL1003]: `trust_model` is no key: use upper-case letters, digits, `_` and `-`, a letter or digit first (write `TRUST_MODEL`)
          fix: rename the key
    "#]],
    );
    check(
        "SAMPLES=2\nSAMPLES=3",
        expect![[r#"
        20:9: note[OVL3006]: SAMPLES has no effect: mode `baseline_only` draws one sample (write 1, or choose a mode that draws more)
        21:1: error[OVL2003]: `SAMPLES` is set on line 20 already (keep one of the two lines)
          20:1: first set here
    "#]],
    );
    check(
        "AUTHOR=ops",
        expect![[r#"
        20:1: note[OVL2004]: `AUTHOR` is the older name of `OVERLAY_AUTHOR` (write `OVERLAY_AUTHOR`)
          fix: write the newer name
    "#]],
    );
    check(
        "AUTHOR=ops\nOVERLAY_AUTHOR=dev",
        expect![[r#"
        20:1: warning[OVL2005]: `AUTHOR` is left out: `OVERLAY_AUTHOR` is set too (remove the line)
          fix: remove the line
          21:1: in force
    "#]],
    );
}

#[test]
fn a_misspelt_key_is_not_missing_twice() {
    let text = with_lines("FUSION_MODE=x").replace("FUSION_MODE=x", "FUSION_MOED=quality_first");
    let report = checked(&text, Profile::Deploy);
    expect![[r#"
        19:1: error[OVL2002]: unknown key `FUSION_MOED` (did you mean `FUSION_MODE`?)
        20:1: error[OVL2001]: Missing required field: FUSION_MODE (line 19 seems to mean it)
    "#]]
    .assert_eq(&lines(&report.diagnostics));
    let text = text.replace("FUSION_MOED", "fusion_mode");
    let report = checked(&text, Profile::Deploy);
    expect![[r#"
        19:1: error[OVL1003]: `fusion_mode` is no key: use upper-case letters, digits, `_` and `-`, a letter or digit first (write `FUSION_MODE`)
        20:1: error[OVL2001]: Missing required field: FUSION_MODE (line 19 seems to mean it)
    "#]].assert_eq(&lines(&report.diagnostics));
}

#[test]
fn values_that_do_not_fit_each_other() {
    check(
        "TRUST_FLOOR=0.99",
        expect![[r#"
        19:13: warning[OVL3003]: no answer reaches a trust of 0.99: at most 0.98 here (every answer will be passed on to the next step of the mode; lower the floor)
    "#]],
    );
    check(
        "TRUST_FLOOR=0.97\nTRUST_SCORING_MODEL=quality_alignment\nFUSION_MODE=quality_first\nSAMPLES=3",
        expect![[r#"
            17:13: warning[OVL3003]: no answer reaches a trust of 0.97: at most 0.96 here (every answer will be passed on to the next step of the mode; lower the floor)
        "#]],
    );
    check(
        "ENTROPY_FLOOR=0.5",
        expect![[r#"
        19:15: note[OVL3002]: ENTROPY_FLOOR is above ENTROPY_REDUCTION_TARGET: sampling may stop at more disagreement than is aimed at (lower the floor, or raise the target)
          11:26: the target
    "#]],
    );
    check(
        "SAMPLES=5",
        expect![[r#"
        20:9: note[OVL3006]: SAMPLES has no effect: mode `baseline_only` draws one sample (write 1, or choose a mode that draws more)
    "#]],
    );
    check(
        "TEMPERATURE=0.2\nTOP_P=0.9",
        expect![[r#"
        11:26: note[OVL3008]: ENTROPY_REDUCTION_TARGET has no effect: TEMPERATURE and TOP_P are set (leave out one of the two to let the target act)
          20:1: beats the target
          21:1: beats the target
    "#]],
    );
    check(
        "OVERLAY_PINNED=TRUST_FLOOR,TRUST_FLOR",
        expect![[r#"
        20:28: warning[OVL3007]: `TRUST_FLOR` is pinned, and no parameter (did you mean `TRUST_FLOOR`?)
          fix: write `TRUST_FLOOR`
    "#]],
    );
    check(
        "ARBITRATION_TIMEOUT_MS=400\nREQUEST_DEADLINE_MS=300",
        expect![[r#"
        19:24: warning[OVL3009]: ARBITRATION_TIMEOUT_MS never runs out: REQUEST_DEADLINE_MS ends first (leave time for the first answer and for the grace window after it)
    "#]],
    );
}

const PROVIDERS: &str = r#"
schema = "fusion/providers/1"
[[providers]]
name = "openai"
endpoint = "https://api.example.com/v1"
[[models]]
id = "gpt-4o"
provider = "openai"
encoding = "o200k_base"
context_tokens = 128000
input_usd_per_mtok = 2.5
output_usd_per_mtok = 10
[[models]]
id = "local_gguf"
provider = "openai"
encoding = "cl100k_base"
context_tokens = 8192
"#;

#[track_caller]
fn check_references(lines_set: &str, expect: Expect) {
    let providers = Providers::parse(PROVIDERS).unwrap();
    let references = References {
        providers: &providers,
        scenario_types: ["refund_processing", "access_review"].into(),
        micro_overlays: ["refund"].into(),
    };
    let file_name = Some("fusion_overlay.refund_v2.1.txt");
    let subject = Subject { file_name, references: Some(&references) };
    let (overlay, syntax) = Overlay::parse(&with_lines(lines_set));
    let report = overlay_schema::check(&overlay, syntax, Profile::Deploy, &subject);
    let mut text = String::new();
    for it in &report.diagnostics {
        let fix = it.fix.as_ref().map_or("", |it| it.title.as_str());
        writeln!(text, "{it} | {fix}").unwrap();
    }
    expect.assert_eq(&text);
}

#[test]
fn what_overlays_name() {
    check_references("OVERLAY_NAME=refund", expect![[""]]);
    check_references(
        "OVERLAY_NAME=refunds\nFUSION_MODE=quality_first",
        expect![[r#"
        18:14: warning[OVL3001]: the file is named `refund`, the overlay `refunds` (the name in the file is the one that counts; rename one of the two) | 
        18:14: note[OVL4005]: no micro overlay `refunds` (requests go out without a system prompt of ours) | 
    "#]],
    );
    check_references(
        "OVERLAY_NAME=refund\nMODEL=gpt-4o, gpt-40,local-gguf",
        expect![[r#"
        20:15: error[OVL4001]: no model `gpt-40` in `providers.toml` (did you mean `gpt-4o`?) | write `gpt-4o`
        20:22: error[OVL4006]: model `local_gguf` has no price (give its prices in `providers.toml`; an unknown price is never 0) | 
    "#]],
    );
    check_references(
        "OVERLAY_NAME=refund\nVOTING_POWER_MAP=model/gpt4o:1,model/gpt-5:2",
        expect![[r#"
            19:32: error[OVL4003]: no model `gpt-5` in `providers.toml` (add the model there, or name one that is) | 
        "#]],
    );
    check_references(
        "OVERLAY_NAME=refund\nGPT-4O_TOP_P=0.5\nGPT-4P_TOP_P=0.5\nGROK_TOP_P=0.5",
        expect![[r#"
            21:1: error[OVL4002]: no model `GPT-4P` in `providers.toml` (did you mean `GPT-4O`?) | write `GPT-4O`
            22:1: error[OVL4002]: no model `GROK` in `providers.toml` (add the model there, or name one that is) | 
        "#]],
    );
    check_references(
        "OVERLAY_NAME=refund\nOVERLAY_TARGET_SCENARIOS=access_review,refund_procesing,x",
        expect![[r#"
            20:40: warning[OVL4004]: no scenario has the type `refund_procesing` (did you mean `refund_processing`?) | write `refund_processing`
            20:57: warning[OVL4004]: no scenario has the type `x` (the types stand in `scenarios.yaml`) | 
        "#]],
    );
}

#[test]
fn a_hostile_value_is_cut_in_messages() {
    let report =
        checked(&with_lines(&format!("TRUST_FLOOR={}", "9".repeat(900_000))), Profile::Deploy);
    assert_eq!(report.diagnostics.len(), 1);
    assert!(report.diagnostics[0].message.len() < 200);
    let report =
        checked(&with_lines(&format!("FUSION_MODE={}", "ä".repeat(400_000))), Profile::Deploy);
    assert!(report.diagnostics[0].message.len() < 400);
    let report = checked(&with_lines(&format!("{}=1", "A".repeat(1_000_000))), Profile::Deploy);
    assert_eq!(report.diagnostics[0].code, "OVL2002");
}
