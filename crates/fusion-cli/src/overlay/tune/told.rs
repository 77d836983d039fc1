//! The scenarios that a command is asked about.

use std::collections::BTreeMap;
use std::path::Path;

use overlay_loader::Installation;
use overlay_model::{Digest, Overlay, Scenario};
use overlay_optimizer::WeightedScenario;
use serde_json::{Value, json};

use crate::exit::{Exit, refusal};
use crate::overlay::unreadable_installation;

/// Scenarios with their weights, and what a command is told of each.
pub(super) struct Told {
    pub(super) scenarios: Vec<WeightedScenario>,
    pub(super) lines: BTreeMap<String, Value>,
}

impl Told {
    /// The scenarios `ids` with the weight 1, of which nothing else is known.
    pub(super) fn named(ids: &[String]) -> Self {
        let scenarios = ids.iter().map(|id| WeightedScenario { id: id.clone(), weight: 1.0 });
        let line = |id: &String| (id.clone(), json!({"scenario": id, "weight": 1.0}));
        Self { scenarios: scenarios.collect(), lines: ids.iter().map(line).collect() }
    }

    /// The scenarios `ids` of the installation in `dir`; without any, those of the kinds
    /// that `overlay` is for, or all where it names none.
    pub(super) fn of(dir: &Path, overlay: &Overlay, ids: &[String]) -> anyhow::Result<Self> {
        let installation = Installation::read(dir).map_err(|err| unreadable_installation(&err))?;
        let all = &installation.catalogue().scenarios;
        let unknown = ids.iter().find(|id| !all.iter().any(|it| it.id.as_str() == *id));
        if let Some(id) = unknown {
            return Err(refusal(Exit::NOTHING, format!("unknown scenario `{id}`")));
        }
        let targets: Vec<_> = overlay
            .value("OVERLAY_TARGET_SCENARIOS")
            .unwrap_or("none")
            .split(',')
            .map(str::trim)
            .filter(|it| !it.is_empty() && *it != "none")
            .collect();
        let is_wanted = |it: &&Scenario| match ids {
            [] => targets.is_empty() || targets.contains(&it.kind()),
            ids => ids.iter().any(|id| id == it.id.as_str()),
        };
        let wanted: Vec<_> = all.iter().filter(is_wanted).collect();
        let weighted = wanted
            .iter()
            .map(|it| WeightedScenario { id: it.id.to_string(), weight: it.evaluation_weight });
        let scenarios = weighted.collect();
        let lines = wanted.iter().map(|it| (it.id.to_string(), line(it))).collect();
        Ok(Self { scenarios, lines })
    }
}

/// The digest of what is told of scenarios.
pub(super) fn digest(lines: &BTreeMap<String, Value>) -> Digest {
    let lines = lines.values().map(Value::to_string);
    Digest::of(lines.collect::<Vec<_>>().join("\n").as_bytes())
}

/// What is told of a scenario.
pub(super) fn line(it: &Scenario) -> Value {
    json!({
        "scenario": it.id.as_str(),
        "weight": it.evaluation_weight,
        "type": it.kind(),
        "question": it.question(),
        "turns": it.turns,
    })
}
