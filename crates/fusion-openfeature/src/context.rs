//! The evaluation context as the flags below want it.

use fusion_flags::{Attribute, Context};
use open_feature::{
    EvaluationContext, EvaluationContextFieldValue as Field, EvaluationErrorCode, EvaluationResult,
    StructValue, Value,
};
use serde_json::{Map, Value as Json};

use crate::resolve::error;
use crate::value::{json_of, struct_json};

/// What a context says of a request to overlays.
pub(crate) struct Request<'a> {
    unit: Option<&'a str>,
    scenario_type: &'a str,
    confidence: Option<f64>,
    attributes: Vec<(&'a str, Attribute<'a>)>,
}

impl<'a> Request<'a> {
    /// Fails with INVALID_CONTEXT where `scenario_type` is no text or `confidence` no number
    /// from 0 to 1. Moments and structures are no attributes.
    pub(crate) fn of(context: &'a EvaluationContext) -> EvaluationResult<Self> {
        let invalid = |why: &str| Err(error(EvaluationErrorCode::InvalidContext, why));
        let scenario_type = match context.custom_fields.get("scenario_type") {
            None => "",
            Some(Field::String(text)) => text,
            Some(_) => return invalid("scenario_type is a text"),
        };
        let confidence = match context.custom_fields.get("confidence").map(number) {
            None => None,
            Some(Some(share)) if (0.0..=1.0).contains(&share) => Some(share),
            Some(_) => return invalid("confidence is a number from 0 to 1"),
        };
        let unit = context.targeting_key.as_deref();
        let fields = context.custom_fields.iter();
        let fields = fields.filter_map(|(name, it)| Some((name.as_str(), attribute(it)?)));
        let unit_field = unit.map(|it| ("targetingKey", Attribute::Text(it)));
        let attributes = fields.chain(unit_field).collect();
        Ok(Self { unit, scenario_type, confidence, attributes })
    }

    pub(crate) fn unit(&self) -> Option<&'a str> {
        self.unit
    }

    pub(crate) fn at(&self, now_ms: i64) -> Context<'_> {
        Context {
            unit: self.unit,
            scenario_type: self.scenario_type,
            confidence: self.confidence,
            attributes: &self.attributes,
            now_ms,
            quality: None,
        }
    }
}

fn number(field: &Field) -> Option<f64> {
    match field {
        Field::Float(number) => Some(*number),
        #[expect(clippy::cast_precision_loss, reason = "attributes are compared as floats")]
        Field::Int(number) => Some(*number as f64),
        _ => None,
    }
}

fn attribute(field: &Field) -> Option<Attribute<'_>> {
    match field {
        Field::Bool(on) => Some(Attribute::Switch(*on)),
        Field::String(text) => Some(Attribute::Text(text)),
        other => number(other).map(Attribute::Number),
    }
}

/// The context as flagd's rules see it: moments as RFC 3339 texts; structures where they
/// are OpenFeature's or JSON, else INVALID_CONTEXT.
pub(crate) fn json_context(context: &EvaluationContext) -> EvaluationResult<Json> {
    let mut res = Map::new();
    for (name, field) in &context.custom_fields {
        let value = json_field(field).ok_or_else(|| {
            let why = format!("`{name}` is a value that rules cannot read");
            error(EvaluationErrorCode::InvalidContext, why)
        })?;
        res.insert(name.clone(), value);
    }
    if let Some(unit) = &context.targeting_key {
        res.insert("targetingKey".to_owned(), Json::from(unit.as_str()));
    }
    Ok(Json::Object(res))
}

fn json_field(field: &Field) -> Option<Json> {
    Some(match field {
        Field::Bool(on) => Json::from(*on),
        Field::Int(number) => Json::from(*number),
        Field::Float(number) => Json::from(*number),
        Field::String(text) => Json::from(text.as_str()),
        Field::DateTime(moment) => {
            let moment = jiff::Timestamp::from_nanosecond(moment.unix_timestamp_nanos()).ok()?;
            Json::from(moment.to_string())
        }
        Field::Struct(any) => {
            if let Some(it) = any.downcast_ref::<StructValue>() {
                struct_json(it)
            } else if let Some(it) = any.downcast_ref::<Value>() {
                json_of(it)
            } else {
                any.downcast_ref::<Json>()?.clone()
            }
        }
    })
}
