use open_feature::{
    EvaluationDetails, EvaluationError, EvaluationErrorCode, EvaluationReason, EvaluationResult,
    FlagMetadata,
};

/// The code of a flag that is switched off and has no value of its own.
const DISABLED: &str = "DISABLED";
/// The code of a flag whose rule chose nothing, and that has no default variant.
const DEFAULT: &str = "DEFAULT";

/// Why the caller's default holds, and no error.
pub(crate) fn no_value(flag: &str, disabled: bool) -> EvaluationError {
    let (code, why) = if disabled {
        (DISABLED, "is switched off")
    } else {
        (DEFAULT, "has no default variant, and no rule chose one")
    };
    EvaluationError {
        code: EvaluationErrorCode::General(code.to_owned()),
        message: Some(format!("`{flag}` {why}")),
    }
}

/// What the specification calls evaluation details: never without a value.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// The value, with variant, reason and metadata.
    pub details: EvaluationDetails<T>,
    /// What went wrong; then the value is the caller's default and the reason `ERROR`.
    pub error: Option<EvaluationError>,
}

/// The details of an evaluation, or `default` where there is no value: with the reason
/// `DISABLED` for a flag that is switched off, `DEFAULT` where no rule and no default
/// variant chose one, `ERROR` for everything else.
pub fn details_or<T>(
    flag_key: &str,
    found: EvaluationResult<EvaluationDetails<T>>,
    default: T,
) -> Answer<T> {
    let error = match found {
        Ok(details) => return Answer { details, error: None },
        Err(error) => error,
    };
    let reason = match &error.code {
        EvaluationErrorCode::General(code) if code == DISABLED => EvaluationReason::Disabled,
        EvaluationErrorCode::General(code) if code == DEFAULT => EvaluationReason::Default,
        _ => EvaluationReason::Error,
    };
    let failed = reason == EvaluationReason::Error;
    let details = EvaluationDetails {
        flag_key: flag_key.to_owned(),
        value: default,
        reason: Some(reason),
        variant: None,
        flag_metadata: FlagMetadata::default(),
    };
    Answer { details, error: failed.then_some(error) }
}
