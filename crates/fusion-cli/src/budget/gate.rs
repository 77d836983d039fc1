use std::path::{Path, PathBuf};

use clap::Args;
use fusion_golden::Suite;
use fusion_golden::budget::{BudgetReport, Budgets, gate};
use tempfile::TempDir;

use super::base::{Opened, Places, open};
use super::reports::{Reports, exit_of};
use super::usual::{Bases, Judged, since, usual};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::golden::suite_error;
use crate::input::is_stdin;
use crate::output::Output;

/// Compare what a change makes of the recorded scenarios with its bases
///
/// A side is a folder (a suite, a folder with `goldens/` and `configs/`, an installation), a
/// deployment root (its stable generation), ROOT@N (one of its generations), a record of
/// `goldens/released/`, or a git reference. Without --base: the merge base with the main branch (on
/// that branch itself the commit before, too; in a pipeline, what FUSION_BUDGET_SINCE names) and the
/// newest released records; the worst counts. Limits stand in `budgets.toml` of the
/// candidate's installation, else 12 and 25 % of tokens and cost, 2 and 5 s of p95.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion budget gate --suite goldens
  fusion budget gate --base v1.4.0 --base goldens/released/1.4.0.json --strict
  fusion budget gate --base /srv/fusion@41 --candidate configs
  fusion budget gate --json - --markdown comment.md --html report.html --junit budget.xml

Exit codes: 0 within the budget, 1 over it or nothing to compare, 3 insufficient or warnings under
--strict, 4 recordings missing, 5 no scenarios, 65 unreadable.")]
pub(super) struct Gate {
    /// What to compare with; may be given several times, the worst counts
    #[arg(long = "base", value_name = "REF|DIR")]
    bases: Vec<String>,
    /// What is compared; else the suite in the working tree
    #[arg(long, value_name = "REF|DIR")]
    candidate: Option<String>,
    /// The suite; else FUSION_SUITE, else `goldens`
    #[arg(long, value_name = "DIR")]
    suite: Option<PathBuf>,
    /// Write the report as JSON, `-` for standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    reports: Reports,
    /// How many threads work; 0 for as many as the machine has
    #[arg(long, default_value_t = 0, value_name = "N")]
    threads: usize,
}

/// A candidate, with the suite of the working tree where that is another one.
struct Candidate {
    name: String,
    suite: Suite,
    working_tree: Option<Suite>,
    /// Whether it is one of the repository's history.
    is_commit: bool,
    places: Places,
    /// Held while its files are read.
    _folders: Vec<TempDir>,
}

impl Gate {
    pub(super) fn answers_json(&self) -> bool {
        self.json.as_deref().is_some_and(is_stdin)
    }

    pub(super) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        self.reports.require_places(self.json.as_deref())?;
        let given = self.suite.clone().or_else(|| environment.path("FUSION_SUITE"));
        let dir = given.unwrap_or_else(|| PathBuf::from("goldens"));
        let candidate = self.candidate(&dir)?;
        let Bases { opened, rows, notes } = self.bases(&dir, &candidate, environment)?;
        let mut report = self.compare(&candidate, opened)?;
        report.verdict = rows.iter().map(|it| it.gate.verdict).fold(report.verdict, Ord::max);
        report.checks.extend(rows);
        report.notes = notes;
        self.reports.write(&report, self.json.as_deref(), output, environment)?;
        Ok(exit_of(&report, output.strict))
    }

    fn candidate(&self, dir: &Path) -> anyhow::Result<Candidate> {
        let Some(value) = &self.candidate else {
            let suite = Suite::open(dir).map_err(suite_error)?;
            let name = "working tree".to_owned();
            return Ok(Candidate {
                name,
                suite,
                working_tree: None,
                is_commit: false,
                places: Places::default(),
                _folders: Vec::new(),
            });
        };
        let opened = open(value, dir)?;
        let (is_commit, places) = (opened.is_commit, opened.places());
        let (name, suite, folders) = opened.into_suite()?;
        // What the working tree has recorded speaks for an installation alone, too.
        let working_tree = Suite::open(dir).ok();
        Ok(Candidate { name, suite, working_tree, is_commit, places, _folders: folders })
    }

    fn bases(
        &self,
        dir: &Path,
        candidate: &Candidate,
        environment: &Environment,
    ) -> anyhow::Result<Bases> {
        if self.bases.is_empty() {
            let suite = &candidate.suite;
            let judged = match self.candidate.as_deref() {
                None => Judged::WorkingTree(suite),
                Some(value) if candidate.is_commit => Judged::Commit(value, suite),
                Some(_) => Judged::Elsewhere(suite),
            };
            return usual(judged, dir, since(environment));
        }
        let opened = self.bases.iter().map(|it| open(it, dir)).collect::<Result<_, _>>()?;
        Ok(Bases { opened, ..Bases::default() })
    }

    fn compare(&self, candidate: &Candidate, bases: Vec<Opened>) -> anyhow::Result<BudgetReport> {
        let (budgets, findings) = Budgets::read(&candidate.suite).map_err(suite_error)?;
        let places = bases.iter().map(Opened::places).fold(Places::default(), Places::and);
        let told = |err| candidate.places.told(&places.told(&suite_error(err)));
        let (bases, _folders): (Vec<_>, Vec<_>) = bases.into_iter().map(Opened::into_base).unzip();
        let recordings: Vec<&Suite> = candidate.working_tree.iter().collect();
        let mut report =
            gate(&candidate.suite, &candidate.name, bases, &recordings, &budgets, self.threads)
                .map_err(told)?;
        report.add_findings(findings);
        Ok(report)
    }
}
