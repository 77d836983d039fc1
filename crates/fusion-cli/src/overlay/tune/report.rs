use std::fmt::Write as _;

use overlay_optimizer::{AcceptVerdict, Finding, KeyWorth, Stop, TrialStatus, TuneReport};
use serde::Serialize;

use super::goal::{GainUnit, Goals};
use super::held_out::{Confirmation, Judged};
use crate::exit::Exit;
use crate::findings::plural;
use crate::output::Report;

/// What a run came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TuneVerdict {
    /// The candidate is better, on what the search did not see too.
    Accepted,
    /// It is not.
    Rejected,
    /// Too little was evaluated to say.
    Insufficient,
    /// Nothing better than the overlay as it is was found.
    StartIsBest,
    /// No candidate kept every limit.
    Infeasible,
}

impl TuneVerdict {
    pub(super) fn of(finding: &Finding, confirmation: Option<&Confirmation>) -> Self {
        match (finding, confirmation.map(|it| it.verdict)) {
            (Finding::StartIsBest, _) => Self::StartIsBest,
            (Finding::Infeasible { .. }, _) => Self::Infeasible,
            (Finding::Candidate, Some(AcceptVerdict::Accepted)) => Self::Accepted,
            (Finding::Candidate, Some(AcceptVerdict::Rejected)) => Self::Rejected,
            _ => Self::Insufficient,
        }
    }

    /// How the command ends.
    pub(super) fn exit(self) -> Exit {
        match self {
            Self::Accepted | Self::StartIsBest => Exit::DONE,
            Self::Rejected | Self::Infeasible => Exit::FINDINGS,
            Self::Insufficient => Exit::INSUFFICIENT,
        }
    }
}

/// The report of a run.
#[derive(Serialize)]
pub(super) struct TuneAnswer {
    pub(super) path: String,
    /// `replay` or `command`.
    pub(super) evaluation: &'static str,
    pub(super) verdict: TuneVerdict,
    pub(super) because: String,
    /// Why the search ended.
    pub(super) stop: Stop,
    pub(super) search: TuneReport,
    pub(super) held_out: Option<Confirmation>,
    /// The overlay as it would be; `None` where no candidate was found.
    pub(super) overlay: Option<String>,
    /// Where it was written.
    pub(super) written: Option<String>,
}

impl Report for TuneAnswer {
    const SCHEMA: &'static str = "fusion/overlay-tune/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut res);
        res
    }
}

impl TuneAnswer {
    /// Why it came out so, from what the search and the held-out evaluations say.
    pub(super) fn because(
        search: &TuneReport,
        held_out: Option<&Confirmation>,
        goals: &Goals,
    ) -> String {
        match (&search.finding, held_out) {
            (Finding::Candidate, Some(it)) => it.because.clone(),
            (Finding::Candidate, None) => "nothing was held out".to_owned(),
            (Finding::StartIsBest, _) => {
                "nothing is expected to be better than the overlay as it is".to_owned()
            }
            (Finding::Infeasible { nearest, .. }, _) => {
                let worst = search.trials.get(*nearest).map(|it| it.worst.as_slice());
                let missed = goals.missed(worst.unwrap_or_default()).join(", ");
                format!("no candidate keeps every limit; trial {nearest} comes nearest: {missed}")
            }
            (Finding::NothingEvaluated, _) => "no candidate was evaluated to the end".to_owned(),
        }
    }

    fn write(&self, to: &mut String) -> std::fmt::Result {
        let TuneReport { runs, budget, trials, patch, .. } = &self.search;
        let count = |wanted: fn(&TrialStatus) -> bool| {
            trials.iter().filter(|it| wanted(&it.status)).count()
        };
        let complete = count(|it| *it == TrialStatus::Complete);
        let stopped = count(|it| matches!(it, TrialStatus::Stopped(_)));
        let unavailable = count(|it| matches!(it, TrialStatus::Unavailable(_)));
        writeln!(
            to,
            "{}: {} by {}, {runs} of {budget} evaluations; {complete} complete, {stopped} given \
             up, {unavailable} unavailable",
            self.path,
            plural(trials.len(), "trial"),
            self.evaluation
        )?;
        self.write_objectives(to)?;
        if !patch.is_empty() {
            writeln!(to)?;
        }
        for it in patch {
            write!(to, "{}: {} → {}", it.key, it.from.as_deref().unwrap_or("unset"), it.to)?;
            match self.search.keys.iter().find(|own| own.key == it.key) {
                Some(own) => writeln!(to, "{}", self.without(own))?,
                None => writeln!(to)?,
            }
        }
        let reverted: Vec<_> = self.search.reverted.iter().map(|it| it.key.as_str()).collect();
        if !reverted.is_empty() {
            writeln!(
                to,
                "back as they were, for no gain that could be seen: {}",
                reverted.join(", ")
            )?;
        }
        if let Some(held_out) = &self.held_out {
            write_held_out(held_out, to)?;
        }
        let verdict = match self.verdict {
            TuneVerdict::Accepted => "accepted",
            TuneVerdict::Rejected => "rejected",
            TuneVerdict::Insufficient => "insufficient",
            TuneVerdict::StartIsBest => "the overlay as it is",
            TuneVerdict::Infeasible => "infeasible",
        };
        writeln!(to, "\n{verdict}: {}", self.because)?;
        match &self.written {
            Some(path) => writeln!(to, "wrote {path}"),
            None => writeln!(to, "nothing was written to an overlay"),
        }
    }

    /// What a change brings: what is expected without it.
    fn without(&self, it: &KeyWorth) -> String {
        let mut res = String::new();
        for (name, (worse, sd)) in self.search.objectives.iter().zip(&it.worth) {
            let sign = if *worse < 0.0 { "better" } else { "worse" };
            // Writing to a string cannot fail.
            let _ = write!(res, ", without it {name} {:.4} {sign} (± {sd:.4})", worse.abs());
        }
        res
    }

    /// Each objective of the overlay as it is and of the candidate.
    fn write_objectives(&self, to: &mut String) -> std::fmt::Result {
        let row = |trial: Option<usize>| trial.and_then(|it| self.search.trials.get(it));
        let value = |trial, at: usize| row(trial).and_then(|it| it.measured.get(at).copied());
        for (at, name) in self.search.objectives.iter().enumerate() {
            let Some(before) = value(Some(0), at) else { continue };
            write!(to, "  {name}: {before:.4}")?;
            if let Some(after) = value(self.search.chosen, at) {
                write!(to, " → {after:.4}")?;
            }
            writeln!(to)?;
        }
        if let [_, _, ..] = self.search.objectives.as_slice() {
            let front: Vec<_> = self.search.front.iter().map(usize::to_string).collect();
            writeln!(to, "  Pareto front: trials {}", front.join(", "))?;
        }
        Ok(())
    }
}

fn write_held_out(it: &Confirmation, to: &mut String) -> std::fmt::Result {
    let times = plural(it.repeats, "time");
    writeln!(to, "\nheld out: {}, {times} each", plural(it.scenarios, "scenario"))?;
    for Judged { objective, unit, acceptance } in &it.objectives {
        let (low, high) = acceptance.interval;
        let unit = match unit {
            GainUnit::Points => "points",
            GainUnit::Shares => "as a share",
            GainUnit::Weighted => "as a weighted share",
        };
        let gain = acceptance.gain;
        writeln!(to, "  {objective}: gain {gain:.4} ({low:.4} to {high:.4}) {unit}")?;
        for (scenario, gain) in &acceptance.losers {
            writeln!(to, "    {scenario} loses {:.4}", -gain)?;
        }
    }
    Ok(())
}
