use overlay_model::Diagnostic;
use overlay_schema::FORMAT_VERSION;
use semver::{Version, VersionReq};

use crate::text::visible;

/// What is to be said about the compatibility requirement `text`: a subject, then a
/// range as Cargo writes it, `resontinex>=2.1.0`. Nothing where it is met.
pub(crate) fn finding(text: &str) -> Option<Diagnostic> {
    let shown = visible(text);
    let (subject, range) = split(text);
    let range = match VersionReq::parse(range) {
        _ if subject.is_empty() => return Some(invalid(&shown, "it names no subject")),
        Err(err) => return Some(invalid(&shown, &err.to_string())),
        Ok(range) => range,
    };
    if subject != "resontinex" {
        let message =
            format!("`{shown}` is not checked: the version of {subject} is not known here");
        return Some(Diagnostic::note("OVL6011", message));
    }
    let met = Version::parse(FORMAT_VERSION).is_ok_and(|it| range.matches(&it));
    (!met).then(|| {
        let message = format!("`{shown}` is not met: the engine is {FORMAT_VERSION}");
        Diagnostic::error("OVL6010", message)
            .hint("use a release that meets it, or relax the requirement")
    })
}

/// The subject, empty where there is none, and the range behind it.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let is_subject = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let end = match text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => text.find(|c| !is_subject(c)).unwrap_or(text.len()),
        false => 0,
    };
    let (subject, range) = text.split_at(end);
    (subject, range.trim())
}

fn invalid(shown: &str, why: &str) -> Diagnostic {
    Diagnostic::error("OVL6019", format!("`{shown}` is no requirement: {why}"))
        .hint("write a subject and a version range, like `resontinex>=2.1.0`")
}
