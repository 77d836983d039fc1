use overlay_model::Shape;

use crate::words::{
    Caching, Continuity, FusionMode, ModelSelection, Monitoring, PiiDetection, ResponseFormat,
    SecurityMode, TrustModel,
};

/// One parameter of an overlay. [`PARAMS`] is the one table of them; validation, JSON
/// Schema, reference, generator, layout and digest are read off it.
#[derive(Debug)]
pub struct Param {
    /// The name in the overlay file; for a parameter of one model, what follows the
    /// model: `_MAX_TOKENS` of `GPT-4O_MAX_TOKENS`.
    pub key: &'static str,
    /// The values it takes.
    pub kind: Kind,
    /// The section of a formatted file it belongs to.
    pub group: Group,
    /// The value in force where no layer sets it, as an overlay has it.
    pub default: Option<&'static str>,
    /// Which profiles ask for it.
    pub required: Required,
    /// The format version that brought it.
    pub since: &'static str,
    /// What it is, in one sentence.
    pub doc: &'static str,
    /// What it changes, and where.
    pub lowers_to: &'static str,
    /// When its effect can be seen.
    pub acts: Acts,
}

/// The values a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A number in a closed range.
    Number {
        /// The smallest value.
        min: f64,
        /// The largest value.
        max: f64,
    },
    /// A whole number in a closed range.
    Integer {
        /// The smallest value.
        min: i64,
        /// The largest value.
        max: i64,
    },
    /// A whole number of milliseconds in a closed range, with a range inside it that is
    /// advised.
    Millis {
        /// The smallest value.
        min: i64,
        /// The largest value.
        max: i64,
        /// The largest value that passes without warning.
        advised: i64,
    },
    /// `true` or `false`.
    Switch,
    /// One of a fixed set of words.
    Word(&'static [&'static str]),
    /// The ids of models, cheapest first.
    Models,
    /// Scenario types.
    Scenarios,
    /// Parameter names.
    Keys,
    /// Voters with weights.
    Voters,
    /// A version.
    Version,
    /// An overlay's name.
    Name,
    /// A moment, as RFC 3339 writes it.
    Time,
    /// A hexadecimal digest or other token.
    Token,
    /// Any text.
    Text,
}

impl Kind {
    /// The shape of the values.
    pub fn shape(self) -> Shape {
        match self {
            Self::Number { .. } => Shape::Number,
            Self::Integer { .. } => Shape::Integer,
            Self::Millis { .. } => Shape::Millis,
            Self::Switch => Shape::Switch,
            Self::Word(_) => Shape::Word,
            Self::Models | Self::Scenarios | Self::Keys => Shape::List,
            Self::Voters => Shape::Weights,
            Self::Version => Shape::Version,
            Self::Name | Self::Time | Self::Token | Self::Text => Shape::Text,
        }
    }
}

/// A section of a formatted overlay file.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Group {
    /// What the overlay is.
    Metadata,
    /// What the answer is to be like.
    Core,
    /// Who answers, and who decides.
    Fusion,
    /// Floors and budgets.
    Thresholds,
    /// What is sent to the model as it is.
    Sampling,
    /// What runs beside a request.
    Operation,
    /// Parameters of single models.
    Models,
}

impl Group {
    /// The heading of the section.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Metadata => "Metadata",
            Self::Core => "Core",
            Self::Fusion => "Fusion",
            Self::Thresholds => "Thresholds",
            Self::Sampling => "Sampling",
            Self::Operation => "Operation",
            Self::Models => "Models",
        }
    }
}

/// Which profiles ask for a parameter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Required {
    /// None.
    No,
    /// Only `deploy`.
    Deploy,
    /// `seed` and `deploy`.
    Seed,
}

/// When the effect of a parameter can be seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Acts {
    /// In the rendered request or the outcome of a recorded one.
    Replay,
    /// Only in time or across requests: grace window, breaker, cache, hedging.
    Time,
    /// Never: it says what the overlay is.
    Description,
}

const RATIO: Kind = Kind::Number { min: 0.0, max: 1.0 };

/// A row of the table; a function, so that a row is one line of a reader's attention.
const fn row(
    key: &'static str,
    kind: Kind,
    group: Group,
    default: Option<&'static str>,
    doc: &'static str,
    lowers_to: &'static str,
) -> Param {
    let required = Required::No;
    Param {
        key,
        kind,
        group,
        default,
        required,
        since: "2.1.0",
        doc,
        lowers_to,
        acts: Acts::Replay,
    }
}

const fn meta(key: &'static str, kind: Kind, doc: &'static str) -> Param {
    Param { acts: Acts::Description, ..row(key, kind, Group::Metadata, None, doc, "nothing") }
}

const fn required(by: Required, row: Param) -> Param {
    Param { required: by, ..row }
}

const fn in_time(row: Param) -> Param {
    Param { acts: Acts::Time, ..row }
}

/// Every parameter, sorted by key.
pub const PARAMS: &[Param] = &[
    row(
        "ADAPTIVE_CACHING",
        Kind::Word(Caching::WORDS),
        Group::Operation,
        Some("false"),
        "Whether answers are kept and given again.",
        "cache policy of the plan: exact key for deterministic plans, or normalised text, longer \
         life and single flight",
    ),
    in_time(row(
        "API_CIRCUIT_BREAKER",
        Kind::Switch,
        Group::Operation,
        Some("true"),
        "Whether a failing overlay or provider is left out for a while.",
        "breaker per overlay and per provider: 5 consecutive failures, 300 s, half-open with 3 \
         probes",
    )),
    in_time(required(
        Required::No,
        row(
            "ARBITRATION_TIMEOUT_MS",
            Kind::Millis { min: 50, max: 2000, advised: 1000 },
            Group::Fusion,
            Some("250"),
            "How long other candidates are waited for once the first acceptable one is there.",
            "grace window of the plan",
        ),
    )),
    meta("AUTHOR", Kind::Text, "Older name of `OVERLAY_AUTHOR`."),
    row(
        "BASELINE_TOKEN_CAP_PCT",
        Kind::Number { min: 0.0, max: 10_000.0 },
        Group::Thresholds,
        None,
        "How many percent more output tokens than the bare baseline an answer may have.",
        "a check of every recorded answer against the baseline's",
    ),
    meta(
        "BUDGET_DOWNGRADE_ACTIVE",
        Kind::Switch,
        "Whether the budget tripwire wrote this overlay.",
    ),
    meta("BUDGET_DOWNGRADE_TIMESTAMP", Kind::Text, "When it did."),
    required(
        Required::Seed,
        row(
            "CONTINUITY_ENFORCEMENT",
            Kind::Word(Continuity::WORDS),
            Group::Core,
            Some("basic_thread"),
            "How much of the conversation goes along, and whether it is verified.",
            "context policy: which turns and pinned facts are in the request",
        ),
    ),
    meta("CREATED_DATE", Kind::Time, "Older name of `OVERLAY_CREATED`."),
    meta("DESCRIPTION", Kind::Text, "Older name of `OVERLAY_DESCRIPTION`."),
    in_time(row(
        "ENERGY_BUDGET_PER_DAY",
        Kind::Integer { min: 1, max: 1_000_000_000_000 },
        Group::Thresholds,
        None,
        "What the overlay may spend a day, in units of 10 µ$.",
        "remaining share of the budget, which `ENERGY_FLOOR` bounds",
    )),
    in_time(row(
        "ENERGY_FLOOR",
        RATIO,
        Group::Thresholds,
        Some("0.05"),
        "The share of the daily budget that stays untouched.",
        "baseline only where the remaining share of `ENERGY_BUDGET_PER_DAY` is below it",
    )),
    row(
        "ENTROPY_FLOOR",
        RATIO,
        Group::Thresholds,
        Some("0.25"),
        "How much disagreement ends sampling early.",
        "sampling stops, from two candidates on, when 1 − share of the largest cluster ≤ floor",
    ),
    required(
        Required::Seed,
        row(
            "ENTROPY_REDUCTION_TARGET",
            RATIO,
            Group::Core,
            Some("0.30"),
            "How deterministic answers are to be; higher is more deterministic and cheaper.",
            "temperature = 0.40 − 0.25 r and top_p = 0.95 − 0.35 r, unless set explicitly",
        ),
    ),
    row(
        "FREQUENCY_PENALTY",
        Kind::Number { min: -2.0, max: 2.0 },
        Group::Sampling,
        None,
        "How much a token is discouraged each time it occurred.",
        "`frequency_penalty` of the request",
    ),
    required(
        Required::Seed,
        row(
            "FUSION_MODE",
            Kind::Word(FusionMode::WORDS),
            Group::Fusion,
            Some("baseline_only"),
            "Which models are asked, in which order, and whose answer counts.",
            "the steps of the plan",
        ),
    ),
    required(
        Required::Seed,
        meta("FUSION_OVERLAY_VERSION", Kind::Version, "The version of the overlay, strict semver."),
    ),
    meta("LAST_MODIFIED", Kind::Time, "When the file was changed; no effect."),
    row(
        "MAX_ENERGY_UNITS",
        Kind::Integer { min: 1, max: 1_000_000_000 },
        Group::Thresholds,
        None,
        "What one request may spend, in units of 10 µ$.",
        "cap of `max_tokens` and of the number of samples, by the price table",
    ),
    row(
        "MAX_TOKENS",
        Kind::Integer { min: 1, max: 1_000_000 },
        Group::Sampling,
        None,
        "The most tokens an answer may have.",
        "`max_tokens` of the request",
    ),
    row(
        "MODEL",
        Kind::Models,
        Group::Fusion,
        None,
        "The models to ask, cheapest first; without it the installation's default models.",
        "`model` of the requests",
    ),
    meta("OPTIMIZATION_APPLIED", Kind::Time, "When an optimizer changed the overlay."),
    meta("OPTIMIZATION_STRATEGY", Kind::Text, "Which strategy did."),
    meta("OVERLAY_AUTHOR", Kind::Text, "Who answers for the overlay."),
    meta("OVERLAY_CREATED", Kind::Time, "When it was made."),
    meta("OVERLAY_DESCRIPTION", Kind::Text, "What it is for."),
    required(Required::Deploy, meta("OVERLAY_NAME", Kind::Name, "The overlay's name.")),
    meta("OVERLAY_PINNED", Kind::Keys, "Keys that generator, optimizer and tuner leave alone."),
    meta("OVERLAY_TARGET_SCENARIOS", Kind::Scenarios, "The scenario types it serves."),
    row(
        "PERFORMANCE_MONITORING",
        Kind::Word(Monitoring::WORDS),
        Group::Operation,
        Some("enhanced"),
        "What is measured of a request.",
        "stage times and traces of the outcome",
    ),
    row(
        "PII_DETECTION",
        Kind::Word(PiiDetection::WORDS),
        Group::Operation,
        Some("off"),
        "What is done about personal data.",
        "prompts with personal data do not load, and requests are redacted",
    ),
    row(
        "PRESENCE_PENALTY",
        Kind::Number { min: -2.0, max: 2.0 },
        Group::Sampling,
        None,
        "How much a token is discouraged once it occurred.",
        "`presence_penalty` of the request",
    ),
    row(
        "PRIMARY_MODEL_SELECTION",
        Kind::Word(ModelSelection::WORDS),
        Group::Fusion,
        Some("single_model"),
        "How the model of a call is chosen.",
        "`model` of the requests",
    ),
    row(
        "REQUEST_DEADLINE_MS",
        Kind::Millis { min: 100, max: 600_000, advised: 600_000 },
        Group::Fusion,
        Some("30000"),
        "How long the whole request may take.",
        "deadline of the plan, and the measure of `performance_weighted` trust",
    ),
    row(
        "RESPONSE_FORMAT",
        Kind::Word(ResponseFormat::WORDS),
        Group::Sampling,
        Some("text"),
        "The form of the answer.",
        "`response_format` of the request",
    ),
    row(
        "SAMPLES",
        Kind::Integer { min: 1, max: 16 },
        Group::Fusion,
        Some("5"),
        "The most candidates a mode draws.",
        "number of samples in the plan",
    ),
    row(
        "SECURITY_MODE",
        Kind::Word(SecurityMode::WORDS),
        Group::Operation,
        Some("off"),
        "Whether the environment may weaken the overlay.",
        "floors that the environment cannot lower, and prompts redacted in records",
    ),
    row(
        "TEMPERATURE",
        Kind::Number { min: 0.0, max: 2.0 },
        Group::Sampling,
        None,
        "Sampling temperature; beats `ENTROPY_REDUCTION_TARGET`.",
        "`temperature` of the request",
    ),
    row(
        "TOP_P",
        Kind::Number { min: 0.0, max: 1.0 },
        Group::Sampling,
        None,
        "Nucleus sampling; beats `ENTROPY_REDUCTION_TARGET`.",
        "`top_p` of the request",
    ),
    row(
        "TRUST_FLOOR",
        RATIO,
        Group::Thresholds,
        Some("0.60"),
        "The least trust at which an answer is accepted.",
        "gate of every step: below it the next step of the mode is taken",
    ),
    required(
        Required::Seed,
        row(
            "TRUST_SCORING_MODEL",
            Kind::Word(TrustModel::WORDS),
            Group::Core,
            Some("contextual_alignment"),
            "Which terms make up the trust in an answer.",
            "the trust of the outcome",
        ),
    ),
    row(
        "VOTING_POWER_MAP",
        Kind::Voters,
        Group::Fusion,
        Some("single:1"),
        "Who votes for a candidate, with which weight.",
        "the vote of the outcome",
    ),
    meta("WORKLOAD_PROFILE_HASH", Kind::Token, "The profile an optimizer worked from."),
];

/// Parameters of one model: the key is the model's id in upper case, then this.
pub const MODEL_PARAMS: &[Param] = &[
    row(
        "_MAX_CONTEXT_TOKENS",
        Kind::Integer { min: 1, max: 100_000_000 },
        Group::Models,
        None,
        "How much of the model's context is used.",
        "context policy of calls to this model",
    ),
    row(
        "_MAX_TOKENS",
        Kind::Integer { min: 1, max: 1_000_000 },
        Group::Models,
        None,
        "`MAX_TOKENS` for this model.",
        "`max_tokens` of requests to this model",
    ),
    row(
        "_TEMPERATURE",
        Kind::Number { min: 0.0, max: 2.0 },
        Group::Models,
        None,
        "`TEMPERATURE` for this model.",
        "`temperature` of requests to this model",
    ),
    row(
        "_TOP_P",
        Kind::Number { min: 0.0, max: 1.0 },
        Group::Models,
        None,
        "`TOP_P` for this model.",
        "`top_p` of requests to this model",
    ),
];

/// Older metadata keys, each with the one that took its place.
pub const ALIASES: &[(&str, &str)] = &[
    ("AUTHOR", "OVERLAY_AUTHOR"),
    ("CREATED_DATE", "OVERLAY_CREATED"),
    ("DESCRIPTION", "OVERLAY_DESCRIPTION"),
];

/// Timestamps, which no digest covers.
pub const VOLATILE: &[&str] = &[
    "BUDGET_DOWNGRADE_TIMESTAMP",
    "CREATED_DATE",
    "LAST_MODIFIED",
    "OPTIMIZATION_APPLIED",
    "OVERLAY_CREATED",
];

/// The parameter that `key` names: a row of [`PARAMS`], or of [`MODEL_PARAMS`] where it
/// ends like one.
pub fn param(key: &str) -> Option<&'static Param> {
    match PARAMS.binary_search_by(|it| it.key.cmp(key)) {
        Ok(at) => PARAMS.get(at),
        Err(_) => model_param(key).map(|(_, param)| param),
    }
}

/// The model part and the parameter of a key for one model:
/// `GPT-4O_MAX_TOKENS` is `GPT-4O` and `_MAX_TOKENS`.
pub fn model_param(key: &str) -> Option<(&str, &'static Param)> {
    MODEL_PARAMS.iter().find_map(|it| {
        let model = key.strip_suffix(it.key).filter(|model| !model.is_empty())?;
        Some((model, it))
    })
}
