use std::borrow::Cow;

/// Whether a terminal or a viewer would act on the character, or hide it, instead of
/// showing it.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' // invisible; direction marks
            | '\u{2028}'..='\u{202e}' // line separators; direction overrides
            | '\u{2060}'..='\u{206f}' // invisible operators; direction isolates
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{e0000}'..='\u{e0fff}') // tags, which spell text that nobody sees
}

/// `text` on one line, with every hidden character as its escape: `\n`, `\u{1b}`.
///
/// A workflow runner reads commands off the output (`::` at the start of a line, `##[`
/// anywhere in it); these are broken up as well.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let command = text.trim_start().starts_with("::");
    if !command && !text.contains("##[") && !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut res = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        push_visible(&mut res, c);
    }
    if command {
        res = res.replacen("::", r"\u{3a}:", 1);
    }
    Cow::Owned(res.replace("##[", r"#\u{23}["))
}

/// Appends `c`, or its escape where it is hidden.
pub(crate) fn push_visible(to: &mut String, c: char) {
    if is_hidden(c) {
        to.extend(c.escape_default());
    } else {
        to.push(c);
    }
}

/// `text` in at most `width` characters; where it is longer, `…` takes the last one.
pub(crate) fn cut(text: &str, width: usize) -> Cow<'_, str> {
    match text.char_indices().nth(width) {
        None => Cow::Borrowed(text),
        Some(_) => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
    }
}
