use std::io::{self, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{CheckVerdict, Facts, Judged};

/// The most bytes of each output that are kept; the rest is read and dropped.
const MAX_OUTPUT: u64 = 16 << 10;
/// How often a command is asked whether it has ended.
const POLL: Duration = Duration::from_millis(5);

/// Runs a command; exit code 0 passes. What it started ends with it. It runs in `dir`, where
/// a program with a relative path is looked for too.
pub(super) fn run(
    argv: &[String],
    facts: &Facts<'_>,
    dir: Option<&Path>,
    timeout: Duration,
) -> Judged {
    let Some((program, arguments)) = argv.split_first() else {
        return (CheckVerdict::Missing, "no program is named".to_owned());
    };
    let place = dir.filter(|_| program.contains('/')).map(|it| it.join(program));
    let mut command = place.map_or_else(|| Command::new(program), Command::new);
    if let Some(dir) = dir {
        command.current_dir(dir);
    }
    command.args(arguments).envs(facts.iter().map(|(key, value)| (key, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that a timeout ends its children too.
    let child = command.process_group(0).spawn();
    match child.and_then(|child| watch(child, timeout)) {
        Ok(judged) => judged,
        Err(err) => (CheckVerdict::Missing, format!("`{program}` cannot be run: {err}")),
    }
}

fn watch(mut child: Child, timeout: Duration) -> io::Result<Judged> {
    let outputs = [child.stderr.take().map(keep), child.stdout.take().map(keep)];
    let status = wait(&mut child, timeout)?;
    end(&child);
    child.wait()?;
    let output = said(outputs);
    let Some(status) = status else {
        let limit = crate::span::Span(timeout);
        return Ok((CheckVerdict::Failed, format!("no end after {limit}\n{output}")));
    };
    if status.success() {
        return Ok((CheckVerdict::Passed, output));
    }
    Ok((CheckVerdict::Failed, format!("{}\n{output}", shown(status))))
}

/// How it ended; `None` where the time was over first.
fn wait(child: &mut Child, timeout: Duration) -> io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if began.elapsed() >= timeout {
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

/// Ends the whole group; one that has ended already is none.
fn end(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        kill_process_group(pid, Signal::KILL).ok();
    }
}

/// Reads an output to its end on a thread of its own, so that a full pipe stops nobody.
fn keep(mut output: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        // What fails to be read is missing from the message, and decides nothing.
        output.by_ref().take(MAX_OUTPUT).read_to_end(&mut kept).ok();
        io::copy(&mut output, &mut io::sink()).ok();
        sender.send(kept).ok();
    });
    receiver
}

/// The outputs, errors first. A process that left the group may still hold a pipe.
fn said(outputs: [Option<Receiver<Vec<u8>>>; 2]) -> String {
    let wait = Duration::from_secs(1);
    let kept = outputs.into_iter().flatten().filter_map(|it| it.recv_timeout(wait).ok());
    kept.map(|it| String::from_utf8_lossy(&it).into_owned()).collect()
}

fn shown(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}
