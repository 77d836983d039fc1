//! The original's own overlay.

use std::fmt::Write as _;

use expect_test::expect;
use overlay_model::Overlay;
use overlay_schema::{Profile, Subject, check};

use crate::data;

#[test]
fn its_overlay_loads_and_is_told_what_it_is_not() {
    let Some(folder) = data::folder() else { return };
    let bytes = std::fs::read(folder.join("origin/fusion_overlay.v0.3.txt")).unwrap();
    let (overlay, syntax) = Overlay::read(&bytes);
    assert_eq!(overlay.len(), 96);
    let subject = Subject { file_name: Some("fusion_overlay.v0.3.txt"), references: None };
    let report = check(&overlay, syntax, Profile::Origin, &subject);
    assert!(report.is_valid());
    let mut unknown = 0;
    let mut text = String::new();
    for it in &report.diagnostics {
        if it.code == "OVL2002" {
            unknown += 1;
        } else {
            writeln!(text, "{it}").unwrap();
        }
    }
    writeln!(text, "{unknown} unknown keys").unwrap();
    for (phase, verdict) in report.phases {
        writeln!(text, "{phase} {verdict:?}").unwrap();
    }
    expect![[r#"
        9:24: note[OVL2201]: Invalid value for CONTINUITY_ENFORCEMENT: semantic_thread. Valid: ['basic_thread', 'enhanced_thread', 'comprehensive_thread', 'aggressive_thread'] (a word of the original's v0.3 without meaning here; the default holds)
        10:21: note[OVL2201]: Invalid value for TRUST_SCORING_MODEL: alignment_score+inflation_delta. Valid: ['simple_alignment', 'contextual_alignment', 'performance_weighted', 'quality_alignment'] (a word of the original's v0.3 without meaning here; the default holds)
        19:13: note[OVL2201]: Invalid value for FUSION_MODE: hybrid_orchestration. Valid: ['baseline_only', 'adaptive_routing', 'speed_optimized', 'quality_first', 'efficiency_mode'] (a word of the original's v0.3 without meaning here; the default holds)
        30:18: note[OVL3004]: unknown voter `EntropyAuditor` (voters are energy, entropy, trust, continuity, insight and `model/<id>`)
        30:35: note[OVL3004]: unknown voter `TrustManager` (voters are energy, entropy, trust, continuity, insight and `model/<id>`)
        30:50: note[OVL3004]: unknown voter `ContinuityEngine` (voters are energy, entropy, trust, continuity, insight and `model/<id>`)
        30:69: note[OVL3004]: unknown voter `InsightCollapser` (voters are energy, entropy, trust, continuity, insight and `model/<id>`)
        137:24: note[OVL2301]: `0.3` is no strict version, and is read as `0.3.0` (write three numbers, as semver has them)
        137:24: note[OVL2302]: version `0.3` is not of major version 2, which this program reads (check the keys against this format, then write `2.1.0`)
        80 unknown keys
        syntax Passed
        schema Passed
        semantic Passed
        reference Skipped
        loadable Passed
    "#]].assert_eq(&text);
    let unknown: Vec<_> = report
        .diagnostics
        .iter()
        .filter(|it| it.code == "OVL2002")
        .map(|it| {
            format!("{}: {}", it.at.as_ref().unwrap().line, it.message.replace("unknown key ", ""))
        })
        .collect();
    expect![[r#"
        11: `INSIGHT_COMPRESSION`
        12: `COMPUTE_COST_AWARENESS`
        16: `FALLBACK_CHAIN_DEPTH`
        17: `DYNAMIC_ROUTING`
        18: `LOAD_BALANCING`
        22: `ENERGY_BUDGET_PER_SIGNAL`
        23: `MAX_COLLAPSE_ATTEMPTS`
        24: `COLLAPSE_LATENCY_THRESHOLD_MS`
        25: `COMPRESSION_BACKOFF_STRATEGY`
        32: `CONFLICT_RESOLUTION`
        33: `QUORUM_THRESHOLD`
        34: `CONSENSUS_ALGORITHM`
        38: `GPT4O_ENTROPY_SENSITIVITY`
        39: `GPT4O_TRUST_BASELINE`
        41: `GPT4O_PREFERRED_MODULES`
        44: `CLAUDE35_ENTROPY_SENSITIVITY`
        45: `CLAUDE35_TRUST_BASELINE`
        47: `CLAUDE35_PREFERRED_MODULES`
        50: `GROK_ENTROPY_SENSITIVITY`
        51: `GROK_TRUST_BASELINE`
        53: `GROK_PREFERRED_MODULES`
        56: `GEMINI_ENTROPY_SENSITIVITY`
        57: `GEMINI_TRUST_BASELINE`
        59: `GEMINI_PREFERRED_MODULES`
        62: `LOCAL-GGUF_ENTROPY_SENSITIVITY`
        63: `LOCAL-GGUF_TRUST_BASELINE`
        65: `LOCAL-GGUF_PREFERRED_MODULES`
        66: `LOCAL-GGUF_COST_ADVANTAGE`
        69: `CACHE_SEMANTIC_THREADS`
        70: `THREAD_RELINK_OPTIMIZATION`
        71: `CONTEXT_SNAPSHOT_COMPRESSION`
        72: `STATE_PERSISTENCE_STRATEGY`
        73: `MEMORY_MANAGEMENT`
        76: `CAPABILITY_VALIDATION_INTERVAL_HOURS`
        77: `PERFORMANCE_BENCHMARK_FREQUENCY`
        78: `TRUST_SCORE_RECALIBRATION`
        79: `ENTROPY_DRIFT_MONITORING`
        80: `COST_EFFICIENCY_TRACKING`
        83: `N8N_COMPATIBLE`
        84: `N8N_WEBHOOK_TIMEOUT_MS`
        85: `N8N_BATCH_SIZE`
        86: `N8N_ERROR_HANDLING`
        87: `N8N_RETRY_STRATEGY`
        89: `API_RATE_LIMIT_BUFFER`
        90: `API_TIMEOUT_MS`
        91: `API_RETRY_COUNT`
        95: `TRUST_VERIFICATION`
        96: `SIGNAL_INTEGRITY_CHECK`
        97: `ENTROPY_ANOMALY_DETECTION`
        98: `EXTERNAL_OVERRIDE_LOGGING`
        99: `DATA_RESIDENCY_COMPLIANCE`
        102: `STRUCTURED_LOGGING`
        103: `LOG_LEVEL`
        104: `METRICS_COLLECTION`
        105: `TRACE_SAMPLING_RATE`
        106: `ALERT_THRESHOLDS`
        109: `FEDERATED_LEARNING_AGENTS`
        110: `EMERGENT_BEHAVIOR_COORDINATION`
        111: `QUANTUM_SAFE_ALGORITHMS`
        112: `HYPER_PERSONALIZATION`
        113: `SELF_HEALING_CODE_PATTERNS`
        114: `ADAPTIVE_LEARNING_FEEDBACK`
        118: `RULE_001`
        119: `RULE_002`
        120: `RULE_003`
        121: `RULE_004`
        122: `RULE_005`
        125: `RULE_010`
        126: `RULE_011`
        127: `RULE_012`
        128: `RULE_013`
        131: `RULE_020`
        132: `RULE_021`
        133: `RULE_022`
        134: `RULE_023`
        138: `RESONTINEX_ENGINE_MIN_VERSION`
        139: `LEDGER_SCHEMA_MIN_VERSION`
        140: `CAPABILITY_PROFILE_MIN_VERSION`
        141: `PYTHON_MIN_VERSION`
        142: `N8N_MIN_VERSION`"#]]
    .assert_eq(&unknown.join("\n"));
}

#[test]
fn its_overlay_is_no_overlay_of_ours() {
    let Some(folder) = data::folder() else { return };
    let bytes = std::fs::read(folder.join("origin/fusion_overlay.v0.3.txt")).unwrap();
    let (overlay, syntax) = Overlay::read(&bytes);
    let report = check(&overlay, syntax, Profile::Deploy, &Subject::default());
    let mut counts = std::collections::BTreeMap::new();
    for it in &report.diagnostics {
        *counts.entry((it.severity, it.code)).or_insert(0) += 1;
    }
    let text: String = counts
        .iter()
        .map(|((severity, code), count)| format!("{count} {severity} {code}\n"))
        .collect();
    expect![[r#"
        1 warning OVL2301
        1 error OVL2001
        80 error OVL2002
        3 error OVL2201
        1 error OVL2302
        4 error OVL3004
    "#]]
    .assert_eq(&text);
    assert!(
        !report.diagnostics.iter().any(|it| it.code.starts_with("OVL8")),
        "no number is a secret"
    );
}
