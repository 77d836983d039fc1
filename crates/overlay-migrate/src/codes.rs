//! The codes of findings about migrations.

pub(crate) const LEFT_ALONE: &str = "MIG1001";
pub(crate) const NO_TEXT: &str = "MIG1002";
pub(crate) const UNUSED_DECISION: &str = "MIG1003";
pub(crate) const NOT_READ: &str = "MIG1101";
pub(crate) const MAPPED: &str = "MIG1102";
pub(crate) const FOREIGN_WORD: &str = "MIG1103";
pub(crate) const MISSING: &str = "MIG1104";
pub(crate) const REMAINS: &str = "MIG1105";
pub(crate) const OLDER_NAME: &str = "MIG1106";
pub(crate) const TWO_CANDIDATES: &str = "MIG1201";
pub(crate) const NO_NAME: &str = "MIG1202";
pub(crate) const OCCUPIED: &str = "MIG1203";
pub(crate) const NO_PLACE: &str = "MIG1204";
pub(crate) const SAME_BYTES: &str = "MIG1205";
pub(crate) const RETIRED: &str = "MIG1301";
pub(crate) const RETIRES: &str = "MIG1302";
pub(crate) const MODEL_NAME: &str = "MIG1401";
pub(crate) const PROMPT: &str = "MIG1402";
pub(crate) const UNREAD: &str = "MIG1403";
pub(crate) const CHANGED: &str = "MIG1501";
pub(crate) const LOADED: &str = "MIG1502";
pub(crate) const NO_RUN: &str = "MIG1503";
pub(crate) const BROKEN_OFF: &str = "MIG1504";

/// The codes of findings about a migration: code, title, explanation.
pub const CODES: &[(&str, &str, &str)] = &[
    (
        LEFT_ALONE,
        "file left alone",
        "A link, a pipe or a device, a folder named like an overlay or too deep, a name that is no \
         UTF-8, or a file larger than 1 MiB: migrations do not look into it.",
    ),
    (NO_TEXT, "file is no text", "An overlay or micro overlay is not UTF-8. Write it as UTF-8."),
    (
        UNUSED_DECISION,
        "decision without a question",
        "A `--keep` or `--set` fits nothing that the plan asks. It may be misspelt, or the \
         question may be answered already.",
    ),
    (
        NOT_READ,
        "key without meaning here",
        "The original's v0.3 overlays have this key, and nothing here reads it. The line becomes \
         a comment, so that nothing is lost and the overlay loads.",
    ),
    (
        MAPPED,
        "key or value has a new form",
        "A key or value of the original's v0.3 has exactly one counterpart here, which takes its \
         place.",
    ),
    (
        FOREIGN_WORD,
        "word without counterpart",
        "A value is a word of the original's v0.3 that no word here has the meaning of. Choose \
         one of the words listed, in the file or with `--set [FILE:]KEY=VALUE`.",
    ),
    (
        MISSING,
        "required key is missing",
        "The profile `deploy` asks for this key. Set it in the file or with \
         `--set [FILE:]KEY=VALUE`.",
    ),
    (
        REMAINS,
        "error that no rule mends",
        "The migrated overlay has this error under the profile `deploy`. The code in the message \
         is that of `overlay-schema`.",
    ),
    (
        OLDER_NAME,
        "older name of a key",
        "The key has a newer name, which takes its place; a key whose newer name is set too goes.",
    ),
    (
        TWO_CANDIDATES,
        "two candidates for one overlay",
        "Several files hold the same overlay with different contents. The original took the \
         newest by modification time, which copies and checkouts change: say with `--keep FILE` \
         which one was live.",
    ),
    (
        NO_NAME,
        "overlay without name",
        "Neither `OVERLAY_NAME` nor the file name gives a name. Say it with \
         `--set FILE:OVERLAY_NAME=…`.",
    ),
    (
        OCCUPIED,
        "place is taken",
        "A file has to move to a place where another one stands. Compare the two and delete one.",
    ),
    (
        NO_PLACE,
        "file without place in an installation",
        "The original's file is read by nothing here. The hint says where its contents belong.",
    ),
    (SAME_BYTES, "copy", "Two files have the same bytes; one of them goes."),
    (
        RETIRED,
        "model retired",
        "The vendor has ended this model: requests to it fail. The table of retired models in \
         this crate is kept by hand; each vendor's page is named in the message.",
    ),
    (
        RETIRES,
        "model retires",
        "The vendor has named the day on which this model ends, by the table of retired models \
         in this crate or `retires` in `providers.toml`.",
    ),
    (
        MODEL_NAME,
        "model named in another tool's file",
        "A file of LiteLLM, promptfoo or TensorZero names a model. Such files are never edited.",
    ),
    (
        PROMPT,
        "prompt in another tool's file",
        "A file of LiteLLM, promptfoo or TensorZero holds or names a prompt. Its text belongs \
         into a micro overlay.",
    ),
    (
        UNREAD,
        "file is not of its form",
        "A file of another tool cannot be read as YAML or TOML, so nothing is known of it.",
    ),
    (
        CHANGED,
        "file is not as the migration left it",
        "The digest of the file is not the one of the last step about it.",
    ),
    (
        LOADED,
        "finding of the loader",
        "The migrated tree was read as an installation; the loader found this.",
    ),
    (NO_RUN, "nothing was migrated", "The tree has no finished migration to hold it against."),
    (
        BROKEN_OFF,
        "run that was not finished",
        "A process that migrated the tree, or took a migration back, was killed, or is still at \
         work. Until it is finished the tree is neither the old one nor the new one.",
    ),
];
