use std::path::Path;

use overlay_loader::{FileFinding, Generation, Installation, Source};
use overlay_store::Tree;

use super::{CheckResult, CheckVerdict, Judged, result};
use crate::file::{BUILT_IN, CheckKind};
use crate::word::EnvironmentName;

/// The checks `schema` and `load` of a tree: every file is what its name says, and the
/// loader puts it in force for `environment`.
pub fn check_tree(tree: &Tree, environment: &EnvironmentName) -> Vec<CheckResult> {
    let files = tree.iter().map(|(path, bytes)| (path.to_owned(), bytes.to_vec()));
    let read = Installation::from_files(Path::new(""), files, Some(environment.as_str()));
    let mut found: Vec<FileFinding> = read.findings().to_vec();
    found.extend(crate::plan::rules_of(tree).1);
    let schema = judged(&found);
    let load = match Generation::compile(read, &[], Source::Files) {
        Ok(_) => (CheckVerdict::Passed, String::new()),
        Err(errors) => judged(&errors),
    };
    let kinds = [(CheckKind::Schema, schema), (CheckKind::Load, load)];
    let named = BUILT_IN.iter().filter_map(|it| it.parse().ok()).zip(kinds);
    named.map(|(name, (kind, judged))| result(&name, kind, judged)).collect()
}

/// Errors fail; each stands on a line of its own.
fn judged(findings: &[FileFinding]) -> Judged {
    let errors = findings.iter().filter(|it| it.diagnostic.is_error());
    let lines: Vec<String> = errors.map(ToString::to_string).collect();
    let verdict = if lines.is_empty() { CheckVerdict::Passed } else { CheckVerdict::Failed };
    (verdict, lines.join("\n"))
}
