//! The keys of the original's v0.3 overlay, and what becomes of each.

use serde::Serialize;

/// What becomes of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It stays: key and value mean here what they meant there.
    Kept,
    /// It stays; where its word is none of ours, a person chooses.
    Word,
    /// The key stays, the value becomes this format's version.
    Version,
    /// The key stays, the voters get the names of our judges.
    Judges,
    /// The key stays, its model spelt as `providers.toml` does.
    ModelKey,
    /// The line becomes a comment.
    Comment,
}

/// A key of the original's v0.3 overlay.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct OriginKey {
    /// The key.
    pub key: &'static str,
    /// What becomes of it.
    pub fate: Fate,
    /// Why, or where its meaning is now.
    pub why: &'static str,
}

const fn row(key: &'static str, fate: Fate, why: &'static str) -> OriginKey {
    OriginKey { key, fate, why }
}

const fn gone(key: &'static str, why: &'static str) -> OriginKey {
    row(key, Fate::Comment, why)
}

const SAME: &str = "the same parameter";
const UNREAD: &str = "nothing read it in the original, and nothing does here";
const LOG: &str =
    "the service keeps no request log; the audit log and `/metrics` say what happened";
const N8N: &str = "n8n is a client like any other: it sets its own timeouts and retries";
const RULE: &str =
    "a rule in words that nothing evaluated; selection is in the flag file and the router";
const REQUIREMENT: &str =
    "a requirement of the design spec: `compatibility_requirements`, checked there";
const JUDGE_MODEL: &str = "models are chosen by measured scores: `capability.jsonl`";
const CONTEXT: &str = "the same parameter of this model";

/// The keys of the original's v0.3 overlay, sorted.
pub const ORIGIN_KEYS: &[OriginKey] = &[
    gone("ADAPTIVE_LEARNING_FEEDBACK", UNREAD),
    gone("ALERT_THRESHOLDS", "alerts are in `slo.toml`"),
    row("API_CIRCUIT_BREAKER", Fate::Kept, SAME),
    gone("API_RATE_LIMIT_BUFFER", "the provider's limits are answered by the breaker"),
    gone("API_RETRY_COUNT", "a mode decides how often models are asked: `FUSION_MODE`, `SAMPLES`"),
    gone(
        "API_TIMEOUT_MS",
        "one call's time; the whole request has `REQUEST_DEADLINE_MS`, to be set on purpose",
    ),
    row("ARBITRATION_TIMEOUT_MS", Fate::Kept, SAME),
    gone(
        "CACHE_SEMANTIC_THREADS",
        "answers are cached by `ADAPTIVE_CACHING`, which is another thing: to be set on purpose",
    ),
    gone("CAPABILITY_PROFILE_MIN_VERSION", REQUIREMENT),
    gone(
        "CAPABILITY_VALIDATION_INTERVAL_HOURS",
        "measured scores age with a half-life of 24 hours",
    ),
    gone("CLAUDE35_ENTROPY_SENSITIVITY", JUDGE_MODEL),
    row("CLAUDE35_MAX_CONTEXT_TOKENS", Fate::ModelKey, CONTEXT),
    gone("CLAUDE35_PREFERRED_MODULES", JUDGE_MODEL),
    gone("CLAUDE35_TRUST_BASELINE", JUDGE_MODEL),
    gone("COLLAPSE_LATENCY_THRESHOLD_MS", UNREAD),
    gone("COMPRESSION_BACKOFF_STRATEGY", UNREAD),
    gone(
        "COMPUTE_COST_AWARENESS",
        "cost always counts: `MAX_ENERGY_UNITS`, `ENERGY_BUDGET_PER_DAY`",
    ),
    gone(
        "CONFLICT_RESOLUTION",
        "a vote is a strict majority with vetoes; there is no other way to choose",
    ),
    gone("CONSENSUS_ALGORITHM", UNREAD),
    gone("CONTEXT_SNAPSHOT_COMPRESSION", UNREAD),
    row("CONTINUITY_ENFORCEMENT", Fate::Word, SAME),
    gone("COST_EFFICIENCY_TRACKING", "every receipt holds tokens and cost"),
    gone(
        "DATA_RESIDENCY_COMPLIANCE",
        "a claim, no setting; `PII_DETECTION` and `SECURITY_MODE` act",
    ),
    gone(
        "DYNAMIC_ROUTING",
        "`FUSION_MODE=adaptive_routing` is the mode with this name: to be set on purpose",
    ),
    gone("EMERGENT_BEHAVIOR_COORDINATION", UNREAD),
    gone(
        "ENERGY_BUDGET_PER_SIGNAL",
        "`auto_calculated` is no number; `MAX_ENERGY_UNITS` takes one",
    ),
    gone("ENTROPY_ANOMALY_DETECTION", UNREAD),
    gone("ENTROPY_DRIFT_MONITORING", "`PERFORMANCE_MONITORING` says what is measured"),
    row("ENTROPY_FLOOR", Fate::Kept, SAME),
    row("ENTROPY_REDUCTION_TARGET", Fate::Kept, SAME),
    gone(
        "EXTERNAL_OVERRIDE_LOGGING",
        "each effective key knows its origin; the audit log is always kept",
    ),
    gone("FALLBACK_CHAIN_DEPTH", "`MODEL` lists the models in the order they are asked"),
    gone("FEDERATED_LEARNING_AGENTS", UNREAD),
    row("FUSION_MODE", Fate::Word, SAME),
    row("FUSION_OVERLAY_VERSION", Fate::Version, "the overlay is one of this format now"),
    gone("GEMINI_ENTROPY_SENSITIVITY", JUDGE_MODEL),
    row("GEMINI_MAX_CONTEXT_TOKENS", Fate::ModelKey, CONTEXT),
    gone("GEMINI_PREFERRED_MODULES", JUDGE_MODEL),
    gone("GEMINI_TRUST_BASELINE", JUDGE_MODEL),
    gone("GPT4O_ENTROPY_SENSITIVITY", JUDGE_MODEL),
    row("GPT4O_MAX_CONTEXT_TOKENS", Fate::ModelKey, CONTEXT),
    gone("GPT4O_PREFERRED_MODULES", JUDGE_MODEL),
    gone("GPT4O_TRUST_BASELINE", JUDGE_MODEL),
    gone("GROK_ENTROPY_SENSITIVITY", JUDGE_MODEL),
    row("GROK_MAX_CONTEXT_TOKENS", Fate::ModelKey, CONTEXT),
    gone("GROK_PREFERRED_MODULES", JUDGE_MODEL),
    gone("GROK_TRUST_BASELINE", JUDGE_MODEL),
    gone("HYPER_PERSONALIZATION", UNREAD),
    gone("INSIGHT_COMPRESSION", UNREAD),
    gone("LEDGER_SCHEMA_MIN_VERSION", REQUIREMENT),
    gone("LOAD_BALANCING", "`PRIMARY_MODEL_SELECTION` chooses the model"),
    gone("LOCAL-GGUF_COST_ADVANTAGE", "prices are in `providers.toml`"),
    gone("LOCAL-GGUF_ENTROPY_SENSITIVITY", JUDGE_MODEL),
    row("LOCAL-GGUF_MAX_CONTEXT_TOKENS", Fate::ModelKey, CONTEXT),
    gone("LOCAL-GGUF_PREFERRED_MODULES", JUDGE_MODEL),
    gone("LOCAL-GGUF_TRUST_BASELINE", JUDGE_MODEL),
    gone("LOG_LEVEL", LOG),
    gone(
        "MAX_COLLAPSE_ATTEMPTS",
        "`SAMPLES` bounds how many answers are drawn: to be set on purpose",
    ),
    gone("MEMORY_MANAGEMENT", UNREAD),
    gone("METRICS_COLLECTION", "an option of the service: `metrics.sink` in `fusion.toml`"),
    gone("N8N_BATCH_SIZE", N8N),
    gone("N8N_COMPATIBLE", N8N),
    gone("N8N_ERROR_HANDLING", N8N),
    gone("N8N_MIN_VERSION", REQUIREMENT),
    gone("N8N_RETRY_STRATEGY", N8N),
    gone("N8N_WEBHOOK_TIMEOUT_MS", N8N),
    gone("PERFORMANCE_BENCHMARK_FREQUENCY", "benchmarks run in CI, not from an overlay"),
    row("PRIMARY_MODEL_SELECTION", Fate::Word, SAME),
    gone("PYTHON_MIN_VERSION", REQUIREMENT),
    gone("QUANTUM_SAFE_ALGORITHMS", UNREAD),
    gone("QUORUM_THRESHOLD", "a vote is a strict majority of the weight that arrived"),
    gone("RESONTINEX_ENGINE_MIN_VERSION", REQUIREMENT),
    gone("RULE_001", RULE),
    gone("RULE_002", RULE),
    gone("RULE_003", RULE),
    gone("RULE_004", RULE),
    gone("RULE_005", RULE),
    gone("RULE_010", RULE),
    gone("RULE_011", RULE),
    gone("RULE_012", RULE),
    gone("RULE_013", RULE),
    gone("RULE_020", RULE),
    gone("RULE_021", RULE),
    gone("RULE_022", RULE),
    gone("RULE_023", RULE),
    gone("SELF_HEALING_CODE_PATTERNS", UNREAD),
    gone("SIGNAL_INTEGRITY_CHECK", "generations have a manifest with digests, always checked"),
    gone("STATE_PERSISTENCE_STRATEGY", UNREAD),
    gone("STRUCTURED_LOGGING", LOG),
    gone("THREAD_RELINK_OPTIMIZATION", UNREAD),
    gone("TRACE_SAMPLING_RATE", "`PERFORMANCE_MONITORING` says what is measured"),
    row("TRUST_FLOOR", Fate::Kept, SAME),
    gone("TRUST_SCORE_RECALIBRATION", UNREAD),
    row("TRUST_SCORING_MODEL", Fate::Word, SAME),
    gone("TRUST_VERIFICATION", UNREAD),
    row("VOTING_POWER_MAP", Fate::Judges, "the original's agents are our judges under other names"),
];

/// The row of a key of the original's v0.3 overlay.
pub(crate) fn origin_key(key: &str) -> Option<&'static OriginKey> {
    ORIGIN_KEYS.iter().find(|it| it.key == key)
}

/// The original's agents, each with the judge here.
pub(crate) const JUDGES: [(&str, &str); 4] = [
    ("EntropyAuditor", "entropy"),
    ("TrustManager", "trust"),
    ("ContinuityEngine", "continuity"),
    ("InsightCollapser", "insight"),
];
