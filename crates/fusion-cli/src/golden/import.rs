use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use fusion_golden::import::{ImportReport, gsm8k, origin};
use serde::Serialize;

use super::refusal::source_error;
use super::scope::Scope;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::input;
use crate::output::{Output, Report};

/// Build a suite from files of others
///
/// `gsm8k`: grade-school maths with the answers of two models, one JSON object a line; the
/// smaller model is the baseline, the larger one the overlay. `origin`: the folder of the
/// original system, whose known defects are named. The suite's folder must be new or empty; it
/// is there when it is whole, and only then.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion golden import --from gsm8k docs/samples/two_models.jsonl --suite target/sums
  fusion golden import --from origin PATH/TO/THE/ORIGINAL --suite target/origin

Each line of a gsm8k file is an object with id, prompt, gold (the number that is right) and,
under mixtral_8x7b and gpt4_1106, answer and correct. The original is the folder with its
eval_scenarios.yaml.")]
pub(super) struct Import {
    /// What kind of files they are
    #[arg(long, value_enum, value_name = "KIND")]
    from: Kind,
    /// The file, or the folder
    #[arg(value_name = "PATH")]
    path: PathBuf,
}

/// What can be imported.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Questions with the answers of two models.
    Gsm8k,
    /// The original system's files.
    Origin,
}

#[derive(Serialize)]
struct ImportAnswer {
    suite: String,
    #[serde(flatten)]
    report: ImportReport,
}

impl Report for ImportAnswer {
    const SCHEMA: &'static str = "fusion/golden-import/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        // Writing to a string cannot fail.
        for it in &self.report.findings {
            let _ = writeln!(res, "{it}");
        }
        let ImportReport { scenarios, recordings, goldens, .. } = &self.report;
        let _ = writeln!(
            res,
            "{}: {scenarios} scenarios, {recordings} recordings, {goldens} goldens",
            self.suite
        );
        res
    }
}

impl Import {
    pub(super) fn run(
        self,
        scope: &Scope,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        scope.refuse_selection("import")?;
        let suite = scope.dir(environment);
        let report = match self.from {
            Kind::Gsm8k => gsm8k(input::read(&self.path)?.text()?, &suite),
            Kind::Origin => origin(&self.path, &suite),
        };
        let report = report.map_err(|err| source_error(&self.path, err))?;
        let refused = report.findings.iter().any(|it| it.diagnostic.is_error());
        scope.report(&ImportAnswer { suite: suite.display().to_string(), report }, output)?;
        Ok(if refused { Exit::FINDINGS } else { Exit::DONE })
    }
}
