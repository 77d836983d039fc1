use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use fusion_flagd::{EvaluationError as Failure, FlagdFile, Variation};
use open_feature::provider::{FeatureProvider, ProviderMetadata, ResolutionDetails};
use open_feature::{
    EvaluationContext, EvaluationErrorCode, EvaluationReason, EvaluationResult, StructValue,
    async_trait,
};

use crate::answer::no_value;
use crate::context::json_context;
use crate::resolve::{Asked, Resolved, error, typed};
use crate::value::{metadata_of, value_of};

type Clock = dyn Fn() -> i64 + Send + Sync;

/// The flags of a flagd file by OpenFeature: switches, texts, numbers and structures.
///
/// Errors: `FLAG_NOT_FOUND`; `TYPE_MISMATCH`; `PARSE_ERROR` for a flag whose rule is broken;
/// `INVALID_CONTEXT` for a field that rules cannot read; `GENERAL` for a rule that names a
/// variant there is not. A flag that is switched off, or that chooses nothing, has no value
/// of its own: the SDK then gives the error `DISABLED` or `DEFAULT`, which
/// [`crate::details_or`] takes for the caller's default with that reason.
pub struct FlagdProvider {
    metadata: ProviderMetadata,
    file: Arc<ArcSwap<FlagdFile>>,
    now_ms: Box<Clock>,
}

impl FlagdProvider {
    /// Over `file`, at the moments that `now_ms` gives, in milliseconds since 1970.
    pub fn new(file: FlagdFile, now_ms: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self::over(Arc::new(ArcSwap::from_pointee(file)), now_ms)
    }

    /// Over a file that is replaced while the program runs.
    pub fn over(
        file: Arc<ArcSwap<FlagdFile>>,
        now_ms: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Self {
        let metadata = ProviderMetadata::new("fusion-flagd");
        Self { metadata, file, now_ms: Box::new(now_ms) }
    }

    fn resolve<T: Asked>(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<T>> {
        let context = json_context(context)?;
        let file = self.file.load();
        let now_s = (self.now_ms)().div_euclid(1000);
        let found = file
            .evaluate(key, &context, now_s)
            .map_err(|err| error(code(&err), err.to_string()))?;
        let Some(json) = found.value else {
            return Err(no_value(key, found.reason == Variation::Disabled));
        };
        let value = value_of(json).ok_or_else(|| {
            let why = format!("`{key}` has null in a list, which no structure can hold");
            error(EvaluationErrorCode::TypeMismatch, why)
        })?;
        typed(
            key,
            Ok(Resolved {
                value,
                variant: found.variant.map(str::to_owned),
                reason: reason(found.reason),
                metadata: metadata_of(&file.metadata(key)),
            }),
        )
    }
}

fn code(failure: &Failure) -> EvaluationErrorCode {
    match failure {
        Failure::NotFound(_) => EvaluationErrorCode::FlagNotFound,
        Failure::Rule { .. } => EvaluationErrorCode::ParseError,
        _ => EvaluationErrorCode::General("GENERAL".to_owned()),
    }
}

fn reason(reason: Variation) -> EvaluationReason {
    match reason {
        Variation::Static => EvaluationReason::Static,
        Variation::TargetingMatch => EvaluationReason::TargetingMatch,
        Variation::Default => EvaluationReason::Default,
        Variation::Disabled => EvaluationReason::Disabled,
    }
}

impl fmt::Debug for FlagdProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlagdProvider").field("file", &self.file).finish_non_exhaustive()
    }
}

#[async_trait]
impl FeatureProvider for FlagdProvider {
    fn metadata(&self) -> &ProviderMetadata {
        &self.metadata
    }

    async fn resolve_bool_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<bool>> {
        self.resolve(key, context)
    }

    async fn resolve_int_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<i64>> {
        self.resolve(key, context)
    }

    async fn resolve_float_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<f64>> {
        self.resolve(key, context)
    }

    async fn resolve_string_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<String>> {
        self.resolve(key, context)
    }

    async fn resolve_struct_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        self.resolve(key, context)
    }
}
