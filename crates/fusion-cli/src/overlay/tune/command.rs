//! Evaluation by a command: an overlay's path in, a line of JSON for each scenario out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use overlay_model::Overlay;
use serde_json::{Map, Value};

use super::fault::Fault;
use super::goal::Values;
use super::interrupt::{Interrupt, Wish};

/// The most bytes that are read of what a command writes.
const MAX_OUTPUT: u64 = 16 << 20;
/// What stands for the path of the candidate, and the variable that holds it.
const PLACE: &str = "{overlay}";
const VARIABLE: &str = "FUSION_OVERLAY";
/// How long a command may take to end where somebody wants it to.
const GRACE: Duration = Duration::from_secs(2);
/// How often is looked whether somebody does.
const BEAT: Duration = Duration::from_millis(50);

/// A command that evaluates candidates.
pub(super) struct Evaluation {
    line: String,
    timeout: Duration,
    /// Where the candidate is written, under the name that the overlay's file has.
    file: PathBuf,
    /// Keeps the folder of the file.
    _dir: tempfile::TempDir,
    /// What the command is told of each scenario, by id.
    scenarios: BTreeMap<String, Value>,
    /// The values it has to give.
    names: BTreeSet<String>,
    interrupt: Interrupt,
}

/// What came of a running command.
enum Part {
    Stdout(std::io::Result<Vec<u8>>),
    Stderr(Vec<u8>),
    End(std::io::Result<ExitStatus>),
}

/// All that came so far.
#[derive(Default)]
struct Parts {
    stdout: Option<std::io::Result<Vec<u8>>>,
    stderr: Option<Vec<u8>>,
    status: Option<std::io::Result<ExitStatus>>,
}

impl Parts {
    fn is_whole(&self) -> bool {
        self.stdout.is_some() && self.stderr.is_some() && self.status.is_some()
    }

    /// The stream that has more than is read.
    fn overflowing(&self) -> Option<&'static str> {
        let is_over = |it: &Vec<u8>| it.len() as u64 > MAX_OUTPUT;
        let stdout = self.stdout.as_ref().and_then(|it| it.as_ref().ok());
        let streams = [("output", stdout), ("error", self.stderr.as_ref())];
        streams.into_iter().find_map(|(name, it)| it.filter(|it| is_over(it)).map(|_| name))
    }

    /// Takes what comes until all is there or too much, `until` at most.
    fn wait(&mut self, from: &Receiver<Part>, until: Instant) {
        while !self.is_whole() && self.overflowing().is_none() {
            let left = until.saturating_duration_since(Instant::now());
            match from.recv_timeout(left) {
                Ok(Part::Stdout(it)) => self.stdout = Some(it),
                Ok(Part::Stderr(it)) => self.stderr = Some(it),
                Ok(Part::End(it)) => self.status = Some(it),
                Err(_) => return,
            }
        }
    }
}

impl Evaluation {
    /// Whether `line` says where the candidate is to be named.
    pub(super) fn names_overlay(line: &str) -> bool {
        line.contains(PLACE) || line.contains(VARIABLE)
    }

    /// An evaluation by the shell command `line`, which is given `timeout`. `file_name` is
    /// that of the overlay, `scenarios` what the command is told of each.
    pub(super) fn new(
        line: &str,
        timeout: Duration,
        file_name: &str,
        scenarios: BTreeMap<String, Value>,
        names: BTreeSet<String>,
    ) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir().context("making a folder for candidates")?;
        let file = dir.path().join(file_name);
        let line = line.replace(PLACE, &quoted(&file.display().to_string()));
        let interrupt = Interrupt::watch()?;
        Ok(Self { line, timeout, file, _dir: dir, scenarios, names, interrupt })
    }

    /// The values of `overlay` on the scenarios `asked`.
    pub(super) fn values(
        &self,
        overlay: &Overlay,
        asked: &[String],
    ) -> Result<BTreeMap<String, Values>, Fault> {
        fs::write(&self.file, overlay.source()).map_err(Fault::Write)?;
        let mut input = String::new();
        for id in asked {
            let told = self.scenarios.get(id).map(Value::to_string);
            input.push_str(&told.unwrap_or_default());
            input.push('\n');
        }
        let text = self.run(input)?;
        self.read(&text, asked)
    }

    /// Runs the command to its end and gives what it wrote.
    fn run(&self, input: String) -> Result<String, Fault> {
        if self.interrupt.told().is_some() {
            return Err(Fault::Interrupted);
        }
        let mut child = shell(&self.line)
            .env(VARIABLE, &self.file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Fault::Start)?;
        let id = child.id();
        let (sender, receiver) = mpsc::channel();
        watch(&mut child, input, &sender);
        // The command may leave others behind that hold its output: all is waited for
        // together, and ended together.
        thread::spawn(move || sender.send(Part::End(child.wait())).ok());
        let end = Instant::now() + self.timeout;
        let mut ran = Parts::default();
        while !ran.is_whole() {
            if let Some(wish) = self.interrupt.told() {
                forward(id, wish);
                ran.wait(&receiver, Instant::now() + GRACE);
                stop(id);
                return Err(Fault::Interrupted);
            }
            if Instant::now() >= end {
                stop(id);
                return Err(Fault::TimedOut { seconds: self.timeout.as_secs() });
            }
            ran.wait(&receiver, end.min(Instant::now() + BEAT));
            // Once nobody reads any more, a command is ended by its next line, or waits.
            if let Some(stream) = ran.overflowing() {
                stop(id);
                return Err(Fault::TooMuch { most: MAX_OUTPUT, stream });
            }
        }
        let Parts { stdout, stderr, status } = ran;
        let unread = |why: &dyn std::fmt::Display| Fault::Output { why: why.to_string() };
        let (Some(stdout), Some(Ok(status))) = (stdout, status) else {
            return Err(unread(&"its end was not seen"));
        };
        if !status.success() {
            let stderr = last_line(&stderr.unwrap_or_default());
            return Err(Fault::Failed { status, stderr });
        }
        let bytes = stdout.map_err(|err| unread(&err))?;
        String::from_utf8(bytes).map_err(|_| unread(&"it is no UTF-8"))
    }

    fn read(&self, text: &str, asked: &[String]) -> Result<BTreeMap<String, Values>, Fault> {
        let mut res = BTreeMap::new();
        let lines = (1..).zip(text.lines()).filter(|(_, it)| !it.trim().is_empty());
        for (line, text) in lines {
            let (scenario, fields) = object(line, text)?;
            if !asked.contains(&scenario) {
                return Err(Fault::NotAsked { line, scenario });
            }
            let values = self.numbers(&scenario, &fields)?;
            if res.insert(scenario.clone(), values).is_some() {
                return Err(Fault::Twice { line, scenario });
            }
        }
        let silent: Vec<_> = asked.iter().filter(|it| !res.contains_key(*it)).cloned().collect();
        if silent.is_empty() { Ok(res) } else { Err(Fault::Silent { scenarios: silent }) }
    }

    /// The values that are needed; whatever else a line says is its own business.
    fn numbers(&self, scenario: &str, fields: &Map<String, Value>) -> Result<Values, Fault> {
        let number = |name: &String| {
            let (scenario, name) = (scenario.to_owned(), name.clone());
            match fields.get(&name) {
                None => Err(Fault::LeftOut { scenario, name }),
                Some(value) => match value.as_f64().filter(|it| it.is_finite()) {
                    Some(number) => Ok((name, number)),
                    None => Err(Fault::NoNumber { scenario, name, text: value.to_string() }),
                },
            }
        };
        self.names.iter().map(number).collect()
    }
}

/// How `serde_json` begins what it says of `1e999`.
const OUT_OF_RANGE: &str = "number out of range";

/// A line as an object with its scenario.
fn object(line: usize, text: &str) -> Result<(String, Map<String, Value>), Fault> {
    let short = || text.chars().take(200).collect::<String>();
    let fields = match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => fields,
        Err(err) if err.to_string().starts_with(OUT_OF_RANGE) => {
            return Err(Fault::OutOfRange { line, text: short() });
        }
        _ => return Err(not_finite(text).unwrap_or(Fault::NoObject { line, text: short() })),
    };
    match fields.get("scenario").and_then(Value::as_str) {
        Some(scenario) => Ok((scenario.to_owned(), fields)),
        None => Err(Fault::NoScenario { line, text: short() }),
    }
}

/// JSON has no NaN, and many programs write it nevertheless: what such a line is about,
/// `None` where it is something else.
fn not_finite(text: &str) -> Option<Fault> {
    let words = ["-Infinity", "Infinity", "NaN", "-inf", "inf", "nan"];
    let (word, plain) = words.iter().find_map(|word| {
        let plain = text.replace(&format!(":{word}"), ":null");
        let plain = plain.replace(&format!(": {word}"), ":null");
        let Ok(Value::Object(fields)) = serde_json::from_str(&plain) else { return None };
        Some(((*word).to_owned(), fields))
    })?;
    let (name, _) = plain.iter().find(|(_, value)| value.is_null())?;
    let scenario = plain.get("scenario").and_then(Value::as_str).unwrap_or_default();
    Some(Fault::NoNumber { scenario: scenario.to_owned(), name: name.clone(), text: word })
}

/// Feeds a command and reads what it writes, each on a thread of its own.
fn watch(child: &mut Child, input: String, sender: &Sender<Part>) {
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read its input closes it; that is its business.
        thread::spawn(move || stdin.write_all(input.as_bytes()).ok());
    }
    if let Some(stdout) = child.stdout.take() {
        let sender = sender.clone();
        thread::spawn(move || sender.send(Part::Stdout(bytes(stdout))).ok());
    }
    if let Some(stderr) = child.stderr.take() {
        let sender = sender.clone();
        thread::spawn(move || sender.send(Part::Stderr(bytes(stderr).unwrap_or_default())).ok());
    }
}

fn bytes(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut res = Vec::new();
    from.take(MAX_OUTPUT + 1).read_to_end(&mut res)?;
    Ok(res)
}

/// The last line that says something, at most 300 characters of it.
fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let last = text.lines().rev().find(|it| !it.trim().is_empty()).unwrap_or_default();
    last.trim().chars().take(300).collect()
}

/// A path as one word of the shell.
#[cfg(unix)]
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''"))
}

/// A path as one word of the shell.
#[cfg(not(unix))]
fn quoted(path: &str) -> String {
    format!("\"{path}\"")
}

/// The command in a group of its own, so that all it starts can be ended with it.
#[cfg(unix)]
fn shell(line: &str) -> Command {
    use std::os::unix::process::CommandExt as _;

    let mut command = Command::new("sh");
    command.args(["-c", line]).process_group(0);
    command
}

#[cfg(not(unix))]
fn shell(line: &str) -> Command {
    let mut command = Command::new("cmd");
    command.args(["/C", line]);
    command
}

/// Passes a wish on to the command and all it started.
#[cfg(unix)]
fn forward(id: u32, wish: Wish) {
    use rustix::process::Signal;

    let signal = match wish {
        Wish::Interrupt => Signal::INT,
        Wish::Terminate => Signal::TERM,
    };
    send(id, signal);
}

#[cfg(not(unix))]
fn forward(id: u32, _wish: Wish) {
    stop(id);
}

/// Ends the command with all it started.
#[cfg(unix)]
fn stop(id: u32) {
    send(id, rustix::process::Signal::KILL);
}

#[cfg(unix)]
fn send(id: u32, signal: rustix::process::Signal) {
    use rustix::process::{Pid, kill_process_group};

    if let Some(group) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // It may have ended in this moment.
        let _ = kill_process_group(group, signal);
    }
}

#[cfg(not(unix))]
fn stop(id: u32) {
    // It may have ended in this moment.
    let _ = Command::new("taskkill").args(["/T", "/F", "/PID", &id.to_string()]).output();
}
