//! Which models are asked, in which order, how often.

use overlay_schema::{FusionMode, Model, ModelSelection, Providers, Settings, Voter, same_model};

use crate::compile::CompileError;
use crate::energy::price;
use crate::plan::{Observation, Request};
use crate::trust::{as_f64, round4};

/// The models of one step, one for each call.
pub(crate) struct Lineup<'a> {
    pub(crate) models: Vec<&'a Model>,
    /// Calls before the first judgement.
    pub(crate) first: usize,
}

/// A model with what speaks for it: its measured score, or its share of the weights.
pub(crate) type Preferred<'a> = (&'a Model, Option<f64>);

/// The models that the settings name, in their order, each once.
///
/// # Errors
///
/// Where there is none, or one that the installation does not know.
pub(crate) fn asked<'a>(
    settings: &Settings,
    providers: &'a Providers,
) -> Result<Vec<&'a Model>, CompileError> {
    let names = match settings.models.as_slice() {
        [] => &providers.default_models,
        named => named,
    };
    let mut res: Vec<&Model> = Vec::new();
    for name in names {
        let unknown = || CompileError::UnknownModel { model: name.clone() };
        let model = providers.model(name).ok_or_else(unknown)?;
        if !res.iter().any(|it| it.id == model.id) {
            res.push(model);
        }
    }
    if res.is_empty() { Err(CompileError::NoModel) } else { Ok(res) }
}

/// The models in the order of `PRIMARY_MODEL_SELECTION`: as listed; by weight, those
/// without left out; by measured score, unknown ones last.
pub(crate) fn preferred<'a>(
    settings: &Settings,
    asked: &[&'a Model],
    ledger: &[Observation],
    request: &Request<'_>,
) -> Vec<Preferred<'a>> {
    let mut res: Vec<Preferred<'a>> = match settings.model_selection {
        ModelSelection::Single => return asked.iter().map(|it| (*it, None)).collect(),
        ModelSelection::MultiWeighted => {
            let shares = asked.iter().zip(weights(settings, asked));
            shares.filter(|(_, share)| *share > 0.0).map(|(it, share)| (*it, Some(share))).collect()
        }
        ModelSelection::CapabilityWeighted => {
            asked.iter().map(|it| (*it, score(it, ledger, request))).collect()
        }
    };
    let rank = |it: &Preferred<'_>| it.1.unwrap_or(-1.0);
    res.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    res
}

/// The share of each model by its `model/<id>` weight; equal shares where none has one.
fn weights(settings: &Settings, asked: &[&Model]) -> Vec<f64> {
    let weight = |model: &&Model| -> f64 {
        let of = |(voter, weight): &(Voter, u32)| match voter {
            Voter::Model(id) if same_model(id, &model.id) => f64::from(*weight),
            _ => 0.0,
        };
        settings.voters.iter().map(of).sum()
    };
    let weights: Vec<f64> = asked.iter().map(weight).collect();
    let sum: f64 = weights.iter().sum();
    if sum > 0.0 {
        weights.iter().map(|it| round4(it / sum)).collect()
    } else {
        vec![round4(1.0 / as_f64(asked.len().max(1))); asked.len()]
    }
}

/// The measured score of a model: Σ score·2^(−age/24 h) / Σ 2^(−age/24 h) over the entries
/// of the kind of work, or over all of its entries where there is none of that kind.
fn score(model: &Model, ledger: &[Observation], request: &Request<'_>) -> Option<f64> {
    let own: Vec<_> = ledger.iter().filter(|it| same_model(&it.model, &model.id)).collect();
    let of_kind = |it: &&&Observation| it.scenario_type == request.scenario_type;
    let kind: Vec<_> = own.iter().filter(of_kind).copied().collect();
    let used = if kind.is_empty() { own } else { kind };
    let age = |it: &Observation| (request.now_hours - it.hours).max(0.0);
    // Ages count from the newest, so that old entries do not vanish all at once.
    let newest = used.iter().map(|it| age(it)).fold(f64::INFINITY, f64::min);
    let decay = |it: &Observation| (-(age(it) - newest) / 24.0).exp2();
    let sum: f64 = used.iter().map(|it| decay(it)).sum();
    let scores: f64 = used.iter().map(|it| it.score * decay(it)).sum();
    (sum > 0.0).then(|| round4(scores / sum))
}

/// The steps of `mode` over the models.
///
/// # Errors
///
/// Where the order of prices is asked for and a price is unknown.
pub(crate) fn lineup<'a>(
    settings: &Settings,
    mode: FusionMode,
    preferred: &[Preferred<'a>],
) -> Result<Vec<Lineup<'a>>, CompileError> {
    let models: Vec<&Model> = preferred.iter().map(|(model, _)| *model).collect();
    let samples = usize::try_from(settings.samples.max(1)).unwrap_or(1);
    let first = models.first().copied().into_iter();
    Ok(match mode {
        FusionMode::BaselineOnly | FusionMode::SpeedOptimized => {
            vec![Lineup { models: first.collect(), first: 1 }]
        }
        FusionMode::AdaptiveRouting => {
            models.iter().map(|it| Lineup { models: vec![*it; samples], first: 1 }).collect()
        }
        FusionMode::QualityFirst => {
            let models = candidates(settings.model_selection, preferred, samples);
            vec![Lineup { models, first: samples.min(2) }]
        }
        FusionMode::EfficiencyMode => {
            let order = by_price(preferred)?;
            order.into_iter().map(|it| Lineup { models: vec![it], first: 1 }).collect()
        }
    })
}

/// The models of `samples` candidates: the strongest, or all by their shares.
fn candidates<'a>(
    selection: ModelSelection,
    preferred: &[Preferred<'a>],
    samples: usize,
) -> Vec<&'a Model> {
    let best = match selection {
        ModelSelection::Single => preferred.last(),
        ModelSelection::CapabilityWeighted => preferred.first(),
        ModelSelection::MultiWeighted => return spread(preferred, samples),
    };
    best.map_or_else(Vec::new, |(model, _)| vec![*model; samples])
}

/// A sequence in which each model has its share of every beginning, as nearly as whole
/// numbers allow: the next place goes to the largest remainder, the earlier model first.
fn spread<'a>(preferred: &[Preferred<'a>], samples: usize) -> Vec<&'a Model> {
    let mut given = vec![0_usize; preferred.len()];
    let mut res = Vec::with_capacity(samples);
    for place in 1..=samples {
        let remainder = |(share, given): (&Preferred<'_>, &usize)| {
            share.1.unwrap_or(0.0) * as_f64(place) - as_f64(*given)
        };
        let mut best: Option<(usize, f64)> = None;
        for (idx, rest) in preferred.iter().zip(&given).map(remainder).enumerate() {
            if best.is_none_or(|(_, most)| rest > most + 1e-9) {
                best = Some((idx, rest));
            }
        }
        let Some((idx, _)) = best else { break };
        if let (Some((model, _)), Some(given)) = (preferred.get(idx), given.get_mut(idx)) {
            *given += 1;
            res.push(*model);
        }
    }
    res
}

/// The models by price, the cheapest first; where they have a score or share, by price for
/// one unit of it, those without last.
fn by_price<'a>(preferred: &[Preferred<'a>]) -> Result<Vec<&'a Model>, CompileError> {
    if let [(only, _)] = preferred {
        return Ok(vec![*only]);
    }
    let weighted = preferred.iter().any(|(_, share)| share.is_some());
    let mut levels = Vec::new();
    for (model, share) in preferred {
        let level = price(model, "FUSION_MODE=efficiency_mode")?.level();
        let level = match share {
            Some(share) if *share > 0.0 => level / share,
            None if !weighted => level,
            _ => f64::INFINITY,
        };
        levels.push((*model, level));
    }
    levels.sort_by(|a, b| a.1.total_cmp(&b.1));
    Ok(levels.into_iter().map(|(model, _)| model).collect())
}
