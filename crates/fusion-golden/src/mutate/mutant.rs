use overlay_model::Scenario;

use super::answers::AnswerEdit;
use super::wording::{numbers, one_other_number};
use crate::statistics::random::Random;

/// A seeded change.
pub(super) struct Mutant {
    /// The name of its class.
    pub(super) class: &'static str,
    /// Where and what: `rollback_first TRUST_FLOOR: 0.65 → 0.75`.
    pub(super) place: String,
    pub(super) change: Change,
}

/// What is changed.
pub(super) enum Change {
    /// A file of the installation.
    File(FileChange),
    /// The scenario with this number in the catalogue.
    Scenario(usize, ScenarioEdit),
    /// What answers the scenario with this number.
    Answers(usize, AnswerEdit, u64),
}

/// A file of the installation with another text.
pub(super) struct FileChange {
    /// The file, relative to the installation.
    pub(super) path: String,
    pub(super) text: String,
    /// The overlay key that is changed.
    pub(super) key: Option<String>,
    /// Whether both texts have the same canonical digest.
    pub(super) is_equivalent: bool,
}

/// A change of a scenario.
pub(super) enum ScenarioEdit {
    /// A number of the facts or the prompt becomes another one.
    Fact(u64),
    /// The rule with this number is gone.
    Rule(usize),
}

impl ScenarioEdit {
    pub(super) fn apply(&self, scenario: &mut Scenario) {
        match self {
            Self::Fact(seed) => {
                let mut random = Random::new(*seed);
                let in_context = !numbers(&scenario.context).is_empty();
                let text = if in_context { &mut scenario.context } else { &mut scenario.prompt };
                if let Some(other) = one_other_number(text, &mut random) {
                    *text = other;
                }
            }
            Self::Rule(number) => {
                if *number < scenario.expect.len() {
                    scenario.expect.remove(*number);
                }
            }
        }
    }
}
