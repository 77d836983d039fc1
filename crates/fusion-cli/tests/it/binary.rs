//! The binary, run as a user runs it.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Where nobody listens, and nobody will: a port that is given to no one who asks for any.
pub(crate) const NOBODY: &str = "127.0.0.1:1";

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|err| panic!("no JSON ({err}): {self:#?}"))
    }

    /// The run, which must have ended with `code`.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }
}

/// The binary in the folder `dir`, with nothing of the environment of the tests.
pub(crate) fn fusion(dir: &Path) -> Command {
    let mut command = Command::new(snapbox::cmd::cargo_bin!("fusion"));
    command.current_dir(dir).env_clear().stdin(Stdio::null());
    // Commands of `--answer-cmd` are looked for where a shell looks.
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
    // The most that there is: a busy machine is no service that does not answer.
    command.env("RESON__HEALTH__ANSWER_WITHIN_MS", "60000");
    command
}

/// Runs `fusion` with `args` in `dir`.
#[track_caller]
pub(crate) fn run(dir: &Path, args: &[impl AsRef<OsStr>]) -> Ran {
    finish(fusion(dir).args(args), b"")
}

/// Runs `fusion` with `args` in `dir` and `input` on its standard input.
#[track_caller]
pub(crate) fn run_with(dir: &Path, args: &[impl AsRef<OsStr>], input: &[u8]) -> Ran {
    finish(fusion(dir).args(args).stdin(Stdio::piped()), input)
}

/// Runs `command` to its end.
#[track_caller]
pub(crate) fn finish(command: &mut Command, input: &[u8]) -> Ran {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("fusion starts");
    if let Some(mut stdin) = child.stdin.take() {
        // A command that has seen enough closes its input.
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output().expect("fusion ends");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    let ran = Ran {
        code: output.status.code().expect("fusion ends by itself"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    };
    assert!(!ran.stderr.contains("panicked"), "{ran:#?}");
    ran
}

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        write(&dir.path().join(name), text);
    }
    dir
}

/// Writes a file and the folders above it.
pub(crate) fn write(path: &Path, text: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, text).expect("a file");
}

/// Gives a file of an installation that is served another content, at once.
pub(crate) fn replace(path: &Path, text: impl AsRef<[u8]>) {
    let fresh = path.with_file_name(".fresh");
    write(&fresh, text);
    std::fs::rename(fresh, path).expect("a file");
}

/// How long it is waited for what has to come.
const DEADLINE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(5);

/// Asks until there is something.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(began.elapsed() < DEADLINE, "waited in vain: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// The content of a file.
#[track_caller]
pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}
