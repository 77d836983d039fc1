use std::path::Path;

use overlay_loader::{FileFinding, Generation, Installation, Source};
use overlay_store::Tree;

use super::{CheckResult, CheckVerdict, Judged, result};
use crate::file::{BUILT_IN, CheckKind};
use crate::word::EnvironmentName;

/// The checks `schema` and `load` of a tree: every file is what its name says, and the
/// loader puts it in force for `environment`.
pub fn check_tree(tree: &Tree, environment: &EnvironmentName) -> Vec<CheckResult> {
    let (schema, load) = errors(tree, environment);
    let mut load_judged = judged(&load);
    load_judged.1 = judged(&news(&schema, &load)).1;
    let kinds = [(CheckKind::Schema, judged(&schema)), (CheckKind::Load, load_judged)];
    let named = BUILT_IN.iter().filter_map(|it| it.parse().ok()).zip(kinds);
    named.map(|(name, (kind, judged))| result(&name, kind, judged)).collect()
}

/// The errors for which [`check_tree`] refuses a tree, each once.
pub fn tree_findings(tree: &Tree, environment: &EnvironmentName) -> Vec<FileFinding> {
    let (mut schema, load) = errors(tree, environment);
    let news = news(&schema, &load);
    schema.extend(news);
    schema
}

/// What the loader finds in files that are what their names say: in another it finds again
/// what is wrong with it.
fn news(schema: &[FileFinding], load: &[FileFinding]) -> Vec<FileFinding> {
    let is_known = |it: &&FileFinding| schema.iter().any(|known| known.path == it.path);
    load.iter().filter(|it| !is_known(it)).cloned().collect()
}

/// The errors of both checks.
fn errors(tree: &Tree, environment: &EnvironmentName) -> (Vec<FileFinding>, Vec<FileFinding>) {
    let files = tree.iter().map(|(path, bytes)| (path.to_owned(), bytes.to_vec()));
    let read = Installation::from_files(Path::new(""), files, Some(environment.as_str()));
    let mut schema: Vec<FileFinding> = read.findings().to_vec();
    schema.extend(crate::plan::rules_of(tree).1);
    let mut load = Generation::compile(read, &[], Source::Files).err().unwrap_or_default();
    for found in [&mut schema, &mut load] {
        found.retain(|it| it.diagnostic.is_error());
    }
    (schema, load)
}

/// Errors fail; each stands on a line of its own.
fn judged(errors: &[FileFinding]) -> Judged {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let verdict = if lines.is_empty() { CheckVerdict::Passed } else { CheckVerdict::Failed };
    (verdict, lines.join("\n"))
}
