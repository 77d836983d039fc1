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

/// Every code of findings about design specs and templates, sorted.
///
/// OVL6009 is for those who read the text of a spec. Codes are never used again.
pub const CODES: &[CodeInfo] = &[
    row(
        "OVL6001",
        Error,
        "there is no such template",
        "The nearest name and all names are given. The original took `balanced` instead, \
         without a word.",
    ),
    row(
        "OVL6002",
        Error,
        "the name is no overlay name",
        "A name is a file name, a metric label and a part of a URL: `[a-z0-9][a-z0-9_-]{0,63}`. \
         The original's generator took any name, `../../x` too.",
    ),
    row(
        "OVL6003",
        Error,
        "the memory limit is under 512 MB",
        "The original's design check says so too; its generator made an overlay all the same.",
    ),
    row(
        "OVL6004",
        Error,
        "a number of the spec is not finite",
        "Goals and limits are decimal numbers. The original took NaN, and made a floor of it.",
    ),
    row(
        "OVL6005",
        Error,
        "a number of the spec is out of range",
        "No goal or limit is negative; `accuracy_score` and `token_efficiency` are from 0 to 1, \
         `max_cpu_percent` is from 0 to 100.",
    ),
    row(
        "OVL6006",
        Error,
        "a text of the spec does not fit on one line",
        "An overlay file holds a value on one line. In the original a line break in the purpose \
         wrote a setting of its own.",
    ),
    row("OVL6007", Error, "the purpose is empty", "It tells people what the overlay is for."),
    row(
        "OVL6008",
        Error,
        "a scenario name is no name",
        "Scenarios stand between commas in an overlay, and `none` means that there are none.",
    ),
    row(
        "OVL6009",
        Error,
        "the text is no design spec",
        "A spec is TOML, YAML or JSON with the fields of `schemas/design-spec.schema.json` and \
         no others.",
    ),
    row(
        "OVL6010",
        Error,
        "a compatibility requirement is not met",
        "The range behind `resontinex` does not hold the version of the overlay format.",
    ),
    row(
        "OVL6011",
        Note,
        "a compatibility requirement is not checked",
        "Only the version of `resontinex` is known; `python>=3.10` is kept for readers.",
    ),
    row(
        "OVL6012",
        Warning,
        "the latency goal is under 50 ms",
        "Few models answer that fast. The goal is taken all the same.",
    ),
    row(
        "OVL6013",
        Error,
        "a template sets what an overlay is",
        "Name, author, scenarios and the like come from the design spec.",
    ),
    row(
        "OVL6014",
        Error,
        "the format of the spec is not known",
        "`schema` is `overlay-design/1`, or left out.",
    ),
    row(
        "OVL6015",
        Note,
        "keys beyond those of the original",
        "Keys that its loader asks for, the pinned keys, the cap of a request's energy, and the \
         author of the spec; the original's generator writes none of them.",
    ),
    row(
        "OVL6016",
        Note,
        "caching stays aggressive",
        "More than 4096 MB of memory ask for `aggressive`, a scenario about performance for \
         `true`. The original let the weaker one win.",
    ),
    row(
        "OVL6017",
        Note,
        "a sensitive word is only a part of a word",
        "Purposes are matched by whole words. The original took `illegal` and `paralegal` for \
         `legal`, and switched security on.",
    ),
    row(
        "OVL6018",
        Warning,
        "the energy limit is no cap of a request",
        "It sets `ENERGY_FLOOR`, but `MAX_ENERGY_UNITS` takes whole numbers from 1 on.",
    ),
    row(
        "OVL6019",
        Error,
        "a compatibility requirement cannot be read",
        "It is a subject and a version range as Cargo writes it: `resontinex>=2.1.0, <3`.",
    ),
];
