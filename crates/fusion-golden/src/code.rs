//! The codes of findings and checks, each written once.

macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $text:literal;)+) => {
        $(pub(crate) const $name: &str = $code;)+

        /// The codes of findings and checks about suites: code, title, explanation; sorted.
        pub const CODES: &[(&str, &str, &str)] = &[$(($code, $title, $text)),+];
    };
}

codes! {
    UNREADABLE = "GLD1001", "file is not of its form",
        "A golden, a cassette line or another file of a suite is no JSON of its form. The message says what is wrong and where.";
    DUPLICATE_KEY = "GLD1002", "JSON key stands twice",
        "An object holds a key twice. Most readers keep the last one without a word, so that a person and a program read different things. Remove one of them.";
    EDITED_GOLDEN = "GLD1003", "golden was changed by hand",
        "A golden carries a digest of its own content, and the two differ. Take the file back from version control, or accept what replays now with `golden update --reason`.";
    WRONG_KEY = "GLD1004", "recording has the key of another request",
        "A recording stands under the digest of its request and sample, and this one's differs. The request was changed by hand. Take the line back, or record anew.";
    CHANGED_LINE = "GLD1005", "recording was changed or removed",
        "The golden lists the digest of each recording it rests on, and one of them is not there any more. Take the line back from version control, or accept what replays now with `golden update --reason`.";
    RECORDED_TWICE = "GLD1006", "sample is recorded twice",
        "Two lines of a cassette hold the same sample of the same request. Which one answers would depend on their order: remove one.";
    TRUNCATED = "GLD1007", "cassette is cut off",
        "The last line of a cassette ends in the middle: the recording was interrupted. Remove the line and record it again.";
    TOO_LARGE = "GLD1008", "file too large",
        "A golden has at most 8 MiB, a cassette 64 MiB, a line of it 4 MiB.";
    NO_GOLDEN = "GLD1009", "scenario without golden",
        "Nothing was accepted for this scenario yet. Look at its answers, then run `golden update --scenario ID --reason WHY`.";
    NO_SCENARIO = "GLD1010", "file without scenario",
        "A golden or a cassette belongs to no scenario of the catalogue. Remove it, or give the scenario back.";
    OTHER_SCENARIO = "GLD1011", "golden of another scenario",
        "The name of the file and the scenario in it differ.";
    OLD_FORM = "GLD1012", "golden of the original's form",
        "The file has the original's form, which cannot be replayed. Import it with `golden import --from origin`, or run `golden update`.";
    UNKNOWN_FORM = "GLD1013", "golden of an unknown form",
        "The file's `schema_version` is none that this version reads.";
    UNREFERENCED = "GLD1014", "recording that nothing asks for",
        "No plan of this scenario makes this call. `golden prune` removes such lines.";
    NEW_RECORDING = "GLD1015", "recorded since the golden was accepted",
        "A call of the plan was recorded after the golden was accepted. Look at the answer, then run `golden update --reason`.";
    TOO_OLD = "GLD1016", "old recording",
        "The recording is older than the suite wants it to be. Models behind an endpoint change: record anew.";
    SETTINGS = "GLD1017", "settings that no plan can be made of",
        "The settings in force on this side hold a value that is none of its parameter, or name what is not there. The message says which.";
    UNKNOWN_SCENARIO = "GLD1018", "unknown scenario",
        "A scenario was asked for that the catalogue does not have.";
    UNKNOWN_AGE = "GLD1019", "recording without date",
        "The age of recordings is limited, and this one does not say when it was made.";
    BROKEN_RULE = "GLD1020", "rule that cannot be evaluated",
        "A rule of the scenario file, or a check under the quality gates of a prompt, holds a pattern that is no regular expression, or a schema that is no JSON Schema, refers to nothing, or is too large. No answer can keep such a rule, so nothing is accepted until it is mended.";

    OVERLAY = "GLD2001", "another overlay answers",
        "The selection comes to another overlay than the one that was accepted.";
    KEY = "GLD2002", "setting changed",
        "A setting in force is not the one that was accepted. The message holds both values.";
    PROMPT = "GLD2003", "prompt changed",
        "A section of the micro overlay is not the one that was accepted.";
    SCENARIO = "GLD2004", "scenario changed",
        "The question, the turns, the pinned facts, the parameters or the rules of the scenario are not the ones that were accepted.";
    STALE = "GLD2005", "request without recording",
        "A call of the plan is not recorded. It is never guessed: record it with `golden record`, or, where the answers are authored and still fit, bind them anew with `golden update --rebind-authored --reason`.";
    REQUEST = "GLD2006", "requests changed",
        "The requests of the plan are not the ones that were accepted, though all of them are recorded.";
    ANSWER = "GLD2007", "answer changed",
        "The chosen answer is not the one that was accepted.";
    OUTCOME = "GLD2008", "outcome changed",
        "Mode, model, calls, acceptance, samples, trust, spread or cost are not what was accepted.";
    VOTES = "GLD2009", "votes changed",
        "The votes are not the ones that were accepted.";
    PRICE = "GLD2010", "price changed",
        "The same calls cost something else than was accepted: a price in `providers.toml` changed. Accept it with `golden update --reason`.";

    HARD = "GLD3001", "hard rule fails",
        "The chosen answer breaks a hard rule that the accepted one kept.";
    SOFT = "GLD3002", "soft rule fails",
        "The chosen answer breaks a soft rule that the accepted one kept.";
    KNOWN = "GLD3003", "known failure accepted in golden",
        "The chosen answer breaks a rule, and broke it when the golden was accepted. It is no regression.";
    MENDED = "GLD3004", "rule holds that did not",
        "The chosen answer keeps a rule that the accepted one broke. `golden update --reason` makes it count.";
    FELL_BACK = "GLD3005", "baseline answers for the overlay",
        "No step of the overlay's plan was accepted, so the baseline's answer is given.";

    PROMPT_TOKENS = "GLD4001", "prompt tokens changed",
        "The prompt has another number of tokens than the accepted one.";
    ANSWER_TOKENS = "GLD4002", "answer tokens changed",
        "The answer has another number of tokens than the accepted one.";
    CAP = "GLD4003", "answer longer than the cap",
        "The overlay's answer has more tokens than `BASELINE_TOKEN_CAP_PCT` allows over the bare baseline's.";
    ENCODING = "GLD4004", "tokens counted with another vocabulary",
        "Counts of two vocabularies are not compared. Accept new counts with `golden update --reason`.";

    LENGTH = "GLD5001", "recorded length is not the text's",
        "`execution_metrics` of an imported golden says another length than its text has.";
    CONFIG_HASH = "GLD5002", "config hash is no hash",
        "`config_hash` of an imported golden is not hexadecimal, so nothing can be checked against it.";
    SCORES = "GLD5003", "scores cannot be verified",
        "`evaluation_scores` of an imported golden come from a surface heuristic over fixed texts. They are kept under `legacy` and gate nothing.";
    RULES_DIFFER = "GLD5004", "recorded rule result differs",
        "`rules_validation` of an imported golden says something else than the rule comes to on the recorded text.";
    OFF_STEP = "GLD5005", "parameter off its step",
        "A value of an imported parameter file does not lie on the step that the same file declares.";
    NO_OVERLAY = "GLD5006", "flag names an overlay that does not exist",
        "A feature flag enables an overlay for which there is neither overlay nor micro overlay.";
    DROPPED = "GLD5007", "setting without meaning here",
        "A setting of an imported file has no counterpart and is left out.";
    NO_PARAMETERS = "GLD5008", "parameters of an unknown scenario",
        "An imported parameter file sets parameters of a scenario that the catalogue does not have.";
    UNMATCHED_TYPE = "GLD5009", "flag names an unknown scenario type",
        "A feature flag names a scenario type that no scenario has.";
    UNNAMED_MODEL = "GLD5010", "answer of an unnamed model",
        "An imported golden does not say which model answered. Its texts are kept as authored recordings.";
}
