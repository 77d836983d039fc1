use overlay_model::{MicroOverlay, Rule};
use overlay_schema::{FusionMode, Model, ModelSelection, Providers, Settings, Voter, same_model};

use crate::context::Conversation;
use crate::energy;
use crate::lineup::{Lineup, Preferred, asked, lineup, preferred};
use crate::plan::{
    Call, ContextReport, ExecutionPlan, Models, Ranked, RenderedRequest, Request, Step,
};
use crate::sampling::Parameters;
use crate::tokens::UnknownEncoding;

/// Why there is no plan for a request.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// Neither the overlay nor the installation names a model.
    #[error("no model: set MODEL, or `default_models` in providers.toml")]
    NoModel,
    /// A model that the installation does not know.
    #[error("model `{model}` is not in providers.toml")]
    UnknownModel {
        /// Its id, as it was written.
        model: String,
    },
    /// A vocabulary that the program does not have.
    #[error("model `{model}`")]
    Encoding {
        /// The model.
        model: String,
        /// Which vocabulary.
        source: UnknownEncoding,
    },
    /// A price that a parameter needs and the installation does not give.
    #[error("{key} needs the price of `{model}`, which providers.toml does not give")]
    UnknownPrice {
        /// The model.
        model: String,
        /// The parameter.
        key: &'static str,
    },
    /// The cap does not pay one token.
    #[error("MAX_ENERGY_UNITS={cap} does not pay the prompt and one token of `{model}`")]
    CapTooSmall {
        /// The cap, in units of 10 µ$.
        cap: u64,
        /// The first model of the plan.
        model: String,
    },
    /// The turns are not the ones their digests were made of.
    #[error("the chain of turns is broken at turn {turn}")]
    BrokenChain {
        /// The first turn that does not fit, counted from 1.
        turn: usize,
    },
    /// What must be sent does not fit the context.
    #[error(
        "{tokens} prompt tokens and {reserved} for the answer exceed the {context} of `{model}`"
    )]
    TooLong {
        /// The model.
        model: String,
        /// Tokens of the overlay, the pinned facts and the question.
        tokens: u64,
        /// Tokens kept for the answer.
        reserved: u64,
        /// Tokens of the context that may be used.
        context: u64,
    },
    /// A machine check of the micro overlay that is none.
    #[error("the micro overlay has a check that is none: `{check}`")]
    Gate {
        /// Its text.
        check: String,
    },
}

/// Decides everything about a request before the first call: which models are asked, with
/// which messages and parameters, how candidates are judged. The same input gives the same
/// plan.
///
/// `prompt` is the micro overlay, sent whole; where the mode in force is `baseline_only`
/// it is not sent, and there is no vote.
///
/// # Errors
///
/// Where a model or a price is not known, a cap pays nothing, the conversation does not
/// fit or was tampered with, or a check of the micro overlay cannot be read.
pub fn compile(
    settings: &Settings,
    prompt: Option<&MicroOverlay>,
    models: &Models<'_>,
    request: &Request<'_>,
) -> Result<ExecutionPlan, CompileError> {
    let (mode, mode_reason) = mode_in_force(settings, request);
    let prompt = prompt.filter(|_| mode != FusionMode::BaselineOnly);
    let asked = asked(settings, models.providers)?;
    energy::require_prices(settings, &asked)?;
    let preferred = preferred(settings, &asked, models.ledger, request);
    let lineups = lineup(settings, mode, &preferred)?;
    let conversation = Conversation::new(settings, prompt, request)?;
    let mut dropped = overlooked(settings, &lineups);
    let (mut steps, context) = steps(settings, &lineups, &conversation, &mut dropped)?;
    if let Some(cap) = settings.max_energy_units {
        energy::fit(&mut steps, cap, models.providers, &mut dropped)?;
    }
    Ok(ExecutionPlan {
        overlay: request.overlay.clone(),
        mode,
        mode_reason,
        model_selection: settings.model_selection,
        ranking: ranking(settings.model_selection, &preferred),
        deterministic: is_deterministic(&steps),
        steps,
        trust_floor: settings.trust_floor.get(),
        trust_model: settings.trust_model,
        entropy_floor: settings.entropy_floor.get(),
        voters: voters(settings, mode, models.providers)?,
        grace_ms: millis(settings.arbitration_timeout),
        deadline_ms: millis(settings.request_deadline),
        breaker: settings.circuit_breaker,
        caching: settings.caching,
        monitoring: settings.monitoring,
        security: settings.security,
        pii: settings.pii,
        redactions: conversation.redactions,
        max_energy_units: settings.max_energy_units,
        context,
        rules: rules(prompt, request)?,
        pinned: conversation.pinned,
        dropped,
    })
}

/// The mode of the settings, or the baseline where the day's budget is used up, and why.
fn mode_in_force(settings: &Settings, request: &Request<'_>) -> (FusionMode, Option<String>) {
    let Some(budget) = settings.energy_budget_per_day else { return (settings.mode, None) };
    #[expect(clippy::cast_precision_loss, reason = "the table's range is far below 2^53")]
    let budget = budget as f64;
    let left = (budget - request.spent_today) / budget;
    let floor = settings.energy_floor.get();
    if left >= floor {
        return (settings.mode, None);
    }
    let share = crate::trust::round4(left.max(0.0));
    let reason = format!("{share} of ENERGY_BUDGET_PER_DAY={budget} is left, ENERGY_FLOOR={floor}");
    (FusionMode::BaselineOnly, Some(reason))
}

/// Who votes.
///
/// # Errors
///
/// Where a voter is a model that the installation does not know.
fn voters(
    settings: &Settings,
    mode: FusionMode,
    providers: &Providers,
) -> Result<Vec<(Voter, u32)>, CompileError> {
    for (voter, _) in &settings.voters {
        if let Voter::Model(id) = voter
            && providers.model(id).is_none()
        {
            return Err(CompileError::UnknownModel { model: id.clone() });
        }
    }
    let votes = mode != FusionMode::BaselineOnly;
    Ok(settings.voters.iter().filter(|_| votes).cloned().collect())
}

/// The conditions of the request, then those of the micro overlay.
fn rules(prompt: Option<&MicroOverlay>, request: &Request<'_>) -> Result<Vec<Rule>, CompileError> {
    let gates = prompt.map(MicroOverlay::checks).unwrap_or_default();
    let gates = gates.into_iter().map(|it| it.map_err(|check| CompileError::Gate { check }));
    request.rules.iter().cloned().map(Ok).chain(gates).collect()
}

fn steps(
    settings: &Settings,
    lineups: &[Lineup<'_>],
    conversation: &Conversation,
    dropped: &mut Vec<String>,
) -> Result<(Vec<Step>, ContextReport), CompileError> {
    let mut rendered: Vec<RenderedRequest> = Vec::new();
    let mut context = None;
    let mut steps = Vec::new();
    for lineup in lineups {
        let mut calls: Vec<Call> = Vec::new();
        for model in &lineup.models {
            energy::encoding(model)?;
            let request = match rendered.iter().find(|it| it.model == model.id) {
                Some(request) => request.clone(),
                None => {
                    let parameters = Parameters::of(settings, model, dropped);
                    let (messages, report) =
                        conversation.messages(model, parameters.context, parameters.reserved)?;
                    let request = parameters.request(settings, model, messages);
                    context.get_or_insert(report);
                    rendered.push(request.clone());
                    request
                }
            };
            let before = calls.iter().filter(|it| it.request.model == model.id).count();
            let sample = u32::try_from(before).unwrap_or(u32::MAX);
            calls.push(Call { request, sample });
        }
        steps.push(Step { first: lineup.first.min(calls.len()), calls });
    }
    Ok((steps, context.unwrap_or_default()))
}

/// Parameters for models that the plan does not ask.
fn overlooked(settings: &Settings, lineups: &[Lineup<'_>]) -> Vec<String> {
    let is_asked = |name: &str| {
        lineups.iter().flat_map(|it| &it.models).any(|model: &&Model| same_model(name, &model.id))
    };
    let overrides = settings.per_model.iter().filter(|(name, _)| !is_asked(name));
    overrides.map(|(name, _)| format!("{name}_*: no such model is asked")).collect()
}

fn ranking(selection: ModelSelection, preferred: &[Preferred<'_>]) -> Vec<Ranked> {
    let ranked = preferred.iter().filter(|_| selection != ModelSelection::Single);
    ranked.map(|(model, score)| Ranked { model: model.id.clone(), score: *score }).collect()
}

/// Whether the parameters leave nothing to chance. A provider may still answer the same
/// request in two ways.
fn is_deterministic(steps: &[Step]) -> bool {
    steps.iter().all(|step| {
        step.calls.len() == 1 && step.calls.iter().all(|call| call.request.temperature == Some(0.0))
    })
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
