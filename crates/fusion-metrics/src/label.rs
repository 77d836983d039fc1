//! Label values of any size and content, made short and harmless.

use rapidhash::v3::rapidhash_v3;

/// What stands for all values that got no series of their own.
pub(crate) const OTHER: &str = "__other__";

/// The longest label value in bytes.
pub(crate) const MAX_VALUE: usize = 64;

/// How much of a value is kept where a hash follows it.
const KEPT: usize = MAX_VALUE - 1 - DIGITS;
/// The hexadecimal digits of a 64-bit hash.
const DIGITS: usize = 16;

/// Where a value is cleaned, so that an unwanted one costs no allocation.
pub(crate) struct Scratch([u8; MAX_VALUE]);

impl Default for Scratch {
    fn default() -> Self {
        Self([0; MAX_VALUE])
    }
}

/// Whether the value can stand in a label as it is.
///
/// `~` is left to the hash that marks a changed value, and [`OTHER`] to the store, so
/// that nobody can pass for either.
pub(crate) fn is_clean(raw: &str) -> bool {
    raw.len() <= MAX_VALUE && are_plain(raw.as_bytes()) && raw != OTHER
}

/// Whether all bytes are plain, eight at a time: under attack most calls come by here.
fn are_plain(bytes: &[u8]) -> bool {
    let Some(end) = bytes.last_chunk::<8>() else { return bytes.iter().all(|it| is_plain(*it)) };
    // The last eight overlap those before them.
    bytes.as_chunks().0.iter().chain([end]).fold(0, |bad, it| bad | unplain(*it)) == 0
}

/// Not zero where one of the bytes is not plain. Each bound moves what is beyond it into
/// the highest bit of its byte; a byte that borrows from the next one is not plain itself.
const fn unplain(bytes: [u8; 8]) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    const fn below(word: u64, bound: u8) -> u64 {
        word.wrapping_sub(ONES * bound as u64) & !word
    }
    let word = u64::from_ne_bytes(bytes);
    let (quote, backslash) = (ONES * b'"' as u64, ONES * b'\\' as u64);
    let above = word | word.wrapping_add(ONES * (0x80 - b'~') as u64);
    (above | below(word, b' ') | below(word ^ quote, 1) | below(word ^ backslash, 1)) & HIGH
}

/// Printable ASCII that needs no escape.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'}') && byte != b'"' && byte != b'\\'
}

/// The label value for `raw`: itself where it is clean, else its beginning with `_` for
/// what is not allowed and a hash of the whole. The hash keeps values apart that only
/// differ in what was changed, and is the same in every process.
pub(crate) fn clean<'a>(raw: &'a str, scratch: &'a mut Scratch) -> &'a str {
    if is_clean(raw) { raw } else { marked(raw, scratch) }
}

fn marked<'a>(raw: &str, scratch: &'a mut Scratch) -> &'a str {
    let mut hash = rapidhash_v3(raw.as_bytes());
    let kept = raw.chars().take(KEPT).map(plain_or_blank);
    let mark = std::iter::once(b'~');
    let digits = std::iter::repeat_with(|| {
        hash = hash.rotate_left(4);
        char::from_digit((hash & 15) as u32, 16).map_or(b'0', |it| it as u8)
    });
    let mut len = 0;
    for (to, from) in scratch.0.iter_mut().zip(kept.chain(mark).chain(digits.take(DIGITS))) {
        *to = from;
        len += 1;
    }
    let text = scratch.0.get(..len).unwrap_or_default();
    // All ASCII; were it not, it would be counted with the others.
    std::str::from_utf8(text).unwrap_or(OTHER)
}

fn plain_or_blank(char: char) -> u8 {
    u8::try_from(char).ok().filter(|it| is_plain(*it)).unwrap_or(b'_')
}

/// `base` with a hash of `raw` behind it, in the letters of a metric or label name.
pub(crate) fn suffixed(base: &str, raw: &str) -> String {
    format!("{base}_x{:016x}", rapidhash_v3(raw.as_bytes()))
}

/// The metric or label name for `raw`: letters, digits and `_`, no digit first.
pub(crate) fn wire_name(raw: &str) -> String {
    let mut res: String =
        raw.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '_' }).collect();
    if !res.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_') {
        res.insert(0, '_');
    }
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_are_judged_as_one() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                for others in [b'a', b' ', b'}', b'#', b'!', b'[', b']'] {
                    let mut bytes = [others; 8];
                    bytes[at] = byte;
                    assert_eq!(unplain(bytes) == 0, is_plain(byte), "{byte} at {at}");
                }
            }
        }
    }
}
