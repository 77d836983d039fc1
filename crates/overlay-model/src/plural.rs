use std::fmt::Display;

/// `1 file`, `2 files`: a count with what is counted, a noun that takes an `s`.
pub fn plural(count: impl Display + From<u8> + PartialEq, what: &str) -> String {
    let end = if count == 1.into() { "" } else { "s" };
    format!("{count} {what}{end}")
}
