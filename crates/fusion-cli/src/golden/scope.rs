use std::path::{Path, PathBuf};

use clap::Args;
use fusion_golden::Suite;

use super::refusal::suite_error;
use crate::environment::Environment;
use crate::exit::{Exit, refusal};
use crate::input::is_stdin;
use crate::output::{Output, Report, to_json};
use crate::replace::replace;

/// Which suite and scenarios a command is about, and where its report goes.
#[derive(Args, Debug)]
pub(super) struct Scope {
    /// The suite; else FUSION_SUITE, else `goldens`
    #[arg(long, global = true, value_name = "DIR")]
    suite: Option<PathBuf>,
    /// Only this scenario; may be given several times
    #[arg(long = "scenario", global = true, value_name = "ID")]
    scenarios: Vec<String>,
    /// Only scenarios with this tag; may be given several times
    #[arg(long = "tag", global = true, value_name = "TAG")]
    tags: Vec<String>,
    /// Write the report as JSON, `-` for standard output
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Scope {
    /// Whether the JSON form of the report goes to standard output.
    pub(super) fn answers_json(&self) -> bool {
        self.json.as_deref().is_some_and(is_stdin)
    }

    /// The suite's folder.
    pub(super) fn dir(&self, environment: &Environment) -> PathBuf {
        let given = self.suite.clone().or_else(|| environment.path("FUSION_SUITE"));
        given.unwrap_or_else(|| PathBuf::from("goldens"))
    }

    /// Opens the suite.
    pub(super) fn open(&self, environment: &Environment) -> anyhow::Result<Suite> {
        Suite::open(&self.dir(environment)).map_err(suite_error)
    }

    /// The ids that `--scenario` and `--tag` select, in the order of the catalogue; empty
    /// where neither is given.
    pub(super) fn selected(&self, suite: &Suite) -> anyhow::Result<Vec<String>> {
        if self.tags.is_empty() {
            return Ok(self.scenarios.clone());
        }
        let is_wanted =
            |id: &str| self.scenarios.is_empty() || self.scenarios.iter().any(|it| it == id);
        let tagged = suite.installation().catalogue().scenarios.iter().filter(|it| {
            it.tags.iter().any(|tag| self.tags.contains(tag)) && is_wanted(it.id.as_str())
        });
        let ids: Vec<_> = tagged.map(|it| it.id.to_string()).collect();
        if ids.is_empty() {
            let message = format!("no scenario is tagged {}", self.tags.join(" or "));
            return Err(refusal(Exit::NOTHING, message));
        }
        Ok(ids)
    }

    /// Prints the report, and writes its JSON form where that was asked for.
    pub(super) fn report<T: Report>(&self, report: &T, output: &mut Output) -> anyhow::Result<()> {
        if let Some(path) = self.json.as_deref().filter(|it| !is_stdin(it)) {
            replace(path, to_json(report)?.as_bytes())?;
        }
        output.show(report)
    }

    /// For commands that are about a suite as a whole.
    pub(super) fn refuse_selection(&self, command: &str) -> anyhow::Result<()> {
        if self.scenarios.is_empty() && self.tags.is_empty() {
            return Ok(());
        }
        let message =
            format!("golden {command} is about all scenarios: leave --scenario and --tag out");
        Err(refusal(Exit::USAGE, message))
    }

    /// For commands that read no suite.
    pub(super) fn refuse_suite(&self, command: &str) -> anyhow::Result<()> {
        if self.suite.is_none() && self.scenarios.is_empty() && self.tags.is_empty() {
            return Ok(());
        }
        let message =
            format!("golden {command} reads no suite: leave --suite, --scenario and --tag out");
        Err(refusal(Exit::USAGE, message))
    }

    /// Refuses a report that could not be written.
    pub(super) fn require_folder(&self) -> anyhow::Result<()> {
        self.json.as_deref().map_or(Ok(()), |path| require_folder("--json", path))
    }

    /// Where the JSON form goes.
    pub(super) fn json(&self) -> Option<&PathBuf> {
        self.json.as_ref()
    }
}

/// Refuses a file that could not be written, before the work is done.
pub(crate) fn require_folder(option: &str, path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let problem = match folder {
        _ if is_stdin(path) => return Ok(()),
        Some(folder) if !folder.is_dir() => format!("there is no folder {}", folder.display()),
        _ if path.is_dir() => "this is a folder".to_owned(),
        _ => return Ok(()),
    };
    Err(refusal(Exit::USAGE, format!("{option} {}: {problem}", path.display())))
}

/// Whether a command writes goldens or recordings in a pipeline.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Attended {
    /// Do it in a pipeline too (where CI or TF_BUILD is set)
    #[arg(long)]
    force_ci: bool,
}

impl Attended {
    /// What a pipeline accepts by itself, nobody has looked at.
    pub(super) fn ensure(self, command: &str, environment: &Environment) -> anyhow::Result<()> {
        if environment.is_ci() && !self.force_ci {
            let message = format!(
                "golden {command} is refused in a pipeline (CI or TF_BUILD is set): run it where \
                 somebody looks, or give --force-ci"
            );
            return Err(refusal(Exit::USAGE, message));
        }
        Ok(())
    }
}
