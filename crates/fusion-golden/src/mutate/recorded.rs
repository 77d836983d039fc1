use std::collections::HashSet;

use fusion_plan::{Encoding, count};
use overlay_model::{Digest, Scenario};

use super::found::Found;
use crate::cassette::{Cassette, Interaction, Line};
use crate::golden::Golden;
use crate::ladder;
use crate::report::{Check, ScenarioReport, Verdict};
use crate::sides::Sides;
use crate::suite::{Suite, SuiteError};
use crate::validate::ValidateOptions;

/// What stands on disk about a scenario, and what the ladder says without any change.
pub(super) struct Recorded {
    pub(super) cassette: Cassette,
    pub(super) golden: Option<Golden>,
    pub(super) read: Vec<Check>,
    pub(super) usual: HashSet<(&'static str, String)>,
}

impl Recorded {
    pub(super) fn read(suite: &Suite, id: &str) -> Result<Self, SuiteError> {
        let (cassette, mut read) = ladder::cassette(suite, id)?;
        let (golden, found) = ladder::golden(suite, id)?;
        read.extend(found);
        Ok(Self { cassette, golden, read, usual: HashSet::new() })
    }

    pub(super) fn with(&self, lines: Vec<Line>, golden: Option<Golden>) -> Self {
        let cassette = Cassette { lines, findings: Vec::new() };
        Self { cassette, golden, read: Vec::new(), usual: HashSet::new() }
    }

    pub(super) fn climb(
        &self,
        sides: &Sides<'_>,
        scenario: &Scenario,
        options: &ValidateOptions,
    ) -> ScenarioReport {
        let golden = self.golden.as_ref();
        ladder::climb_with(sides, scenario, &self.cassette, golden, Vec::new(), options)
    }

    /// The checks of `report` that are not the usual ones, and no pass.
    pub(super) fn news<'r>(&self, report: &'r ScenarioReport) -> impl Iterator<Item = &'r Check> {
        let is_new = |it: &&Check| !self.usual.contains(&(it.code, it.message.clone()));
        let open = report.checks.iter().filter(|it| it.verdict > Verdict::Pass);
        open.filter(is_new).collect::<Vec<_>>().into_iter()
    }

    pub(super) fn add(&self, report: &ScenarioReport, found: &mut Found, sealed: bool) {
        for check in self.news(report) {
            found.add(check, sealed);
        }
    }

    /// The lines of the cassette, each as `edit` has it, with the digest it then has.
    pub(super) fn lines(&self, edit: &mut dyn FnMut(Interaction) -> Interaction) -> Vec<Line> {
        let lines = self.cassette.lines.iter().map(|it| {
            let interaction = edit(it.interaction.clone());
            let digest = match interaction == it.interaction {
                true => it.digest,
                false => Digest::of(interaction.to_line().trim_end().as_bytes()),
            };
            Line { number: it.number, digest, interaction }
        });
        lines.collect()
    }

    /// The recordings that the answering plan may use with other texts, and the golden
    /// sealed anew over them; and whether the digest of a line would have told. `None` where
    /// no text is another one.
    pub(super) fn mutated(
        &self,
        suite: &Suite,
        mut edit: impl FnMut(&str) -> String,
    ) -> Option<(Self, bool)> {
        let mut golden = self.golden.clone()?;
        let asked = &golden.sides.as_ref()?.overlay.requests;
        let mut is_changed = false;
        let lines = self.lines(&mut |mut it| {
            if asked.contains(&it.key) {
                let text = edit(&it.response.text);
                is_changed |= text != it.response.text;
                if text != it.response.text {
                    it.usage.completion_tokens = tokens(suite, &it.request.model, &text);
                    it.response.text = text;
                }
            }
            it
        });
        if !is_changed {
            return None;
        }
        let mut told = false;
        for (was, is) in self.cassette.lines.iter().zip(&lines) {
            for sealed in golden.cassette.iter_mut().filter(|it| **it == was.digest) {
                told |= was.digest != is.digest;
                *sealed = is.digest;
            }
        }
        Some((self.with(lines, Some(golden)), told))
    }
}

/// The tokens of an answer, as the provider would have counted them.
fn tokens(suite: &Suite, model: &str, text: &str) -> u64 {
    let row = suite.installation().providers().model(model);
    let encoding = row.and_then(|it| it.encoding.parse().ok()).unwrap_or(Encoding::O200k);
    u64::try_from(count(encoding, text)).unwrap_or(u64::MAX)
}
