//! The codes of findings about flagd's JSON.

use overlay_model::Severity;

/// flagd cannot say what a flag of ours asks.
pub(crate) const UNSAID: &str = "FLG7001";
/// The text is no flagd configuration.
pub(crate) const NO_FILE: &str = "FLG7002";
/// A flag of flagd's is none.
pub(crate) const NO_FLAG: &str = "FLG7003";
/// A rule of flagd's is none.
pub(crate) const NO_RULE: &str = "FLG7004";
/// A flag file cannot say what a flag of flagd's asks.
pub(crate) const NO_COUNTERPART: &str = "FLG7005";
/// A condition holds for less here.
pub(crate) const NARROWER: &str = "FLG7006";
/// Other units are drawn here.
pub(crate) const DRAWN_ANEW: &str = "FLG7007";
/// Something that decides nothing is not kept.
pub(crate) const NOT_KEPT: &str = "FLG7008";

/// Every code with its title and explanation, sorted.
pub const CODES: &[(&str, &str, &str)] = &[
    (
        UNSAID,
        "flagd's rules cannot say what a flag asks",
        "Hours, prerequisites, ranges of versions, attributes with a dot in their names, salts and \
         bucketed attributes of one's own have no counterpart in flagd's JSON. The flag is off \
         there, whatever it is here.",
    ),
    (
        NO_FILE,
        "the text is no flagd configuration",
        "flagd's configuration is one JSON object whose `flags` are an object, or a list with a \
         `key` in each flag; at most 8 MiB.",
    ),
    (
        NO_FLAG,
        "a flag of flagd's is none",
        "It has a `state`, ENABLED or DISABLED, and at least one of `variants`, all of one type: \
         switch, text, number or object. `defaultVariant` names one of them, or is null; \
         `metadata` has texts, numbers and switches only.",
    ),
    (
        NO_RULE,
        "a rule of flagd's is none",
        "`targeting` is JsonLogic with flagd's own operators `fractional`, `sem_ver`, \
         `starts_with` and `ends_with`; each object is one operator with its operands. Weights \
         are whole numbers from 0, versions have at most three numbers, `$flagd` has `flagKey` \
         and `timestamp`, and `$ref` names a rule of `$evaluators`.",
    ),
    (
        NO_COUNTERPART,
        "a flag file cannot say what a flag of flagd's asks",
        "A flag here is on or off, or gives one of several overlays by weight; all its conditions \
         must hold at once. The flag is off here, whatever it is there, until somebody writes by \
         hand what is meant; one whose key is no name of a flag is left out.",
    ),
    (
        NARROWER,
        "a condition holds for less here",
        "What is there for requests without the attribute, for versions before a release, or for \
         anything that is not empty, is not here: the flag is off for such requests.",
    ),
    (
        DRAWN_ANEW,
        "other units are drawn here",
        "The shares are the same, to 0.001 %, but not all units: variants are drawn by a hash of \
         their own here, so that a growing rollout moves nobody between them.",
    ),
    (
        NOT_KEPT,
        "something that decides nothing is not kept",
        "Metadata other than `description`, `owner`, `kind`, `expires`, `fallback_strategy`, \
         `overlays` and `position`, and fields that flagd does not know, have no place in a flag file; flags of \
         a list stand in a map here.",
    ),
];

/// How much a finding with this code weighs.
pub(crate) fn severity(code: &str) -> Severity {
    match code {
        NO_FILE | NO_FLAG | NO_RULE => Severity::Error,
        NOT_KEPT => Severity::Note,
        _ => Severity::Warning,
    }
}
