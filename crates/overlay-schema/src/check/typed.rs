//! The schema phase over the typed form that JSON, YAML and TOML have.

use overlay_model::{Diagnostic, ParamKey, ValueError, scalar_text};
use serde_json::{Map, Value as Json};

use crate::check::refused;
use crate::params::{Kind, PARAMS, Param, Required, param};
use crate::refusal::Refusal;
use crate::wording;

/// The schema phase of profile `deploy` over the typed form of an overlay, as
/// [`crate::overlay_schema`] describes it: numbers and switches as such, lists as arrays,
/// weights as an object, all else as strings.
///
/// The two give the same verdict; only this one says what is wrong and what to do.
pub fn check_typed(overlay: &Map<String, Json>) -> Vec<Diagnostic> {
    let values = overlay.iter().filter_map(|(key, json)| {
        match param(key).filter(|_| ParamKey::is_valid(key)) {
            Some(param) => value(key, param, json),
            None => {
                let message = format!("unknown key `{}`", wording::shorten(key));
                Some(Diagnostic::error("OVL2002", message))
            }
        }
    });
    let required = PARAMS.iter().filter(|it| it.required != Required::No);
    let missing = required
        .filter(|it| !overlay.contains_key(it.key))
        .map(|it| Diagnostic::error("OVL2001", wording::missing(it.key)));
    values.chain(missing).collect()
}

/// What is wrong with the value `json` of `key` as [`check_typed`] sees it; nothing where
/// there is no parameter of that name.
pub fn check_typed_value(key: &str, json: &Json) -> Option<Diagnostic> {
    value(key, param(key).filter(|_| ParamKey::is_valid(key))?, json)
}

fn value(key: &str, param: &Param, json: &Json) -> Option<Diagnostic> {
    let refusal = match text(param.kind, json) {
        Some(text) => param.kind.read(&text).err()?,
        None => of_other_type(param.kind),
    };
    let shown = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    Some(refused::finding(key, param.kind, &shown, &refusal))
}

/// The text of `json` in an overlay file, `None` where it is of another type than `kind`.
fn text(kind: Kind, json: &Json) -> Option<String> {
    let is_typed = match kind {
        Kind::Number { .. } | Kind::Integer { .. } | Kind::Millis { .. } => json.is_number(),
        Kind::Switch => json.is_boolean(),
        // `true` and `false` are words of some parameters, and people write them bare.
        Kind::Word(_) => json.is_string() || json.is_boolean(),
        Kind::Models | Kind::Scenarios | Kind::Keys => {
            json.as_array().is_some_and(|it| it.iter().all(Json::is_string))
        }
        Kind::Voters => json.is_object(),
        Kind::Version | Kind::Name | Kind::Time | Kind::Token | Kind::Text => json.is_string(),
    };
    if !is_typed {
        return None;
    }
    match json {
        Json::Object(map) => {
            let whole = map.iter().map(|(name, weight)| (name.clone(), whole(weight)));
            scalar_text(&Json::Object(whole.collect())).ok()
        }
        _ => scalar_text(json).ok(),
    }
}

/// `2.0` is the whole number 2, as JSON Schema has it.
fn whole(json: &Json) -> Json {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number within range"
    )]
    match json.as_f64() {
        Some(number) if json.is_f64() && number.fract() == 0.0 && (0.0..=4e9).contains(&number) => {
            Json::from(number as u64)
        }
        _ => json.clone(),
    }
}

fn of_other_type(kind: Kind) -> Refusal {
    match kind {
        Kind::Number { .. } | Kind::Integer { .. } | Kind::Millis { .. } => Refusal::NotANumber,
        Kind::Switch => Refusal::NotASwitch,
        Kind::Word(_) => Refusal::NotAWord,
        Kind::Models | Kind::Scenarios | Kind::Keys => Refusal::List(ValueError::Empty),
        Kind::Voters => Refusal::Weights(ValueError::Empty),
        Kind::Version => Refusal::Version,
        Kind::Name => Refusal::Name,
        Kind::Time | Kind::Token | Kind::Text => Refusal::NotText,
    }
}
