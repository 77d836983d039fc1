//! The files of a tree that the service and the gate read beside the loader.

use std::collections::BTreeMap;

use fusion_golden::budget::Budgets;
use overlay_deploy::{Planned, UNFIT};
use overlay_doctor::{OptionValue, Options};
use overlay_loader::FileFinding;
use overlay_model::Diagnostic;

const OPTIONS: &str = "fusion.toml";
const BUDGETS: &str = "budgets.toml";

/// The errors of `fusion.toml` and `budgets.toml` of what is to be deployed: neither would be
/// used, and what they say otherwise would hold.
pub(super) fn unfit(planned: &Planned) -> Vec<FileFinding> {
    let is_production = planned.plan.environment.as_str() == "production";
    let text = |path: &str| planned.tree.get(path).map(String::from_utf8_lossy);
    let mut res = Vec::new();
    if let Some(text) = text(OPTIONS) {
        // What the shell says is about a service, and not about what is deployed.
        let (options, found) = Options::read(Some(&text), &BTreeMap::new());
        res.extend(of(OPTIONS, found));
        res.extend(of(OPTIONS, if is_production { null_sinks(&options) } else { Vec::new() }));
    }
    if let Some(text) = text(BUDGETS) {
        res.extend(of(BUDGETS, Budgets::parse(&text).1));
    }
    res
}

fn of(path: &str, found: Vec<Diagnostic>) -> impl Iterator<Item = FileFinding> {
    let errors = found.into_iter().filter(Diagnostic::is_error);
    errors.map(move |diagnostic| FileFinding { path: path.to_owned(), diagnostic })
}

/// Production keeps its audit log and its metrics.
fn null_sinks(options: &Options) -> Vec<Diagnostic> {
    let is_null = |section: &&str| {
        let value = options.get(section, "sink").map(|it| &it.value);
        matches!(value, Some(OptionValue::Text(name)) if name == "null")
    };
    let refused = |section: &str| {
        let message = format!("{section}.sink is `null`, which production refuses");
        Diagnostic::error(UNFIT, message).hint(format!("take `{section}.sink` out of fusion.toml"))
    };
    ["audit", "metrics"].iter().filter(|it| is_null(it)).map(|it| refused(it)).collect()
}
