use fusion_golden::FileFinding;
use overlay_model::Diagnostic;

/// The findings as lines of text, each with the file and, where it is known, its place.
pub(super) fn in_file(name: &str, findings: &[Diagnostic]) -> Vec<String> {
    let in_file = |it: &Diagnostic| FileFinding { path: name.to_owned(), diagnostic: it.clone() };
    findings.iter().map(|it| in_file(it).to_string()).collect()
}
