use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use fusion_flags::{FlagFile, MAX_FLAG_BYTES};
use overlay_model::Diagnostic;
use serde::Serialize;

use super::written::to_yaml;
use crate::excerpt;
use crate::exit::{Exit, refusal};
use crate::findings::{Finding, are_fatal, plural, tally, views};
use crate::input::{self, Unread, name_of};
use crate::output::{Output, Report};
use crate::replace::create;

/// Write flagd's JSON as a flag file
///
/// Rollouts draw the same units here; conditions that must all hold become `scenario_types`,
/// `confidence_threshold` and `where`; a flag of texts offers the overlays of these names, by
/// weight as variants. A flag whose rule says more is off in the file, and a warning says
/// where and why. `fusion overlay explain FLG7005` says what a code means.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion flags import --flagd flagd.json -o configs/overlay_feature_flags.yaml
  fusion flags export --flagd --env production | fusion flags import --flagd - --json

Ends with 1, and writes nothing, where a flag is none in flagd either (under --strict: where
there is a warning), with 64 where the file of -o exists, with 65 where the input cannot be
read.")]
pub(crate) struct Import {
    /// flagd's JSON; `-` for standard input
    #[arg(long, value_name = "FILE")]
    flagd: PathBuf,
    /// Where the flag file goes, as YAML; standard output without it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file of `--output` where there is one
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct ImportReport {
    path: String,
    /// Whether there is a flag file.
    valid: bool,
    /// How many flags it has.
    features: usize,
    /// How many of them are off because nothing here says what they ask.
    off: usize,
    diagnostics: Vec<Finding>,
    /// The flag file; none where nothing is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<FlagFile>,
}

impl Report for ImportReport {
    const SCHEMA: &'static str = "fusion/flags-import/1";

    fn text(&self, _width: usize) -> String {
        self.flags.as_ref().map(to_yaml).unwrap_or_default()
    }
}

impl Import {
    pub(crate) fn run(self, output: &mut Output) -> anyhow::Result<Exit> {
        let name = name_of(&self.flagd);
        let text = self.text()?;
        let (file, findings) = fusion_flagd::import(&text);
        let valid = !are_fatal(&findings, output.strict);
        let report = ImportReport {
            valid,
            features: file.features.0.len(),
            off: findings.iter().filter(|it| it.code == "FLG7005").count(),
            diagnostics: views(&findings),
            flags: valid.then_some(file),
            path: name.clone(),
        };
        if !output.is_json() {
            output.remark(&remarks(&name, &text, &findings, &report, output.width))?;
        }
        match (&self.output, &report.flags) {
            (Some(path), Some(file)) => {
                create(path, to_yaml(file).as_bytes(), self.force)?;
                if output.is_json() {
                    output.show(&report)?;
                }
            }
            _ => output.show(&report)?,
        }
        Ok(if valid { Exit::DONE } else { Exit::FINDINGS })
    }

    fn text(&self) -> anyhow::Result<String> {
        let name = name_of(&self.flagd);
        let unreadable = |why: String| refusal(Exit::UNREADABLE, format!("{name}: {why}"));
        let input = input::try_read(&self.flagd, MAX_FLAG_BYTES).map_err(|err| match err {
            Unread::TooLarge(len) => {
                unreadable(format!("{len} bytes are more than the {MAX_FLAG_BYTES} allowed"))
            }
            Unread::Failed(why) => unreadable(why),
        })?;
        Ok(input.text()?.to_owned())
    }
}

/// The findings and how it ended, for people; nothing where there is nothing to say.
fn remarks(
    name: &str,
    text: &str,
    findings: &[Diagnostic],
    report: &ImportReport,
    width: usize,
) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let mut res = excerpt::render(name, text, findings, width);
    let verdict =
        if report.valid { plural(report.features, "flag") } else { "not imported".into() };
    // Writing to a string cannot fail.
    let _ = writeln!(res, "{name}: {verdict} ({})", tally(findings));
    res
}
