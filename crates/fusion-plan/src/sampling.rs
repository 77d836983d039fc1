//! The parameters of a request to one model.

use overlay_schema::{Model, ModelOverride, ResponseFormat, Settings, same_model};

use crate::plan::{Message, RenderedRequest, ResponseFormatParam};
use crate::trust::round4;

/// The parameters of requests to one model.
pub(crate) struct Parameters {
    temperature: f64,
    top_p: f64,
    /// The most tokens of an answer, where anything limits it.
    pub(crate) max_tokens: Option<u64>,
    /// How much of the context may be used.
    pub(crate) context: u64,
    /// Tokens of the context that the overlay asks to keep free for the answer.
    pub(crate) reserved: u64,
}

impl Parameters {
    /// What `settings` come to for `model`: its own parameters, then the overlay's, then
    /// those of `ENTROPY_REDUCTION_TARGET` r: temperature 0.40 − 0.25 r, top_p
    /// 0.95 − 0.35 r. What the model cannot do is added to `dropped`.
    pub(crate) fn of(settings: &Settings, model: &Model, dropped: &mut Vec<String>) -> Self {
        let own = override_of(settings, model);
        let sampling = settings.sampling;
        let r = settings.entropy_reduction_target.get();
        let asked = own.max_tokens.or(sampling.max_tokens);
        let max_tokens = match (asked, model.max_output_tokens) {
            (Some(asked), Some(able)) => Some(asked.min(able)),
            (asked, able) => asked.or(able),
        };
        if let (Some(asked), Some(able)) = (asked, max_tokens)
            && able < asked
        {
            dropped.push(format!("MAX_TOKENS: {asked} -> {able}, all that {} answers", model.id));
        }
        let context = own.max_context_tokens.unwrap_or(u64::MAX).min(model.context_tokens);
        Self {
            temperature: own
                .temperature
                .or(sampling.temperature)
                .unwrap_or_else(|| round4(0.40 - 0.25 * r)),
            top_p: own.top_p.or(sampling.top_p).unwrap_or_else(|| round4(0.95 - 0.35 * r)),
            max_tokens,
            context,
            reserved: asked.and(max_tokens).unwrap_or(1),
        }
    }

    /// The request with these parameters.
    pub(crate) fn request(
        &self,
        settings: &Settings,
        model: &Model,
        messages: Vec<Message>,
    ) -> RenderedRequest {
        let response_format = match settings.response_format {
            ResponseFormat::Text => None,
            ResponseFormat::JsonObject => {
                Some(ResponseFormatParam { kind: settings.response_format.to_string() })
            }
        };
        RenderedRequest {
            frequency_penalty: settings.sampling.frequency_penalty,
            max_tokens: self.max_tokens,
            messages,
            model: model.id.clone(),
            presence_penalty: settings.sampling.presence_penalty,
            provider: model.provider.clone(),
            response_format,
            temperature: Some(self.temperature),
            top_p: Some(self.top_p),
        }
    }
}

fn override_of(settings: &Settings, model: &Model) -> ModelOverride {
    let own = settings.per_model.iter().find(|(name, _)| same_model(name, &model.id));
    own.map(|(_, own)| *own).unwrap_or_default()
}
