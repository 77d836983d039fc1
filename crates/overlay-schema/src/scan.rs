//! Secrets and personal data in texts.
//!
//! Secrets are looked for in a whole file, comments included: what looks like one has a
//! form of its own. Personal data are looked for by key and type: a number, a word, a
//! version or what describes an overlay is never any.

use std::ops::Range;

use overlay_model::{Diagnostic, Edit, Location, Severity};

use crate::check::{Findings, Found, rows};
use crate::wording::shorten;
use crate::words::PiiDetection;

mod personal;
mod secrets;

/// The line that begins an example.
const EXAMPLE: &str = "<!-- example -->";
/// The line that ends it.
const EXAMPLE_END: &str = "<!-- /example -->";

/// What must not stand in the prompt text of a micro overlay.
///
/// Secrets are errors. Personal data are errors where `pii` is strict, and warnings
/// elsewhere. Personal data between a line `<!-- example -->` and a line
/// `<!-- /example -->` are made up, and no finding; an example that is not closed is none.
pub fn scan_prompt(text: &str, pii: PiiDetection) -> Vec<Diagnostic> {
    let examples = examples(text);
    let is_example = |span: &Range<usize>| {
        examples.iter().any(|it| it.start <= span.start && span.end <= it.end)
    };
    let secrets =
        secrets::find(text).into_iter().map(|it| secret(&it, Location::of(text, it.span.clone())));
    let people = personal::find(text).into_iter().filter(|it| !is_example(&it.span)).map(|it| {
        let finding = personal_data(&it, Location::of(text, it.span.clone()), pii);
        finding.hint(format!(
            "take it out, or put `{EXAMPLE}` and `{EXAMPLE_END}` around what is made up"
        ))
    });
    let mut res: Vec<_> = secrets.chain(people).collect();
    res.sort_by_key(|it| it.at.as_ref().map_or(0, |at| at.span.start));
    res
}

/// Whether a finding of this code is about a secret, which no report may repeat: its place is
/// what has to be hidden.
///
/// ```
/// assert!(overlay_schema::is_secret("OVL8002") && !overlay_schema::is_secret("OVL8101"));
/// ```
pub fn is_secret(code: &str) -> bool {
    matches!(code, "OVL8001" | "OVL8002" | "OVL8003" | "OVL8004" | "OVL8005")
}

/// The bytes of what looks like a secret by its own form, in the order of the text: what no
/// report may repeat. What is one by the name of its key only is not among them.
///
/// ```
/// let text = "MODEL=AKIA2B3C4D5E6F7G2H3J";
/// assert_eq!(overlay_schema::secret_spans(text), [6..26]);
/// ```
pub fn secret_spans(text: &str) -> Vec<Range<usize>> {
    let mut res: Vec<_> = secrets::find(text).into_iter().map(|it| it.span).collect();
    res.sort_by_key(|it| (it.start, it.end));
    res
}

/// The text with personal data replaced by what they were, as `[redacted:email]`, and how
/// many pieces that were. Kinds: `email`, `phone`, `card`, `iban`, `ssn`.
///
/// ```
/// let (text, pieces) = overlay_schema::redact("write to jane.doe@acme-bank.com by noon");
/// assert_eq!((text.as_str(), pieces), ("write to [redacted:email] by noon", 1));
/// ```
pub fn redact(text: &str) -> (String, usize) {
    let hits = personal::find(text);
    let (mut res, mut at) = (String::with_capacity(text.len()), 0);
    for hit in &hits {
        res.push_str(text.get(at..hit.span.start).unwrap_or_default());
        res.push_str(hit.kind.replacement());
        at = hit.span.end;
    }
    res.push_str(text.get(at..).unwrap_or_default());
    (res, hits.len())
}

/// The bytes of the lines between the two marks.
fn examples(text: &str) -> Vec<Range<usize>> {
    let (mut res, mut at, mut start) = (Vec::new(), 0, None);
    for line in text.split_inclusive('\n') {
        match line.trim() {
            EXAMPLE => start = Some(at),
            EXAMPLE_END => res.extend(start.take().map(|start| start..at)),
            _ => (),
        }
        at += line.len();
    }
    res
}

/// Scans an overlay.
pub(crate) fn check(found: &Found<'_>, findings: &mut Findings) {
    let overlay = found.overlay;
    for hit in secrets::find(overlay.source()) {
        let at = overlay.location(hit.span.clone());
        findings.push(secret(&hit, at));
    }
    let strict = found.word(rows::PII_DETECTION) == PiiDetection::Strict.as_str();
    let pii = if strict { PiiDetection::Strict } else { PiiDetection::Off };
    let models = found.row(rows::MODEL).map(|it| &it.entry);
    for entry in models.into_iter().chain(&found.unknown) {
        if secrets::is_named(entry.key, entry.value) {
            let message = format!("`{}` holds a secret by its name", shorten(entry.key));
            let finding = Diagnostic::error("OVL8005", message)
                .located(found.value_at(entry))
                .hint("keep secrets in the environment, and name them in `providers.toml`");
            findings.push(finding);
        }
        for mut hit in personal::find(entry.value) {
            let shift = entry.value_start;
            hit.span = hit.span.start + shift..hit.span.end + shift;
            let at = overlay.location(hit.span.clone());
            findings.push_ours(personal_data(&hit, at, pii).hint("take it out"));
        }
    }
}

fn secret(hit: &secrets::Hit, at: Location) -> Diagnostic {
    Diagnostic::error(hit.code, format!("{} stands in the text", hit.what))
        .located(at)
        .hint("take it out and revoke it; a secret comes from the environment: `${VARIABLE}`")
}

fn personal_data(hit: &personal::Hit, at: Location, pii: PiiDetection) -> Diagnostic {
    let severity = match pii {
        PiiDetection::Strict => Severity::Error,
        PiiDetection::Off => Severity::Warning,
    };
    let edit = Edit { span: hit.span.clone(), text: hit.kind.replacement().to_owned() };
    Diagnostic::new(hit.kind.code(), severity, format!("{} stands in the text", hit.kind.what()))
        .located(at)
        .fix(format!("write `{}`", hit.kind.replacement()), vec![edit])
}
