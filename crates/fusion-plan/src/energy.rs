//! What calls cost, and how a plan stays within a cap.

use overlay_schema::{Model, Providers, Settings, energy_units};

use crate::compile::CompileError;
use crate::plan::{RenderedRequest, Step};
use crate::tokens::{Encoding, as_u64, most_tokens, prompt_tokens};

/// The price of a model's tokens, in US dollars a million.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Price {
    input: f64,
    output: f64,
}

impl Price {
    /// The price of `model`, where both parts are known.
    pub(crate) fn of(model: &Model) -> Option<Self> {
        Some(Self { input: model.input_usd_per_mtok?, output: model.output_usd_per_mtok? })
    }

    /// The cost in units of 10 µ$.
    pub(crate) fn units(self, prompt: u64, answer: u64) -> f64 {
        energy_units(prompt, self.input) + energy_units(answer, self.output)
    }

    /// The measure by which models are cheap or dear before their answers are known.
    pub(crate) fn level(self) -> f64 {
        self.input + self.output
    }
}

/// The price of every model, where a parameter needs it.
///
/// # Errors
///
/// Where a price is unknown: an unknown price is never 0.
pub(crate) fn require_prices(settings: &Settings, asked: &[&Model]) -> Result<(), CompileError> {
    let key = match (settings.max_energy_units, settings.energy_budget_per_day) {
        (Some(_), _) => "MAX_ENERGY_UNITS",
        (None, Some(_)) => "ENERGY_BUDGET_PER_DAY",
        (None, None) => return Ok(()),
    };
    asked.iter().try_for_each(|model| price(model, key).map(drop))
}

pub(crate) fn price(model: &Model, key: &'static str) -> Result<Price, CompileError> {
    Price::of(model).ok_or_else(|| CompileError::UnknownPrice { model: model.id.clone(), key })
}

/// Whether answers of `overlay_tokens` are more than `cap_pct` percent longer than the
/// baseline's: the check of `BASELINE_TOKEN_CAP_PCT`. A baseline without tokens caps
/// everything but nothing.
pub fn token_cap_exceeded(cap_pct: f64, baseline_tokens: u64, overlay_tokens: u64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^53")]
    let (baseline, overlay) = (baseline_tokens as f64, overlay_tokens as f64);
    overlay > baseline * (1.0 + cap_pct / 100.0) + 1e-9
}

/// Makes the steps fit `cap`, in units of 10 µ$, even if every call is made.
///
/// The first call of each step comes first, in the order of the steps: its `max_tokens` is
/// lowered to what is left. A step for which not one token is left goes, and so do the
/// ones behind it. What remains pays for further samples, whole or not at all. What was
/// taken away is added to `dropped`.
///
/// # Errors
///
/// Where the cap does not pay one token of the first call.
pub(crate) fn fit(
    steps: &mut Vec<Step>,
    cap: u64,
    providers: &Providers,
    dropped: &mut Vec<String>,
) -> Result<(), CompileError> {
    #[expect(clippy::cast_precision_loss, reason = "the table's range is far below 2^53")]
    let units = cap as f64;
    if most_units(steps, providers)? <= units {
        return Ok(());
    }
    let mut left = units;
    let mut kept = 0;
    for step in steps.iter_mut() {
        if !fit_first(step, cap, &mut left, providers, dropped)? {
            break;
        }
        kept += 1;
    }
    let gone = steps.split_off(kept);
    if kept == 0 {
        let model = gone.first().and_then(first_model).unwrap_or_default();
        return Err(CompileError::CapTooSmall { cap, model });
    }
    dropped.extend(gone.iter().filter_map(first_model).map(|model| {
        format!("MODEL: {model} is not asked, MAX_ENERGY_UNITS={cap} leaves no token for it")
    }));
    steps.iter_mut().try_for_each(|step| fit_samples(step, cap, &mut left, providers, dropped))
}

fn first_model(step: &Step) -> Option<String> {
    step.calls.first().map(|call| call.request.model.clone())
}

/// The most the steps can cost, by the bytes of the prompts; infinite where an answer has
/// no limit.
fn most_units(steps: &[Step], providers: &Providers) -> Result<f64, CompileError> {
    steps.iter().flat_map(|step| &step.calls).try_fold(0.0, |sum, call| {
        let (_, price) = terms(&call.request, providers)?;
        let prompt = price.units(most_tokens(&call.request.messages), 0);
        Ok(sum + prompt + answer_units(&call.request, price))
    })
}

fn terms<'p>(
    request: &RenderedRequest,
    providers: &'p Providers,
) -> Result<(&'p Model, Price), CompileError> {
    let unknown = || CompileError::UnknownModel { model: request.model.clone() };
    let model = providers.model(&request.model).ok_or_else(unknown)?;
    Ok((model, price(model, "MAX_ENERGY_UNITS")?))
}

/// The exact cost of the prompt.
fn prompt_units(
    request: &RenderedRequest,
    model: &Model,
    price: Price,
) -> Result<f64, CompileError> {
    Ok(price.units(as_u64(prompt_tokens(request, encoding(model)?)), 0))
}

/// The most an answer can cost; infinite where a priced answer has no limit.
fn answer_units(request: &RenderedRequest, price: Price) -> f64 {
    match request.max_tokens {
        Some(tokens) => price.units(0, tokens),
        None if price.output > 0.0 => f64::INFINITY,
        None => 0.0,
    }
}

/// The vocabulary of a model.
pub(crate) fn encoding(model: &Model) -> Result<Encoding, CompileError> {
    model
        .encoding
        .parse()
        .map_err(|source| CompileError::Encoding { model: model.id.clone(), source })
}

fn fit_first(
    step: &mut Step,
    cap: u64,
    left: &mut f64,
    providers: &Providers,
    dropped: &mut Vec<String>,
) -> Result<bool, CompileError> {
    let Some(first) = step.calls.first() else { return Ok(false) };
    let (model, price) = terms(&first.request, providers)?;
    let prompt = prompt_units(&first.request, model, price)?;
    let wanted = first.request.max_tokens;
    let paid = match price.output > 0.0 {
        true => whole((*left - prompt) / price.units(0, 1)),
        false => u64::MAX,
    };
    if *left < prompt || paid == 0 {
        return Ok(false);
    }
    let most = wanted.unwrap_or(model.context_tokens);
    if paid < most || (wanted.is_none() && price.output > 0.0) {
        let wanted = wanted.map_or_else(|| "no limit".to_owned(), |it| it.to_string());
        let tokens = paid.min(most);
        let id = model.id.as_str();
        dropped.push(format!("MAX_TOKENS: {wanted} -> {tokens} for {id}, MAX_ENERGY_UNITS={cap}"));
        let same = step.calls.iter_mut().filter(|call| call.request.model == id);
        same.for_each(|call| call.request.max_tokens = Some(tokens));
    }
    *left -= prompt + price.units(0, paid.min(most));
    Ok(true)
}

/// The whole part of a number of tokens; a quotient that misses it by rounding counts.
fn whole(number: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast to an integer saturates, which is what is wanted"
    )]
    let whole = (number + 1e-9).floor() as u64;
    whole
}

fn fit_samples(
    step: &mut Step,
    cap: u64,
    left: &mut f64,
    providers: &Providers,
    dropped: &mut Vec<String>,
) -> Result<(), CompileError> {
    let all = step.calls.len();
    let mut kept = 1;
    for call in step.calls.iter().skip(1) {
        let (model, price) = terms(&call.request, providers)?;
        let prompt = prompt_units(&call.request, model, price)?;
        let cost = prompt + answer_units(&call.request, price);
        if cost > *left + 1e-9 {
            break;
        }
        *left -= cost;
        kept += 1;
    }
    step.calls.truncate(kept);
    step.first = step.first.min(kept);
    if kept < all {
        dropped.push(format!("SAMPLES: {kept} of {all} calls fit MAX_ENERGY_UNITS={cap}"));
    }
    Ok(())
}
