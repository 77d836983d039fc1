use overlay_model::{OverlayName, Scenario};
use serde::Serialize;

use crate::checks::occurs_as_word;
use crate::trust::round4;

/// What is known of a request before an overlay is chosen.
#[derive(Clone, Copy, Debug, Default)]
pub struct SelectInput<'a> {
    /// The kind of work, where the caller names it; beats the router.
    pub scenario_type: Option<&'a str>,
    /// The business category, where the caller knows it.
    pub category: Option<&'a str>,
    /// How hard the request is, from 0 to 1, where the caller knows it.
    pub complexity: Option<f64>,
    /// What is asked, for the keywords.
    pub text: &'a str,
    /// The scenarios that the router knows.
    pub catalogue: &'a [Scenario],
    /// The overlays to choose from, best first.
    pub candidates: &'a [Candidate],
}

/// An overlay that may answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its name.
    pub overlay: OverlayName,
    /// The scenario types it serves; empty for all.
    pub scenario_types: Vec<String>,
    /// The least confidence in the scenario type at which it answers.
    pub min_confidence: f64,
    /// Whether it can be used now.
    pub availability: Availability,
}

impl Candidate {
    /// A candidate for these scenario types that can be used at any confidence.
    pub fn new(overlay: OverlayName, scenario_types: &[String]) -> Self {
        Self {
            overlay,
            scenario_types: scenario_types.to_vec(),
            min_confidence: 0.0,
            availability: Availability::Ready("available".to_owned()),
        }
    }
}

/// Whether an overlay can be used, with the reason.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Availability {
    /// It can: `flag on`, `no flag`.
    Ready(String),
    /// It cannot: `breaker open`, `out of the rollout`, `does not load`.
    Refused(String),
}

/// Which overlay answers, and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Selection {
    /// The kind of work; empty where nothing speaks for any.
    pub scenario_type: String,
    /// How sure that is: 1 where the caller named it, else the router's score.
    pub confidence: f64,
    /// The overlay; `None` for the bare baseline.
    pub overlay: Option<OverlayName>,
    /// What led there, in order.
    pub reasons: Vec<String>,
    /// The candidates before it, each with its reason.
    pub rejected: Vec<Rejected>,
}

/// An overlay that was passed over.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Rejected {
    /// Its name.
    pub overlay: OverlayName,
    /// Why.
    pub reason: String,
}

/// Chooses the overlay for a request: the kind of work as the caller names it or as the
/// router finds it, then the first candidate that serves it and can be used, else the
/// baseline. Overlays are alternatives, never stacked.
pub fn select(input: &SelectInput<'_>) -> Selection {
    let mut selection = kind_of_work(input);
    for candidate in input.candidates {
        match refusal(candidate, &selection) {
            Some(reason) => {
                let overlay = candidate.overlay.clone();
                selection.rejected.push(Rejected { overlay, reason });
            }
            None => {
                let Availability::Ready(reason) = &candidate.availability else { continue };
                selection.reasons.push(format!("{}: {reason}", candidate.overlay));
                selection.overlay = Some(candidate.overlay.clone());
                return selection;
            }
        }
    }
    selection.reasons.push("baseline: no overlay is left".to_owned());
    selection
}

fn refusal(candidate: &Candidate, selection: &Selection) -> Option<String> {
    let types = &candidate.scenario_types;
    if !types.is_empty() && !types.contains(&selection.scenario_type) {
        return Some(match selection.scenario_type.as_str() {
            "" => format!("serves {} only", types.join(", ")),
            kind => format!("serves {}, not {kind}", types.join(", ")),
        });
    }
    if selection.confidence < candidate.min_confidence {
        let (is, least) = (selection.confidence, candidate.min_confidence);
        return Some(format!("confidence {is} is below {least}"));
    }
    match &candidate.availability {
        Availability::Ready(_) => None,
        Availability::Refused(reason) => Some(reason.clone()),
    }
}

fn kind_of_work(input: &SelectInput<'_>) -> Selection {
    if let Some(kind) = input.scenario_type {
        return Selection {
            scenario_type: kind.to_owned(),
            confidence: 1.0,
            reasons: vec![format!("scenario type {kind}: named by the request")],
            ..Selection::default()
        };
    }
    let text = input.text.to_lowercase();
    let mut best: Option<(f64, &Scenario, String)> = None;
    for scenario in input.catalogue {
        let (score, reason) = score(scenario, input, &text);
        if score > 0.0 && best.as_ref().is_none_or(|(most, _, _)| score > *most) {
            best = Some((score, scenario, reason));
        }
    }
    match best {
        Some((score, scenario, reason)) => Selection {
            scenario_type: scenario.kind().to_owned(),
            confidence: score,
            reasons: vec![format!(
                "scenario type {}: {reason}, as scenario {}",
                scenario.kind(),
                scenario.id.as_str()
            )],
            ..Selection::default()
        },
        None => Selection {
            reasons: vec!["scenario type: no category and no keyword fits".to_owned()],
            ..Selection::default()
        },
    }
}

/// How well a scenario fits: 0.6 for its primary category or 0.3 for another one, 0.2 for
/// the band of complexity, 0.05 for each keyword up to 0.2; 0 where neither category nor
/// keyword fits, since a band alone says nothing of the work.
fn score(scenario: &Scenario, input: &SelectInput<'_>, text: &str) -> (f64, String) {
    let mut reasons = Vec::new();
    let (category, which) = category_score(scenario, input.category);
    if category > 0.0 {
        reasons.push(format!("{which} category {category}"));
    }
    let found = scenario.router.as_ref().map_or(0, |hints| {
        hints.keywords.iter().filter(|it| occurs_as_word(text, &it.to_lowercase())).count()
    });
    let keywords = (0.05 * crate::trust::as_f64(found)).min(0.2);
    if category == 0.0 && found == 0 {
        return (0.0, String::new());
    }
    let same_band = input.complexity.is_some_and(|it| band(it) == band(scenario.complexity));
    let complexity = if same_band { 0.2 } else { 0.0 };
    if same_band {
        reasons.push(format!("{} complexity 0.2", band(scenario.complexity)));
    }
    if found > 0 {
        reasons.push(format!("{found} keywords {}", round4(keywords)));
    }
    (round4(category + complexity + keywords), reasons.join(" + "))
}

fn category_score(scenario: &Scenario, category: Option<&str>) -> (f64, &'static str) {
    let Some(category) = category else { return (0.0, "no") };
    let own = std::slice::from_ref(&scenario.category);
    let hints = scenario.router.as_ref().map(|it| it.categories.as_slice());
    let categories = hints.filter(|it| !it.is_empty()).unwrap_or(own);
    match categories.iter().position(|it| it == category) {
        Some(0) => (0.6, "primary"),
        Some(_) => (0.3, "secondary"),
        None => (0.0, "no"),
    }
}

fn band(complexity: f64) -> &'static str {
    if complexity > 0.7 {
        "high"
    } else if complexity > 0.4 {
        "medium"
    } else {
        "low"
    }
}
