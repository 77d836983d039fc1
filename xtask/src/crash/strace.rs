use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Output};

use anyhow::Context as _;

/// The program, and the package that has it.
pub(super) const NEEDED: (&str, &str) = ("strace", "strace");

/// The signal of a process that was killed.
const SIGKILL: i32 = 9;

/// A system call of a command: the how-manieth of its name.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Point {
    pub(super) call: String,
    pub(super) nth: usize,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.call, self.nth)
    }
}

/// What happens to a command at a point.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Harm {
    /// It is killed before the call.
    Kill,
    /// The call fails with this error, without effect.
    Error(&'static str),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// All is done.
    Done,
    /// It says that nothing happened after its last acknowledgement.
    Refused,
    /// It says that it does not know.
    Unknown,
    /// By a signal.
    Killed,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) end: End,
    pub(super) stdout: Vec<u8>,
    /// The last line of standard error.
    message: String,
}

impl Outcome {
    /// What `output` says; `done` is the exit code where all is done.
    pub(super) fn of(output: Output, done: i32) -> Self {
        let text = String::from_utf8_lossy(&output.stderr);
        let message = text.trim().lines().last().unwrap_or_default().to_owned();
        Self { end: end(output.status, done), stdout: output.stdout, message }
    }

    #[cfg(test)]
    pub(super) fn new(end: End, stdout: Vec<u8>) -> Self {
        Self { end, stdout, message: String::new() }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} `{}`", self.end, self.message)
    }
}

/// `strace` ends as the program under it does, also by a signal.
fn end(status: ExitStatus, done: i32) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) if code == done => End::Done,
        (Some(11), _) => End::Unknown,
        (None, Some(SIGKILL)) => End::Killed,
        _ => End::Refused,
    }
}

/// Runs a command, which ends with `done` where all is done, with harm at a point.
pub(super) fn harmed(
    words: &[String],
    done: i32,
    point: &Point,
    harm: Harm,
) -> anyhow::Result<Outcome> {
    let Point { call, nth } = point;
    let what = match harm {
        Harm::Kill => "signal=KILL".to_owned(),
        Harm::Error(error) => format!("error={error}"),
    };
    let mut command = strace(Path::new("/dev/null"), call);
    command.arg("-e").arg(format!("inject={call}:{what}:when={nth}")).args(words);
    Ok(Outcome::of(command.output().context("starting strace")?, done))
}

/// A command whose syncs do nothing.
pub(super) fn without_syncs(words: &[String]) -> Command {
    let mut command = strace(Path::new("/dev/null"), "fsync,fdatasync");
    command.args(["-e", "inject=fsync,fdatasync:retval=0"]).args(words);
    command
}

/// Runs a command unharmed, and gives the system calls it made in the order of their first.
pub(super) fn recorded(
    words: &[String],
    done: i32,
    trace: &Path,
) -> anyhow::Result<(Outcome, Vec<Call>)> {
    let output = strace(trace, "all").args(words).output().context("starting strace")?;
    let text = std::fs::read(trace).context("reading the trace")?;
    Ok((Outcome::of(output, done), calls(&String::from_utf8_lossy(&text))))
}

fn strace(trace: &Path, calls: &str) -> Command {
    let mut command = Command::new(NEEDED.0);
    command.args(["-f", "-qq", "-o"]).arg(trace).arg("-e").arg(format!("trace={calls}"));
    command
}

/// A system call that a command made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Call {
    pub(super) point: Point,
    /// Whether it may change what is on the disk, or says something.
    pub(super) changes: bool,
}

/// The calls of a trace. `strace` counts them for each thread and name.
fn calls(trace: &str) -> Vec<Call> {
    let mut counted = BTreeMap::<(&str, &str), usize>::new();
    let mut res: Vec<Call> = Vec::new();
    for line in trace.lines() {
        let start = line.find(|it: char| it.is_ascii_alphabetic() || it == '<').unwrap_or(0);
        let (thread, rest) = line.split_at_checked(start).unwrap_or_default();
        let Some((call, args)) = rest.split_once('(') else { continue };
        if !call.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_') {
            continue;
        }
        let nth = counted.entry((thread, call)).or_default();
        *nth += 1;
        let point = Point { call: call.to_owned(), nth: *nth };
        let changes = changes(call, args);
        match res.iter_mut().find(|it| it.point == point) {
            Some(known) => known.changes |= changes,
            None => res.push(Call { point, changes }),
        }
    }
    res
}

fn changes(call: &str, args: &str) -> bool {
    let prefixes = ["write", "pwrite", "fsync", "fdatasync", "rename", "mkdir", "unlink", "rmdir"];
    let others = ["ftruncate", "truncate", "link", "linkat", "symlink", "symlinkat", "flock"];
    let changes = prefixes.iter().any(|it| call.starts_with(it)) || others.contains(&call);
    changes || call.starts_with("open") && ["O_CREAT", "O_TRUNC"].iter().any(|it| args.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_a_trace_are_counted_by_thread_and_name() {
        let trace = "\
7 execve(\"/bin/change\", [\"change\"], 0x7ff /* 9 vars */) = 0
7 openat(3, \"LOCK\", O_RDONLY|O_CREAT|O_CLOEXEC, 0644) = 4
7 openat(3, \"gen\", O_RDONLY|O_DIRECTORY) = 5
8 openat(3, \"gen\", O_RDONLY|O_DIRECTORY <unfinished ...>
7 fsync(5) = 0
8 <... openat resumed>) = 6
7 +++ exited with 0 +++
";
        let found = calls(trace);
        let found: Vec<_> = found.iter().map(|it| (it.point.to_string(), it.changes)).collect();
        let expect =
            [("execve 1", false), ("openat 1", true), ("openat 2", false), ("fsync 1", true)];
        assert_eq!(found, expect.map(|(point, changes)| (point.to_owned(), changes)));
    }
}
