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
        let values = self.values(overlay, asked)?;
        let nothing = Values::new();
        let known = |id: &String| goals.measured(id, values.get(id).unwrap_or(&nothing));
        asked.iter().map(known).collect()
    }

    /// The values themselves, by scenario.
    pub(super) fn values(
        &self,
        overlay: &Overlay,
        asked: &[String],
    ) -> Result<BTreeMap<String, Values>, Fault> {
        match self {
            Self::Replay(it) => it.values(overlay, asked),
            Self::Command(it) => it.values(overlay, asked),
        }
    }

    /// `replay` or `command`.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Replay(_) => "replay",
            Self::Command(_) => "command",
        }
    }
}
