//! Where answers come from: an endpoint, or a command.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use fusion_golden::{Interaction, Latency, PlannedCall, Recorder, Response, Usage};
use serde::Deserialize;
use ureq::tls::{RootCerts, TlsConfig};

use crate::exit::{Exit, refusal};

/// The most bytes of one answer.
const MAX_ANSWER: u64 = 16 << 20;

/// What is asked.
pub(super) enum Source {
    /// An endpoint that speaks the OpenAI-compatible API.
    Endpoint(Endpoint),
    /// A command: the request on its standard input, the answer on its standard output.
    Command { line: String, timeout: Duration },
}

/// An endpoint.
pub(super) struct Endpoint {
    agent: ureq::Agent,
    /// `{base}/chat/completions`.
    url: String,
    key: Option<String>,
}

/// One answer, as it came.
struct Answer {
    response: Response,
    usage: Usage,
    fingerprint: Option<String>,
}

impl Source {
    /// The endpoint with this base URL.
    pub(super) fn endpoint(
        base: &str,
        key: Option<String>,
        timeout: Duration,
    ) -> anyhow::Result<Self> {
        if !base.starts_with("http://") && !base.starts_with("https://") {
            let message = format!("`{base}` is no endpoint: it begins with http:// or https://");
            return Err(refusal(Exit::USAGE, message));
        }
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .tls_config(tls())
            .user_agent(concat!("fusion/", env!("CARGO_PKG_VERSION")))
            .build();
        let url = format!("{}/chat/completions", base.trim_end_matches('/'));
        Ok(Self::Endpoint(Endpoint { agent: config.into(), url, key }))
    }

    /// Asks for the answer to `call`, recorded at the moment `at`.
    pub(super) fn ask(&self, call: &PlannedCall, at: &str) -> anyhow::Result<Interaction> {
        let started = Instant::now();
        let (answer, recorder, recorded_by) = match self {
            Self::Endpoint(endpoint) => {
                (endpoint.ask(call)?, Recorder::Model, call.call.request.model.clone())
            }
            Self::Command { line, timeout } => {
                (ask_command(line, call, *timeout)?, Recorder::Command, line.clone())
            }
        };
        let e2e_ms = (started.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
        Ok(Interaction {
            v: 1,
            key: call.key,
            sample: call.call.sample,
            request: call.call.request.clone(),
            response: answer.response,
            usage: answer.usage,
            latency: Latency { ttft_ms: None, e2e_ms: Some(e2e_ms), source: "recorded".to_owned() },
            labels: None,
            judge: Vec::new(),
            recorded_at: Some(at.to_owned()),
            recorder,
            recorded_by,
            model_fingerprint: answer.fingerprint,
        })
    }
}

impl Endpoint {
    fn ask(&self, call: &PlannedCall) -> anyhow::Result<Answer> {
        let body = serde_json::to_vec(&fusion_plan::body(&call.call.request))?;
        let mut request = self.agent.post(&self.url).header("content-type", "application/json");
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let unreachable =
            |err: ureq::Error| refusal(Exit::UNREACHABLE, format!("{}: {err}", self.url));
        let mut response = request.send(&body).map_err(unreachable)?;
        let status = response.status();
        let text = response.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
        let text = text.map_err(unreachable)?;
        if !status.is_success() {
            let message = format!("{}: HTTP {status}: {}", self.url, beginning(&text));
            return Err(refusal(Exit::UNREACHABLE, message));
        }
        answer_of(&text).with_context(|| format!("the answer of {}", self.url))
    }
}

/// TLS by rustls and ring; certificates are judged as the operating system does.
fn tls() -> TlsConfig {
    TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::PlatformVerifier)
        .build()
}

/// Runs `line` in a shell, with the body of the request as JSON on standard input, so that
/// `curl --json @- URL` is a command.
fn ask_command(line: &str, call: &PlannedCall, timeout: Duration) -> anyhow::Result<Answer> {
    let request = serde_json::to_vec(&fusion_plan::body(&call.call.request))?;
    let mut child = shell(line)
        .env("FUSION_SCENARIO", &call.scenario)
        .env("FUSION_SAMPLE", call.call.sample.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|err| refusal(Exit::UNREACHABLE, format!("`{line}` does not start: {err}")))?;
    let (mut stdin, stdout) =
        (child.stdin.take().context("no input")?, child.stdout.take().context("no output")?);
    // A command that does not read its input closes it; that is its business.
    thread::spawn(move || stdin.write_all(&request).ok());
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.take(MAX_ANSWER).read_to_string(&mut text).map(|_| text);
        sender.send(read).ok();
    });
    let Ok(text) = receiver.recv_timeout(timeout) else {
        child.kill().ok();
        child.wait().ok();
        let message = format!("`{line}` did not answer within {} s", timeout.as_secs());
        return Err(refusal(Exit::UNREACHABLE, message));
    };
    let status = child.wait().with_context(|| format!("waiting for `{line}`"))?;
    if !status.success() {
        return Err(refusal(Exit::UNREACHABLE, format!("`{line}` failed: {status}")));
    }
    let text = text.with_context(|| format!("reading the answer of `{line}`"))?;
    answer_of(&text).with_context(|| format!("the answer of `{line}`"))
}

#[cfg(unix)]
fn shell(line: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", line]);
    command
}

#[cfg(not(unix))]
fn shell(line: &str) -> Command {
    let mut command = Command::new("cmd");
    command.args(["/C", line]);
    command
}

/// `{"text": …}`, or the response of the OpenAI-compatible API.
#[derive(Deserialize)]
struct RawAnswer {
    text: Option<String>,
    finish_reason: Option<String>,
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<RawUsage>,
    system_fingerprint: Option<String>,
}

#[derive(Deserialize)]
struct Choice {
    message: ChoiceMessage,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct ChoiceMessage {
    content: Option<String>,
}

#[derive(Deserialize)]
struct RawUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

fn answer_of(text: &str) -> anyhow::Result<Answer> {
    let raw: RawAnswer = serde_json::from_str(text).map_err(|err| {
        refusal(Exit::UNREACHABLE, format!("no answer ({err}): {}", beginning(text)))
    })?;
    let choice = raw.choices.into_iter().next();
    let (content, reason) = match (raw.text, choice) {
        (Some(text), _) => (Some(text), raw.finish_reason),
        (None, Some(choice)) => (choice.message.content, choice.finish_reason),
        (None, None) => (None, None),
    };
    let Some(text) = content else {
        let message = format!("neither `text` nor `choices` in it: {}", beginning(text));
        return Err(anyhow!(refusal(Exit::UNREACHABLE, message)));
    };
    let usage = raw.usage.map_or_else(Usage::default, |it| Usage {
        prompt_tokens: it.prompt_tokens,
        completion_tokens: it.completion_tokens,
    });
    Ok(Answer {
        response: Response { text, finish_reason: reason.unwrap_or_default() },
        usage,
        fingerprint: raw.system_fingerprint,
    })
}

/// The beginning of a text on one line, for messages.
fn beginning(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(300) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line,
    }
}
