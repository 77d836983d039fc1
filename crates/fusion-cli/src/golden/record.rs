use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use fusion_golden::{
    PlannedCall, RecordReport, Side, Suite, append, missing_calls, record_authored,
};
use serde::Serialize;

use super::answers::Source;
use super::refusal::{source_error, suite_error};
use super::scope::{Attended, Scope};
use crate::environment::{Environment, rfc3339};
use crate::exit::{Exit, refusal};
use crate::findings::plural;
use crate::input;
use crate::output::{Output, Report};
use crate::progress::progress;

/// Record the answers that the suite has none of
///
/// Asks for every call a plan may make that is not recorded yet; what a model or a command
/// answered stays. `--authored` replaces answers written by hand that say something else now.
/// Each line says who gave the answer: a model, a command, or a person. Refused in pipelines.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion golden record --endpoint http://127.0.0.1:8080/v1 --model gpt-4o-mini --dry-run
  fusion golden record --endpoint https://api.openai.com/v1 --api-key-env OPENAI_API_KEY
  fusion golden record --answer-cmd 'curl -s --json @- http://127.0.0.1:8080/v1/chat/completions'
  fusion golden record --authored goldens/authored/answers.jsonl

A command gets the body of the request as JSON on standard input, FUSION_SCENARIO and
FUSION_SAMPLE in its environment, and answers with {\"text\": …} or with an OpenAI-compatible
response, as the one above does.")]
pub(super) struct Record {
    #[command(flatten)]
    source: SourceArguments,
    /// The model the endpoint serves: calls of other models are left out
    #[arg(long, value_name = "ID", conflicts_with = "authored")]
    model: Option<String>,
    /// The environment variable that holds the key of the endpoint
    #[arg(long, value_name = "VARIABLE", requires = "endpoint")]
    api_key_env: Option<String>,
    /// How many samples of each request, even where a plan draws fewer
    #[arg(long, value_name = "K", conflicts_with = "authored")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    samples: Option<u32>,
    /// How long one answer may take, in seconds
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86400))]
    timeout: u64,
    /// Who wrote the answers of `--authored`
    #[arg(long, default_value = "authored by hand", value_name = "NAME")]
    author: String,
    /// List the calls and ask nobody; ends with 2 where there are some
    #[arg(long, conflicts_with = "authored")]
    dry_run: bool,
    #[command(flatten)]
    attended: Attended,
}

/// Who answers.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct SourceArguments {
    /// Ask this OpenAI-compatible endpoint, by http:// or https://: POST URL/chat/completions
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Ask this command
    #[arg(long, value_name = "COMMAND")]
    answer_cmd: Option<String>,
    /// Bind answers written by hand: one JSON object a line with scenario, side, model, sample
    /// and text
    #[arg(long, value_name = "FILE")]
    authored: Option<PathBuf>,
}

#[derive(Default, Serialize)]
struct CallsReport {
    /// Calls that were recorded, or would be.
    calls: Vec<CallLine>,
    /// How many calls had a recording already.
    recorded_before: usize,
    /// Calls of models that the endpoint does not serve, per model.
    skipped: Vec<String>,
    dry_run: bool,
}

#[derive(Serialize)]
struct CallLine {
    scenario: String,
    side: Side,
    model: String,
    sample: u32,
    key: overlay_model::Digest,
}

impl Report for CallsReport {
    const SCHEMA: &'static str = "fusion/golden-record/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        // Writing to a string cannot fail.
        for CallLine { scenario, side, model, sample, key } in &self.calls {
            let side = if *side == Side::Baseline { "baseline" } else { "overlay" };
            let _ = writeln!(res, "{scenario} {side} {model} #{sample} {}", key.short());
        }
        for model in &self.skipped {
            let _ = writeln!(res, "skipped: calls of {model}, which is not --model");
        }
        let verb = if self.dry_run { "to record" } else { "recorded" };
        let count = plural(self.calls.len(), "answer");
        let _ = writeln!(res, "{count} {verb}, {} recorded before", self.recorded_before);
        res
    }
}

#[derive(Serialize)]
struct AuthoredReport {
    #[serde(flatten)]
    report: RecordReport,
}

impl Report for AuthoredReport {
    const SCHEMA: &'static str = "fusion/golden-record/1";

    fn text(&self, _width: usize) -> String {
        let RecordReport { bound, unchanged, refused, left_out } = &self.report;
        let mut res = String::new();
        // Writing to a string cannot fail.
        for line in refused {
            let _ = writeln!(res, "refused: {line}");
        }
        let (bound, known) = (plural(bound.len(), "answer"), unchanged.len());
        let _ = write!(res, "{bound} bound, {known} recorded before, {} refused", refused.len());
        if *left_out > 0 {
            let _ = write!(res, ", {left_out} of other scenarios");
        }
        res.push('\n');
        res
    }
}

impl Record {
    pub(super) fn run(
        self,
        scope: &Scope,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        if !self.dry_run {
            self.attended.ensure("record", environment)?;
        }
        let suite = scope.open(environment)?;
        if let Some(path) = &self.source.authored {
            return self.bind(path, &suite, scope, output);
        }
        let planned = missing_calls(&suite, &scope.selected(&suite)?, self.samples);
        let planned = planned.map_err(suite_error)?;
        self.require_calls(&planned)?;
        let (recorded, missing): (Vec<_>, Vec<_>) = planned.into_iter().partition(|it| it.recorded);
        let (calls, others): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|it| self.asks(&it.call.request.model));
        let mut report = CallsReport {
            recorded_before: recorded.len(),
            skipped: models(others.iter()),
            dry_run: self.dry_run,
            ..CallsReport::default()
        };
        if self.dry_run {
            report.calls = calls.iter().map(line).collect();
            scope.report(&report, output)?;
            return Ok(if report.calls.is_empty() { Exit::DONE } else { Exit::PENDING });
        }
        let source = self.source(environment)?;
        let ended = record(&suite, &source, &calls, &mut report, output, environment);
        scope.report(&report, output)?;
        ended.map(|()| Exit::DONE)
    }

    fn asks(&self, model: &str) -> bool {
        self.model.as_deref().is_none_or(|it| overlay_schema::same_model(it, model))
    }

    /// A model that no plan asks is a typing error.
    fn require_calls(&self, planned: &[PlannedCall]) -> anyhow::Result<()> {
        match &self.model {
            Some(model) if !planned.iter().any(|it| self.asks(&it.call.request.model)) => {
                let asked = models(planned.iter()).join(", ");
                let message = format!("no call asks `{model}`; the plans ask {asked}");
                Err(refusal(Exit::NOTHING, message))
            }
            _ => Ok(()),
        }
    }

    fn source(&self, environment: &Environment) -> anyhow::Result<Source> {
        let timeout = Duration::from_secs(self.timeout);
        if let Some(line) = &self.source.answer_cmd {
            return Ok(Source::Command { line: line.clone(), timeout });
        }
        let key = match &self.api_key_env {
            Some(name) => {
                let missing = || refusal(Exit::USAGE, format!("the variable {name} is not set"));
                Some(environment.get(name).ok_or_else(missing)?.to_owned())
            }
            None => None,
        };
        Source::endpoint(self.source.endpoint.as_deref().unwrap_or_default(), key, timeout)
    }

    fn bind(
        &self,
        path: &Path,
        suite: &Suite,
        scope: &Scope,
        output: &mut Output,
    ) -> anyhow::Result<Exit> {
        let input = input::read(path)?;
        let selected = scope.selected(suite)?;
        let report = record_authored(suite, &selected, input.text()?, &self.author)
            .map_err(|err| source_error(path, err))?;
        let exit = if report.refused.is_empty() { Exit::DONE } else { Exit::FINDINGS };
        scope.report(&AuthoredReport { report }, output)?;
        Ok(exit)
    }
}

/// Asks for each call and appends the answer; ends at the first one that is not answered,
/// with what came before on disk.
fn record(
    suite: &Suite,
    source: &Source,
    calls: &[PlannedCall],
    report: &mut CallsReport,
    output: &Output,
    environment: &Environment,
) -> anyhow::Result<()> {
    let progress = progress(calls.len(), output, environment);
    for call in calls {
        progress.set_message(call.scenario.clone());
        let at = rfc3339(environment.now());
        let interaction =
            source.ask(call, &at).map_err(|err| err.context(call.scenario.clone()))?;
        append(suite, &call.scenario, &interaction).map_err(suite_error)?;
        report.calls.push(line(call));
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(())
}

fn line(call: &PlannedCall) -> CallLine {
    CallLine {
        scenario: call.scenario.clone(),
        side: call.side,
        model: call.call.request.model.clone(),
        sample: call.call.sample,
        key: call.key,
    }
}

/// The models of these calls, each once.
fn models<'c>(calls: impl Iterator<Item = &'c PlannedCall>) -> Vec<String> {
    let mut res: Vec<_> = calls.map(|it| it.call.request.model.clone()).collect();
    res.sort();
    res.dedup();
    res
}
