use overlay_model::Diagnostic;

/// The findings as lines of text, each with the file and, where it is known, its place.
pub(super) fn in_file(name: &str, findings: &[Diagnostic]) -> Vec<String> {
    let line = |it: &Diagnostic| {
        let gap = if it.at.is_some() { "" } else { " " };
        format!("{name}:{gap}{it}")
    };
    findings.iter().map(line).collect()
}
