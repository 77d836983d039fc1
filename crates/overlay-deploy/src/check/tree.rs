use std::path::Path;

use fusion_plan::Checks;
use overlay_loader::{FileFinding, Generation, Installation, Source};
use overlay_model::{Diagnostic, Scenario};
use overlay_store::Tree;

use super::{CheckResult, CheckVerdict, Judged, result};
use crate::code;
use crate::file::{BUILT_IN, CheckKind};
use crate::word::EnvironmentName;

/// The checks `schema` and `load` of a tree: every file is what its name says, and the
/// loader puts it in force for `environment`.
///
/// Whatever was in force once passes, so that a way back stays open. What is to come into
/// force is held to [`check_candidate`].
pub fn check_tree(tree: &Tree, environment: &EnvironmentName) -> Vec<CheckResult> {
    let (schema, load) = errors(tree, read(tree, environment));
    results(&schema, &load)
}

/// [`check_tree`] of what was never in force: its rules can be evaluated, too.
pub fn check_candidate(tree: &Tree, environment: &EnvironmentName) -> Vec<CheckResult> {
    let (schema, load) = candidate_errors(tree, environment);
    results(&schema, &load)
}

fn results(schema: &[FileFinding], load: &[FileFinding]) -> Vec<CheckResult> {
    let mut load_judged = judged(load);
    load_judged.1 = judged(&news(schema, load)).1;
    let kinds = [(CheckKind::Schema, judged(schema)), (CheckKind::Load, load_judged)];
    let named = BUILT_IN.iter().filter_map(|it| it.parse().ok()).zip(kinds);
    named.map(|(name, (kind, judged))| result(&name, kind, judged)).collect()
}

/// The errors for which [`check_candidate`] refuses a tree, each once.
pub fn tree_findings(tree: &Tree, environment: &EnvironmentName) -> Vec<FileFinding> {
    let (mut schema, load) = candidate_errors(tree, environment);
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

fn read(tree: &Tree, environment: &EnvironmentName) -> Installation {
    let files = tree.iter().map(|(path, bytes)| (path.to_owned(), bytes.to_vec()));
    Installation::from_files(Path::new(""), files, Some(environment.as_str()))
}

/// The errors of both checks of a candidate.
fn candidate_errors(tree: &Tree, environment: &EnvironmentName) -> Errors {
    let read = read(tree, environment);
    let broken = broken_rules(&read);
    let (mut schema, mut load) = errors(tree, read);
    schema.extend(objectives(tree));
    load.extend(broken);
    (schema, load)
}

/// What is wrong with the file of the objectives.
fn objectives(tree: &Tree) -> Option<FileFinding> {
    let path = "slo.toml";
    let text = std::str::from_utf8(tree.get(path)?);
    let diagnostic = match text.map(|it| (it, it.parse::<toml::Table>())) {
        Err(_) => Diagnostic::error(code::UNFIT, "the file is no UTF-8"),
        Ok((text, Err(err))) => {
            let message = format!("no TOML: {}", err.message());
            Diagnostic::error(code::UNFIT, message).at(text, err.span().unwrap_or_default())
        }
        Ok((_, Ok(_))) => return None,
    };
    Some(FileFinding { path: path.to_owned(), diagnostic })
}

/// The errors of the checks `schema` and `load`.
type Errors = (Vec<FileFinding>, Vec<FileFinding>);

fn errors(tree: &Tree, read: Installation) -> Errors {
    let mut schema: Vec<FileFinding> = read.findings().to_vec();
    schema.extend(crate::plan::rules_of(tree).1);
    let mut load = Generation::compile(read, &[], Source::Files).err().unwrap_or_default();
    for found in [&mut schema, &mut load] {
        found.retain(|it| it.diagnostic.is_error());
    }
    (schema, load)
}

/// The rules of scenarios and the checks of quality gates that no answer can be held against.
fn broken_rules(installation: &Installation) -> Vec<FileFinding> {
    let mut res = Vec::new();
    let mut find = |path: &str, message: String| {
        let finding = Diagnostic::error(code::BROKEN_RULE, message);
        let diagnostic = finding.hint("`fusion golden validate` says where it stands");
        res.push(FileFinding { path: path.to_owned(), diagnostic });
    };
    for Scenario { id, expect, .. } in &installation.catalogue().scenarios {
        for rule in Checks::compile(expect).0.broken() {
            find("scenarios.yaml", format!("scenario `{id}`: {rule}"));
        }
    }
    for (path, micro) in installation.overlays().values().filter_map(|it| it.micro.as_ref()) {
        // A gate that is no check at all is a finding of the loader.
        let gates: Vec<_> = micro.checks().into_iter().filter_map(Result::ok).collect();
        for rule in Checks::compile(&gates).0.broken() {
            find(path, rule.to_string());
        }
    }
    res
}

/// Errors fail; each stands on a line of its own.
fn judged(errors: &[FileFinding]) -> Judged {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let verdict = if lines.is_empty() { CheckVerdict::Passed } else { CheckVerdict::Failed };
    (verdict, lines.join("\n"))
}
