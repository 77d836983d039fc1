use serde::Serialize;

/// A kind of seeded change.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Class {
    /// Its name: what is changed, and how.
    pub name: &'static str,
    /// What is done, in one sentence.
    pub what: &'static str,
}

const fn class(name: &'static str, what: &'static str) -> Class {
    Class { name, what }
}

/// The catalogue of regressions.
pub const CLASSES: &[Class] = &[
    class("overlay.delete", "a key of an overlay is deleted"),
    class("overlay.perturb", "a key of an overlay gets another value of its kind"),
    class("overlay.swap", "a key of an overlay gets the value another overlay has for it"),
    class("prompt.sentence", "a sentence of a prompt is deleted"),
    class("prompt.negation", "a sentence of a prompt says the opposite"),
    class("prompt.section", "a section of a prompt is removed"),
    class("prompt.order", "two sections of a prompt change places"),
    class("flag.percentage", "a rollout is cut to 0, 10 or 50 percent"),
    class("flag.scenario_types", "a flag loses a kind of work, or gains another's"),
    class("flag.order", "another overlay stands first, or two flags change places"),
    class("flag.kill_switch", "the kill switch is on, or a flag is off"),
    class("answer.cut50", "the answer ends after half of its text"),
    class("answer.cut80", "the answer ends after four fifths of its text"),
    class("answer.refusal", "the model refuses"),
    class("answer.empty", "the answer is empty"),
    class("answer.other", "the answer is that of another scenario"),
    class("answer.numbers", "every number is another one"),
    class("answer.one_number", "one number is another one"),
    class("answer.negation", "up to three statements are negated"),
    class("answer.boilerplate", "sixty tokens of pleasantries are added"),
    class("answer.flattened", "lists become running text"),
    class("answer.repetition", "the last sentence repeats in a loop"),
    class("config.price", "a price of a model doubles or halves"),
    class("config.model", "models change places, or a model moves to another provider"),
    class("config.fact", "a number in the facts of a scenario is another one"),
    class("config.rule", "a rule of a scenario is gone"),
];

/// What changes nothing in meaning: an alarm about it is false.
pub const PRESERVED: &[Class] = &[
    class("same.unchanged", "the suite as it is, once more"),
    class("same.comments", "comments are added to an overlay"),
    class("same.order", "the keys of an overlay change places"),
    class("same.whitespace", "blanks and blank lines are added to an overlay"),
    class("same.numbers", "numbers are written another way: 0.30 as 0.3"),
    class("same.line_ends", "an overlay or a prompt gets a byte order mark and CRLF"),
    class("same.rewritten", "flags and model table are written anew, without comments"),
    class("same.recordings", "the recordings of a scenario stand in another order"),
];
