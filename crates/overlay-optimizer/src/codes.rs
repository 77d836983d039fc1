use overlay_model::Severity::{self, Error, Note, Warning};
use overlay_schema::CodeInfo;

const fn row(
    code: &'static str,
    severity: Severity,
    title: &'static str,
    explanation: &'static str,
) -> CodeInfo {
    CodeInfo { code, title, severity, explanation, example: "" }
}

/// Every code of findings about workload profiles, sorted.
///
/// Codes are never used again.
pub const CODES: &[CodeInfo] = &[
    row(
        "OVL7001",
        Error,
        "the text is no workload profile",
        "A profile is a TOML, YAML or JSON table, each field once.",
    ),
    row(
        "OVL7002",
        Error,
        "unknown field of a profile",
        "The original took any field, and a misspelt one meant its default. The nearest name is \
         given.",
    ),
    row(
        "OVL7003",
        Error,
        "a field of the profile has another type",
        "Rates, times, scores and limits are numbers; `peak_hours` is a list.",
    ),
    row(
        "OVL7004",
        Error,
        "a number of the profile is out of range",
        "None is negative or infinite; `quality_score_minimum` is from 0 to 1.",
    ),
    row(
        "OVL7005",
        Error,
        "an element of `peak_hours` is no range of hours",
        "Write `09:00-12:00`, or the hour as a whole number from 0 to 23. A range that ends \
         before it begins spans midnight.",
    ),
    row(
        "OVL7006",
        Error,
        "the time zone is not known",
        "It is named as in the IANA database: `Europe/Berlin`; `UTC` where absent.",
    ),
    row(
        "OVL7007",
        Warning,
        "the profile says nothing a rule asks for",
        "Rate with latency, quality or memory decide the strategy; without any of them it is \
         `balanced_optimization`.",
    ),
    row(
        "OVL7008",
        Note,
        "a time zone without peak hours",
        "`timezone` only says how `peak_hours` are meant.",
    ),
];
