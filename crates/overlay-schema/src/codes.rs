use overlay_model::Severity;

/// A code of a finding: what it means, and what calls it forth.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CodeInfo {
    /// The stable code.
    pub code: &'static str,
    /// What is wrong, as a fragment.
    pub title: &'static str,
    /// How much it usually weighs.
    pub severity: Severity,
    /// Why it matters, and what to do.
    pub explanation: &'static str,
    /// Lines that call it forth; empty where lines cannot show it.
    pub example: &'static str,
}

/// The row of `code`, where it is one of [`CODES`].
pub fn code(code: &str) -> Option<&'static CodeInfo> {
    CODES.binary_search_by(|it| it.code.cmp(code)).ok().and_then(|at| CODES.get(at))
}

const fn error(
    code: &'static str,
    title: &'static str,
    explanation: &'static str,
    example: &'static str,
) -> CodeInfo {
    CodeInfo { code, title, severity: Severity::Error, explanation, example }
}

const fn warning(row: CodeInfo) -> CodeInfo {
    CodeInfo { severity: Severity::Warning, ..row }
}

const fn note(row: CodeInfo) -> CodeInfo {
    CodeInfo { severity: Severity::Note, ..row }
}

/// Every code of findings about overlays, their prompts and `providers.toml`, sorted.
///
/// 1xxx the text, 2xxx keys and values, 3xxx values together, 4xxx what they name (41xx
/// `providers.toml`), 8xxx secrets and personal data. Codes are never used again.
pub const CODES: &[CodeInfo] = &[
    error(
        "OVL1001",
        "a line is no `KEY=VALUE`",
        "Each line is blank, a comment that begins with `#`, or an entry with `=` between \
         key and value. The original dropped other lines without a word.",
        "TRUST_FLOOR 0.60",
    ),
    error(
        "OVL1002",
        "no key in front of `=`",
        "An entry begins with the name of a parameter.",
        "=0.60",
    ),
    error(
        "OVL1003",
        "a key has characters that no key has",
        "Keys are upper-case letters, digits, `_` and `-`, a letter or digit first.",
        "trust_floor=0.60",
    ),
    error(
        "OVL1004",
        "a character that cannot be seen",
        "Control characters, line separators, marks that change the direction of a text, \
         spaces without width, soft hyphens and tag characters hide what a file says. The \
         message names the character; `--fix` takes it out.",
        "OVERLAY_AUTHOR=ops\u{7}team",
    ),
    error(
        "OVL1005",
        "the file is not UTF-8",
        "Overlay files are UTF-8. Save the file in that encoding.",
        "",
    ),
    error(
        "OVL1006",
        "the file is too large",
        "A file has at most 1 MiB and 4,096 lines. Long texts belong into the micro overlay.",
        "",
    ),
    note(error(
        "OVL1007",
        "the file begins with a byte order mark",
        "The mark is skipped. Some editors write it; other programs take it for a \
             part of the first key.",
        "\u{feff}",
    )),
    warning(error(
        "OVL1008",
        "what looks like a comment is part of the value",
        "There are no comments behind a value: all that follows `=` is the value.",
        "OVERLAY_AUTHOR=ops # the night shift",
    )),
    warning(error(
        "OVL1009",
        "the quotes are part of the value",
        "Values are written without quotes.",
        "OVERLAY_AUTHOR=\"ops\"",
    )),
    note(error(
        "OVL1012",
        "lines end in CRLF",
        "Lines that end in CR and LF, as Windows writes them, are read as they are. \
             `fusion overlay set` keeps them, `fusion overlay fmt` writes LF.",
        "OVERLAY_AUTHOR=ops\r",
    )),
    error(
        "OVL1013",
        "more findings than are listed",
        "Of one file at most 1,000 findings are listed. This one says how many more there \
         are, and is as severe as the worst of them.",
        "",
    ),
    error(
        "OVL2001",
        "a required key is missing",
        "Profile `seed` asks for the five keys of the original generator, `deploy` also \
         for `OVERLAY_NAME`, `origin` for the eight keys of the original loader.",
        "",
    ),
    error(
        "OVL2002",
        "a key is unknown",
        "No parameter has this name, so the line would have no effect. Most are typing \
         errors; the nearest name is offered. Profile `origin` lets them pass with a \
         note.",
        "FUSION_MOED=quality_first",
    ),
    error(
        "OVL2003",
        "a key is set twice",
        "The first of the two lines counts, and people read the last. Keep one. The \
         original took the last one without a word.",
        "SAMPLES=3\nSAMPLES=4",
    ),
    note(error(
        "OVL2004",
        "an older name of a key",
        "The key has a newer name. Both work; digests and layouts use the newer one.",
        "AUTHOR=ops",
    )),
    warning(error(
        "OVL2005",
        "a key stands beside its older name",
        "Where both are set, the older one is left out.",
        "OVERLAY_AUTHOR=ops\nAUTHOR=dev",
    )),
    error(
        "OVL2101",
        "a value is no number",
        "Numbers are decimal, with a point, without unit and thousands separator.",
        "TRUST_FLOOR=high",
    ),
    error(
        "OVL2102",
        "a number is outside its range",
        "Each number has a closed range, see the reference of parameters. Profile `seed` \
         ends `ARBITRATION_TIMEOUT_MS` at 1000.",
        "TRUST_FLOOR=1.01",
    ),
    warning(error(
        "OVL2104",
        "a time is longer than advised",
        "It works, and callers wait that long. `ARBITRATION_TIMEOUT_MS` should stay \
             at or below 1000.",
        "ARBITRATION_TIMEOUT_MS=1500",
    )),
    error(
        "OVL2105",
        "a number is not finite",
        "`nan` and `inf` pass every comparison in one direction and none in the other. \
         They are no value of anything.",
        "TRUST_FLOOR=nan",
    ),
    error(
        "OVL2106",
        "a number in digits of another script",
        "Only the digits 0 to 9 make a number, without `_` between them. Other programs \
         read other digits differently, or not at all.",
        "TRUST_FLOOR=٠.٥",
    ),
    error(
        "OVL2107",
        "a whole number has a fraction",
        "Counts and milliseconds are whole. The original's validator let `250.7` pass, \
         and its deploy step failed on it.",
        "ARBITRATION_TIMEOUT_MS=250.7",
    ),
    error(
        "OVL2201",
        "a value is none of the words",
        "The parameter takes one of a fixed set of words. The nearest one is offered. \
         Words of the original's v0.3 overlays, as `hybrid_orchestration`, have no \
         meaning here; profile `origin` lets them pass with a note.",
        "FUSION_MODE=qualty_first",
    ),
    error(
        "OVL2202",
        "a switch is neither `true` nor `false`",
        "Switches are `true` or `false`, in lower case.",
        "API_CIRCUIT_BREAKER=maybe",
    ),
    error(
        "OVL2203",
        "a list is not well formed",
        "Elements stand between commas; `none` alone is the empty list.",
        "MODEL=gpt-4o-mini,,gpt-4o",
    ),
    error(
        "OVL2204",
        "a map of weights is not well formed",
        "A map is `name:weight` pairs between commas. Weights are whole and not negative, \
         names differ, and the sum is above zero.",
        "VOTING_POWER_MAP=garbage::",
    ),
    error(
        "OVL2205",
        "a name is outside the rule",
        "A name is 1 to 64 lower-case letters, digits, `_` and `-`, a letter or digit \
         first, so that it is a file name on every system, a metric label and a part of a \
         URL.",
        "OVERLAY_NAME=../evil",
    ),
    error(
        "OVL2206",
        "a text does not fit on one line",
        "A text of the typed form has line breaks, other control characters or blanks \
         around it, which no line of an overlay file can hold.",
        "",
    ),
    warning(error(
        "OVL2301",
        "a version is not strict semver",
        "`v2.1.0` and `2.1` are read, with this warning; what is no version at all, \
             as `fallback`, is an error. States of a rollout are not versions.",
        "FUSION_OVERLAY_VERSION=v2.1.0",
    )),
    error(
        "OVL2302",
        "the major version is another one",
        "Overlays of the same major version are compatible. This one is written for \
         another format. Only profile `deploy` refuses it.",
        "FUSION_OVERLAY_VERSION=3.0.0",
    ),
    warning(error(
        "OVL2401",
        "a time is not written as RFC 3339 has it",
        "Moments are written as `2026-11-21T09:30:00Z`, so that everybody reads the \
             same one.",
        "OVERLAY_CREATED=yesterday",
    )),
    warning(error(
        "OVL3001",
        "file name and `OVERLAY_NAME` differ",
        "The name in the file counts. A file that is named otherwise is hard to find.",
        "OVERLAY_NAME=refund",
    )),
    note(error(
        "OVL3002",
        "`ENTROPY_FLOOR` is above `ENTROPY_REDUCTION_TARGET`",
        "Sampling may stop at more disagreement than the overlay aims at. That can be meant.",
        "ENTROPY_FLOOR=0.80",
    )),
    warning(error(
        "OVL3003",
        "no answer reaches `TRUST_FLOOR`",
        "Each term of trust is at most 0.98, and where `quality_alignment` counts how \
             sure the winning share is, few samples bring it further down. Every answer \
             would be passed on.",
        "TRUST_FLOOR=0.99",
    )),
    error(
        "OVL3004",
        "a voter is unknown",
        "Voters are the judges `energy`, `entropy`, `trust`, `continuity` and `insight`, \
         and `model/<id>`. `single:1` stands alone and means no vote.",
        "VOTING_POWER_MAP=enrgy:2,trust:1",
    ),
    warning(error(
        "OVL3005",
        "only one voter has weight",
        "A vote takes at least two participants, so this one is never counted.",
        "VOTING_POWER_MAP=trust:2",
    )),
    note(error(
        "OVL3006",
        "`SAMPLES` has no effect in this mode",
        "`baseline_only` and `speed_optimized` draw one sample.",
        "FUSION_MODE=baseline_only\nSAMPLES=5",
    )),
    warning(error(
        "OVL3007",
        "a pinned key is no parameter",
        "`OVERLAY_PINNED` names keys that generator and optimizer leave alone. This \
             one protects nothing.",
        "OVERLAY_PINNED=TRUST_FLOR",
    )),
    note(error(
        "OVL3008",
        "`ENTROPY_REDUCTION_TARGET` has no effect",
        "It sets temperature and top_p, unless `TEMPERATURE` and `TOP_P` do.",
        "TEMPERATURE=0.2\nTOP_P=0.9",
    )),
    warning(error(
        "OVL3009",
        "the grace window outlasts the request",
        "`REQUEST_DEADLINE_MS` ends the request before `ARBITRATION_TIMEOUT_MS` can run out.",
        "ARBITRATION_TIMEOUT_MS=400\nREQUEST_DEADLINE_MS=300",
    )),
    error(
        "OVL4001",
        "`MODEL` names an unknown model",
        "Models stand in `providers.toml`.",
        "MODEL=gpt-5o-mini",
    ),
    error(
        "OVL4002",
        "a key names an unknown model",
        "A key of one model is the model's id in upper case, then the parameter: \
         `GPT-4O_MAX_TOKENS`.",
        "GPT-4X_MAX_TOKENS=500",
    ),
    error(
        "OVL4003",
        "a voter names an unknown model",
        "`model/<id>` votes for the candidates of a model of `providers.toml`.",
        "VOTING_POWER_MAP=model/gpt-4x:1,trust:1",
    ),
    warning(error(
        "OVL4004",
        "a scenario type is unknown",
        "The types stand in `scenarios.yaml`.",
        "OVERLAY_TARGET_SCENARIOS=refunds",
    )),
    note(error(
        "OVL4005",
        "the overlay has no micro overlay",
        "Requests go out without a system prompt of ours. The file would be \
             `micro_overlays/<name>.md`.",
        "FUSION_MODE=quality_first",
    )),
    error(
        "OVL4006",
        "a model has no price",
        "Costs and budgets are counted by the price table. An unknown price is never \
         taken for 0.",
        "MODEL=unpriced",
    ),
    error(
        "OVL4101",
        "two providers or models have the same name",
        "Names tell providers and models apart. Case, `-` and `_` make no difference \
         between models.",
        "[[models]]\nid = \"GPT_4o\"\nprovider = \"openai\"\nencoding = \"o200k_base\"\ncontext_tokens = 1000\ninput_usd_per_mtok = 1\noutput_usd_per_mtok = 1",
    ),
    error(
        "OVL4102",
        "a model names an unknown provider",
        "Each model belongs to a provider of the same file.",
        "provider = \"opnai\"",
    ),
    warning(error(
        "OVL4103",
        "a model has no price",
        "An overlay that names the model does not load.",
        "# without input_usd_per_mtok",
    )),
    error(
        "OVL4104",
        "a price is below zero or no number",
        "Prices are US dollars a million tokens.",
        "input_usd_per_mtok = -1.0",
    ),
    error(
        "OVL4105",
        "an encoding is unknown",
        "Tokens are counted with `o200k_base` or `cl100k_base`.",
        "encoding = \"p50k_base\"",
    ),
    error(
        "OVL4106",
        "an endpoint is no http or https address",
        "The endpoint is the base URL of an OpenAI-compatible API.",
        "endpoint = \"api.example.com\"",
    ),
    error(
        "OVL4107",
        "a default model is unknown",
        "`default_models` names models of the same file.",
        "default_models = [\"gpt-9\"]",
    ),
    error(
        "OVL4108",
        "the sizes of a model cannot be right",
        "A context of zero tokens holds nothing, and an answer longer than the context \
         cannot be (a warning).",
        "context_tokens = 0",
    ),
    error(
        "OVL4109",
        "the day a model retires is no date",
        "Days are written as `2026-11-21`.",
        "retires = \"soon\"",
    ),
    warning(error(
        "OVL4111",
        "the file has an unknown format",
        "`schema` says which format the file is written for.",
        "schema = \"fusion/providers/9\"",
    )),
    warning(error(
        "OVL4112",
        "a key is sent without encryption",
        "The endpoint is plain http to another machine; whoever is on the way reads the key.",
        "endpoint = \"http://api.example.com\"",
    )),
    error(
        "OVL8001",
        "a private key stands in the text",
        "Whoever reads the file has the key. Take it out and revoke it.",
        "# -----BEGIN PRIVATE KEY-----",
    ),
    error(
        "OVL8002",
        "an access token stands in the text",
        "Tokens are known by the prefix of their issuer, and by letters drawn by lot. \
         Take it out and revoke it.",
        "# AKIA2B3C4D5E6F7G2H3J",
    ),
    error(
        "OVL8003",
        "an `api_key` stands in plain text",
        "`providers.toml` names a secret, as `${VARIABLE}` or `file:PATH`, and never holds it.",
        "api_key = \"plain\"",
    ),
    error(
        "OVL8004",
        "a password stands in an address",
        "Take it out of the address and change it.",
        "# postgres://fusion:hunter22@db.internal/runs",
    ),
    error(
        "OVL8005",
        "a key named like a secret holds one",
        "An overlay holds settings. Secrets come from the environment and are named in \
         `providers.toml`.",
        "OPENAI_API_KEY=q8Zr2LmX0vTt7Kd1",
    ),
    warning(error(
        "OVL8101",
        "an e-mail address",
        "An error under `PII_DETECTION=strict`. Addresses of the domains kept free \
             for examples, as `example.com`, are none.",
        "MODEL=jane.doe@acme-bank.com",
    )),
    warning(error(
        "OVL8102",
        "a phone number",
        "An error under `PII_DETECTION=strict`. Numbers with country code, or in \
             groups of three, three and four digits; `555-01xx` is none.",
        "MODEL=+49 30 901820 33",
    )),
    warning(error(
        "OVL8103",
        "a card number",
        "An error under `PII_DETECTION=strict`. Range and length of an issuer, and a \
             right check digit.",
        "MODEL=5500 0055 5555 5559",
    )),
    warning(error(
        "OVL8104",
        "an account number (IBAN)",
        "An error under `PII_DETECTION=strict`. Country, check digits and length of \
             ISO 13616.",
        "MODEL=DE89 3704 0044 0532 0130 00",
    )),
    warning(error(
        "OVL8105",
        "a social security number",
        "An error under `PII_DETECTION=strict`. Three, two and four digits of a range \
             that is given out.",
        "MODEL=219-09-9999",
    )),
];
