use overlay_model::{Diagnostic, Severity, nearest};
use semver::Version;

use crate::params::Kind;
use crate::refusal::Refusal;
use crate::wording;

/// The finding that `text` is no value of `key`, which is of `kind`; without place.
pub(super) fn finding(key: &str, kind: Kind, text: &str, refusal: &Refusal) -> Diagnostic {
    let takes = format!("it takes {}", wording::takes(kind));
    let range = wording::range(kind);
    let about = |what: &str| format!("Invalid {what} for {key}: {}", wording::shorten(text));
    match refusal {
        Refusal::NotANumber => {
            Diagnostic::error("OVL2101", wording::not_numeric(key, text)).hint(takes)
        }
        Refusal::OutOfRange(number) => {
            Diagnostic::error("OVL2102", wording::outside_range(key, *number, &range)).hint(takes)
        }
        Refusal::NotFinite(number) => {
            Diagnostic::error("OVL2105", wording::outside_range(key, *number, &range)).hint(takes)
        }
        Refusal::ForeignDigits => Diagnostic::error("OVL2106", wording::not_numeric(key, text))
            .hint("write numbers with the digits 0 to 9 and a point, without `_`"),
        Refusal::NotWhole(_) => {
            Diagnostic::error("OVL2107", wording::not_numeric(key, text)).hint(takes)
        }
        Refusal::NotAWord => not_a_word(key, kind, text),
        Refusal::NotASwitch => {
            Diagnostic::error("OVL2202", wording::not_a_word(key, text, &["true", "false"]))
                .hint("write `true` or `false`")
        }
        Refusal::List(err) => {
            Diagnostic::error("OVL2203", about("list")).hint(format!("{err}; {takes}"))
        }
        Refusal::Weights(err) => {
            Diagnostic::error("OVL2204", about("map of weights")).hint(format!("{err}; {takes}"))
        }
        Refusal::Name => Diagnostic::error("OVL2205", about("name")).hint(takes),
        Refusal::Version => Diagnostic::error("OVL2301", about("version")).hint(takes),
        Refusal::NotText => Diagnostic::error("OVL2206", about("text")).hint(takes),
    }
}

fn not_a_word(key: &str, kind: Kind, text: &str) -> Diagnostic {
    let Kind::Word(words) = kind else { return Diagnostic::error("OVL2201", key) };
    let message = wording::not_a_word(key, text, words);
    let hint = match nearest(text, words.iter().copied()) {
        // What only looks alike would be a guess.
        _ if ORIGIN_WORDS.contains(&text) => {
            format!("`{text}` is a word of the original's v0.3; no word here has its meaning")
        }
        Some(word) => format!("did you mean `{word}`?"),
        None => "write one of the words listed".to_owned(),
    };
    Diagnostic::error("OVL2201", message).hint(hint)
}

/// Words that the original's own overlays have and its validator does not know.
const ORIGIN_WORDS: [&str; 11] = [
    "alignment_score+inflation_delta",
    "comprehensive_validation",
    "development_overlay",
    "development_validation",
    "enhanced_overlay",
    "flexible_memory",
    "hybrid_orchestration",
    "semantic_thread",
    "staging_overlay",
    "staging_validation",
    "strict_memory",
];

/// The finding of profile `origin`: its loader took the value, and we do not act on it.
pub(super) fn for_origin(finding: Diagnostic, text: &str) -> Diagnostic {
    let hint = match finding.code {
        "OVL2201" if ORIGIN_WORDS.contains(&text) => {
            "a word of the original's v0.3 without meaning here; the default holds"
        }
        "OVL2301" => "a state of the original's loader, no version",
        _ => "the original's loader took it; here the default holds",
    };
    Diagnostic { severity: Severity::Note, hint: Some(hint.to_owned()), fix: None, ..finding }
}

/// A value that `kind` takes and that `text` probably means.
pub(super) fn mended(kind: Kind, text: &str) -> Option<String> {
    let candidates = match kind {
        Kind::Number { .. } | Kind::Integer { .. } | Kind::Millis { .. } => numbers(kind, text),
        Kind::Switch => switch(text).map(str::to_owned).into_iter().collect(),
        Kind::Word(_) if ORIGIN_WORDS.contains(&text) => Vec::new(),
        Kind::Word(words) => {
            nearest(text, words.iter().copied()).map(str::to_owned).into_iter().collect()
        }
        Kind::Models | Kind::Scenarios | Kind::Keys => {
            let words = text.split(',').map(str::trim).filter(|it| !it.is_empty() && *it != "none");
            vec![words.collect::<Vec<_>>().join(",")]
        }
        Kind::Version => return strict_version(text),
        Kind::Name => vec![name(text)],
        Kind::Voters | Kind::Time | Kind::Token | Kind::Text => Vec::new(),
    };
    candidates.into_iter().find(|it| it != text && kind.read(it).is_ok())
}

/// `text` as strict semver, where it is a version at all.
pub(super) fn strict_version(text: &str) -> Option<String> {
    let bare = text.trim_start_matches(['v', 'V']);
    let candidates = [bare.to_owned(), format!("{bare}.0"), format!("{bare}.0.0")];
    let lenient = match Kind::Version.read(text) {
        Ok(overlay_model::Data::Version(version)) => Some(version),
        _ => None,
    };
    let mut candidates = lenient.into_iter().chain(candidates);
    candidates.find(|it| it != text && Version::parse(it).is_ok())
}

fn numbers(kind: Kind, text: &str) -> Vec<String> {
    let plain: String = text.chars().filter_map(ascii_digit).collect();
    let mut res = vec![plain.clone(), plain.replace(',', ".")];
    if let Kind::Millis { .. } = kind {
        res.extend(plain.strip_suffix("ms").map(|it| it.trim_end().to_owned()));
    }
    if let (Kind::Number { max: 1.0, .. }, Some(percent)) = (kind, plain.strip_suffix('%')) {
        let share = percent.trim_end().parse::<f64>().map(|it| (it / 100.0).to_string());
        res.extend(share.ok());
    }
    if let Some((whole, fraction)) = plain.split_once('.')
        && fraction.bytes().all(|b| b == b'0')
    {
        res.push(whole.to_owned());
    }
    res
}

/// The character as ASCII writes it in a number; `_` between digits says nothing.
fn ascii_digit(c: char) -> Option<char> {
    /// The zeros of the scripts whose digits keyboards and spreadsheets produce.
    const ZEROS: [u32; 4] = [0x0660, 0x06F0, 0x0966, 0xFF10];
    let digit = ZEROS.iter().find_map(|zero| {
        char::from_digit(u32::from(c).checked_sub(*zero).filter(|it| *it < 10)?, 10)
    });
    match c {
        '_' => None,
        '٫' => Some('.'),
        _ => Some(digit.unwrap_or(c)),
    }
}

fn switch(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "enabled" => Some("true"),
        "false" | "no" | "off" | "0" | "disabled" => Some("false"),
        _ => None,
    }
}

fn name(text: &str) -> String {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() || c == '-' => c,
        _ => '_',
    };
    let name: String = text.trim().chars().map(plain).collect();
    name.trim_start_matches(['_', '-']).chars().take(64).collect()
}
