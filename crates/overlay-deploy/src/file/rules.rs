//! What one part of the file says of another.

use std::collections::BTreeSet;
use std::ops::Range;

use overlay_model::{Diagnostic, nearest};

use super::fields::Fields;
use super::{BUILT_IN, CheckSpec, DeployFile, Draft, PROMOTED};
use crate::code;
use crate::word::{CheckName, EnvironmentName};

/// Puts the parts together.
pub(super) fn resolve(
    drafts: Vec<Draft>,
    checks: Vec<(CheckName, Range<usize>, CheckSpec)>,
    fields: &mut Fields<'_>,
) -> DeployFile {
    let listed: BTreeSet<&CheckName> =
        drafts.iter().flat_map(|it| it.checks.iter().flatten()).map(|(name, _)| name).collect();
    for (name, at, _) in &checks {
        definition(name, at, listed.contains(name), fields);
    }
    let known: Vec<&str> =
        BUILT_IN.into_iter().chain(checks.iter().map(|(name, ..)| name.as_str())).collect();
    for draft in &drafts {
        listing(draft, &known, fields);
        chain(draft, &drafts, fields);
    }
    DeployFile {
        environments: drafts.into_iter().map(finished).collect(),
        checks: checks.into_iter().map(|(name, _, spec)| (name, spec)).collect(),
    }
}

fn definition(name: &CheckName, at: &Range<usize>, is_used: bool, fields: &mut Fields<'_>) {
    if BUILT_IN.contains(&name.as_str()) || name.as_str() == PROMOTED {
        let message = format!("`{name}` is built in");
        let finding = Diagnostic::error(code::BUILT_IN, message).hint("choose another name");
        fields.find(finding, at.clone());
    } else if !is_used {
        let message = format!("no environment names the check `{name}`");
        let finding = Diagnostic::warning(code::UNUSED_CHECK, message)
            .hint("add it to the `checks` of an environment");
        fields.find(finding, at.clone());
    }
}

/// The checks an environment lists.
fn listing(draft: &Draft, known: &[&str], fields: &mut Fields<'_>) {
    let Some(checks) = &draft.checks else { return };
    for (name, at) in checks.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
        let finding = Diagnostic::error(code::UNKNOWN_CHECK, format!("unknown check `{name}`"));
        let finding = match nearest(name.as_str(), known.iter().copied()) {
            Some(near) => finding.hint(format!("did you mean `{near}`?")),
            None => finding.hint(format!("define it under `[checks.{name}]`")),
        };
        fields.find(finding, at.clone());
    }
    let has_golden = checks.iter().any(|(name, _)| name.as_str() == "golden");
    if !has_golden && !draft.name.is_development() {
        let message = format!("`{}` asks for no golden verdict", draft.name);
        let finding =
            Diagnostic::warning(code::NO_GOLDEN, message).hint("add `golden` to its `checks`");
        fields.find(finding, draft.at.clone());
    }
}

/// The environments before this one: each is in the file, and none twice.
fn chain(draft: &Draft, drafts: &[Draft], fields: &mut Fields<'_>) {
    let after = |name: &EnvironmentName| {
        let draft = drafts.iter().find(|it| it.name == *name);
        draft.map(|it| it.environment.after.as_ref())
    };
    let mut seen = BTreeSet::from([&draft.name]);
    let mut at = draft.environment.after.as_ref();
    while let Some(name) = at {
        let problem = match after(name) {
            None => format!("`{}` comes after `{name}`, which the file does not have", draft.name),
            Some(_) if !seen.insert(name) => format!("`{}` comes after itself", draft.name),
            Some(before) => {
                at = before;
                continue;
            }
        };
        fields.find(Diagnostic::error(code::AFTER, problem), draft.at.clone());
        return;
    }
}

/// The environment with its checks; schema and load always are among them.
fn finished(draft: Draft) -> (EnvironmentName, super::Environment) {
    let Draft { name, mut environment, checks, .. } = draft;
    if let Some(checks) = checks {
        let always = ["schema", "load"].into_iter().filter_map(|it| it.parse().ok());
        let all = always.chain(checks.into_iter().map(|(name, _)| name));
        let mut seen = BTreeSet::new();
        environment.checks = all.filter(|it| seen.insert(it.clone())).collect();
    }
    (name, environment)
}
