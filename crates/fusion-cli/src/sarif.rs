use std::fmt::Write as _;

use overlay_model::{Diagnostic, Severity};
use serde_json::{Value, json};

/// The findings of one file.
pub(crate) struct FileFindings<'a> {
    /// The file, as it was named.
    pub(crate) path: &'a str,
    /// The findings.
    pub(crate) findings: &'a [Diagnostic],
}

/// The findings as a SARIF 2.1.0 log, with a rule for every code that occurs.
///
/// OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".
pub(crate) fn log(files: &[FileFindings<'_>], about: &dyn Fn(&str) -> Option<String>) -> Value {
    let all = || files.iter().flat_map(|file| file.findings.iter().map(move |it| (file, it)));
    let mut codes: Vec<_> = all().map(|(_, it)| it.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let rule = |code: &&str| {
        let text = about(code).unwrap_or_else(|| (*code).to_owned());
        json!({ "id": code, "shortDescription": { "text": text } })
    };
    let results: Vec<_> = all().map(|(file, it)| result(file.path, it)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "fusion",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": codes.iter().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(path: &str, finding: &Diagnostic) -> Value {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let text = match &finding.hint {
        Some(hint) => format!("{}: {hint}", finding.message),
        None => finding.message.clone(),
    };
    let mut place = json!({ "artifactLocation": { "uri": uri(path) } });
    if let (Some(at), Some(place)) = (&finding.at, place.as_object_mut()) {
        let region = json!({
            "startLine": at.line,
            "startColumn": at.column,
            "byteOffset": at.span.start,
            "byteLength": at.span.len(),
        });
        place.insert("region".to_owned(), region);
    }
    json!({
        "ruleId": finding.code,
        "level": level,
        "message": { "text": text },
        "locations": [{ "physicalLocation": place }],
    })
}

/// The path as a relative URI reference (RFC 3986).
fn uri(path: &str) -> String {
    let mut res = String::with_capacity(path.len());
    for byte in path.replace('\\', "/").bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~') {
            res.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(res, "%{byte:02X}");
        }
    }
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("configs/a b%.txt"), "configs/a%20b%25.txt");
    }
}
