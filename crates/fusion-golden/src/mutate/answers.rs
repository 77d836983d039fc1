use super::mutant::{Change, Mutant};
use super::wording::{cut, negated, one_other_number, other_numbers, sentences};
use crate::statistics::random::Random;

const REFUSAL: &str = "I'm sorry, but I can't help with that request.";
const BEFORE: &str = "Thank you so much for reaching out with this question! I completely \
                      understand how important it is to you, and I am more than happy to help.\n\n";
const AFTER: &str = "\n\nI hope this was helpful. Please do not hesitate to get in touch at any \
                     time should there be anything else that I can do for you. Have a great day!";

/// What a model might answer instead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum AnswerEdit {
    Cut50,
    Cut80,
    Refusal,
    Empty,
    Other,
    Numbers,
    OneNumber,
    Negation,
    Boilerplate,
    Flattened,
    Repetition,
}

const EDITS: &[(&str, AnswerEdit)] = &[
    ("answer.cut50", AnswerEdit::Cut50),
    ("answer.cut80", AnswerEdit::Cut80),
    ("answer.refusal", AnswerEdit::Refusal),
    ("answer.empty", AnswerEdit::Empty),
    ("answer.other", AnswerEdit::Other),
    ("answer.numbers", AnswerEdit::Numbers),
    ("answer.one_number", AnswerEdit::OneNumber),
    ("answer.negation", AnswerEdit::Negation),
    ("answer.boilerplate", AnswerEdit::Boilerplate),
    ("answer.flattened", AnswerEdit::Flattened),
    ("answer.repetition", AnswerEdit::Repetition),
];

/// Every scenario with this edit of its answers.
pub(super) fn mutants(class: &'static str, ids: &[&str], random: &mut Random) -> Vec<Mutant> {
    let Some((_, edit)) = EDITS.iter().find(|(name, _)| *name == class) else { return Vec::new() };
    let all = ids.iter().enumerate().map(|(number, id)| Mutant {
        class,
        place: (*id).to_owned(),
        change: Change::Answers(number, *edit, random.fork()),
    });
    all.collect()
}

impl AnswerEdit {
    /// `text` as it might have been; `other` is what answers another scenario. The same text
    /// where there is nothing to change.
    pub(super) fn apply(self, text: &str, other: &str, random: &mut Random) -> String {
        match self {
            Self::Cut50 => cut(text, 50).to_owned(),
            Self::Cut80 => cut(text, 80).to_owned(),
            Self::Refusal => REFUSAL.to_owned(),
            Self::Empty => String::new(),
            Self::Other => other.to_owned(),
            Self::Numbers => other_numbers(text, |_| true),
            Self::OneNumber => one_other_number(text, random).unwrap_or_else(|| text.to_owned()),
            Self::Negation => negated(text, 3).unwrap_or_else(|| text.to_owned()),
            Self::Boilerplate => format!("{BEFORE}{text}{AFTER}"),
            Self::Flattened => flattened(text),
            Self::Repetition => looped(text),
        }
    }
}

/// List items as running text.
fn flattened(text: &str) -> String {
    let is_item = |line: &str| {
        let line = line.trim_start();
        let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
        ["- ", "* ", "• "].iter().any(|it| line.starts_with(it))
            || (number.len() < line.len() && number.starts_with(". "))
    };
    if !text.lines().any(is_item) {
        return text.to_owned();
    }
    let marks = |c: char| c.is_ascii_digit() || matches!(c, '-' | '*' | '•' | '.' | ' ');
    let lines = text.lines().filter(|it| !it.trim().is_empty());
    let lines: Vec<_> = lines
        .map(|it| if is_item(it) { it.trim_start_matches(marks) } else { it.trim() })
        .collect();
    lines.join(" ")
}

/// The last sentence a dozen times more.
fn looped(text: &str) -> String {
    let last = sentences(text).pop().and_then(|it| text.get(it)).unwrap_or(text).trim();
    let mut res = text.to_owned();
    for _ in 0..12 {
        res.push(' ');
        res.push_str(last);
    }
    res
}
