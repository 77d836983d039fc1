//! Data that say who somebody is, by forms that hardly anything else has.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// A piece of personal data.
pub(super) struct Hit {
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Email,
    Phone,
    Card,
    Iban,
    SocialSecurity,
}

impl Kind {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Email => "OVL8101",
            Self::Phone => "OVL8102",
            Self::Card => "OVL8103",
            Self::Iban => "OVL8104",
            Self::SocialSecurity => "OVL8105",
        }
    }

    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Email => "an e-mail address",
            Self::Phone => "a phone number",
            Self::Card => "a card number",
            Self::Iban => "an account number (IBAN)",
            Self::SocialSecurity => "a social security number",
        }
    }

    pub(super) fn replacement(self) -> &'static str {
        match self {
            Self::Email => "[redacted:email]",
            Self::Phone => "[redacted:phone]",
            Self::Card => "[redacted:card]",
            Self::Iban => "[redacted:iban]",
            Self::SocialSecurity => "[redacted:ssn]",
        }
    }

    /// Whether a text of this form is what it looks like.
    fn holds(self, text: &str) -> bool {
        match self {
            Self::Email => is_somebody(text),
            Self::Phone => is_phone(text),
            Self::Card => is_card(text),
            Self::Iban => is_iban(text),
            Self::SocialSecurity => is_social_security(text),
        }
    }
}

/// The forms; what they find is looked at again by [`Kind::holds`].
const FORMS: [(Kind, &str); 6] = [
    (Kind::Email, r"(?i)\b[a-z0-9][a-z0-9._%+-]{0,63}@(?:[a-z0-9][a-z0-9-]{0,62}\.)+[a-z]{2,24}\b"),
    (Kind::Phone, r"\+[1-9][0-9]{0,2}(?:[ .-]?\(?[0-9]{1,5}\)?){2,6}"),
    (Kind::Phone, r"(?:\([2-9][0-9]{2}\) ?|\b[2-9][0-9]{2}[-.])[2-9][0-9]{2}[-.][0-9]{4}\b"),
    (Kind::Card, r"\b[2-6](?:[ -]?[0-9]){12,18}\b"),
    (Kind::Iban, r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
    (Kind::SocialSecurity, r"\b[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}\b"),
];

/// A form that did not compile would be left out; a test finds one text of each.
static PATTERNS: LazyLock<Vec<(Kind, Regex)>> = LazyLock::new(|| {
    FORMS.iter().filter_map(|(kind, form)| Some((*kind, Regex::new(form).ok()?))).collect()
});

/// Every piece in the order of the text; none overlaps another.
pub(super) fn find(text: &str) -> Vec<Hit> {
    // Each form has an `@` or at least nine digits, and few texts have either.
    if !text.contains('@') && text.bytes().filter(u8::is_ascii_digit).count() < 9 {
        return Vec::new();
    }
    let mut hits: Vec<_> = PATTERNS
        .iter()
        .flat_map(|(kind, form)| form.find_iter(text).map(|it| (*kind, it)))
        .filter(|(kind, it)| stands_alone(text, it.range()) && kind.holds(it.as_str()))
        .map(|(kind, it)| Hit { span: it.range(), kind })
        .collect();
    hits.sort_by_key(|it| (it.span.start, Reverse(it.span.end)));
    let mut end = 0;
    hits.retain(|it| {
        let is_free = it.span.start >= end;
        end = if is_free { it.span.end } else { end };
        is_free
    });
    hits
}

/// Whether no longer number or word goes on around `span`.
fn stands_alone(text: &str, span: Range<usize>) -> bool {
    let before = text.get(..span.start).and_then(|it| it.chars().next_back());
    let mut behind = text.get(span.end..).unwrap_or_default().chars();
    let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '=' | '+');
    let follows = match behind.next() {
        // A full stop ends a sentence, a point goes on with a number.
        Some('.' | ',' | ':') => behind.next().is_some_and(|c| c.is_ascii_digit()),
        Some(c) => c.is_alphanumeric() || matches!(c, '_' | '-' | '/'),
        None => false,
    };
    !before.is_some_and(|c| goes_on(c) && c != '=' || c == '.') && !follows
}

fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|c| c.to_digit(10)).collect()
}

/// Not an address of the domains kept free for examples, nor of a repository.
fn is_somebody(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let Some((local, domain)) = text.split_once('@') else { return false };
    let reserved = ["example", "test", "invalid", "localhost"];
    let top = domain.rsplit('.').next().unwrap_or_default();
    let free = ["example.com", "example.org", "example.net"];
    let is_example = free.iter().any(|it| {
        domain.strip_suffix(it).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    local != "git" && !is_example && !reserved.contains(&top)
}

fn is_phone(text: &str) -> bool {
    let digits = digits(text);
    let groups: Vec<_> =
        text.split(|c: char| !c.is_ascii_digit()).filter(|it| !it.is_empty()).collect();
    // `250-500-1000` is a list of limits, `555-01xx` the film industry's.
    let is_round = groups.iter().all(|it| it.ends_with('0'));
    let is_fiction = matches!(groups.as_slice(), [.., "555", last] if last.starts_with("01"));
    let length = if text.starts_with('+') { 9..=15 } else { 10..=10 };
    length.contains(&digits.len()) && !is_round && !is_fiction
}

/// The issuer's range, its lengths, and the check digit of ISO/IEC 7812-1.
fn is_card(text: &str) -> bool {
    let digits = digits(text);
    let head = |len: usize| digits.iter().take(len).fold(0, |sum, digit| sum * 10 + digit);
    let known = match digits.len() {
        13 | 19 => head(1) == 4,
        15 => matches!(head(2), 34 | 37),
        16 => {
            head(1) == 4 || matches!(head(2), 51..=55 | 65) || matches!(head(4), 2221..=2720 | 6011)
        }
        _ => false,
    };
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = (0..)
        .zip(digits.iter().rev())
        .map(|(at, digit)| if at % 2 == 1 { doubled(*digit) } else { *digit })
        .sum();
    known && sum.is_multiple_of(10)
}

/// The length and the check digits of ISO 13616: the account, country and check digits
/// behind it, is 1 modulo 97.
fn is_iban(text: &str) -> bool {
    let plain: Vec<_> = text.chars().filter(|c| *c != ' ').collect();
    let (Some(head), Some(account)) = (plain.get(..4), plain.get(4..)) else { return false };
    let value = account.iter().chain(head).fold(0_u32, |rest, c| match c.to_digit(36) {
        Some(digit) if digit > 9 => (rest * 100 + digit) % 97,
        Some(digit) => (rest * 10 + digit) % 97,
        None => 0,
    });
    (15..=34).contains(&plain.len()) && value == 1
}

/// Numbers that the Social Security Administration gives out.
fn is_social_security(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    let [area, group, serial] = groups.as_slice() else { return false };
    !matches!(*area, "000" | "666") && *group != "00" && *serial != "0000"
}
