use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use fusion_golden::Verdict;
use fusion_golden::budget::{BudgetReport, render};

use crate::environment::Environment;
use crate::exit::{Exit, refusal, worst};
use crate::golden::require_folder;
use crate::input::is_stdin;
use crate::output::Output;
use crate::replace::{replace, target};

/// Where the forms of the report go.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Reports {
    /// Write the report as Markdown for a comment, `-` for standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write the report as one HTML file without script, `-` for standard output
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the report as JUnit XML, `-` for standard output
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

impl Reports {
    /// Refuses places that could not be written, or told apart, before the work is done.
    pub(crate) fn require_places(&self, json: Option<&Path>) -> anyhow::Result<()> {
        let places = [
            ("--json", json),
            ("--markdown", self.markdown.as_deref()),
            ("--html", self.html.as_deref()),
            ("--junit", self.junit.as_deref()),
        ];
        let given: Vec<_> =
            places.into_iter().filter_map(|(option, path)| Some((option, path?))).collect();
        if given.iter().filter(|(_, path)| is_stdin(path)).count() > 1 {
            let message = "only one form of the report can go to standard output";
            return Err(refusal(Exit::USAGE, message));
        }
        let written: Vec<_> = given.into_iter().filter(|(_, path)| !is_stdin(path)).collect();
        for (number, (option, path)) in written.iter().enumerate() {
            require_folder(option, path)?;
            let mut earlier = written.iter().take(number);
            if let Some((other, _)) = earlier.find(|it| place(it.1) == place(path)) {
                let message = format!("{option} {} is {other} too", path.display());
                return Err(refusal(Exit::USAGE, message));
            }
        }
        Ok(())
    }

    /// Prints the report and writes its other forms; in a GitHub workflow also annotations,
    /// step summary and outputs.
    pub(crate) fn write(
        &self,
        report: &BudgetReport,
        json: Option<&Path>,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<()> {
        let strict = output.strict;
        let forms: [(Option<&Path>, &dyn Fn() -> String); 4] = [
            (json, &|| render::json(report)),
            (self.markdown.as_deref(), &|| render::markdown(report)),
            (self.html.as_deref(), &|| render::html(report)),
            (self.junit.as_deref(), &|| render::junit(report, strict)),
        ];
        let wanted: Vec<_> =
            forms.into_iter().filter_map(|(path, text)| Some((path?, text))).collect();
        match wanted.iter().filter(|(path, _)| is_stdin(path)).count() {
            0 if output.is_json() => output.json(&render::json(report))?,
            0 => output.text(&render::table(report, output.width, output.has_color()))?,
            _ => (),
        }
        for (path, text) in wanted {
            if is_stdin(path) {
                output.json(&text())?;
            } else {
                replace(path, text().as_bytes())?;
            }
        }
        if environment.get("GITHUB_ACTIONS") == Some("true") {
            announce(report, output, environment)?;
        }
        Ok(())
    }
}

/// The file that `path` names, by whatever path; it need not be there.
fn place(path: &Path) -> PathBuf {
    let target = target(path);
    let folder = target.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = fs::canonicalize(folder.unwrap_or(Path::new(".")));
    match (folder, target.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => target,
    }
}

/// Tells a GitHub workflow: annotations, step summary, outputs.
fn announce(
    report: &BudgetReport,
    output: &mut Output,
    environment: &Environment,
) -> anyhow::Result<()> {
    for annotation in render::github_annotations(report) {
        // Standard output may carry the report; the runner reads both.
        output.remark(&(annotation + "\n"))?;
    }
    if let Some(path) = environment.path("GITHUB_STEP_SUMMARY") {
        append("GITHUB_STEP_SUMMARY", &path, &render::markdown(report))?;
    }
    if let Some(path) = environment.path("GITHUB_OUTPUT") {
        let failed = report.blocking(output.strict);
        let verdict = report.verdict.as_str();
        let text = format!("verdict={verdict}\nfailed={failed}\n");
        append("GITHUB_OUTPUT", &path, &text)?;
    }
    Ok(())
}

/// Appends to the file that a variable names.
fn append(variable: &str, path: &Path, text: &str) -> anyhow::Result<()> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut it| it.write_all(text.as_bytes()))
        .map_err(|err| refusal(Exit::USAGE, format!("{variable} {}: {err}", path.display())))
}

/// The code of a `budgets.toml` that is none.
const UNREADABLE: &str = "GLD7001";

/// How the command ends.
pub(crate) fn exit_of(report: &BudgetReport, strict: bool) -> Exit {
    let of_verdict = |verdict| match verdict {
        Verdict::Pass => Exit::DONE,
        Verdict::Warn | Verdict::Insufficient if strict => Exit::INSUFFICIENT,
        Verdict::Warn | Verdict::Insufficient => Exit::DONE,
        Verdict::Stale => Exit::STALE,
        Verdict::Fail | Verdict::Invalid => Exit::FINDINGS,
    };
    let errors = report.findings.iter().filter(|it| it.diagnostic.is_error());
    let of_files = errors.map(|it| match it.diagnostic.code {
        UNREADABLE => Exit::UNREADABLE,
        _ => Exit::FINDINGS,
    });
    let of_checks = report.checks.iter().map(|it| of_verdict(it.gate.verdict));
    of_checks.chain(of_files).fold(of_verdict(report.verdict), worst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_that_decides_the_exit_code_exists() {
        assert!(fusion_golden::budget::CODES.iter().any(|it| it.0 == UNREADABLE));
    }
}
