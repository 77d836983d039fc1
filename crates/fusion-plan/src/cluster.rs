//! Which candidates say the same.

use serde_json::Value;

use crate::number::conclusion;

/// What an answer says, in a form in which equal answers are equal.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Meaning {
    /// A JSON object or list: sorted, without white space, numbers by value.
    Json(String),
    /// The number it concludes with, by value.
    Number(String),
    /// Anything else: lower case, without punctuation, single spaces.
    Text {
        /// The words.
        words: String,
        /// Whether it is so long that two models that agree still differ in words.
        long: bool,
    },
}

/// The most characters of a text whose words tell what it says.
const SHORT_CHARS: usize = 200;

/// What `text` says. `concludes` where a number is asked for: then the text around it does
/// not matter.
pub fn meaning(text: &str, concludes: bool) -> Meaning {
    if let Some(json) = json_of(text).filter(|it| it.is_object() || it.is_array()) {
        let mut canonical = String::new();
        write_canonical(&json, &mut canonical);
        return Meaning::Json(canonical);
    }
    match conclusion(text).filter(|_| concludes) {
        Some(number) => Meaning::Number(overlay_model::canonical_number(number)),
        None => Meaning::Text {
            words: plain_words(text),
            long: text.trim().chars().nth(SHORT_CHARS).is_some(),
        },
    }
}

/// How candidates fall into clusters of one meaning.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clusters {
    /// The cluster of each candidate, numbered in the order in which they appear.
    pub of: Vec<usize>,
    /// The number of candidates in each cluster.
    pub sizes: Vec<usize>,
    /// Whether the clusters say anything about agreement. Texts that are all long and all
    /// different may agree in other words, and a single candidate agrees with nobody.
    pub measured: bool,
}

impl Clusters {
    /// Groups candidates by meaning.
    pub fn of<'m>(meanings: impl IntoIterator<Item = &'m Meaning>) -> Self {
        let mut seen: Vec<&Meaning> = Vec::new();
        let mut res = Self::default();
        let mut comparable = false;
        for meaning in meanings {
            comparable |= !matches!(meaning, Meaning::Text { long: true, .. });
            let at = seen.iter().position(|it| *it == meaning).unwrap_or_else(|| {
                seen.push(meaning);
                res.sizes.push(0);
                seen.len() - 1
            });
            res.of.push(at);
            if let Some(size) = res.sizes.get_mut(at) {
                *size += 1;
            }
        }
        let all = res.of.len();
        res.measured = all > 1 && (seen.len() < all || comparable);
        res
    }

    /// How many candidates say the same as the given one, itself included.
    pub fn size_of(&self, candidate: usize) -> usize {
        self.of.get(candidate).and_then(|at| self.sizes.get(*at)).copied().unwrap_or(0)
    }

    /// The size of the largest cluster.
    pub fn largest(&self) -> usize {
        self.sizes.iter().copied().max().unwrap_or(0)
    }
}

/// The JSON that `text` is, whole or inside one fence.
pub(crate) fn json_of(text: &str) -> Option<Value> {
    let text = text.trim();
    let bare = match text.strip_prefix("```").and_then(|it| it.strip_suffix("```")) {
        Some(fenced) => fenced.split_once('\n')?.1,
        None => text,
    };
    // Most answers are prose: the first byte tells.
    let first = bare.trim_start().bytes().next()?;
    let is_json = matches!(first, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n');
    if is_json { serde_json::from_str(bare).ok() } else { None }
}

fn write_canonical(value: &Value, to: &mut String) {
    match value {
        Value::Array(items) => {
            to.push('[');
            for item in items {
                write_canonical(item, to);
                to.push(',');
            }
            to.push(']');
        }
        Value::Object(fields) => {
            to.push('{');
            for (name, item) in fields {
                to.push_str(&Value::String(name.clone()).to_string());
                to.push(':');
                write_canonical(item, to);
                to.push(',');
            }
            to.push('}');
        }
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(number) => to.push_str(&overlay_model::canonical_number(number)),
            None => to.push_str(&number.to_string()),
        },
        Value::Null | Value::Bool(_) | Value::String(_) => to.push_str(&value.to_string()),
    }
}

/// The words of a text in lower case with single spaces between. Punctuation goes, except
/// inside numbers and where it is their sign.
fn plain_words(text: &str) -> String {
    let mut res = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let digit_next = chars.peek().is_some_and(char::is_ascii_digit);
        let kept = match c {
            '.' | ',' | ':' => before.is_ascii_digit() && digit_next,
            '-' | '−' => !before.is_alphanumeric() && digit_next,
            ';' | '!' | '?' | '"' | '\'' | '`' | '*' | '_' | '#' | '(' | ')' | '[' | ']' | '{'
            | '}' | '“' | '”' | '‘' | '’' | '«' | '»' | '–' | '—' | '…' => false,
            _ => !c.is_whitespace() && !c.is_control(),
        };
        if kept {
            res.extend(if c == '−' { '-' } else { c }.to_lowercase());
        } else if !res.ends_with(' ') && !res.is_empty() {
            res.push(' ');
        }
        before = c;
    }
    res.truncate(res.trim_end().len());
    res
}
