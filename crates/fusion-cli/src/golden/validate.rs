use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use fusion_golden::{SuiteReport, ValidateOptions, render, validate};

use super::refusal::{exit_of, suite_error};
use super::scope::{Scope, require_folder};
use crate::deploy::VerdictArguments;
use crate::environment::Environment;
use crate::exit::{Exit, refusal};
use crate::input::is_stdin;
use crate::output::Output;
use crate::replace::replace;

/// Replay the scenarios and compare with what was accepted
///
/// Four rungs: integrity of the files, equality with what was accepted, the rules of the
/// scenario, tokens. In a GitHub workflow (GITHUB_ACTIONS), findings are printed as annotations,
/// the report goes to the step summary and the verdict to the step's outputs.
#[derive(Args, Clone, Debug, Default)]
#[command(after_help = "\
Examples:
  fusion golden validate --suite goldens
  fusion golden validate --tag refund --no-tokens
  fusion golden validate --record-verdict PATH/TO/THE/DEPLOYMENT/ROOT
  fusion golden validate --json - --junit target/golden.xml --markdown target/golden.md")]
pub(super) struct Validate {
    /// Write the report as JUnit XML, `-` for standard output
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report as Markdown, `-` for standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Do not count tokens: faster by the time it takes to unpack the vocabulary
    #[arg(long)]
    no_tokens: bool,
    /// Say for every scenario where its prompt tokens go, not only for those that do not pass
    #[arg(long)]
    bill: bool,
    /// Report recordings that are older
    #[arg(long, value_name = "DAYS")]
    max_age: Option<u64>,
    /// How many threads work; 0 for as many as the machine has
    #[arg(long, default_value_t = 0, value_name = "N")]
    threads: usize,
    #[command(flatten)]
    verdict: VerdictArguments,
}

impl Validate {
    /// These options, with those given in front of the subcommand where this has none.
    pub(super) fn or(self, outer: Self) -> Self {
        Self {
            junit: self.junit.or(outer.junit),
            markdown: self.markdown.or(outer.markdown),
            no_tokens: self.no_tokens || outer.no_tokens,
            bill: self.bill || outer.bill,
            max_age: self.max_age.or(outer.max_age),
            threads: if self.threads == 0 { outer.threads } else { self.threads },
            verdict: self.verdict.or(outer.verdict),
        }
    }

    pub(super) fn run(
        self,
        scope: &Scope,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        self.require_places(scope)?;
        let suite = scope.open(environment)?;
        let judged = self.verdict.before(suite.installation().root())?;
        let scenarios = scope.selected(&suite)?;
        if judged.is_some() && !scenarios.is_empty() {
            let message = "--record-verdict is about all scenarios: leave --scenario and --tag out";
            return Err(refusal(Exit::USAGE, message));
        }
        let options = ValidateOptions {
            scenarios,
            tokens: !self.no_tokens,
            bill: self.bill,
            threads: self.threads,
            max_age_days: self.max_age,
            now: Some(environment.now()),
        };
        let report = validate(&suite, &options).map_err(suite_error)?;
        self.print(&report, scope, output)?;
        if environment.get("GITHUB_ACTIONS") == Some("true") {
            announce(&report, output, environment)?;
        }
        let exit = exit_of(&report, output.strict);
        if let Some(judged) = judged {
            let name = format!("{}: {}", suite.dir().display(), report.verdict.as_str());
            judged.record(exit == Exit::DONE, &name, output, environment)?;
        }
        Ok(exit)
    }

    /// Refuses reports that could not be written, or told apart.
    fn require_places(&self, scope: &Scope) -> anyhow::Result<()> {
        let places = [
            ("--json", scope.json()),
            ("--junit", self.junit.as_ref()),
            ("--markdown", self.markdown.as_ref()),
        ];
        let given = places.iter().filter_map(|(option, path)| Some((*option, path.as_deref()?)));
        let (piped, written): (Vec<_>, Vec<_>) = given.partition(|(_, path)| is_stdin(path));
        if piped.len() > 1 {
            let options: Vec<_> = piped.iter().map(|(option, _)| format!("{option} -")).collect();
            let options = options.join(" and ");
            let message = format!("{options}: standard output takes one report, give files");
            return Err(refusal(Exit::USAGE, message));
        }
        written.into_iter().try_for_each(|(option, path)| require_folder(option, path))
    }

    fn print(
        &self,
        report: &SuiteReport,
        scope: &Scope,
        output: &mut Output,
    ) -> anyhow::Result<()> {
        let json = || render::json(report);
        let junit = || render::junit(report, output.strict);
        let mut texts: Vec<(&Path, String)> = Vec::new();
        if let Some(path) = scope.json() {
            texts.push((path, json()));
        }
        if let Some(path) = &self.junit {
            texts.push((path, junit()));
        }
        if let Some(path) = &self.markdown {
            texts.push((path, render::markdown(report)));
        }
        let is_taken = texts.iter().any(|(path, _)| is_stdin(path));
        if !is_taken && output.is_json() {
            output.json(&json())?;
        } else if !is_taken {
            output.text(&render::table(report, output.width, output.has_color()))?;
        }
        for (path, text) in texts {
            if is_stdin(path) {
                output.json(&text)?;
            } else {
                replace(path, text.as_bytes())?;
            }
        }
        Ok(())
    }
}

/// Tells a GitHub workflow: annotations, step summary, outputs.
fn announce(
    report: &SuiteReport,
    output: &mut Output,
    environment: &Environment,
) -> anyhow::Result<()> {
    for annotation in render::github_annotations(report) {
        // Standard output may carry the report; the runner reads both.
        output.remark(&(annotation + "\n"))?;
    }
    if let Some(path) = environment.path("GITHUB_STEP_SUMMARY") {
        append(&path, &render::markdown(report))?;
    }
    if let Some(path) = environment.path("GITHUB_OUTPUT") {
        let verdict = report.verdict.as_str();
        append(&path, &format!("verdict={verdict}\nfailed={}\n", report.counts.fail))?;
    }
    Ok(())
}

fn append(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut it| it.write_all(text.as_bytes()))
        .with_context(|| format!("appending to {}", path.display()))
}
