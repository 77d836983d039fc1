//! What both providers give: a value of any type, and the one that was asked for.

use open_feature::provider::ResolutionDetails;
use open_feature::{
    EvaluationError, EvaluationErrorCode, EvaluationReason, EvaluationResult, FlagMetadata,
    StructValue, Value,
};

/// A value with the reason for it.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) value: Value,
    pub(crate) variant: Option<String>,
    pub(crate) reason: EvaluationReason,
    pub(crate) metadata: FlagMetadata,
}

/// An error with its message.
pub(crate) fn error(code: EvaluationErrorCode, message: impl Into<String>) -> EvaluationError {
    EvaluationError { code, message: Some(message.into()) }
}

/// A type that a flag may be asked as.
pub(crate) trait Asked: Sized {
    /// Its name in messages.
    const NAME: &'static str;
    /// Whether it is a text.
    const IS_TEXT: bool = false;

    /// The value as this type, where it is one.
    fn of(value: Value) -> Option<Self>;
}

impl Asked for bool {
    const NAME: &'static str = "a switch";

    fn of(value: Value) -> Option<Self> {
        value.as_bool()
    }
}

impl Asked for i64 {
    const NAME: &'static str = "a whole number";

    fn of(value: Value) -> Option<Self> {
        match value {
            Value::Int(number) => Some(number),
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
            Value::Float(number) if number.fract() == 0.0 && number.abs() < 9.0e15 => {
                Some(number as Self)
            }
            _ => None,
        }
    }
}

impl Asked for f64 {
    const NAME: &'static str = "a number";

    fn of(value: Value) -> Option<Self> {
        match value {
            Value::Float(number) => Some(number),
            #[expect(clippy::cast_precision_loss, reason = "JSON knows one kind of number")]
            Value::Int(number) => Some(number as Self),
            _ => None,
        }
    }
}

impl Asked for String {
    const NAME: &'static str = "a text";
    const IS_TEXT: bool = true;

    fn of(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

impl Asked for StructValue {
    const NAME: &'static str = "an object";

    fn of(value: Value) -> Option<Self> {
        match value {
            Value::Struct(fields) => Some(fields),
            _ => None,
        }
    }
}

/// What was found, as the type that was asked for.
pub(crate) fn typed<T: Asked>(
    flag: &str,
    found: EvaluationResult<Resolved>,
) -> EvaluationResult<ResolutionDetails<T>> {
    let Resolved { value, variant, reason, metadata } = found?;
    let value = T::of(value).ok_or_else(|| {
        error(EvaluationErrorCode::TypeMismatch, format!("`{flag}` is not {}", T::NAME))
    })?;
    Ok(ResolutionDetails { value, variant, reason: Some(reason), flag_metadata: Some(metadata) })
}
