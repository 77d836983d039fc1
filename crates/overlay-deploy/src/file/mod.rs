//! `deploy.toml`: how each environment is deployed to, and by which checks.

mod check_spec;
mod environment;
mod fields;
mod rules;

use std::collections::BTreeMap;
use std::ops::Range;

use overlay_model::{Diagnostic, MAX_TEXT_BYTES};
use serde::{Deserialize, Serialize};
use toml::de::DeTable;

pub use self::check_spec::{Bound, CheckKind, CheckSpec, Probe, UnknownWhen, When};
pub use self::environment::Environment;
use self::fields::Fields;
use crate::analysis::Limits;
use crate::code;
use crate::word::{CheckName, EnvironmentName};

/// The version of the format.
pub(crate) const FORMAT: &str = "fusion/deploy/1";
/// The checks that need no definition, and may be listed.
pub(crate) const BUILT_IN: [&str; 3] = ["schema", "load", "golden"];
/// The check that the tree passed in the environment `after` names; it is never listed.
pub(crate) const PROMOTED: &str = "promoted";

const KEYS: [&str; 4] = ["schema", "analysis", "environments", "checks"];

/// What `deploy.toml` says.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct DeployFile {
    /// The environments by name.
    pub environments: BTreeMap<EnvironmentName, Environment>,
    /// The checks of one's own by name.
    pub checks: BTreeMap<CheckName, CheckSpec>,
}

impl DeployFile {
    /// Reads the text of a `deploy.toml`, with every finding. What is wrong has its default
    /// in the value, so a file with errors must not be deployed by.
    pub fn parse(text: &str) -> (Self, Vec<Diagnostic>) {
        if text.len() > MAX_TEXT_BYTES {
            let message =
                format!("{} bytes are more than the {MAX_TEXT_BYTES} allowed", text.len());
            return (Self::default(), vec![Diagnostic::error(code::NO_TOML, message)]);
        }
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut findings: Vec<Diagnostic> = errors
            .iter()
            .map(|err| {
                Diagnostic::error(code::NO_TOML, err.message())
                    .at(text, err.span().unwrap_or_default())
            })
            .collect();
        let file = read(&mut Fields::new(text, (table.get_ref(), 0..0), &mut findings));
        findings.sort_by_key(|it| it.at.as_ref().map_or(usize::MAX, |at| at.span.start));
        (file, findings)
    }

    /// How `name` is deployed to; where the file does not name it, what holds for it
    /// without a file.
    pub fn environment(&self, name: &EnvironmentName) -> Environment {
        let named = self.environments.get(name).cloned();
        named.unwrap_or_else(|| {
            let mut rules = Environment::default_of(name);
            let production = "production".parse().ok();
            // An unknown environment may be anyone's live one: the strictest rules hold.
            match production.and_then(|it: EnvironmentName| self.environments.get(&it)) {
                Some(strict) if !name.is_development() => {
                    rules = Environment { after: None, ..strict.clone() };
                }
                _ => {}
            }
            rules
        })
    }
}

/// An environment as it was read, with the places of what it names.
struct Draft {
    name: EnvironmentName,
    environment: Environment,
    at: Range<usize>,
    /// The checks it lists; `None` where it lists none.
    checks: Option<Vec<(CheckName, Range<usize>)>>,
}

fn read(fields: &mut Fields<'_>) -> DeployFile {
    fields.known(&KEYS);
    if let Some((format, at)) = fields.text("schema").filter(|(it, _)| it != FORMAT) {
        let message = format!("unknown format `{format}`: this program reads `{FORMAT}`");
        fields.find(Diagnostic::error(code::FORMAT, message), at);
    }
    let mut limits = Limits::default();
    if let Some(table) = fields.table("analysis") {
        environment::analysis(&mut limits, &mut fields.inner(table));
    }
    let checks = checks(fields);
    let drafts = environments(&limits, fields);
    rules::resolve(drafts, checks, fields)
}

fn checks(fields: &mut Fields<'_>) -> Vec<(CheckName, Range<usize>, CheckSpec)> {
    let Some(table) = fields.table("checks") else { return Vec::new() };
    let mut fields = fields.inner(table);
    let mut res = Vec::new();
    for ((key, at), value) in fields.entries() {
        let Some(name) = fields.parse::<CheckName>(key, at.clone()) else { continue };
        let Some(table) = fields.as_table(key, value) else { continue };
        if let Some(spec) = check_spec::read(&mut fields.inner((table, at.clone()))) {
            res.push((name, at, spec));
        }
    }
    res
}

fn environments(limits: &Limits, fields: &mut Fields<'_>) -> Vec<Draft> {
    let Some(table) = fields.table("environments") else { return Vec::new() };
    let mut fields = fields.inner(table);
    let mut res = Vec::new();
    for ((key, at), value) in fields.entries() {
        let Some(name) = fields.parse::<EnvironmentName>(key, at.clone()) else { continue };
        let Some(table) = fields.as_table(key, value) else { continue };
        let mut inner = fields.inner((table, at.clone()));
        let environment = environment::read(&name, limits, &mut inner);
        let checks = inner.texts("checks").map(|words| {
            let parsed = words.into_iter().filter_map(|(word, at)| {
                inner.parse::<CheckName>(&word, at.clone()).map(|name| (name, at))
            });
            parsed.collect()
        });
        res.push(Draft { name, environment, at, checks });
    }
    res
}
