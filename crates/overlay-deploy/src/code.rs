//! The codes of findings about `deploy.toml` and about plans.

pub(crate) const NO_TOML: &str = "DEP1001";
pub(crate) const UNKNOWN_KEY: &str = "DEP1002";
pub(crate) const TYPE: &str = "DEP1003";
pub(crate) const VALUE: &str = "DEP1004";
pub(crate) const MISSING_KEY: &str = "DEP1005";
pub(crate) const UNKNOWN_CHECK: &str = "DEP1006";
pub(crate) const AFTER: &str = "DEP1007";
pub(crate) const NO_GOLDEN: &str = "DEP1008";
pub(crate) const UNUSED_CHECK: &str = "DEP1009";
pub(crate) const FORMAT: &str = "DEP1010";
pub(crate) const BUILT_IN: &str = "DEP1011";
pub(crate) const NO_NAME: &str = "DEP1101";
pub(crate) const TWICE: &str = "DEP1102";
pub(crate) const NO_PLACE: &str = "DEP1103";
pub(crate) const DOWNGRADE: &str = "DEP1104";
pub(crate) const MAJOR_VERSION: &str = "DEP1105";
pub(crate) const NO_CHANGE: &str = "DEP1106";
pub(crate) const RULES_CHANGE: &str = "DEP1107";
pub(crate) const FIRST: &str = "DEP1108";
pub(crate) const UNKNOWN_ENVIRONMENT: &str = "DEP1109";
pub(crate) const NOTHING: &str = "DEP1110";
pub(crate) const TOO_SLOW: &str = "DEP1111";
pub(crate) const SAME_PROMPT: &str = "DEP1112";
pub(crate) const BAD_NAME: &str = "DEP1113";
pub(crate) const STAGES: &str = "DEP1114";
pub(crate) const BROKEN_RULE: &str = "DEP1115";
/// The code of a finding about a file of the installation that the loader does not read.
pub const UNFIT: &str = "DEP1116";
pub(crate) const MAX_STAGE: &str = "DEP1117";

/// The codes of findings about deployments: code, title, explanation. Sorted; codes are
/// never used again.
pub const CODES: &[(&str, &str, &str)] = &[
    (NO_TOML, "deploy.toml is no TOML", "The message holds what the parser says."),
    (
        UNKNOWN_KEY,
        "unknown key",
        "A key that is misspelt would leave its default in force. The nearest name is given.",
    ),
    (TYPE, "value of another type", "The key takes a value of another type; the message names it."),
    (VALUE, "value not allowed", "The value is of the right type, and none that the key takes."),
    (MISSING_KEY, "key missing", "A check of this kind needs this key."),
    (
        UNKNOWN_CHECK,
        "unknown check",
        "An environment or a command names a check that neither is built in (`schema`, `load`, \
         `golden`) nor stands under `[checks]`.",
    ),
    (
        AFTER,
        "environment comes after none",
        "`after` names the environment in which a tree has to pass first. It has to stand in the \
         file, and the chain of environments may not close.",
    ),
    (
        NO_GOLDEN,
        "no golden verdict asked for",
        "Outside development a tree is deployed once the golden tests passed for its digest. \
         This environment lists its checks and leaves `golden` out.",
    ),
    (UNUSED_CHECK, "check never used", "No environment names the check."),
    (FORMAT, "unknown format", "The file says that it is of a format this program does not read."),
    (
        BUILT_IN,
        "check has the name of a built-in one",
        "`schema`, `load`, `golden` and `promoted` are built in; a check of one's own needs \
         another name.",
    ),
    (
        NO_NAME,
        "overlay without name",
        "The name of an overlay is its `OVERLAY_NAME`, else its file name \
         `fusion_overlay.<name>.txt`.",
    ),
    (
        TWICE,
        "two files for one place",
        "Two of the given files are the same overlay, or belong to the same place.",
    ),
    (
        NO_PLACE,
        "file belongs to no place",
        "An installation has known files; a file of another name would be deployed and never read.",
    ),
    (
        DOWNGRADE,
        "version goes down",
        "The candidate's `FUSION_OVERLAY_VERSION` is lower than the one in force.",
    ),
    (
        MAJOR_VERSION,
        "major version changes",
        "The candidate's `FUSION_OVERLAY_VERSION` has another major version than the one in force.",
    ),
    (NO_CHANGE, "nothing changes", "The tree in force has these files already, byte for byte."),
    (
        RULES_CHANGE,
        "deploy.toml itself changes",
        "A rollout is judged by the rules in force when it begins, never by those it brings.",
    ),
    (
        FIRST,
        "first deployment is direct",
        "There is no generation in force to compare with or to share units with.",
    ),
    (
        UNKNOWN_ENVIRONMENT,
        "environment not in deploy.toml",
        "The rules of production hold for an environment that the file does not name.",
    ),
    (NOTHING, "nothing to deploy", "No file was given, and no tree to begin with."),
    (
        TOO_SLOW,
        "stage takes longer than it may",
        "At the traffic of now a stage does not reach its samples before it pauses.",
    ),
    (
        SAME_PROMPT,
        "overlay without its micro overlay",
        "No micro overlay was given; the text in force is kept.",
    ),
    (
        BAD_NAME,
        "`OVERLAY_NAME` is no name",
        "The name becomes the name of a file: 1 to 64 lower-case letters, digits, `_` and `-`, the \
         first a letter or digit. A path is none.",
    ),
    (
        STAGES,
        "stages without a staged deployment",
        "Stages, or their longest time, were given, and the mode of the environment, or of the \
         command, has none: they would be passed over in silence.",
    ),
    (
        BROKEN_RULE,
        "rule that cannot be evaluated",
        "A rule of `scenarios.yaml`, or a check under the quality gates of a prompt, holds a \
         pattern that is no regular expression, or a schema that is no JSON Schema. No answer can \
         keep it. It keeps a candidate out; what was in force once can come back with it.",
    ),
    (
        UNFIT,
        "file that does not fit",
        "`slo.toml` is no TOML, or `fusion.toml` sends the audit log or the metrics of production \
         to `null`: nobody could say later what happened. It keeps a candidate out.",
    ),
    (
        MAX_STAGE,
        "stage that pauses before it has baked",
        "`max_stage`, or `--max-stage`, is shorter than `bake`: the stage would wait for a person \
         before it could have a verdict.",
    ),
];
