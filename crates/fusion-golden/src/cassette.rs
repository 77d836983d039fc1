use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read as _};
use std::ops::Range;
use std::path::Path;

use fusion_plan::{Answer, Call, RenderedRequest};
use overlay_model::{Diagnostic, Digest, Location};
use serde::{Deserialize, Serialize};

use crate::code;
use crate::files::{self, Opened};
use crate::json::duplicate_keys;
use crate::suite::SuiteError;

/// One recorded answer: a line of `cassettes/<scenario>.jsonl`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Interaction {
    /// The version of the form: 1.
    pub v: u32,
    /// The digest of request and sample; see [`fusion_plan::request_key`].
    pub key: Digest,
    /// Which of the samples of this request it is, from 0.
    pub sample: u32,
    /// The whole request.
    pub request: RenderedRequest,
    /// What came back.
    pub response: Response,
    /// Tokens, as the provider counted them.
    #[serde(default)]
    pub usage: Usage,
    /// Times, as they were when it was recorded.
    #[serde(default)]
    pub latency: Latency,
    /// What is known about the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    /// Scores of judges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judge: Vec<JudgeScore>,
    /// When, as RFC 3339 has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<String>,
    /// What gave the answer.
    pub recorder: Recorder,
    /// Its name: the model's, the command, the author.
    pub recorded_by: String,
    /// What the provider calls the state of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_fingerprint: Option<String>,
}

/// The answer itself.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// The text.
    pub text: String,
    /// Why the model stopped: `stop`, `length`, …; empty where not known.
    #[serde(default)]
    pub finish_reason: String,
}

/// Tokens of one call.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Of the prompt.
    #[serde(default)]
    pub prompt_tokens: u64,
    /// Of the answer.
    #[serde(default)]
    pub completion_tokens: u64,
}

/// Times of one call; never measured again on replay.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// To the first token, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttft_ms: Option<f64>,
    /// To the last byte, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e2e_ms: Option<f64>,
    /// Where the times are from: `recorded`.
    #[serde(default = "recorded")]
    pub source: String,
}

fn recorded() -> String {
    "recorded".to_owned()
}

/// What is known about a recorded answer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// Whether it is right.
    pub correct: bool,
}

/// The score of a judge.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct JudgeScore {
    /// The judge.
    pub id: String,
    /// From 0 to 1.
    pub score: f64,
}

/// What gave a recorded answer; never one dressed as the other.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Recorder {
    /// A model, over a provider's API.
    Model,
    /// A command.
    Command,
    /// A person.
    Authored,
}

/// The most bytes a cassette has.
pub(crate) const MAX_CASSETTE_BYTES: usize = 64 << 20;
/// The most bytes a line of it has.
const MAX_LINE_BYTES: usize = 4 << 20;
/// How many findings there are at most about the lines of one cassette.
const MAX_FINDINGS: usize = 20;

/// A cassette as it stands.
#[derive(Debug, Default)]
pub(crate) struct Cassette {
    /// The lines that can be read.
    pub(crate) lines: Vec<Line>,
    /// What is wrong with the others.
    pub(crate) findings: Vec<Diagnostic>,
}

/// A line of a cassette.
#[derive(Debug)]
pub(crate) struct Line {
    /// Counted from 1.
    pub(crate) number: usize,
    /// The digest of its bytes, without the line end.
    pub(crate) digest: Digest,
    /// What it holds.
    pub(crate) interaction: Interaction,
}

impl Cassette {
    /// Reads the cassette at `path`, empty where there is none; `None` where it is too large.
    pub(crate) fn load(path: &Path) -> Result<Option<Self>, SuiteError> {
        match files::open(path, MAX_CASSETTE_BYTES)? {
            Opened::File(file, _) => Self::read_from(BufReader::new(file))
                .map(Some)
                .map_err(|source| SuiteError::Read { path: path.to_owned(), source }),
            Opened::Missing => Ok(Some(Self::default())),
            Opened::TooLarge => Ok(None),
        }
    }

    /// Reads the lines of a cassette one by one, with a finding for each that is none. After
    /// [`MAX_FINDINGS`] of them the rest is only counted.
    fn read_from(mut from: impl BufRead) -> io::Result<Self> {
        let mut cassette = Self::default();
        let mut first_lines: HashMap<Digest, usize> = HashMap::new();
        let mut line = Vec::new();
        let mut start = 0;
        for number in 1.. {
            if cassette.findings.len() >= MAX_FINDINGS {
                cassette.leave_out(count_lines(from)?, number, start);
                break;
            }
            let len = next_line(&mut from, &mut line)?;
            if len == 0 {
                break;
            }
            let span = start..start + len;
            start = span.end;
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            if text.is_empty() {
                continue;
            }
            let is_cut = text.len() == line.len();
            match read_line(text, is_cut) {
                Err(finding) => cassette.find(*finding, number, span),
                Ok(interaction) => {
                    if let Some(first) = first_lines.insert(interaction.key, number) {
                        let finding = recorded_twice(&interaction, first);
                        cassette.find(finding, number, span);
                        continue;
                    }
                    let digest = Digest::of(text);
                    cassette.lines.push(Line { number, digest, interaction });
                }
            }
        }
        Ok(cassette)
    }

    fn find(&mut self, finding: Diagnostic, line: usize, span: Range<usize>) {
        let column = finding.at.as_ref().map_or(1, |at| at.column);
        self.findings.push(finding.located(Location { line, column, span }));
    }

    /// Says that `more` lines, from the one with this number on, were not looked at.
    fn leave_out(&mut self, more: usize, line: usize, start: usize) {
        if more > 0 {
            let message = format!(
                "{MAX_FINDINGS} lines are wrong already: this one and {} more are not read",
                more - 1
            );
            self.find(Diagnostic::error(code::UNREADABLE, message), line, start..start);
        }
    }
}

impl Line {
    /// The line that holds `interaction`, as it is written.
    pub(crate) fn of(number: usize, interaction: Interaction) -> Self {
        let digest = Digest::of(interaction.to_line().trim_end_matches('\n').as_bytes());
        Self { number, digest, interaction }
    }
}

/// Reads up to the next line end, of a line that is too long only the beginning. How many
/// bytes the whole line has, 0 at the end.
fn next_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    line.clear();
    let kept = from.by_ref().take(MAX_LINE_BYTES as u64 + 2).read_until(b'\n', line)?;
    if kept < MAX_LINE_BYTES + 2 || line.ends_with(b"\n") {
        return Ok(kept);
    }
    Ok(kept + from.skip_until(b'\n')?)
}

fn count_lines(mut from: impl BufRead) -> io::Result<usize> {
    let mut lines = 0;
    while from.skip_until(b'\n')? > 0 {
        lines += 1;
    }
    Ok(lines)
}

/// Reads the bytes of a cassette: the recordings that are whole, and a finding for each
/// line that is none. After twenty of them the rest is not read.
pub fn read_cassette(bytes: &[u8]) -> (Vec<Interaction>, Vec<Diagnostic>) {
    // Reading memory cannot fail.
    let Cassette { lines, findings } = Cassette::read_from(bytes).unwrap_or_default();
    (lines.into_iter().map(|it| it.interaction).collect(), findings)
}

/// One line; `is_cut` where no line end follows.
fn read_line(bytes: &[u8], is_cut: bool) -> Result<Interaction, Box<Diagnostic>> {
    if bytes.len() > MAX_LINE_BYTES {
        let message = format!("a line of more than the {MAX_LINE_BYTES} bytes allowed");
        return Err(Box::new(Diagnostic::error(code::TOO_LARGE, message)));
    }
    let interaction: Interaction = match serde_json::from_slice(bytes) {
        Ok(interaction) => interaction,
        Err(err) if is_cut && err.is_eof() => {
            let finding = Diagnostic::error(code::TRUNCATED, "the last line ends in the middle");
            return Err(Box::new(finding.hint("remove the line and record it again")));
        }
        Err(err) => return Err(Box::new(unreadable(bytes, &err))),
    };
    if interaction.v != 1 {
        let message = format!("a recording of form {}, this version reads form 1", interaction.v);
        return Err(Box::new(Diagnostic::error(code::UNREADABLE, message)));
    }
    if interaction.key != interaction.request_key() {
        let message = format!(
            "the request of {}, sample {}, is not the one of key {}",
            interaction.request.model,
            interaction.sample,
            interaction.key.short()
        );
        let hint = "take the line back from version control, or record it again";
        return Err(Box::new(Diagnostic::error(code::WRONG_KEY, message).hint(hint)));
    }
    Ok(interaction)
}

/// Why a line cannot be read; a key that stands twice with both places.
fn unreadable(bytes: &[u8], err: &serde_json::Error) -> Diagnostic {
    let text = String::from_utf8_lossy(bytes);
    let column = err.column().saturating_sub(1).min(text.len());
    duplicate_keys(&text).into_iter().next().unwrap_or_else(|| {
        Diagnostic::error(code::UNREADABLE, plain(err)).at(&text, column..column)
    })
}

fn recorded_twice(interaction: &Interaction, first: usize) -> Diagnostic {
    let message = format!(
        "sample {} of this request to {} is recorded in line {first} already",
        interaction.sample, interaction.request.model
    );
    Diagnostic::error(code::RECORDED_TWICE, message)
}

/// The message without the place, which a finding has in its fields.
pub(crate) fn plain(err: &serde_json::Error) -> String {
    let text = err.to_string();
    match text.rfind(" at line ") {
        Some(at) => text.get(..at).unwrap_or(&text).to_owned(),
        None => text,
    }
}

impl Interaction {
    /// The key that its request and sample have.
    pub fn request_key(&self) -> Digest {
        fusion_plan::request_key(&self.call())
    }

    /// The call it answers.
    pub fn call(&self) -> Call {
        Call { request: self.request.clone(), sample: self.sample }
    }

    /// The answer, as a plan is replayed with it.
    pub fn answer(&self) -> Answer {
        #[expect(clippy::cast_precision_loss, reason = "an answer has few judges")]
        let judges = self.judge.len() as f64;
        let total: f64 = self.judge.iter().map(|it| it.score).sum();
        Answer {
            text: self.response.text.clone(),
            finish_reason: self.response.finish_reason.clone(),
            prompt_tokens: self.usage.prompt_tokens,
            completion_tokens: self.usage.completion_tokens,
            e2e_ms: self.latency.e2e_ms,
            judge: (!self.judge.is_empty()).then(|| total / judges),
        }
    }

    /// The line of a cassette, with its line end.
    pub fn to_line(&self) -> String {
        // A struct of strings, numbers and lists always has a JSON form.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
}
