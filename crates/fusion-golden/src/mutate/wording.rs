//! Edits of running text.

use crate::statistics::random::Random;

/// What a statement turns on, and its opposite.
const OPPOSITES: &[(&str, &str)] = &[
    ("Never ", "Always "),
    ("never ", "always "),
    (" is ", " is not "),
    (" are ", " are not "),
    (" was ", " was not "),
    (" can ", " cannot "),
    (" must ", " must not "),
    (" has ", " has not "),
    (" will ", " will not "),
    (" before ", " after "),
];

/// The bytes of the sentences of `text`: they end at `.`, `!`, `?` before a blank, or with
/// their line.
pub(super) fn sentences(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut res = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, it)| *it);
        let ends = c == '\n'
            || next.is_none()
            || (matches!(c, '.' | '!' | '?') && next.is_some_and(char::is_whitespace));
        if ends {
            let end = at + c.len_utf8();
            if text.get(start..end).is_some_and(|it| it.trim().len() > 2) {
                res.push(start..end);
            }
            start = end;
        }
    }
    res
}

/// `text` with the opposite of up to `most` of its statements; `None` where it has none of
/// the words that can be turned.
pub(super) fn negated(text: &str, most: usize) -> Option<String> {
    let mut res = String::with_capacity(text.len() + 16);
    let (mut rest, mut done) = (text, 0);
    while done < most {
        let found = OPPOSITES.iter().filter_map(|(from, to)| Some((rest.find(from)?, *from, *to)));
        let Some((at, from, to)) = found.min_by_key(|(at, ..)| *at) else { break };
        res.push_str(rest.get(..at)?);
        res.push_str(to);
        rest = rest.get(at + from.len()..)?;
        done += 1;
    }
    res.push_str(rest);
    (done > 0).then_some(res)
}

/// The bytes of the runs of digits of `text`.
pub(super) fn numbers(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut res: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, c) in text.char_indices().filter(|(_, c)| c.is_ascii_digit()) {
        match res.last_mut() {
            Some(last) if last.end == at => last.end = at + c.len_utf8(),
            _ => res.push(at..at + c.len_utf8()),
        }
    }
    res
}

/// `text` with other digits in the runs that `picked` says; never the same number.
pub(super) fn other_numbers(text: &str, picked: impl Fn(usize) -> bool) -> String {
    let mut res = String::with_capacity(text.len());
    let mut at = 0;
    for (_, run) in numbers(text).into_iter().enumerate().filter(|(it, _)| picked(*it)) {
        res.push_str(text.get(at..run.start).unwrap_or_default());
        let digits = text.get(run.clone()).unwrap_or_default();
        res.extend(digits.chars().map(|c| match c {
            '0'..='6' => char::from(c as u8 + 3),
            '7' => '1',
            '8' => '2',
            _ => '4',
        }));
        at = run.end;
    }
    res.push_str(text.get(at..).unwrap_or_default());
    res
}

/// `text` with one of its numbers changed; `None` where it has none.
pub(super) fn one_other_number(text: &str, random: &mut Random) -> Option<String> {
    let all = numbers(text).len();
    let one = (all > 0).then(|| random.below(all as u64))?;
    Some(other_numbers(text, |it| it == one))
}

/// The first `percent` percent of the characters of `text`.
pub(super) fn cut(text: &str, percent: usize) -> &str {
    let kept = text.chars().count() * percent / 100;
    let end = text.char_indices().nth(kept).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}
