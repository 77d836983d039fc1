use overlay_model::DesignSpec;
use overlay_schema::{FORMAT_VERSION, Kind, param};

use crate::text::whole_word;

/// A rule of the generator. [`RULES`] is the one table of them.
#[derive(Debug)]
pub struct Rule {
    /// The stable identifier: `gen.latency.slow`.
    pub id: &'static str,
    /// When it applies.
    pub stage: Stage,
    /// Whether its keys follow from a goal of the spec, and are left alone by whatever
    /// changes the overlay later.
    pub pins: bool,
    /// The keys it sets.
    pub keys: &'static [(&'static str, Set)],
    /// Why it applies to a spec, `None` where it does not.
    because: fn(&DesignSpec) -> Option<String>,
}

impl Rule {
    /// Why the rule applies to `spec`, `None` where it does not.
    pub fn because(&self, spec: &DesignSpec) -> Option<String> {
        (self.because)(spec)
    }
}

/// The stages of the generator in their order, later ones win. The template stands
/// between [`Stage::Metadata`] and [`Stage::Performance`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// What the overlay is.
    Metadata,
    /// What the template and, for keys it leaves out, the defaults say.
    Template,
    /// What the performance goals ask for.
    Performance,
    /// What the resources allow.
    Resources,
    /// What is switched on beside.
    Flags,
}

/// The value a rule gives a key.
#[derive(Clone, Copy, Debug)]
pub enum Set {
    /// Always the same one.
    To(&'static str),
    /// One computed from the spec.
    By(fn(&DesignSpec) -> String),
}

impl Set {
    /// The value for `spec`.
    pub fn value(self, spec: &DesignSpec) -> String {
        match self {
            Self::To(value) => value.to_owned(),
            Self::By(value) => value(spec),
        }
    }
}

/// Words that make a purpose sensitive.
pub(crate) const SENSITIVE: &[&str] = &["legal", "financial", "medical", "security"];

/// The author where the spec names none.
const AUTHOR: &str = "overlay_generator";

/// Every rule, in the order they apply; of two that set a key, the later one wins.
///
/// Thresholds, constants and order are the original's, except that `aggressive` caching
/// is not lowered to `true`, and that purposes are matched by whole words.
pub const RULES: &[Rule] = &[
    metadata("gen.version", &[("FUSION_OVERLAY_VERSION", Set::To(FORMAT_VERSION))], |_| {
        Some("the version of the format".to_owned())
    }),
    metadata("gen.name", &[("OVERLAY_NAME", Set::By(|it| it.name.clone()))], |_| {
        Some("name of the spec".to_owned())
    }),
    metadata("gen.purpose", &[("OVERLAY_DESCRIPTION", Set::By(purpose))], |_| {
        Some("purpose of the spec".to_owned())
    }),
    metadata("gen.author", &[("OVERLAY_AUTHOR", Set::By(author))], |it| {
        let from =
            if named_author(it).is_some() { "author of the spec" } else { "no author in the spec" };
        Some(from.to_owned())
    }),
    metadata("gen.scenarios", &[("OVERLAY_TARGET_SCENARIOS", Set::By(scenarios))], |_| {
        Some("target_scenarios of the spec".to_owned())
    }),
    goal(
        "gen.latency.fast",
        Stage::Performance,
        &[("ENTROPY_REDUCTION_TARGET", Set::To("0.45"))],
        |it| below("latency_ms", it.performance_goals.latency_ms, 200.0, "less work for speed"),
    ),
    goal(
        "gen.latency.slow",
        Stage::Performance,
        &[("ENTROPY_REDUCTION_TARGET", Set::To("0.20"))],
        |it| above("latency_ms", it.performance_goals.latency_ms, 800.0, "more work for quality"),
    ),
    goal("gen.accuracy", Stage::Performance, &[("TRUST_FLOOR", Set::By(trust_floor))], |it| {
        let accuracy = it.performance_goals.accuracy_score?;
        Some(format!("accuracy_score {accuracy} × 0.8, held between 0.30 and 0.95"))
    }),
    goal(
        "gen.tokens",
        Stage::Performance,
        &[("FUSION_MODE", Set::To("efficiency_mode")), ("ARBITRATION_TIMEOUT_MS", Set::To("150"))],
        |it| above("token_efficiency", it.performance_goals.token_efficiency, 0.2, "save tokens"),
    ),
    goal(
        "gen.memory.small",
        Stage::Resources,
        &[
            ("CONTINUITY_ENFORCEMENT", Set::To("basic_thread")),
            ("API_CIRCUIT_BREAKER", Set::To("true")),
        ],
        |it| {
            below("max_memory_mb", it.resource_constraints.max_memory_mb, 1024.0, "keep few turns")
        },
    ),
    goal(
        "gen.memory.large",
        Stage::Resources,
        &[
            ("CONTINUITY_ENFORCEMENT", Set::To("comprehensive_thread")),
            ("ADAPTIVE_CACHING", Set::To("aggressive")),
        ],
        |it| {
            above(
                "max_memory_mb",
                it.resource_constraints.max_memory_mb,
                4096.0,
                "room to keep much",
            )
        },
    ),
    goal("gen.energy.floor", Stage::Resources, &[("ENERGY_FLOOR", Set::By(energy_floor))], |it| {
        let energy = it.resource_constraints.max_energy_units?;
        Some(format!("max_energy_units {energy} / 5000, held between 0.02 and 0.15"))
    }),
    goal("gen.energy.cap", Stage::Resources, &[("MAX_ENERGY_UNITS", Set::By(energy))], |it| {
        let energy = it.resource_constraints.max_energy_units?;
        is_energy_cap(energy).then(|| format!("max_energy_units {energy}"))
    }),
    flags(
        "gen.always",
        &[
            ("API_CIRCUIT_BREAKER", Set::To("true")),
            ("PERFORMANCE_MONITORING", Set::To("enhanced")),
        ],
        |_| Some("on in every overlay".to_owned()),
    ),
    flags("gen.caching", &[("ADAPTIVE_CACHING", Set::To("true"))], |it| {
        let scenario = performance_scenario(it).filter(|_| !has_large_memory(it))?;
        Some(format!("the scenario {} is about performance", scenario.trim()))
    }),
    Rule {
        pins: true,
        ..flags(
            "gen.sensitive",
            &[("SECURITY_MODE", Set::To("enhanced")), ("PII_DETECTION", Set::To("strict"))],
            |it| {
                let word = whole_word(&it.purpose, SENSITIVE)?;
                Some(format!("the purpose holds the word `{word}`"))
            },
        )
    },
];

type Keys = &'static [(&'static str, Set)];
type Because = fn(&DesignSpec) -> Option<String>;

const fn metadata(id: &'static str, keys: Keys, because: Because) -> Rule {
    Rule { id, stage: Stage::Metadata, pins: false, keys, because }
}

const fn goal(id: &'static str, stage: Stage, keys: Keys, because: Because) -> Rule {
    Rule { id, stage, pins: true, keys, because }
}

const fn flags(id: &'static str, keys: Keys, because: Because) -> Rule {
    Rule { id, stage: Stage::Flags, pins: false, keys, because }
}

fn below(field: &str, value: Option<f64>, limit: f64, so: &str) -> Option<String> {
    value.filter(|it| *it < limit).map(|it| format!("{field} {it} < {limit}: {so}"))
}

fn above(field: &str, value: Option<f64>, limit: f64, so: &str) -> Option<String> {
    value.filter(|it| *it > limit).map(|it| format!("{field} {it} > {limit}: {so}"))
}

/// Whether caching is aggressive by the memory there is.
pub(crate) fn has_large_memory(spec: &DesignSpec) -> bool {
    spec.resource_constraints.max_memory_mb.is_some_and(|it| it > 4096.0)
}

/// The first scenario that is about performance.
pub(crate) fn performance_scenario(spec: &DesignSpec) -> Option<&str> {
    spec.target_scenarios.iter().map(String::as_str).find(|it| it.contains("performance"))
}

/// The author the spec names.
pub(crate) fn named_author(spec: &DesignSpec) -> Option<&str> {
    spec.author.as_deref().map(str::trim).filter(|it| !it.is_empty())
}

/// Whether a limit of `units` is one that `MAX_ENERGY_UNITS` takes.
pub(crate) fn is_energy_cap(units: f64) -> bool {
    let Some(Kind::Integer { min, max }) = param("MAX_ENERGY_UNITS").map(|it| it.kind) else {
        return false;
    };
    #[expect(clippy::cast_precision_loss, reason = "the limits are far below 2^53")]
    let range = min as f64..=max as f64;
    units.fract() == 0.0 && range.contains(&units)
}

fn purpose(spec: &DesignSpec) -> String {
    spec.purpose.trim().to_owned()
}

fn author(spec: &DesignSpec) -> String {
    named_author(spec).unwrap_or(AUTHOR).to_owned()
}

fn scenarios(spec: &DesignSpec) -> String {
    let names: Vec<_> = spec.target_scenarios.iter().map(|it| it.trim()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(",") }
}

fn trust_floor(spec: &DesignSpec) -> String {
    let accuracy = spec.performance_goals.accuracy_score.unwrap_or_default();
    format!("{:.2}", (accuracy * 0.8).clamp(0.30, 0.95))
}

fn energy_floor(spec: &DesignSpec) -> String {
    let units = spec.resource_constraints.max_energy_units.unwrap_or_default();
    format!("{:.3}", (units / 5000.0).clamp(0.02, 0.15))
}

fn energy(spec: &DesignSpec) -> String {
    format!("{:.0}", spec.resource_constraints.max_energy_units.unwrap_or_default())
}
