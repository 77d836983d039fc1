use overlay_model::Severity;

/// A code of a finding about flag files: what it means, and what calls it forth.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FlagCode {
    /// The stable code.
    pub code: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// What is wrong, as a fragment.
    pub title: &'static str,
    /// Why it matters, and what to do.
    pub explanation: &'static str,
    /// A file that calls it forth; empty where a file alone cannot.
    pub example: &'static str,
}

/// The row of `code`, where it is one of [`CODES`].
pub fn code(code: &str) -> Option<&'static FlagCode> {
    CODES.iter().find(|it| it.code == code)
}

const fn row(
    severity: Severity,
    code: &'static str,
    title: &'static str,
    explanation: &'static str,
    example: &'static str,
) -> FlagCode {
    FlagCode { code, severity, title, explanation, example }
}

use Severity::{Error, Note, Warning};

/// Every code of findings about flag files, sorted: 1xxx the text, 2xxx single values, 3xxx
/// values together, 4xxx what they name outside the file, 5xxx age, 6xxx two files.
pub const CODES: &[FlagCode] = &[
    row(
        Error,
        "FLG1001",
        "the text is no flag file",
        "A flag file is YAML or JSON: one document, no anchors, aliases or tags, at most 16 \
         levels deep.",
        "features: {a: {}",
    ),
    row(Error, "FLG1002", "the file is too large", "A flag file has at most 8 MiB.", ""),
    row(
        Error,
        "FLG1003",
        "there is no such field",
        "A misspelt field would be a condition that never holds back anything. The nearest \
         name is in the hint.",
        "features: {a: {rollout_percent: 5}}",
    ),
    row(
        Error,
        "FLG1004",
        "a value is of another type",
        "Numbers are written without quotes, lists in brackets, switches as `true` and `false`.",
        "features: {a: {rollout_percentage: many}}",
    ),
    row(
        Error,
        "FLG1005",
        "a name stands here twice",
        "Which of the two counts would depend on the reader.",
        "features: {a: {}, a: {}}",
    ),
    row(
        Error,
        "FLG1006",
        "a field is missing",
        "The field has no default.",
        "features: {a: {requires: [{is: on}]}}",
    ),
    row(
        Error,
        "FLG1007",
        "there is no such word",
        "The field takes only the words that the hint names.",
        "features: {a: {kind: releese}}",
    ),
    row(
        Error,
        "FLG2001",
        "a percentage is not from 0 to 100",
        "A share of units is written in percent: 80, or 0.25.",
        "features: {a: {rollout_percentage: 180}}",
    ),
    row(
        Warning,
        "FLG2002",
        "a percentage is finer than a bucket",
        "There are 100,000 buckets; the share is rounded to 0.001 %.",
        "features: {a: {rollout_percentage: 0.0004}}",
    ),
    row(
        Error,
        "FLG2003",
        "a share is not from 0 to 1",
        "Confidences, quality gates and failure rates are written from 0 to 1.",
        "features: {a: {conditions: {confidence_threshold: 80}}}",
    ),
    row(
        Error,
        "FLG2004",
        "the version of the format is unknown",
        "Version 2 is the latest; the original's files name none.",
        "schema_version: 3",
    ),
    row(
        Error,
        "FLG2005",
        "there is no such hash",
        "Buckets are `flagd-v3`; another hash would put units into other buckets.",
        "schema_version: 2\ndefaults: {hash: md5}",
    ),
    row(
        Error,
        "FLG2006",
        "a moment, length of time or day is none",
        "Moments as `2026-12-01T09:00Z`, lengths as `30m`, `1h` or `1d12h`, days as \
         `2027-03-01`.",
        "features: {a: {expires: soon}}",
    ),
    row(
        Error,
        "FLG2007",
        "the hours are none",
        "Hours are written as `09:00-12:00`, and the zone as the IANA database names it: \
         `Europe/Berlin`.",
        "features: {a: {active: {hours: ['9 to 5']}}}",
    ),
    row(
        Error,
        "FLG2008",
        "the condition on an attribute is none",
        "It has exactly one of `in`, `not_in`, `starts_with`, `ends_with`, `semver`, \
         `at_least`, `less_than`; version ranges are written as `^2.1` or `>=1, <3`.",
        "features: {a: {conditions: {where: {tenant: {}}}}}",
    ),
    row(
        Error,
        "FLG2009",
        "a name is none",
        "Flags are named by letters, digits, `_`, `.` and `-`, not beginning with `-`, so \
         that `RESON_FEATURES` can name them; overlays by lower-case letters, digits, `_` \
         and `-`. No text is empty.",
        "features: {'-a': {}}",
    ),
    row(
        Error,
        "FLG2010",
        "a setting of a breaker is out of range",
        "At least one failure, one second, one call, one probe; at most 65,535 failures, 16 \
         probes at a time and a year.",
        "global: {circuit_breaker: {failure_threshold: 0}}",
    ),
    row(
        Warning,
        "FLG2011",
        "a fallback that Fusion does not know",
        "Fusion knows `baseline_only`: the bare model answers. Any other word is handed to the \
         service with the route, and does nothing unless the service knows it.",
        "features: {a: {fallback_strategy: basline_only}}",
    ),
    row(
        Error,
        "FLG3001",
        "a flag requires one that there is not",
        "A prerequisite that does not exist would hold the flag off for ever.",
        "features: {a: {requires: [{flag: b}]}}",
    ),
    row(
        Error,
        "FLG3002",
        "flags require each other in a circle",
        "None of them could be decided.",
        "features: {a: {requires: [{flag: b}]}, b: {requires: [{flag: a}]}}",
    ),
    row(
        Error,
        "FLG3003",
        "too much is required to decide a flag",
        "Prerequisites are chained at most 16 deep, and at most 256 flags are looked at for \
         one decision.",
        "",
    ),
    row(
        Error,
        "FLG3004",
        "a ramp goes down",
        "A step takes no unit out that the one before let in. End the ramp, or begin \
         another one.",
        "features: {a: {ramp: {start: '2026-12-01T09:00Z', steps: [{percent: 10, hold: 1h}, \
         {percent: 5}]}}}",
    ),
    row(
        Error,
        "FLG3005",
        "a ramp has a step that never ends, or none",
        "Each step but the last one says how long it stays, and the last one does not.",
        "features: {a: {ramp: {start: '2026-12-01T09:00Z', steps: [{percent: 10}, {percent: \
         20}]}}}",
    ),
    row(
        Error,
        "FLG3006",
        "the weights of the variants come to nothing",
        "At least one variant has a weight above 0, and together they stay below 2³².",
        "features: {a: {variants: {x: {overlay: one, weight: 0}}}}",
    ),
    row(
        Warning,
        "FLG3007",
        "one of two fields has no effect",
        "A ramp replaces `rollout_percentage`; variants replace `enabled_overlays`; a slow \
         rate wants `slow_ms`, and the other way round.",
        "features: {a: {enabled_overlays: [x], variants: {v: {overlay: y, weight: 1}}}}",
    ),
    row(
        Warning,
        "FLG3008",
        "a list names something twice",
        "The second one has no effect.",
        "features: {a: {enabled_overlays: [x, x]}}",
    ),
    row(
        Warning,
        "FLG3009",
        "a kill switch has conditions",
        "A kill switch takes its overlays out only where its conditions hold: in an \
         emergency that is rarely meant.",
        "features: {a: {kind: kill_switch, enabled_overlays: [x], rollout_percentage: 50}}",
    ),
    row(
        Warning,
        "FLG3010",
        "a flag can never be on",
        "It requires a flag that is never on, or one to be on and off at once, or an \
         attribute to be one of none.",
        "features: {a: {enabled: false}, b: {requires: [{flag: a}]}}",
    ),
    row(
        Warning,
        "FLG3011",
        "a flag is shadowed",
        "Earlier flags that are on wherever this one is offer all its overlays already.",
        "features: {a: {enabled_overlays: [x]}, b: {enabled_overlays: [x]}}",
    ),
    row(
        Note,
        "FLG3012",
        "a flag offers no overlay",
        "It changes no route; other flags may require it.",
        "features: {a: {}}",
    ),
    row(
        Warning,
        "FLG3013",
        "one overlay has two settings of its breaker",
        "An overlay has one breaker; the settings of the first flag that offers it hold.",
        "features: {a: {enabled_overlays: [x], circuit_breaker: {failure_threshold: 2}}, b: \
         {enabled_overlays: [x, y], circuit_breaker: {failure_threshold: 3}}}",
    ),
    row(
        Error,
        "FLG4001",
        "there is no such overlay",
        "The flag offers an overlay that the installation does not have; a request would \
         get the baseline.",
        "",
    ),
    row(
        Warning,
        "FLG4002",
        "no scenario is of this type",
        "No scenario of the catalogue has this type, so the flag never applies to a known \
         kind of work.",
        "",
    ),
    row(
        Warning,
        "FLG4003",
        "an environment has nearly a usual name",
        "An environment applies only where `RESON_ENV` is exactly its name.",
        "environments: {prodution: {}}",
    ),
    row(
        Warning,
        "FLG5001",
        "a flag is past its day",
        "It should be gone: make what it chooses the rule, or remove it.",
        "",
    ),
    row(
        Note,
        "FLG5002",
        "the file is read as the original's",
        "Without `schema_version: 2` scenario types match by part, and a missing confidence \
         passes.",
        "features: {}",
    ),
    row(
        Warning,
        "FLG6001",
        "units change their buckets",
        "Another salt, or another attribute to bucket by, draws all units anew: who was in \
         may be out.",
        "",
    ),
    row(
        Warning,
        "FLG6002",
        "units change their variants",
        "Other weights, or another order of the variants, move units that are in already.",
        "",
    ),
    row(
        Warning,
        "FLG6003",
        "a change that no question shows",
        "Two files differ, and nothing that was asked shows it: settings of breakers, a quality \
         gate, or a flag that another one always keeps off. `fusion flags diff --json` has what \
         was asked.",
        "",
    ),
];
