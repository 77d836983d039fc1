use std::fmt;
use std::sync::Arc;

use fusion_flags::{FlagReport, Flags, Reason, RouteReport, View};
use open_feature::provider::{FeatureProvider, ProviderMetadata, ResolutionDetails};
use open_feature::{
    EvaluationContext, EvaluationErrorCode, EvaluationReason, EvaluationResult, FlagMetadata,
    StructValue, Value, async_trait,
};

use crate::context::Request;
use crate::resolve::{Asked, Resolved, error, typed};

/// The key of the route: as a text the overlay that answers, else the fallback strategy; as
/// a structure the whole route.
///
/// No flag has this name.
pub const ROUTE: &str = "$route";

/// Shows the flags in force for a unit.
type Source = dyn Fn(Option<&str>, &mut dyn FnMut(&View)) + Send + Sync;
type Clock = dyn Fn() -> i64 + Send + Sync;

/// Overlay flags by OpenFeature.
///
/// A flag is a switch: on or off, with the variant of the unit. `targetingKey` is the unit,
/// `scenario_type` (a text) and `confidence` (from 0 to 1) are what a route has, and every
/// field that is a text, a number or a switch is an attribute. The reasons are those of the
/// remote evaluation protocol, and the flag's own stands in the metadata as `reason`, with
/// the `generation` that decided.
///
/// Errors: `FLAG_NOT_FOUND`; `TYPE_MISMATCH`, since a flag is a switch and [`ROUTE`] is a
/// text or a structure; `TARGETING_KEY_MISSING` where only a part of the units is in and the
/// context has none; `INVALID_CONTEXT`.
pub struct OverlayProvider {
    metadata: ProviderMetadata,
    source: Box<Source>,
    now_ms: Box<Clock>,
}

impl OverlayProvider {
    /// Over `flags`, at the moments that `now_ms` gives, in milliseconds since 1970.
    pub fn new(flags: Arc<Flags>, now_ms: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self::over(move |_, ask| ask(&flags.view()), now_ms)
    }

    /// Over flags that are chosen for each evaluation: `source` calls its second argument
    /// once, with the state in force for the unit that is its first. A loader that gives a
    /// part of the units a candidate stands behind it so.
    pub fn over(
        source: impl Fn(Option<&str>, &mut dyn FnMut(&View)) + Send + Sync + 'static,
        now_ms: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Self {
        let metadata = ProviderMetadata::new("fusion-flags");
        Self { metadata, source: Box::new(source), now_ms: Box::new(now_ms) }
    }

    fn resolve<T: Asked>(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<T>> {
        let request = Request::of(context)?;
        let now_ms = (self.now_ms)();
        let mut found = None;
        (self.source)(request.unit(), &mut |view: &View| {
            found = Some(match key {
                ROUTE => {
                    let route = view.explain_route(&request.at(now_ms));
                    Ok(routed(&route, view.is_emergency(), T::IS_TEXT))
                }
                _ => decided(key, view.explain(key, &request.at(now_ms))),
            });
        });
        let not_ready = || Err(error(EvaluationErrorCode::ProviderNotReady, "there are no flags"));
        typed(key, found.unwrap_or_else(not_ready))
    }
}

fn decided(key: &str, report: Option<FlagReport>) -> EvaluationResult<Resolved> {
    let Some(report) = report else {
        let why = format!("there is no flag `{key}`");
        return Err(error(EvaluationErrorCode::FlagNotFound, why));
    };
    if report.reason == Reason::TargetingKeyMissing {
        let why = "only a part of the units is in, and the context has none";
        return Err(error(EvaluationErrorCode::TargetingKeyMissing, why));
    }
    let usual = if report.enabled { "on" } else { "off" };
    Ok(Resolved {
        value: Value::Bool(report.enabled),
        variant: Some(report.variant.unwrap_or_else(|| usual.to_owned())),
        reason: standard(report.reason),
        metadata: decided_by(report.generation).with_value("reason", report.reason.code()),
    })
}

fn decided_by(generation: u64) -> FlagMetadata {
    let generation = i64::try_from(generation).unwrap_or(i64::MAX);
    FlagMetadata::default().with_value("generation", generation)
}

/// The reason in the client's type.
fn standard(reason: Reason) -> EvaluationReason {
    match reason.openfeature() {
        "STATIC" => EvaluationReason::Static,
        "SPLIT" => EvaluationReason::Split,
        "DISABLED" => EvaluationReason::Disabled,
        "TARGETING_MATCH" => EvaluationReason::TargetingMatch,
        _ => EvaluationReason::Unknown,
    }
}

fn routed(route: &RouteReport, emergency: bool, as_text: bool) -> Resolved {
    let answer = route.primary_overlay.as_ref().unwrap_or(&route.fallback_strategy);
    let reason = match &route.primary_overlay {
        _ if emergency => EvaluationReason::Disabled,
        Some(_) => EvaluationReason::TargetingMatch,
        None => EvaluationReason::Default,
    };
    let value =
        if as_text { Value::String(answer.clone()) } else { Value::Struct(structure(route)) };
    Resolved {
        value,
        variant: Some(answer.clone()),
        reason,
        metadata: decided_by(route.generation)
            .with_value("fallback_strategy", route.fallback_strategy.as_str())
            .with_value("env_overrides_active", route.env_overrides_active),
    }
}

/// The route with the fields of `fusion flags route --json`; without `primary_overlay` where
/// there is none.
fn structure(route: &RouteReport) -> StructValue {
    let json = serde_json::to_value(route).unwrap_or_default();
    match crate::value::value_of(&json) {
        Some(Value::Struct(fields)) => fields,
        _ => StructValue::default(),
    }
}

impl fmt::Debug for OverlayProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OverlayProvider").finish_non_exhaustive()
    }
}

#[async_trait]
impl FeatureProvider for OverlayProvider {
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
