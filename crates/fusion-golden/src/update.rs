use std::path::PathBuf;

use overlay_model::{Digest, Scenario};

use crate::cassette::Cassette;
use crate::files;
use crate::golden::{Golden, HistoryEntry};
use crate::ladder;
use crate::observe::{Observed, Unseen, observe};
use crate::report::{Check, Verdict};
use crate::sides::Sides;
use crate::suite::{Suite, SuiteError};
use crate::validate::in_threads;

/// What is accepted, by whom and why.
#[derive(Clone, Debug, Default)]
pub struct UpdateOptions {
    /// The scenarios; empty for all of them.
    pub scenarios: Vec<String>,
    /// Why; must not be blank.
    pub reason: String,
    /// Who.
    pub author: String,
    /// When, as RFC 3339 has it.
    pub at: Option<String>,
    /// Whether nothing is written.
    pub dry_run: bool,
}

/// What [`update`] wrote.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub struct UpdateReport {
    /// Goldens that were written, or would be.
    pub written: Vec<WrittenGolden>,
    /// Scenarios that were refused.
    pub refused: Vec<RefusedGolden>,
    /// Scenarios whose golden holds already; their files are not touched.
    pub unchanged: Vec<String>,
}

/// One golden that was written.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct WrittenGolden {
    /// The scenario.
    pub id: String,
    /// The file.
    pub path: PathBuf,
    /// What it accepts.
    pub changes: Vec<String>,
}

/// One scenario that was refused.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct RefusedGolden {
    /// The scenario.
    pub id: String,
    /// Why.
    pub why: String,
}

/// Writes the goldens of what replays now. A scenario with a missing or broken recording
/// is refused, and no recording is ever touched.
///
/// # Errors
///
/// Where the reason is blank, nothing is selected, a scenario is none of the catalogue's,
/// or a file cannot be read or written.
pub fn update(suite: &Suite, options: &UpdateOptions) -> Result<UpdateReport, SuiteError> {
    let scenarios = selected(suite, options)?;
    let sides = Sides::new(suite, &scenarios);
    let mut report = UpdateReport::default();
    let proposals = in_threads(&scenarios, 0, |it| propose(&sides, it));
    for (scenario, proposal) in scenarios.iter().zip(proposals) {
        let id = scenario.id.to_string();
        match proposal? {
            Proposal::Refused(why) => report.refused.push(RefusedGolden { id, why }),
            Proposal::Unchanged => report.unchanged.push(id),
            Proposal::New { golden, changes } => {
                let written = write_golden(suite, &id, *golden, changes, options, &[])?;
                report.written.push(written);
            }
        }
    }
    Ok(report)
}

/// Writes a golden, unless the options only ask what would be written; `moved` goes before
/// the reason into its history.
pub(crate) fn write_golden(
    suite: &Suite,
    id: &str,
    golden: Golden,
    changes: Vec<String>,
    options: &UpdateOptions,
    moved: &[HistoryEntry],
) -> Result<WrittenGolden, SuiteError> {
    let path = suite.golden_path(id);
    let golden = signed(golden, options, moved);
    if !options.dry_run {
        files::write(&path, golden.to_text().as_bytes())?;
    }
    Ok(WrittenGolden { id: id.to_owned(), path, changes })
}

/// The scenarios to accept; a typing error must not pass for a smaller selection.
pub(crate) fn selected<'a>(
    suite: &'a Suite,
    options: &UpdateOptions,
) -> Result<Vec<&'a Scenario>, SuiteError> {
    if options.reason.trim().is_empty() {
        return Err(SuiteError::NoReason);
    }
    suite.select_known(&options.scenarios)
}

/// What becomes of the golden of a scenario.
pub(crate) enum Proposal {
    Refused(String),
    Unchanged,
    New { golden: Box<Golden>, changes: Vec<String> },
}

fn propose(sides: &Sides<'_>, scenario: &Scenario) -> Result<Proposal, SuiteError> {
    let id = scenario.id.as_str();
    let (cassette, broken) = ladder::cassette(sides.suite, id)?;
    let golden = ladder::golden(sides.suite, id)?;
    Ok(propose_from(sides, scenario, &cassette, &broken, golden))
}

/// What becomes of a golden with this cassette; `broken` is what reading the cassette found,
/// and beside the golden there stands what reading it found.
pub(crate) fn propose_from(
    sides: &Sides<'_>,
    scenario: &Scenario,
    cassette: &Cassette,
    broken: &[Check],
    (old, found): (Option<Golden>, Vec<Check>),
) -> Proposal {
    if let Some(first) = broken.iter().find(|it| it.verdict == Verdict::Invalid) {
        let file = sides.suite.cassette_name(scenario.id.as_str());
        return Proposal::Refused(format!("{file}: {}", first.message));
    }
    let Some(observed) = observe(sides, scenario, cassette, true) else {
        return Proposal::Refused("no overlay can be selected".to_owned());
    };
    if let Some(flaw) = observed.broken_rules().first() {
        return Proposal::Refused(flaw.to_string());
    }
    let Some(golden) = observed.golden(cassette) else {
        return Proposal::Refused(why_not(&observed, cassette));
    };
    let golden = match &old {
        Some(old) => Golden {
            history: old.history.clone(),
            timestamp: old.timestamp.clone(),
            legacy: old.legacy.clone(),
            digest: old.digest,
            ..golden
        },
        None => golden,
    };
    if found.is_empty() && old.as_ref() == Some(&golden) {
        return Proposal::Unchanged;
    }
    let changes = changes(old.as_ref(), &golden);
    Proposal::New { golden: Box::new(golden), changes }
}

/// Why a scenario cannot be accepted.
fn why_not(observed: &Observed<'_>, cassette: &Cassette) -> String {
    let sides = [Some(&observed.baseline), observed.overlay.as_ref()];
    let unseen = sides.into_iter().flatten().find_map(|it| it.result.as_ref().err());
    match unseen {
        Some(Unseen::Settings(why)) => why.clone(),
        Some(Unseen::Stale { missing, .. }) => {
            format!("stale: {missing}; {} recordings are there", cassette.lines.len())
        }
        None => "nothing was replayed".to_owned(),
    }
}

fn signed(mut golden: Golden, options: &UpdateOptions, moved: &[HistoryEntry]) -> Golden {
    let entry = HistoryEntry {
        at: options.at.clone(),
        by: options.author.clone(),
        reason: options.reason.trim().to_owned(),
        from: None,
        to: None,
    };
    golden.history.extend(moved.iter().cloned());
    golden.history.push(entry);
    golden.timestamp.clone_from(&options.at);
    golden
}

/// What a new golden accepts, for people.
fn changes(old: Option<&Golden>, new: &Golden) -> Vec<String> {
    let Some(old) = old else { return vec!["first golden of this scenario".to_owned()] };
    let mut changes = Vec::new();
    let mut note = |differs: bool, what: &str| {
        if differs {
            changes.push(what.to_owned());
        }
    };
    note(
        old.overlay.as_ref().map(|it| &it.name) != new.overlay.as_ref().map(|it| &it.name),
        "overlay",
    );
    for key in changed_keys(old, new) {
        note(true, &format!("key {key}"));
    }
    note(old.prompt_sections != new.prompt_sections, "prompt");
    note(old.scenario != new.scenario, "scenario");
    note(old.baseline_output != new.baseline_output, "baseline's answer");
    note(old.overlay_output != new.overlay_output, "overlay's answer");
    note(old.rules_validation != new.rules_validation, "rule results");
    note(old.cassette != new.cassette, "recordings");
    note(old.sides != new.sides, "outcome");
    if changes.is_empty() {
        changes.push("the file itself".to_owned());
    }
    changes
}

fn changed_keys(old: &Golden, new: &Golden) -> Vec<String> {
    let mut keys: Vec<_> =
        [(&old.overlay_values, &new.overlay_values), (&old.baseline_values, &new.baseline_values)]
            .into_iter()
            .flat_map(|(old, new)| {
                let all = old.keys().chain(new.keys());
                all.filter(|key| old.get(*key) != new.get(*key)).cloned().collect::<Vec<_>>()
            })
            .collect();
    keys.sort();
    keys.dedup();
    keys
}

/// What [`rebind_authored`](crate::rebind_authored) moved.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub struct RebindReport {
    /// Recordings that moved.
    pub moved: Vec<MovedRecording>,
    /// Calls that stay without recording, with why.
    pub refused: Vec<RefusedGolden>,
    /// What became of the goldens.
    pub goldens: UpdateReport,
}

/// A recording that was bound to a changed request.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct MovedRecording {
    /// The scenario.
    pub scenario: String,
    /// The model.
    pub model: String,
    /// The sample, from 0.
    pub sample: u32,
    /// The key it had.
    pub from: Digest,
    /// The key it has now.
    pub to: Digest,
}
