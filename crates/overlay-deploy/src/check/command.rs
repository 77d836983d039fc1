use std::io::{self, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{CheckVerdict, Facts, Judged};

/// The most bytes of each output that are kept; the rest is read and dropped.
const MAX_OUTPUT: usize = 16 << 10;
/// How often a command is asked whether it has ended.
const POLL: Duration = Duration::from_millis(5);
/// How long an output may go on after the command has ended, and its group with it.
const PATIENCE: Duration = Duration::from_secs(10);

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
    let outputs = [child.stderr.take().map(Kept::of), child.stdout.take().map(Kept::of)];
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

/// The beginning of an output, which is read to its end on a thread of its own, so that a full
/// pipe stops nobody.
struct Kept {
    text: Arc<Mutex<Vec<u8>>>,
    /// Ends with the output.
    end: Receiver<()>,
}

impl Kept {
    fn of(mut output: impl Read + Send + 'static) -> Self {
        let (sender, end) = mpsc::channel::<()>();
        let text = Arc::<Mutex<Vec<u8>>>::default();
        let kept = Arc::clone(&text);
        thread::spawn(move || {
            let _open = sender;
            let mut bytes = vec![0; 8 << 10];
            loop {
                let len = match output.read(&mut bytes) {
                    Ok(len @ 1..) => len,
                    Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
                    // What fails to be read is missing from the message, and decides nothing.
                    Ok(0) | Err(_) => break,
                };
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let room = MAX_OUTPUT - kept.len();
                kept.extend(bytes.iter().take(len.min(room)));
            }
        });
        Self { text, end }
    }

    /// What was kept. A process that left the group may still hold the pipe: what it says later
    /// is not waited for.
    fn text(self) -> String {
        // It ends, or takes too long.
        let _ = self.end.recv_timeout(PATIENCE);
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// The outputs, errors first.
fn said(outputs: [Option<Kept>; 2]) -> String {
    outputs.into_iter().flatten().map(Kept::text).collect()
}

fn shown(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}
