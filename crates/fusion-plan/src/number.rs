//! The number an answer concludes with.

use std::ops::Range;

/// The number that `text` concludes with: the one of the last `#### n` line; else the last
/// one in the last `\boxed{…}`; else the last one of the text.
///
/// Signs, currency signs, thousands separators, a full stop behind and markdown emphasis
/// are understood. Numbers that belong to an identifier (`ORD-58213`) and those of a
/// numbered list do not count.
pub(crate) fn conclusion(text: &str) -> Option<f64> {
    marked(text).or_else(|| boxed(text)).or_else(|| last(text))
}

/// The number right behind the last `####` that has one.
fn marked(text: &str) -> Option<f64> {
    text.lines()
        .rev()
        .find_map(|line| {
            let rest = line.trim_start().strip_prefix("####")?;
            let is_lead = |c: char| c.is_whitespace() || "*=$€£\\-−".contains(c);
            let lead = rest.len() - rest.trim_start_matches(is_lead).len();
            // `#### 2. Costs` is a heading.
            find(rest, 0).filter(|it| it.span.start == lead && !is_list_marker(rest, &it.span))
        })?
        .value
        .into()
}

fn boxed(text: &str) -> Option<f64> {
    let (_, rest) = text.rsplit_once("\\boxed{")?;
    let mut depth = 1_usize;
    let end = rest.find(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => (),
        }
        depth == 0
    });
    // `1{,}234` and `1\,234` are how TeX sets a thousands separator.
    let inside = rest.get(..end?)?.replace("{,}", ",").replace("\\,", ",").replace("\\!", "");
    last(&inside)
}

fn last(text: &str) -> Option<f64> {
    let mut at = 0;
    let mut res = None;
    while let Some(found) = find(text, at) {
        at = found.span.end;
        if !is_list_marker(text, &found.span) {
            res = Some(found.value);
        }
    }
    res
}

struct Found {
    value: f64,
    /// The digits, without sign.
    span: Range<usize>,
}

/// The first number of `text` at or after the byte `from` that is no part of a word.
fn find(text: &str, from: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(u8::is_ascii_digit)?;
        if belongs_to_word(text, at) {
            let word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/');
            at += bytes.get(at..)?.iter().take_while(|b| word(b)).count();
        } else {
            return read(text, at);
        }
    }
}

/// Whether the digits at `at` go on with a word: `v2`, `ORD-58213`, `ix_3`.
fn belongs_to_word(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let joined = before.strip_suffix(['-', '_']).unwrap_or(before);
    joined.chars().next_back().is_some_and(char::is_alphabetic)
}

/// Reads the number whose digits begin at `at`.
fn read(text: &str, at: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
    let mut end = at + digits(at);
    let mut plain = text.get(at..end)?.to_owned();
    while plain.len() <= 15
        && end - at <= 19
        && bytes.get(end) == Some(&b',')
        && digits(end + 1) == 3
    {
        // `12345,678` is no number with separators.
        if plain.len() == end - at && plain.len() > 3 {
            break;
        }
        plain.push_str(text.get(end + 1..end + 4)?);
        end += 4;
    }
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        let fraction = end + 1 + digits(end + 1);
        plain.push_str(text.get(end..fraction)?);
        end = fraction;
    } else if at > 0
        && bytes.get(at - 1) == Some(&b'.')
        && !text.get(..at - 1)?.ends_with(|c: char| c.is_alphanumeric())
    {
        plain.insert_str(0, "0.");
    }
    let value: f64 = plain.parse().ok()?;
    let value = if is_negative(text, at) { -value } else { value };
    Some(Found { value, span: at..end })
}

/// Whether a minus sign stands before the digits at `at`, and is none of a subtraction or
/// a range: `-54`, `-$54`, `$-54`, but not `160-20`.
fn is_negative(text: &str, at: usize) -> bool {
    let currency = |c: char| "$€£\\".contains(c);
    let before = text.get(..at).unwrap_or_default().trim_end_matches(currency);
    let Some(before) = before.strip_suffix(['-', '−']) else { return false };
    let before = before.trim_end_matches(currency);
    !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ')' | ']' | '-'))
}

/// Whether the number numbers an item: at the start of a line, at most two digits, then
/// `.` or `)` and a text.
fn is_list_marker(text: &str, span: &Range<usize>) -> bool {
    let line = text.get(..span.start).unwrap_or_default();
    let line = line.rsplit('\n').next().unwrap_or_default();
    let rest = text.get(span.end..).unwrap_or_default();
    let rest = rest.split('\n').next().unwrap_or_default();
    let marked = rest.strip_prefix(['.', ')']).is_some_and(|it| {
        it.starts_with([' ', '\t']) && !it.trim_matches(|c: char| !c.is_alphanumeric()).is_empty()
    });
    span.len() <= 2 && line.trim_start_matches('#').trim().is_empty() && marked
}
