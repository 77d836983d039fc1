//! Whether an answer comes to an end, repeats itself or declines.

use std::collections::HashMap;

use crate::run::Answer;

/// Words that no sentence ends with.
const DANGLING: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "because", "but", "by", "for", "from", "if", "in", "into",
    "is", "of", "on", "or", "that", "the", "their", "then", "to", "was", "were", "which", "with",
    "your",
];

/// Whether the answer comes to an end, with what was seen.
///
/// An end is closing punctuation, a closed bracket, quote or fence, an item of a list, a
/// row of a table, or a number. A model that stopped for want of tokens did not end.
pub(crate) fn ends(answer: &Answer) -> (bool, String) {
    if matches!(answer.finish_reason.as_str(), "length" | "max_tokens") {
        return (false, format!("the model stopped with `{}`", answer.finish_reason));
    }
    let text = answer.text.trim_end();
    if text.trim().is_empty() {
        return (false, "the answer is empty".to_owned());
    }
    if text.lines().filter(|line| line.trim_start().starts_with("```")).count() % 2 == 1 {
        return (false, "a fence is open".to_owned());
    }
    let line = text.rsplit('\n').next().unwrap_or_default().trim();
    let ended = line_ends(line);
    let tail: String = tail(line, 40).to_owned();
    (ended, if ended { tail } else { format!("ends in `{tail}`") })
}

fn line_ends(line: &str) -> bool {
    let bare = line.trim_end_matches(['*', '_', '`', '~']);
    match bare.chars().next_back() {
        // Only marks: a rule, a fence, a closed emphasis.
        None => true,
        Some(c) if ".!?…。！？)]}>\"”’»』」|".contains(c) => true,
        Some(c) if c.is_ascii_digit() || "%€£$°".contains(c) => true,
        Some(c) if c.is_alphanumeric() => {
            (is_item(line) || is_emphasised(line, bare)) && !dangles(bare)
        }
        Some('\'') => true,
        Some(',' | ':' | ';' | '-' | '–' | '—' | '(' | '[' | '{' | '/' | '=' | '+' | '&') => {
            false
        }
        // A symbol, such as a check mark, closes a line.
        Some(c) => !c.is_ascii(),
    }
}

/// Whether the line is `- item`, `* item` or `3. item`.
fn is_item(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = rest.len() < line.len() && rest.starts_with([')', '.']);
    let marker = if numbered { rest.get(1..) } else { line.strip_prefix(['-', '*', '+', '•']) };
    marker.is_some_and(|it| it.starts_with(char::is_whitespace))
}

/// Whether the last words of the line stand in marks that are closed: `**Done**`.
fn is_emphasised(line: &str, bare: &str) -> bool {
    let mark = line.get(bare.len()..).unwrap_or_default();
    !mark.is_empty() && line.matches(mark).count().is_multiple_of(2)
}

fn dangles(line: &str) -> bool {
    let word = line.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    DANGLING.iter().any(|it| it.eq_ignore_ascii_case(word))
}

/// At most the last `chars` characters.
fn tail(text: &str, chars: usize) -> &str {
    let at = text.char_indices().rev().nth(chars.saturating_sub(1)).map_or(0, |(at, _)| at);
    text.get(at..).unwrap_or(text)
}

/// How often the same sentence or run of words makes a repetition.
const TIMES: usize = 3;
/// The fewest words of a sentence that counts.
const SENTENCE_WORDS: usize = 4;
/// The fewest words of all rounds of a loop together.
const LOOP_WORDS: usize = 12;
/// The longest round of a loop, in words.
const LONGEST_ROUND: usize = 40;

/// What the answer repeats: a sentence of at least 4 words that stands there 3 times, or a
/// run of words that follows itself 3 times.
pub(crate) fn repetition(text: &str) -> Option<String> {
    repeated_sentence(text).or_else(|| repeated_run(text)).map(|it| tail_of(&it))
}

fn tail_of(text: &str) -> String {
    text.chars().take(60).collect()
}

fn repeated_sentence(text: &str) -> Option<String> {
    let mut seen: HashMap<u64, usize> = HashMap::new();
    for sentence in text.split(['\n', '.', '!', '?']) {
        let (count, digest) = words(sentence)
            .fold((0, SEED), |(count, digest), (word, _)| (count + 1, mix(digest, word)));
        if count < SENTENCE_WORDS {
            continue;
        }
        let times = seen.entry(digest).or_default();
        *times += 1;
        if *times == TIMES {
            return Some(sentence.trim().to_owned());
        }
    }
    None
}

fn repeated_run(text: &str) -> Option<String> {
    let words: Vec<(u64, &str)> = words(text).collect();
    for round in 1..=LONGEST_ROUND.min(words.len() / TIMES) {
        let mut equal = 0;
        for (at, (a, b)) in words.iter().zip(words.iter().skip(round)).enumerate() {
            equal = if a.0 == b.0 { equal + 1 } else { 0 };
            if equal >= round * (TIMES - 1) && equal + round >= LOOP_WORDS {
                let block = words.get(at + 1..at + 1 + round).unwrap_or_default();
                // Figures of a table repeat for good reasons.
                if block.iter().any(|(_, word)| word.contains(char::is_alphabetic)) {
                    let block: Vec<&str> = block.iter().map(|(_, word)| *word).collect();
                    return Some(block.join(" "));
                }
            }
        }
    }
    None
}

/// The words of a text without punctuation, each with a digest that case does not change.
fn words(text: &str) -> impl Iterator<Item = (u64, &str)> {
    text.split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .map(|word| {
            let lower = word.chars().flat_map(char::to_lowercase);
            (lower.fold(SEED, |digest, c| mix(digest, u64::from(c))), word)
        })
}

/// Where a digest of words begins.
const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// Adds to a digest as FNV-1a does, a whole character or word at a time. An answer that is
/// made to collide deceives its own test only.
fn mix(digest: u64, part: u64) -> u64 {
    (digest ^ part).wrapping_mul(0x0100_0000_01b3).rotate_left(23)
}

/// How far into an answer it is looked for a refusal, in characters.
const REFUSAL_CHARS: usize = 160;

/// What declining answers begin with, in lower case. Each names the declining itself: "I
/// cannot confirm the charge" is an answer.
pub(crate) const REFUSALS: &[&str] = &[
    "i can't help with",
    "i cannot help with",
    "i can't help you with",
    "i cannot help you with",
    "i can't assist",
    "i cannot assist",
    "i can't comply",
    "i cannot comply",
    "i can't do that",
    "i cannot do that",
    "i can't fulfill",
    "i cannot fulfill",
    "i can't provide that",
    "i cannot provide that",
    "i'm not able to help",
    "i am not able to help",
    "i'm not able to assist",
    "i am not able to assist",
    "i'm unable to help",
    "i am unable to help",
    "i'm unable to assist",
    "i am unable to assist",
    "i must decline",
    "i have to decline",
    "i won't be able to help",
    "i will not help",
    "as an ai language model",
    "as a language model",
    "as an ai, i can",
    "sorry, but i can't",
    "sorry, but i cannot",
    "sorry, i can't",
    "sorry, i cannot",
    "this request violates",
    "against my guidelines",
];

/// The words by which the answer declines, where it does.
pub(crate) fn refusal(text: &str) -> Option<&'static str> {
    let head: String = text
        .trim_start()
        .chars()
        .take(REFUSAL_CHARS)
        .map(|c| if c == '’' { '\'' } else { c.to_ascii_lowercase() })
        .collect();
    REFUSALS.iter().copied().find(|it| head.contains(it))
}
