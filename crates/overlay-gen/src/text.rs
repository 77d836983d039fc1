//! Texts of a design spec, which may hold anything.

use overlay_model::one_line;

/// Whether an overlay file can hold `text`, white space around it aside, on one line as
/// it is.
pub(crate) fn is_one_line(text: &str) -> bool {
    one_line(text) == text.trim()
}

/// At most the first 80 characters of `text` on one line, for messages.
pub(crate) fn visible(text: &str) -> String {
    let text = one_line(text);
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

/// The first of `words` that is a word of `text`, in any case.
pub(crate) fn whole_word<'a>(text: &str, words: &[&'a str]) -> Option<&'a str> {
    let text = text.to_lowercase();
    let is_word = |word: &str| text.split(|c: char| !c.is_alphanumeric()).any(|it| it == word);
    words.iter().copied().find(|it| is_word(it))
}

/// The first of `words` that occurs in `text`, be it inside another word, in any case.
pub(crate) fn part_of_word<'a>(text: &str, words: &[&'a str]) -> Option<&'a str> {
    let text = text.to_lowercase();
    words.iter().copied().find(|it| text.contains(it))
}
