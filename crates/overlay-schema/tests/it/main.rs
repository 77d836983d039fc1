//! Tests of the public API, in one binary.

mod codes;
mod data;
mod differential;
mod digest;
mod findings;
mod fixes;
mod oracle;
mod origin;
mod phases;
mod providers;
mod reference;
mod scan;
mod settings;
mod tables;
mod typed;

use overlay_model::{Diagnostic, Overlay};
use overlay_schema::{Checked, EMBEDDED_OVERLAY, Profile, Subject, check};

/// The findings about `text`, all phases but references.
fn checked(text: &str, profile: Profile) -> Checked {
    let (overlay, syntax) = Overlay::parse(text);
    check(&overlay, syntax, profile, &Subject::default())
}

/// The built-in overlay with `lines` in the place of what it has for their keys.
fn with_lines(lines: &str) -> String {
    let key = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
    let set: Vec<_> = lines.lines().map(key).collect();
    let kept = EMBEDDED_OVERLAY.lines().filter(|it| it.starts_with('#') || !set.contains(&key(it)));
    kept.map(|it| format!("{it}\n")).collect::<String>() + lines + "\n"
}

/// One line a finding.
fn lines(findings: &[Diagnostic]) -> String {
    findings.iter().map(|it| format!("{it}\n")).collect()
}
