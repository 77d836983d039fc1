use std::fmt::Write as _;

use clap::Args;
use overlay_model::nearest;
use overlay_schema::{Acts, Kind, PARAMS, Param, Required, nearest_key, param};
use serde::Serialize;

use crate::codes;
use crate::exit::{EXIT_CODES, Exit, ExitInfo, refusal};
use crate::output::{Output, Report};

/// Say what a parameter, a code or an exit code means
///
/// Takes the key of a parameter (TRUST_FLOOR, GPT-4O_MAX_TOKENS), the code of a finding
/// (OVL2102, GLD2001), the number of an exit code, or `exit-codes` for all of them. Without any,
/// lists the parameters.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion overlay explain
  fusion overlay explain TRUST_FLOOR
  fusion overlay explain OVL2102
  fusion overlay explain exit-codes")]
pub(crate) struct Explain {
    /// What to explain; without it, the parameters there are
    #[arg(value_name = "KEY|CODE")]
    subject: Option<String>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum ExplainReport {
    Parameters { parameters: Vec<ListedParameter> },
    Parameter(ExplainedParameter),
    Code(ExplainedCode),
    ExitCodes { exit_codes: Vec<ExplainedExit> },
}

#[derive(Serialize)]
struct ListedParameter {
    key: &'static str,
    doc: &'static str,
}

#[derive(Serialize)]
struct ExplainedParameter {
    key: String,
    doc: &'static str,
    takes: String,
    default: Option<&'static str>,
    required_by: Vec<&'static str>,
    changes: &'static str,
    acts: &'static str,
    section: &'static str,
    since: &'static str,
}

#[derive(Serialize)]
struct ExplainedCode {
    code: &'static str,
    title: &'static str,
    explanation: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    example: &'static str,
}

#[derive(Serialize)]
struct ExplainedExit {
    code: u8,
    name: &'static str,
    meaning: &'static str,
    example: &'static str,
}

impl Report for ExplainReport {
    const SCHEMA: &'static str = "fusion/overlay-explain/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Parameters { parameters } => {
                let width = parameters.iter().map(|it| it.key.len()).max().unwrap_or_default();
                parameters.iter().try_for_each(|it| writeln!(res, "{:width$}  {}", it.key, it.doc))
            }
            Self::Parameter(it) => it.write(&mut res),
            Self::Code(ExplainedCode { code, title, explanation, example }) => {
                let example = example.replace('\n', "\n    ");
                let lines = if example.is_empty() { example } else { format!("\n    {example}\n") };
                writeln!(res, "{code}: {title}\n\n{explanation}\n{lines}")
            }
            Self::ExitCodes { exit_codes } => exit_codes
                .iter()
                .try_for_each(|it| writeln!(res, "{:<3} {:13} {}", it.code, it.name, it.meaning)),
        };
        res.trim_end().to_owned() + "\n"
    }
}

impl ExplainedParameter {
    fn write(&self, to: &mut String) -> std::fmt::Result {
        let Self { key, doc, takes, changes, acts, section, since, .. } = self;
        writeln!(to, "{key}: {doc}\n\n  takes     {takes}")?;
        if let Some(default) = self.default {
            writeln!(to, "  default   {default}")?;
        }
        if !self.required_by.is_empty() {
            writeln!(to, "  required  {}", self.required_by.join(", "))?;
        }
        writeln!(to, "  changes   {changes} ({acts})\n  section   {section}\n  since     {since}")
    }
}

impl Explain {
    pub(crate) fn run(self, output: &mut Output) -> anyhow::Result<Exit> {
        let report = match self.subject.as_deref().map(str::trim) {
            Some(subject) => explained(subject).ok_or_else(|| unknown(subject))?,
            None => parameters(),
        };
        output.show(&report)?;
        Ok(Exit::DONE)
    }
}

fn parameters() -> ExplainReport {
    let listed = |it: &'static Param| ListedParameter { key: it.key, doc: it.doc };
    ExplainReport::Parameters { parameters: PARAMS.iter().map(listed).collect() }
}

fn explained(subject: &str) -> Option<ExplainReport> {
    if let Some(code) = codes::find(subject) {
        let codes::Code { code, title, explanation, example } = code;
        return Some(ExplainReport::Code(ExplainedCode { code, title, explanation, example }));
    }
    let number = subject.parse::<u8>().ok();
    let rows = EXIT_CODES.iter().filter(|it| match number {
        Some(number) => it.exit.code() == number,
        None => matches!(subject, "exit-codes" | "exit"),
    });
    let exit_codes: Vec<_> = rows.map(explained_exit).collect();
    if !exit_codes.is_empty() {
        return Some(ExplainReport::ExitCodes { exit_codes });
    }
    let key = subject.to_ascii_uppercase();
    param(&key).map(|it| ExplainReport::Parameter(parameter(&key, it)))
}

fn explained_exit(row: &ExitInfo) -> ExplainedExit {
    let ExitInfo { exit, name, meaning, example } = *row;
    ExplainedExit { code: exit.code(), name, meaning, example }
}

fn parameter(key: &str, param: &'static Param) -> ExplainedParameter {
    let required_by = match param.required {
        Required::No => vec![],
        Required::Deploy => vec!["deploy"],
        Required::Seed => vec!["seed", "deploy"],
    };
    ExplainedParameter {
        key: key.to_owned(),
        doc: param.doc,
        takes: takes(param.kind),
        default: param.default,
        required_by,
        changes: param.lowers_to,
        acts: match param.acts {
            Acts::Replay => "shown by replay",
            Acts::Time => "only in time, not in replay",
            Acts::Description => "says what the overlay is",
        },
        section: param.group.heading(),
        since: param.since,
    }
}

/// What a parameter takes, for people.
fn takes(kind: Kind) -> String {
    match kind {
        Kind::Number { min, max } => format!("a number from {min} to {max}"),
        Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
        Kind::Millis { min, max, advised } if advised < max => {
            format!("milliseconds from {min} to {max}, above {advised} with a warning")
        }
        Kind::Millis { min, max, .. } => format!("milliseconds from {min} to {max}"),
        Kind::Switch => "true or false".to_owned(),
        Kind::Word(words) => format!("one of {}", words.join(", ")),
        Kind::Models => "model ids between commas, cheapest first".to_owned(),
        Kind::Scenarios => "scenario types between commas".to_owned(),
        Kind::Keys => "parameter names between commas".to_owned(),
        Kind::Voters => "voter:weight pairs between commas, or single:1".to_owned(),
        Kind::Version => "a version of three numbers, as 2.1.0".to_owned(),
        Kind::Name => "1 to 64 lower-case letters, digits, _ and -".to_owned(),
        Kind::Time => "a moment, as 2026-11-21T09:00:00Z".to_owned(),
        Kind::Token => "a digest or another token".to_owned(),
        Kind::Text => "any text on one line".to_owned(),
    }
}

fn unknown(subject: &str) -> anyhow::Error {
    let hint = match near(subject) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => "docs/reference lists parameters and codes".to_owned(),
    };
    refusal(Exit::NOTHING, format!("there is no parameter or code `{subject}`: {hint}"))
}

/// The parameter or code most like `subject`.
fn near(subject: &str) -> Option<String> {
    let codes = codes::all();
    let code = nearest(subject, codes.iter().map(|it| it.code)).map(str::to_owned);
    code.or_else(|| nearest_key(subject))
}
