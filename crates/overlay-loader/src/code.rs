//! The codes of findings about an installation as a whole.

pub(crate) const UNREADABLE: &str = "OVL5201";
pub(crate) const TOO_LARGE: &str = "OVL5202";
pub(crate) const TOO_MANY: &str = "OVL5203";
pub(crate) const OUT_OF_TREE: &str = "OVL5204";
/// Those of what is not read: what others say of it is their consequence.
pub(crate) const CAUSES: [&str; 4] = [UNREADABLE, TOO_LARGE, TOO_MANY, OUT_OF_TREE];
pub(crate) const NAME: &str = "OVL5205";
pub(crate) const DUPLICATE_NAME: &str = "OVL5206";
pub(crate) const LONE_MICRO: &str = "OVL5207";
pub(crate) const TWO_MICROS: &str = "OVL5208";
pub(crate) const UNSERVED_TYPE: &str = "OVL5209";
pub(crate) const FORM: &str = "OVL5211";
pub(crate) const NO_BASE: &str = "OVL5212";
pub(crate) const FLOOR: &str = "OVL5215";
pub(crate) const VARIABLE: &str = "OVL5216";
pub(crate) const GATE: &str = "OVL5217";
pub(crate) const SETTING: &str = "OVL5218";
pub(crate) const SHARE: &str = "OVL5219";
pub(crate) const RESTLESS: &str = "OVL5220";
pub(crate) const POINTER: &str = "OVL5221";
pub(crate) const VANISHED: &str = "OVL5222";
pub(crate) const EMPTY: &str = "OVL5223";
pub(crate) const VARIABLE_VALUE: &str = "OVL5224";

/// The codes of findings about an installation: code, title, explanation.
pub const CODES: &[(&str, &str, &str)] = &[
    (
        UNREADABLE,
        "file cannot be read",
        "A file or folder of the installation cannot be opened or read. The message holds what \
         the operating system says.",
    ),
    (
        TOO_LARGE,
        "file too large",
        "Overlays and micro overlays have at most 1 MiB, other files of an installation 8 MiB.",
    ),
    (
        TOO_MANY,
        "too many files",
        "An installation has at most 10,000 overlays and 20,000 files in a folder. Files beyond \
         that, by name, are not read.",
    ),
    (
        OUT_OF_TREE,
        "link out of the installation",
        "A symbolic link leads out of the installation, or to nothing. What is deployed is one \
         tree, so that its digest says all of it.",
    ),
    (
        NAME,
        "file name is no overlay's",
        "The name of an overlay file is `fusion_overlay.<name>.txt`, with a name of 1 to 64 \
         lower-case letters, digits, `_` and `-`.",
    ),
    (
        DUPLICATE_NAME,
        "two overlays of one name",
        "Two files hold an overlay of the same name. The first one by file name counts.",
    ),
    (
        LONE_MICRO,
        "micro overlay without overlay",
        "A file in `micro_overlays/` has the name of no overlay, so nothing sends it.",
    ),
    (
        TWO_MICROS,
        "two micro overlays of one name",
        "An overlay has one micro overlay: `<name>.md` or `<name>.txt`. The `.md` file counts.",
    ),
    (
        UNSERVED_TYPE,
        "scenario type without overlay",
        "No overlay names this scenario type in `OVERLAY_TARGET_SCENARIOS`: its scenarios are \
         answered by the base layer.",
    ),
    (FORM, "file is not of its form", "The file is not what its name says; see the message."),
    (
        NO_BASE,
        "no base layer",
        "There is no overlay `baseline`. Every overlay then starts from the built-in one.",
    ),
    (
        FLOOR,
        "environment may not weaken the overlay",
        "`SECURITY_MODE=enhanced` stands in the overlay: a variable of the environment may raise \
         a floor, never lower it, and may not switch the mode off. The variable has no effect.",
    ),
    (
        VARIABLE,
        "variable of the environment is no parameter",
        "A variable `RESONTINEX_FUSION_<KEY>` names no parameter. It has no effect.",
    ),
    (
        GATE,
        "check of a quality gate not understood",
        "A line under `Quality Gates` ends in `[check: …]` that is none of `contains \"…\"`, \
         `not \"…\"`, `regex \"…\"`.",
    ),
    (
        SETTING,
        "value in force is none of its parameter",
        "The layers above the file (environment, command line) leave a value in force that its \
         parameter does not take. Nothing is put in force.",
    ),
    (
        SHARE,
        "share of a candidate is none",
        "The share of the units that get a candidate is a number from 0 to 100, in percent.",
    ),
    (
        RESTLESS,
        "files change while they are read",
        "The files of the installation changed under every attempt to read them. They are read \
         again as soon as they rest.",
    ),
    (
        POINTER,
        "deployment root cannot be followed",
        "The pointer `CURRENT` of a deployment root is missing, damaged, went back in time, or \
         leads to a generation that is not the one it was. What is in force stays.",
    ),
    (
        VANISHED,
        "flag file is gone",
        "The installation in force has a flag file, and the one that would replace it has none: \
         rollouts, conditions and the kill switch would be gone with it. What is in force stays. \
         A file with `features: {}` says that there are no flags.",
    ),
    (
        EMPTY,
        "no installation",
        "An installation has at least one overlay or a flag file. A folder with neither is one \
         that was mistyped, emptied or not mounted: what is in force stays, and a start has only \
         the built-in overlay.",
    ),
    (
        VARIABLE_VALUE,
        "variable of the environment is no value of its parameter",
        "A variable `RESONTINEX_FUSION_<KEY>` gives its parameter a value it does not take. It \
         has no effect.",
    ),
];
