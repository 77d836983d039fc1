//! The codes of findings about `fusion.toml` and its variables.

pub(crate) const NO_TOML: &str = "DOC1001";
pub(crate) const UNKNOWN_KEY: &str = "DOC1002";
pub(crate) const TYPE: &str = "DOC1003";
pub(crate) const VALUE: &str = "DOC1004";
pub(crate) const FORMAT: &str = "DOC1005";
pub(crate) const UNKNOWN_VARIABLE: &str = "DOC1006";
pub(crate) const VARIABLE_VALUE: &str = "DOC1007";

/// The codes of findings about options: code, title, explanation. Sorted; codes are never
/// used again.
pub const CODES: &[(&str, &str, &str)] = &[
    (NO_TOML, "fusion.toml is no TOML", "The message holds what the parser says."),
    (
        UNKNOWN_KEY,
        "unknown section or option",
        "An option that is misspelt would leave its default in force. The nearest name is given.",
    ),
    (
        TYPE,
        "value of another type",
        "The option takes a value of another type; the message names it. The default is in force.",
    ),
    (
        VALUE,
        "value not allowed",
        "The value is of the right type, and none that the option takes. The default is in force.",
    ),
    (FORMAT, "unknown format of fusion.toml", "This program reads `fusion/options/1`."),
    (
        UNKNOWN_VARIABLE,
        "variable names no option",
        "A variable `RESON__<SECTION>__<KEY>` names no option of `fusion.toml`. It has no effect.",
    ),
    (
        VARIABLE_VALUE,
        "variable with a value that its option does not take",
        "The variable has no effect: what `fusion.toml` says, or the default, is in force.",
    ),
];
