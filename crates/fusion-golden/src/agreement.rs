//! How far rules agree with recorded correctness.

use std::collections::BTreeMap;

use fusion_plan::{Checks, Encoding, count};
use overlay_model::Scenario;

use crate::cassette::Cassette;
use crate::report::{Agreement, Disagreement};
use crate::suite::Suite;

/// A recorded answer with a label, and what the rules say.
pub(crate) struct Labelled {
    scenario: String,
    model: String,
    label: bool,
    rules: bool,
    evidence: String,
}

impl Labelled {
    /// The labelled answers of a scenario. An answer is right by the rules where it breaks
    /// none of the scenario's own; the checks of a prompt say nothing about correctness.
    pub(crate) fn of(suite: &Suite, scenario: &Scenario, cassette: &Cassette) -> Vec<Self> {
        let labelled = cassette.lines.iter().map(|it| &it.interaction);
        let labelled: Vec<_> = labelled.filter_map(|it| Some((it, it.labels?.correct))).collect();
        if labelled.is_empty() || scenario.expect.is_empty() {
            return Vec::new();
        }
        let (checks, _) = Checks::compile(&scenario.expect);
        let on = |(interaction, label): (&crate::Interaction, bool)| {
            let model = interaction.request.model.clone();
            let row = suite.installation().providers().model(&model);
            let encoding = row.and_then(|it| it.encoding.parse().ok()).unwrap_or(Encoding::O200k);
            let results = checks.on(&interaction.answer(), &|text| count(encoding, text));
            let broken = results.iter().find(|it| !it.pass);
            let evidence = broken.or(results.first()).map(|it| it.evidence.clone());
            Self {
                scenario: scenario.id.to_string(),
                model,
                label,
                rules: broken.is_none(),
                evidence: evidence.unwrap_or_default(),
            }
        };
        labelled.into_iter().map(on).collect()
    }

    /// The agreement of each model, by name.
    pub(crate) fn summary(labelled: &[Vec<Self>]) -> Vec<Agreement> {
        let mut models: BTreeMap<&str, Vec<&Self>> = BTreeMap::new();
        for it in labelled.iter().flatten() {
            models.entry(&it.model).or_default().push(it);
        }
        models.into_iter().map(|(model, all)| agreement(model, &all)).collect()
    }
}

fn agreement(model: &str, all: &[&Labelled]) -> Agreement {
    let differing = all.iter().filter(|it| it.label != it.rules);
    let disagreements: Vec<_> = differing
        .map(|it| Disagreement {
            scenario: it.scenario.clone(),
            label: it.label,
            rules: it.rules,
            evidence: it.evidence.clone(),
        })
        .collect();
    let equal = all.len() - disagreements.len();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let share = equal as f64 / all.len() as f64;
    Agreement {
        model: model.to_owned(),
        labelled: all.len(),
        equal,
        share: (share * 10_000.0).round() / 10_000.0,
        disagreements,
    }
}
