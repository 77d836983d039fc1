use std::collections::BTreeMap;

use overlay_model::Overlay;
use overlay_optimizer::Measured;

use super::command::Evaluation;
use super::fault::Fault;
use super::goal::{Goals, Values};
use super::replay::Replay;

/// How candidates are evaluated. Nothing is simulated.
pub(super) enum Evaluator {
    /// By the recordings of a suite.
    Replay(Box<Replay>),
    /// By a command.
    Command(Evaluation),
}

impl Evaluator {
    /// What is measured of `overlay` on the scenarios `asked`, in their order.
    pub(super) fn measure(
        &self,
        goals: &Goals,
        overlay: &Overlay,
        asked: &[String],
    ) -> Result<Vec<Measured>, Fault> {
        let values: BTreeMap<String, Values> = match self {
            Self::Replay(it) => it.values(overlay, asked)?,
            Self::Command(it) => it.values(overlay, asked)?,
        };
        let nothing = Values::new();
        let measured = asked.iter().map(|id| {
            let measured = goals.measured(id, values.get(id).unwrap_or(&nothing))?;
            finite(goals, &measured)?;
            Ok(measured)
        });
        measured.collect()
    }

    /// `replay` or `command`.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Replay(_) => "replay",
            Self::Command(_) => "command",
        }
    }
}

/// A sum of finite numbers may still be none.
fn finite(goals: &Goals, measured: &Measured) -> Result<(), Fault> {
    let mut named = goals.objectives.iter().zip(&measured.objectives);
    match named.find(|(_, value)| !value.is_finite()) {
        Some((objective, value)) => Err(Fault::NoNumber {
            scenario: measured.scenario.clone(),
            name: objective.name.clone(),
            text: value.to_string(),
        }),
        None => Ok(()),
    }
}
