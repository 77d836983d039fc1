//! Authored answers, bound to the requests of now.

use std::collections::HashSet;

use fusion_plan::{Encoding, prompt_tokens};
use overlay_model::{Digest, Scenario};

use crate::cassette::{Interaction, Recorder};
use crate::golden::{Golden, GoldenSides, HistoryEntry};
use crate::ladder;
use crate::record::{PlannedCall, Side, planned_calls, read_cassette, write_cassette};
use crate::sides::Sides;
use crate::suite::{Suite, SuiteError};
use crate::update::{MovedRecording, RebindReport, RefusedGolden, UpdateOptions, accept};

/// Binds authored answers to the requests of now, and accepts what comes of it.
///
/// A call without recording takes the authored answer that the golden has for the same
/// side, model and sample. What a model or a command answered never moves. The old and
/// the new key stand in the golden's history.
///
/// # Errors
///
/// As [`crate::update`].
pub fn rebind_authored(suite: &Suite, options: &UpdateOptions) -> Result<RebindReport, SuiteError> {
    if options.reason.trim().is_empty() {
        return Err(SuiteError::NoReason);
    }
    for id in &options.scenarios {
        suite.scenario(id)?;
    }
    let (scenarios, _) = suite.select(&options.scenarios)?;
    let sides = Sides::new(suite, &scenarios);
    let mut report = RebindReport::default();
    let mut histories = Vec::new();
    for scenario in scenarios {
        let moved = rebind(&sides, scenario, options, &mut report.refused)?;
        let entries = moved.iter().map(|it| HistoryEntry {
            at: options.at.clone(),
            by: options.author.clone(),
            reason: format!("authored answer bound anew: {}", options.reason.trim()),
            from: Some(it.from),
            to: Some(it.to),
        });
        histories.push((scenario.id.to_string(), entries.collect()));
        report.moved.extend(moved);
    }
    let touched = histories.iter().filter(|(_, it): &&(_, Vec<_>)| !it.is_empty());
    let scenarios: Vec<_> = touched.map(|(id, _)| id.clone()).collect();
    // A dry run leaves the recordings where they are, so nothing new would replay.
    if !scenarios.is_empty() && !options.dry_run {
        report.goldens =
            accept(suite, &UpdateOptions { scenarios, ..options.clone() }, &histories)?;
    }
    Ok(report)
}

fn rebind(
    sides: &Sides<'_>,
    scenario: &Scenario,
    options: &UpdateOptions,
    refused: &mut Vec<RefusedGolden>,
) -> Result<Vec<MovedRecording>, SuiteError> {
    let suite = sides.suite;
    let id = scenario.id.as_str();
    let cassette = read_cassette(suite, id)?;
    let mut lines: Vec<_> = cassette.lines.into_iter().map(|it| it.interaction).collect();
    let planned = planned_calls(sides, scenario);
    let wanted: HashSet<_> = planned.iter().map(|it| it.key).collect();
    let open: Vec<_> =
        planned.iter().filter(|call| lines.iter().all(|it| it.key != call.key)).collect();
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let refuse = |why: &str| RefusedGolden { id: id.to_owned(), why: why.to_owned() };
    let (golden, _) = ladder::golden(suite, id)?;
    let Some(accepted) = golden.as_ref().and_then(|it: &Golden| it.sides.as_ref()) else {
        refused.push(refuse("no golden says which answer belongs to which call"));
        return Ok(Vec::new());
    };
    let mut moved = Vec::new();
    for call in open {
        if lines.iter().any(|it| it.key == call.key) {
            continue;
        }
        let Some(old) = answer_of(&lines, accepted, call) else { continue };
        let (from, is_authored) = (old.key, old.recorder == Recorder::Authored);
        if !is_authored {
            refused.push(refuse(&format!("`{}` answered, not a person", old.recorded_by)));
            continue;
        }
        let bound = bound(suite, old, call);
        lines.push(bound);
        moved.push(MovedRecording {
            scenario: id.to_owned(),
            model: call.call.request.model.clone(),
            sample: call.call.sample,
            from,
            to: call.key,
        });
    }
    if !moved.is_empty() && !options.dry_run {
        // An answer that another call still uses stays as well.
        let left: HashSet<Digest> = moved.iter().map(|it| it.from).collect();
        lines.retain(|it| wanted.contains(&it.key) || !left.contains(&it.key));
        write_cassette(suite, id, &lines.iter().collect::<Vec<_>>())?;
    }
    Ok(moved)
}

/// The recording that the golden has for the side, model and sample of `call`.
fn answer_of<'l>(
    lines: &'l [Interaction],
    accepted: &GoldenSides,
    call: &PlannedCall,
) -> Option<&'l Interaction> {
    let side = match call.side {
        Side::Baseline => &accepted.baseline,
        Side::Overlay => &accepted.overlay,
    };
    lines.iter().find(|it| {
        side.requests.contains(&it.key)
            && it.request.model == call.call.request.model
            && it.sample == call.call.sample
    })
}

fn bound(suite: &Suite, old: &Interaction, call: &PlannedCall) -> Interaction {
    let mut bound = old.clone();
    let model = suite.installation().providers().model(&call.call.request.model);
    let encoding = model.and_then(|it| it.encoding.parse().ok()).unwrap_or(Encoding::O200k);
    bound.key = call.key;
    bound.request.clone_from(&call.call.request);
    let prompt = prompt_tokens(&bound.request, encoding);
    bound.usage.prompt_tokens = u64::try_from(prompt).unwrap_or(u64::MAX);
    bound
}
