//! Keys and tokens, by the prefixes that their issuers give them so that they are found.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// A secret.
pub(super) struct Hit {
    pub(super) span: Range<usize>,
    pub(super) code: &'static str,
    pub(super) what: &'static str,
}

struct Form {
    code: &'static str,
    what: &'static str,
    /// The secret is group 1, or the whole match where there is no group.
    pattern: &'static str,
    /// Whether its letters must look drawn by lot.
    is_random: bool,
}

const fn token(what: &'static str, pattern: &'static str) -> Form {
    Form { code: "OVL8002", what, pattern, is_random: true }
}

const FORMS: [Form; 12] = [
    Form {
        code: "OVL8001",
        what: "a private key",
        pattern: r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
        is_random: false,
    },
    token("a key of a model provider", r"\bsk-(?:[a-z]{2,8}[0-9]{0,2}-)*([A-Za-z0-9_-]{20,})"),
    token("a GitHub token", r"\b(?:gh[opusr]_|github_pat_)([A-Za-z0-9_]{22,})"),
    token("a GitLab token", r"\bglpat-([A-Za-z0-9_-]{20,})"),
    token("an AWS access key", r"\b(?:AKIA|ASIA)([A-Z2-7]{16})\b"),
    token("a Google key", r"\bAIza([A-Za-z0-9_-]{35})\b"),
    token("a Slack token", r"\bxox[abeprs]-([A-Za-z0-9-]{20,})"),
    token("a payment key", r"\b[rs]k_live_([A-Za-z0-9]{20,})"),
    token("a Hugging Face token", r"\bhf_([A-Za-z0-9]{30,})"),
    token("an npm token", r"\bnpm_([A-Za-z0-9]{36})\b"),
    token(
        "a signed web token",
        r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.([A-Za-z0-9_-]{16,})",
    ),
    Form {
        code: "OVL8004",
        what: "a password in an address",
        pattern: r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]+:([^\s/@$<{]{3,})@",
        is_random: false,
    },
];

/// What every secret has somewhere; found in one pass.
const MARKS: &str = r"-----BEGIN |sk-|gh[opusr]_|github_pat_|glpat-|AKIA|ASIA|AIza|xox[abeprs]-|[rs]k_live_|hf_|npm_|eyJ|://";

static MARK: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(MARKS).ok());

/// A form that did not compile would be left out; a test finds one text of each.
static PATTERNS: LazyLock<Vec<(&Form, Regex)>> = LazyLock::new(|| {
    FORMS.iter().filter_map(|form| Some((form, Regex::new(form.pattern).ok()?))).collect()
});

pub(super) fn find(text: &str) -> Vec<Hit> {
    if MARK.as_ref().is_some_and(|it| !it.is_match(text)) {
        return Vec::new();
    }
    let hits = PATTERNS.iter().flat_map(|(form, pattern)| {
        pattern.captures_iter(text).filter_map(|it| {
            let whole = it.get(0)?;
            let body = it.get(1).unwrap_or(whole).as_str();
            let is_secret = !is_placeholder(whole.as_str()) && (!form.is_random || is_random(body));
            let span = whole.start()..key_end(text, whole.end(), form);
            is_secret.then_some(Hit { span, code: form.code, what: form.what })
        })
    });
    hits.collect()
}

/// The most bytes of a private key behind its first line.
const MAX_KEY: usize = 8 << 10;

/// Where a secret ends whose form ends at the byte `end`: a private key ends with a line of
/// its own.
fn key_end(text: &str, end: usize, form: &Form) -> usize {
    let is_key = form.code == "OVL8001";
    let rest = text.as_bytes().get(end..).filter(|_| is_key).unwrap_or_default();
    let rest = rest.get(..MAX_KEY).unwrap_or(rest);
    let last = rest.windows(END.len()).position(|it| it == END);
    let is_marker = |it: &&u8| it.is_ascii_graphic() || **it == b' ';
    let last = last.map(|at| at + rest.iter().skip(at).take_while(is_marker).count());
    last.map_or(end, |len| end + len)
}

/// How the last line of a private key begins.
const END: &[u8] = b"-----END ";

/// Whether `key` is named like a secret and `value` looks like one.
pub(super) fn is_named(key: &str, value: &str) -> bool {
    const NAMES: [&str; 6] =
        ["API_KEY", "ACCESS_KEY", "SECRET", "PASSWORD", "PRIVATE_KEY", "AUTH_TOKEN"];
    let is_reference = value.starts_with("${") || value.starts_with("file:");
    NAMES.iter().any(|it| key.contains(it))
        && value.len() >= 12
        && !value.contains(' ')
        && !is_reference
        && !is_placeholder(value)
        && is_random(value)
}

/// What documentation writes in the place of a secret.
fn is_placeholder(text: &str) -> bool {
    const SIGNS: [&str; 8] =
        ["example", "xxxx", "your", "placeholder", "changeme", "dummy", "redacted", "****"];
    let text = text.to_ascii_lowercase();
    SIGNS.iter().any(|it| text.contains(it))
}

/// At least 3 bits a letter: words and repeated letters have fewer at these lengths.
fn is_random(text: &str) -> bool {
    let mut counts = [0_u32; 128];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = f64::from(counts.iter().sum::<u32>());
    let bits = |count: &u32| {
        let share = f64::from(*count) / total;
        -share * share.log2()
    };
    counts.iter().filter(|it| **it > 0).map(bits).sum::<f64>() >= 3.0
}
