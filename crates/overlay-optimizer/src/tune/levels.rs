//! Which parameters a tuner varies, and how finely.

use overlay_model::{Overlay, ParamKey};
use overlay_schema::{Acts, Kind, PARAMS, Param, nearest_key, param};

use crate::optimize::deployable;
use crate::pinned::pinned;
use crate::tune::space::{Dimension, Space, SpaceError};

/// How the numbers of a parameter are stepped through.
#[derive(Clone, Copy, Debug)]
enum Steps {
    /// By addition, within the range of the table.
    Of(f64),
    /// By addition, within a narrower range.
    Within(f64, f64, f64),
    /// These.
    Factors(&'static [u32]),
}

/// Steps of numbers where the parameter table has only ranges. Ranges and steps of
/// temperature, nucleus and penalties are the original's `overlay_params.yaml`.
const STEPS: &[(&str, Steps)] = &[
    ("ARBITRATION_TIMEOUT_MS", Steps::Of(50.0)),
    ("ENERGY_FLOOR", Steps::Within(0.0, 0.5, 0.01)),
    ("ENTROPY_FLOOR", Steps::Of(0.05)),
    ("ENTROPY_REDUCTION_TARGET", Steps::Of(0.05)),
    ("FREQUENCY_PENALTY", Steps::Within(0.15, 0.50, 0.01)),
    ("MAX_TOKENS", Steps::Factors(&[64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096])),
    ("PRESENCE_PENALTY", Steps::Within(0.0, 0.20, 0.01)),
    ("SAMPLES", Steps::Within(1.0, 9.0, 1.0)),
    ("TEMPERATURE", Steps::Within(0.15, 0.40, 0.01)),
    ("TOP_P", Steps::Within(0.60, 0.95, 0.05)),
    ("TRUST_FLOOR", Steps::Of(0.05)),
];

/// What says or promises something to others: never a knob. Security and personal data,
/// the form of the answer, deadlines and budgets, breakers, and what is measured.
const PROMISES: &[&str] = &[
    "API_CIRCUIT_BREAKER",
    "BASELINE_TOKEN_CAP_PCT",
    "ENERGY_BUDGET_PER_DAY",
    "MAX_ENERGY_UNITS",
    "PERFORMANCE_MONITORING",
    "PII_DETECTION",
    "REQUEST_DEADLINE_MS",
    "RESPONSE_FORMAT",
    "SECURITY_MODE",
];

/// What stands between a bad answer and its reader: the floors, what trust is, and what is
/// verified of a conversation. No measure shows what it prevents, so weaker ones look
/// cheaper; they are varied only where somebody names them.
const GUARDS: &[&str] = &[
    "CONTINUITY_ENFORCEMENT",
    "ENERGY_FLOOR",
    "ENTROPY_FLOOR",
    "TRUST_FLOOR",
    "TRUST_SCORING_MODEL",
];

/// How the points of a run are evaluated, which decides what can be tuned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Evaluation {
    /// From recordings: only parameters whose effect is in the request or in the outcome
    /// of a recorded one.
    Replay,
    /// By asking a model: also those that act in time.
    Live,
}

impl Space {
    /// The parameters of `overlay` that a tuner changes by itself: those of the parameter
    /// table that are not pinned, have a default or a value, promise nothing and guard
    /// nothing.
    ///
    /// # Errors
    ///
    /// Where the overlay does not pass profile `deploy`, or nothing is left.
    pub fn of(overlay: &Overlay, evaluation: Evaluation) -> Result<Self, SpaceError> {
        let mut free = free(overlay, evaluation)?;
        free.retain(|it| !GUARDS.contains(&it.key().as_str()));
        Self::new(free)
    }

    /// The parameters `keys` of `overlay`, floors and other guards among them.
    ///
    /// # Errors
    ///
    /// As [`Self::of`], or where one of the keys is no parameter or may not change.
    pub fn of_keys(
        overlay: &Overlay,
        evaluation: Evaluation,
        keys: &[&str],
    ) -> Result<Self, SpaceError> {
        let mut free = free(overlay, evaluation)?;
        let is_free = |key: &str| free.iter().any(|it| it.key().as_str() == key);
        if let Some(key) = keys.iter().find(|it| !is_free(it)) {
            let key = (*key).to_owned();
            return Err(match param(&key) {
                Some(_) => SpaceError::UnknownKey(key),
                None => SpaceError::NoParam { nearest: nearest_key(&key), key },
            });
        }
        free.retain(|it| keys.contains(&it.key().as_str()));
        Self::new(free)
    }
}

/// Every parameter that may change at all.
fn free(overlay: &Overlay, evaluation: Evaluation) -> Result<Vec<Dimension>, SpaceError> {
    deployable(overlay).map_err(SpaceError::Invalid)?;
    let pinned = pinned(overlay);
    let is_free = |it: &&Param| {
        let acts =
            it.acts == Acts::Replay || it.acts == Acts::Time && evaluation == Evaluation::Live;
        acts && !pinned.contains(it.key) && !PROMISES.contains(&it.key)
    };
    let params = PARAMS.iter().filter(is_free);
    Ok(params.filter_map(|it| dimension(overlay, it)).collect())
}

fn dimension(overlay: &Overlay, param: &Param) -> Option<Dimension> {
    if param.key == "ENTROPY_REDUCTION_TARGET" && is_overruled(overlay) {
        return None;
    }
    let start = overlay.value(param.key).or(param.default)?;
    let key: ParamKey = param.key.parse().ok()?;
    let steps = STEPS.iter().find(|(it, _)| *it == param.key).map(|(_, steps)| *steps);
    match (param.kind, steps) {
        (_, Some(Steps::Within(min, max, step))) => {
            Dimension::steps(key, hull((min, max), start)?, step, start)
        }
        (_, Some(Steps::Factors(numbers))) => Dimension::factors(key, numbers, start),
        (Kind::Number { min, max }, Some(Steps::Of(step))) => {
            Dimension::steps(key, (min, max), step, start)
        }
        (Kind::Millis { min, advised, .. }, Some(Steps::Of(step))) => {
            Dimension::steps(key, hull((whole(min), whole(advised)), start)?, step, start)
        }
        (Kind::Switch, _) => Dimension::words(key, &["false", "true"], start),
        (Kind::Word(words), _) => Dimension::words(key, words, start),
        _ => None,
    }
}

/// Whether temperature and nucleus are set, so that the target has no effect.
fn is_overruled(overlay: &Overlay) -> bool {
    ["TEMPERATURE", "TOP_P"].iter().all(|it| overlay.get(it).is_some())
}

/// The range, wide enough for the value there is.
fn hull((min, max): (f64, f64), start: &str) -> Option<(f64, f64)> {
    let start: f64 = start.parse().ok()?;
    Some((min.min(start), max.max(start)))
}

fn whole(number: i64) -> f64 {
    i32::try_from(number).map_or(f64::MAX, f64::from)
}
