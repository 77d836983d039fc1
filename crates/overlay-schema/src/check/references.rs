//! Is there what the values name?

use overlay_model::{Diagnostic, OverlayName, nearest};

use crate::check::found::{Found, Row, rows};
use crate::check::semantic::{element_span, suggest};
use crate::check::{Findings, References};
use crate::params::{PARAMS, model_param};
use crate::wording;

pub(super) fn check(found: &Found<'_>, known: &References<'_>, findings: &mut Findings) {
    models(found, known, findings);
    keys_of_models(found, known, findings);
    voting_models(found, known, findings);
    scenarios(found, known, findings);
    micro_overlay(found, known, findings);
}

fn model_ids<'a>(known: &'a References<'_>) -> impl Iterator<Item = &'a str> {
    known.providers.models.iter().map(|it| it.id.as_str())
}

fn models(found: &Found<'_>, known: &References<'_>, findings: &mut Findings) {
    let Some(row) = found.row(rows::MODEL) else { return };
    for id in &row.words() {
        let span = element_span(row, id);
        let at = found.overlay.location(span.clone());
        match known.providers.model(id) {
            None => {
                let finding = unknown_model("OVL4001", id).located(at);
                findings.push_ours(suggest(finding, near_model(known, id), span));
            }
            Some(model) if !model.has_price() => {
                let finding =
                    Diagnostic::error("OVL4006", format!("model `{}` has no price", model.id))
                        .located(at)
                        .hint("give its prices in `providers.toml`; an unknown price is never 0");
                findings.push_ours(finding);
            }
            Some(_) => (),
        }
    }
}

fn unknown_model(code: &'static str, id: &str) -> Diagnostic {
    Diagnostic::error(code, format!("no model `{}` in `providers.toml`", wording::shorten(id)))
        .hint("add the model there, or name one that is")
}

fn near_model(known: &References<'_>, id: &str) -> Option<String> {
    nearest(id, model_ids(known)).map(str::to_owned)
}

fn keys_of_models(found: &Found<'_>, known: &References<'_>, findings: &mut Findings) {
    for entry in found.overlay.entries() {
        if PARAMS.binary_search_by(|it| it.key.cmp(entry.key)).is_ok() {
            continue;
        }
        let Some((model, _)) = model_param(entry.key) else { continue };
        if known.providers.model(model).is_some() {
            continue;
        }
        let span = entry.key_start..entry.key_start + model.len();
        let near = near_model(known, model).map(|it| key_of_model(&it));
        let finding = unknown_model("OVL4002", model).located(found.overlay.location(span.clone()));
        findings.push_ours(suggest(finding, near.filter(|it| it != model), span));
    }
}

/// A model's id as it stands in a key: `local_gguf` is `LOCAL-GGUF`, `claude-3.5` is
/// `CLAUDE-3-5`.
fn key_of_model(id: &str) -> String {
    id.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

fn voting_models(found: &Found<'_>, known: &References<'_>, findings: &mut Findings) {
    let Some(row) = found.row(rows::VOTING_POWER_MAP) else { return };
    for (name, _) in &row.weights() {
        let Some(id) = name.strip_prefix("model/") else { continue };
        if id.is_empty() || known.providers.model(id).is_some() {
            continue;
        }
        let span = element_span(row, name);
        let near = near_model(known, id).map(|it| format!("model/{it}"));
        let finding = unknown_model("OVL4003", id).located(found.overlay.location(span.clone()));
        findings.push_ours(suggest(finding, near, span));
    }
}

fn scenarios(found: &Found<'_>, known: &References<'_>, findings: &mut Findings) {
    let Some(row) = found.row(rows::OVERLAY_TARGET_SCENARIOS) else { return };
    let words = row.words();
    for word in words.iter().filter(|it| !known.scenario_types.contains(it.as_str())) {
        let span = element_span(row, word);
        let message = format!("no scenario has the type `{}`", wording::shorten(word));
        let finding = Diagnostic::warning("OVL4004", message)
            .located(found.overlay.location(span.clone()))
            .hint("the types stand in `scenarios.yaml`");
        let near = nearest(word, known.scenario_types.iter().copied()).map(str::to_owned);
        findings.push_ours(suggest(finding, near, span));
    }
}

fn micro_overlay(found: &Found<'_>, known: &References<'_>, findings: &mut Findings) {
    let row = found.row(rows::OVERLAY_NAME).filter(|it| it.is_taken);
    let of_file = || OverlayName::from_file_name(found.file_name?).map(|it| it.to_string());
    let Some(name) = row.map(|it| it.entry.value.to_owned()).or_else(of_file) else { return };
    // The bare baseline is sent without any prompt of ours.
    let is_bare = found.word(rows::FUSION_MODE) == "baseline_only";
    if is_bare || known.micro_overlays.contains(name.as_str()) {
        return;
    }
    let finding = Diagnostic::note("OVL4005", format!("no micro overlay `{name}`"))
        .hint("requests go out without a system prompt of ours");
    let at = |row: &Row<'_>| found.value_at(&row.entry);
    findings.push_ours(match row.map(at) {
        Some(at) => finding.located(at),
        None => finding,
    });
}
