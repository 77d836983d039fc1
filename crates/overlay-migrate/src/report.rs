use std::fmt;

use serde::Serialize;

use crate::finding::Finding;
use crate::history::History;
use crate::plan::{Plan, StepDiff};

/// A plan with everything there is to say about it, for people and for machines.
#[derive(Clone, Debug, Serialize)]
pub struct PlanReport<'a> {
    /// The version of the format: `fusion/migration-report/1`.
    pub schema: &'static str,
    /// The plan; as JSON it is what `apply` takes.
    pub plan: &'a Plan,
    /// How long it will take by earlier runs, in microseconds; `None` is unknown.
    pub estimate_us: Option<u64>,
    /// How many steps are left to a person.
    pub manual: usize,
    /// The findings.
    pub findings: &'a [Finding],
    /// What each step changes; empty unless asked for.
    pub diffs: Vec<StepDiff>,
}

impl<'a> PlanReport<'a> {
    /// The report about a plan.
    pub fn new(plan: &'a Plan, findings: &'a [Finding], history: &History) -> Self {
        let manual = findings.iter().filter(|it| it.is_manual()).count();
        let estimate_us = history.estimate(plan);
        let schema = "fusion/migration-report/1";
        Self { schema, plan, estimate_us, manual, findings, diffs: Vec::new() }
    }

    /// The same report with the diff of each step.
    #[must_use]
    pub fn with_diffs(mut self, diffs: Vec<StepDiff>) -> Self {
        self.diffs = diffs;
        self
    }
}

impl fmt::Display for PlanReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.plan)?;
        for diff in &self.diffs {
            write!(f, "\n{}:\n{}", diff.step, diff.text)?;
        }
        let (manual, other): (Vec<_>, Vec<_>) = self.findings.iter().partition(|it| it.is_manual());
        for (title, findings) in [("left to you", manual), ("to know", other)] {
            if !findings.is_empty() {
                writeln!(f, "\n{title}:")?;
            }
            for finding in findings {
                writeln!(f, "  {finding}")?;
            }
        }
        if self.plan.is_empty() {
            return Ok(());
        }
        match self.estimate_us {
            Some(took) => {
                writeln!(f, "\nestimated: {} ms, by earlier runs here", took.div_ceil(1000))
            }
            None => writeln!(f, "\nestimated: unknown, no earlier run here"),
        }
    }
}
