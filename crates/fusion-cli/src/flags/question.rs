//! What a flag is asked about: a request, a moment, and the switches of the environment.

use std::path::PathBuf;

use clap::Args;
use fusion_flags::{Attribute, BreakerSet, Context, FlagFile, Snapshot, Switches, View};
use serde_json::Value;

use super::document::{FlagDocument, FlagSource};
use super::switch_file::{at_the_start, switch_file};
use crate::environment::Environment;
use crate::exit::{Exit, refusal};
use crate::output::Output;

/// A request, as options.
#[derive(Args, Clone, Debug)]
pub(crate) struct Question {
    #[command(flatten)]
    source: FlagSource,
    /// The kind of work
    #[arg(long, value_name = "TYPE")]
    scenario: Option<String>,
    /// How sure the kind of work is, from 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    confidence: Option<f64>,
    /// The sticky unit: a user, session or conversation
    #[arg(long, value_name = "ID")]
    unit: Option<String>,
    /// An attribute of the request: numbers, `true` and `false` are themselves, anything else
    /// is a text, and so is what stands in double quotes
    #[arg(long = "attr", value_name = "NAME=VALUE")]
    attributes: Vec<NamedAttribute>,
    #[command(flatten)]
    when: When,
}

/// Where and when.
#[derive(Args, Clone, Debug)]
pub(crate) struct When {
    /// The environment; else RESON_ENV
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// The moment: 2026-12-01T09:00:00Z; else SOURCE_DATE_EPOCH, else now
    #[arg(long, value_name = "TIME", value_parser = moment)]
    now: Option<i64>,
}

/// `tenant=acme`.
#[derive(Clone, Debug)]
struct NamedAttribute {
    name: String,
    value: Value,
}

impl std::str::FromStr for NamedAttribute {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pair = text.split_once('=').filter(|(name, _)| !name.trim().is_empty());
        let (name, value) = pair.ok_or("an attribute is written NAME=VALUE")?;
        let parsed = serde_json::from_str(value).ok();
        let plain = parsed.filter(|it: &Value| it.is_number() || it.is_boolean() || it.is_string());
        let value = plain.unwrap_or_else(|| Value::String(value.to_owned()));
        Ok(Self { name: name.trim().to_owned(), value })
    }
}

/// A share from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    let is_share = (0.0..=1.0).contains(&number);
    is_share.then_some(number).ok_or_else(|| format!("{text} is not from 0 to 1"))
}

/// A moment in milliseconds since 1970.
fn moment(text: &str) -> Result<i64, String> {
    let parsed = text.parse::<jiff::Timestamp>();
    let ms = parsed.map(jiff::Timestamp::as_millisecond);
    ms.map_err(|_| format!("`{text}` is no moment as 2026-12-01T09:00:00Z"))
}

fn attribute(value: &Value) -> Option<Attribute<'_>> {
    Some(match value {
        Value::Bool(on) => Attribute::Switch(*on),
        Value::Number(number) => Attribute::Number(number.as_f64()?),
        Value::String(text) => Attribute::Text(text),
        _ => return None,
    })
}

impl When {
    /// The moment, in milliseconds since 1970.
    pub(crate) fn now_ms(&self, environment: &Environment) -> i64 {
        let clock = || i64::try_from(environment.now()).unwrap_or(i64::MAX).saturating_mul(1000);
        self.now.unwrap_or_else(clock)
    }

    /// The name of the environment.
    pub(crate) fn environment<'a>(&'a self, environment: &'a Environment) -> Option<&'a str> {
        self.env.as_deref().or_else(|| environment.get("RESON_ENV"))
    }

    /// The name that was given and that `file` does not have.
    pub(crate) fn unknown_environment(&self, file: &FlagFile) -> Option<&str> {
        self.env.as_deref().filter(|it| !file.environments.contains_key(*it))
    }

    /// Compiles `file` for this environment.
    pub(crate) fn compile(
        &self,
        file: &FlagFile,
        environment: &Environment,
    ) -> anyhow::Result<Snapshot> {
        Snapshot::compile(file, self.environment(environment)).map_err(|findings| {
            let first = findings.first().map(ToString::to_string).unwrap_or_default();
            refusal(Exit::FINDINGS, first)
        })
    }
}

/// The switches in force, and what is odd about them.
struct Switched {
    /// Those of `RESON_FEATURES` and of the file of `RESON_FEATURES_FILE`.
    sources: [Switches; 2],
    /// What is odd, as sentences.
    warnings: Vec<String>,
}

/// The switches of the environment and of the file that it names.
fn switches(environment: &Environment) -> Switched {
    let variable = Switches::parse(environment.text("RESON_FEATURES"));
    let mut warnings = Vec::new();
    let file = environment.path("RESON_FEATURES_FILE").map(|path| {
        let read = switch_file(&path);
        let why = read.as_ref().err();
        warnings.extend(why.map(|it| {
            format!("RESON_FEATURES_FILE: {it}; a service that starts has every overlay off")
        }));
        at_the_start(&read)
    });
    Switched { sources: [variable, file.unwrap_or_default()], warnings }
}

/// A flag file under the switches in force.
pub(crate) struct Asked {
    /// The file as it was named.
    pub(crate) path: PathBuf,
    /// What decides.
    pub(crate) view: View,
    warnings: Vec<String>,
}

impl Question {
    /// The kind of work; empty where none was given.
    pub(crate) fn scenario(&self) -> &str {
        self.scenario.as_deref().unwrap_or_default()
    }

    /// The attributes, as flags look at them.
    pub(crate) fn attributes(&self) -> Vec<(&str, Attribute<'_>)> {
        let pairs = self.attributes.iter();
        pairs.filter_map(|it| Some((it.name.as_str(), attribute(&it.value)?))).collect()
    }

    /// What is asked, with the attributes of [`Self::attributes`].
    pub(crate) fn context<'a>(
        &'a self,
        attributes: &'a [(&'a str, Attribute<'a>)],
        environment: &Environment,
    ) -> Context<'a> {
        Context {
            unit: self.unit.as_deref(),
            scenario_type: self.scenario(),
            confidence: self.confidence,
            attributes,
            now_ms: self.when.now_ms(environment),
            quality: None,
        }
    }

    /// Reads the flag file and puts it under the switches of the environment.
    pub(crate) fn ask(
        &self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Asked> {
        let path = self.source.path(environment);
        let (document, file) = FlagDocument::sound(&path, output)?;
        let snapshot = self.when.compile(&file, environment)?;
        let Switched { sources, mut warnings } = switches(environment);
        warnings.extend(self.source.unread_root(environment));
        let sources: Vec<&Switches> = sources.iter().collect();
        let (view, unknown) = View::compile(snapshot.into(), &sources, &BreakerSet::default(), 1);
        let unknown = unknown.iter().map(|it| {
            format!(
                "the switches name `{it}`, which is no flag and no overlay of {}",
                document.name
            )
        });
        warnings.extend(unknown);
        let typed = self.scenario.as_deref();
        let meant = typed.and_then(|it| Some((it, view.snapshot().near_scenario_type(it)?)));
        warnings.extend(meant.map(|(typed, meant)| {
            format!("no flag names the kind of work `{typed}`; did you mean `{meant}`?")
        }));
        warnings.extend(
            self.when
                .unknown_environment(&file)
                .map(|it| format!("{} has no environment `{it}`", document.name)),
        );
        Ok(Asked { path, view, warnings })
    }
}

impl Asked {
    /// Says on standard error what is odd about switches and environment: an error under
    /// `--strict`.
    pub(crate) fn finish(&self, output: &mut Output) -> anyhow::Result<Exit> {
        warn(&self.warnings, output)
    }
}

/// Prints warnings on standard error; they are errors under `--strict`.
pub(crate) fn warn(warnings: &[String], output: &mut Output) -> anyhow::Result<Exit> {
    let (word, color) = if output.strict {
        ("error", anstyle::AnsiColor::Red)
    } else {
        ("warning", anstyle::AnsiColor::Yellow)
    };
    let style = color.on_default().bold();
    for warning in warnings {
        output.remark(&format!("{style}{word}{style:#}: {warning}\n"))?;
    }
    let is_fatal = output.strict && !warnings.is_empty();
    Ok(if is_fatal { Exit::FINDINGS } else { Exit::DONE })
}
