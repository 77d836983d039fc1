use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use overlay_model::{Diagnostic, Scenario, Severity};

use crate::agreement::Labelled;
use crate::code;
use crate::ladder::climb;
use crate::report::{Counts, FileFinding, ScenarioReport, SuiteReport, Verdict};
use crate::sides::Sides;
use crate::suite::{Suite, SuiteError};

/// What [`validate`] looks at.
#[derive(Clone, Debug, Default)]
pub struct ValidateOptions {
    /// The scenarios; empty for all of them.
    pub scenarios: Vec<String>,
    /// Whether tokens are counted and compared.
    pub tokens: bool,
    /// Whether every scenario gets a bill of its prompt tokens, not only those that do
    /// not pass.
    pub bill: bool,
    /// How many threads work; 0 for as many as the machine has.
    pub threads: usize,
    /// The age in days from which a recording is reported; beats the suite's own.
    pub max_age_days: Option<u64>,
    /// Now, in seconds since 1970; without it no age is known.
    pub now: Option<u64>,
}

/// Replays the scenarios of a suite and compares with what was accepted.
///
/// Nothing is asked of any model, and no clock is read: the same files give the same
/// report, whatever the number of threads.
///
/// # Errors
///
/// Where no scenario is selected, or the catalogue, a golden or a cassette cannot be read
/// from disk. What is wrong inside of them is a check.
pub fn validate(suite: &Suite, options: &ValidateOptions) -> Result<SuiteReport, SuiteError> {
    let (scenarios, unknown) = suite.select(&options.scenarios)?;
    let sides = Sides::new(suite, &scenarios);
    let climbed = in_threads(&scenarios, options.threads, |scenario| {
        let climb = climb(&sides, scenario, options)?;
        let labelled = Labelled::of(suite, scenario, &climb.cassette);
        Ok((climb.report, labelled))
    });
    let climbed: Vec<_> = climbed.into_iter().collect::<Result<_, SuiteError>>()?;
    let (reports, labelled): (Vec<_>, Vec<_>) = climbed.into_iter().unzip();
    let mut findings = suite.findings().to_vec();
    findings.extend(unknown.iter().map(|id| unknown_scenario(suite, id)));
    if options.scenarios.is_empty() {
        findings.extend(suite.orphans());
    }
    let encodings = options.tokens.then(|| encodings(suite)).flatten();
    Ok(SuiteReport {
        schema: "fusion/golden-report/1",
        suite: suite.dir().display().to_string(),
        verdict: verdict(&reports, &findings),
        counts: counts(&reports),
        scenarios: reports,
        findings,
        agreement: Labelled::summary(&labelled),
        encoding: encodings,
    })
}

/// The worst verdict; an error in a file is a failure, a finding of ours a warning.
fn verdict(reports: &[ScenarioReport], findings: &[FileFinding]) -> Verdict {
    let found = findings.iter().map(|it| match it.diagnostic.severity {
        Severity::Error => Verdict::Fail,
        Severity::Warning if it.diagnostic.code.starts_with("GLD") => Verdict::Warn,
        _ => Verdict::Pass,
    });
    reports.iter().map(|it| it.verdict).chain(found).max().unwrap_or(Verdict::Pass)
}

fn counts(reports: &[ScenarioReport]) -> Counts {
    let of = |verdict| reports.iter().filter(|it| it.verdict == verdict).count();
    Counts {
        total: reports.len(),
        pass: of(Verdict::Pass),
        warn: of(Verdict::Warn),
        insufficient: of(Verdict::Insufficient),
        stale: of(Verdict::Stale),
        fail: of(Verdict::Fail),
        invalid: of(Verdict::Invalid),
    }
}

fn unknown_scenario(suite: &Suite, id: &str) -> FileFinding {
    let message = format!("there is no scenario `{id}`");
    let mut diagnostic = Diagnostic::error(code::UNKNOWN_SCENARIO, message);
    if let Err(SuiteError::UnknownScenario { nearest: Some(nearest), .. }) = suite.scenario(id) {
        diagnostic = diagnostic.hint(format!("did you mean `{nearest}`?"));
    }
    FileFinding { path: suite.installation_file("scenarios.yaml"), diagnostic }
}

/// The vocabularies of the models of the installation.
fn encodings(suite: &Suite) -> Option<String> {
    let models = &suite.installation().providers().models;
    let mut names: Vec<_> = models.iter().map(|it| it.encoding.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    (!names.is_empty()).then(|| names.join(", "))
}

/// `work` on every scenario, results in their order.
pub(crate) fn in_threads<T: Send>(
    scenarios: &[&Scenario],
    threads: usize,
    work: impl Fn(&Scenario) -> T + Sync,
) -> Vec<T> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = if threads == 0 { cores } else { threads }.min(scenarios.len());
    if threads <= 1 {
        return scenarios.iter().map(|it| work(it)).collect();
    }
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        while let Some((number, scenario)) = {
            let number = next.fetch_add(1, Ordering::Relaxed);
            scenarios.get(number).map(|it| (number, it))
        } {
            done.push((number, work(scenario)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, Vec<(usize, T)>>| match worker.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        workers.into_iter().flat_map(join).collect::<Vec<_>>()
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}
