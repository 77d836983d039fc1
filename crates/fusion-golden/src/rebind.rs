//! Authored answers, bound to the requests of now.

use std::collections::HashSet;

use fusion_plan::{Encoding, prompt_tokens};
use overlay_model::{Digest, Scenario};

use crate::cassette::{Cassette, Interaction, Line, Recorder};
use crate::golden::{Golden, GoldenSides, HistoryEntry};
use crate::ladder;
use crate::record::{PlannedCall, Side, planned_calls, write_cassette};
use crate::sides::Sides;
use crate::suite::{Suite, SuiteError};
use crate::update::{
    MovedRecording, Proposal, RebindReport, RefusedGolden, UpdateOptions, propose_from, selected,
    write_golden,
};
use crate::validate::in_threads;

/// Binds authored answers to the requests of now, and accepts what comes of it.
///
/// A call without recording takes the authored answer that the golden has for the same
/// side, model and sample. What a model or a command answered never moves. The old and
/// the new key stand in the golden's history. Of a scenario that is refused, neither golden
/// nor cassette is touched; one that needs no rebinding is accepted as [`crate::update`]
/// does.
///
/// # Errors
///
/// As [`crate::update`].
pub fn rebind_authored(suite: &Suite, options: &UpdateOptions) -> Result<RebindReport, SuiteError> {
    let scenarios = selected(suite, options)?;
    let sides = Sides::new(suite, &scenarios);
    let mut report = RebindReport::default();
    let rebindings = in_threads(&scenarios, 0, |it| Rebinding::of(&sides, it));
    for (scenario, rebinding) in scenarios.iter().zip(rebindings) {
        rebinding?.settle(suite, scenario, options, &mut report)?;
    }
    Ok(report)
}

/// What becomes of one scenario where its authored answers follow; nothing of it is on disk.
struct Rebinding {
    /// The cassette with the moved recordings beside the old ones.
    cassette: Cassette,
    moved: Vec<MovedRecording>,
    /// The keys that no call of the plan has.
    left: HashSet<Digest>,
    /// Why calls stay without recording.
    open: Vec<String>,
    proposal: Proposal,
}

impl Rebinding {
    fn of(sides: &Sides<'_>, scenario: &Scenario) -> Result<Self, SuiteError> {
        let id = scenario.id.as_str();
        let (mut cassette, broken) = ladder::cassette(sides.suite, id)?;
        let golden = ladder::golden(sides.suite, id)?;
        let (mut moved, mut open, mut left) = Default::default();
        // A cassette that is not whole is refused by the proposal.
        if broken.is_empty() {
            (moved, open) = bind(sides, scenario, &mut cassette, golden.0.as_ref());
            left = left_behind(sides, scenario, &moved);
        }
        let proposal = if moved.is_empty() {
            propose_from(sides, scenario, &cassette, &broken, golden)
        } else {
            propose_from(sides, scenario, &rewritten(&cassette, &left), &broken, golden)
        };
        Ok(Self { cassette, moved, left, open, proposal })
    }

    /// Writes what is accepted, and reports.
    fn settle(
        self,
        suite: &Suite,
        scenario: &Scenario,
        options: &UpdateOptions,
        report: &mut RebindReport,
    ) -> Result<(), SuiteError> {
        let id = scenario.id.to_string();
        let refused = |why: String| RefusedGolden { id: id.clone(), why };
        report.refused.extend(self.open.iter().cloned().map(refused));
        match self.proposal {
            // Calls that stay open say already why.
            Proposal::Refused(_) if !self.open.is_empty() => (),
            Proposal::Refused(why) => report.goldens.refused.push(refused(why)),
            Proposal::Unchanged => report.goldens.unchanged.push(id),
            Proposal::New { golden, changes } => {
                let lines = |is_kept: &dyn Fn(&Interaction) -> bool| {
                    let lines = self.cassette.lines.iter().map(|it| &it.interaction);
                    lines.filter(|it| is_kept(it)).collect::<Vec<_>>()
                };
                let is_moving = !self.moved.is_empty() && !options.dry_run;
                // The old recordings go last: after a crash the golden has all it rests on.
                if is_moving {
                    write_cassette(suite, &id, &lines(&|_| true))?;
                }
                let moved: Vec<_> = self.moved.iter().map(|it| entry(it, options)).collect();
                let written = write_golden(suite, &id, *golden, changes, options, &moved)?;
                if is_moving {
                    write_cassette(suite, &id, &lines(&|it| !self.left.contains(&it.key)))?;
                }
                report.goldens.written.push(written);
                report.moved.extend(self.moved);
            }
        }
        Ok(())
    }
}

/// The cassette as it will be written, without the recordings that nothing asks for any more.
fn rewritten(cassette: &Cassette, left: &HashSet<Digest>) -> Cassette {
    let lines = cassette.lines.iter().map(|it| &it.interaction);
    let lines = lines.filter(|it| !left.contains(&it.key)).cloned();
    let lines = (1..).zip(lines).map(|(number, it)| Line::of(number, it)).collect();
    Cassette { lines, findings: Vec::new() }
}

fn entry(moved: &MovedRecording, options: &UpdateOptions) -> HistoryEntry {
    HistoryEntry {
        at: options.at.clone(),
        by: options.author.clone(),
        reason: format!("authored answer bound anew: {}", options.reason.trim()),
        from: Some(moved.from),
        to: Some(moved.to),
    }
}

/// Adds to `cassette` the authored answers of calls that have no recording; what was added,
/// and why other calls stay without.
fn bind(
    sides: &Sides<'_>,
    scenario: &Scenario,
    cassette: &mut Cassette,
    golden: Option<&Golden>,
) -> (Vec<MovedRecording>, Vec<String>) {
    let mut moved: Vec<MovedRecording> = Vec::new();
    let mut open = Vec::new();
    for call in planned_calls(sides, scenario) {
        if cassette.lines.iter().any(|it| it.interaction.key == call.key) {
            continue;
        }
        let Some(accepted) = golden.and_then(|it| it.sides.as_ref()) else {
            open.push("no golden says which answer belongs to which call".to_owned());
            break;
        };
        let Some(old) = answer_of(&cassette.lines, accepted, &call) else { continue };
        if old.recorder != Recorder::Authored {
            open.push(format!("`{}` answered, not a person", old.recorded_by));
            continue;
        }
        moved.push(MovedRecording {
            scenario: scenario.id.to_string(),
            model: call.call.request.model.clone(),
            sample: call.call.sample,
            from: old.key,
            to: call.key,
        });
        let bound = bound(sides.suite, old, &call);
        cassette.lines.push(Line::of(cassette.lines.len() + 1, bound));
    }
    (moved, open)
}

/// The keys that recordings moved from, without those that another call still has.
fn left_behind(
    sides: &Sides<'_>,
    scenario: &Scenario,
    moved: &[MovedRecording],
) -> HashSet<Digest> {
    let mut left: HashSet<_> = moved.iter().map(|it| it.from).collect();
    if !left.is_empty() {
        let planned: HashSet<_> = planned_calls(sides, scenario).iter().map(|it| it.key).collect();
        left.retain(|it| !planned.contains(it));
    }
    left
}

/// The recording that the golden has for the side, model and sample of `call`.
fn answer_of<'l>(
    lines: &'l [Line],
    accepted: &GoldenSides,
    call: &PlannedCall,
) -> Option<&'l Interaction> {
    let side = match call.side {
        Side::Baseline => &accepted.baseline,
        Side::Overlay => &accepted.overlay,
    };
    let mut recorded = lines.iter().map(|it| &it.interaction);
    recorded.find(|it| {
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
