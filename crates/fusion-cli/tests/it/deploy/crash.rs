//! `kill -9` in the middle, followed by any command.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::json;

use super::{deploy, deployed, edit, floor, status};
use crate::binary::{fusion, run};

/// A process that drives a rollout, once its canary has a share.
pub(crate) struct Deploying {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Deploying {
    /// Deploys the trust floor 0.7 in stages.
    pub(super) fn start(dir: &Path, args: &[&str]) -> Self {
        edit(dir, "0.7");
        Self::run(dir, &[&["apply", "refund.txt", "--mode", "staged"], args].concat())
    }

    /// Runs `fusion deploy` with `args` until there is a canary.
    pub(crate) fn run(dir: &Path, args: &[&str]) -> Self {
        let mut command = fusion(dir);
        command.args([&["deploy"], args, &["--root", "prod"]].concat());
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if stderr.read_line(&mut line).expect("UTF-8") == 0 {
                break;
            }
            if line.contains(": canary ") || line.contains(": checks after") {
                return Self { child, stderr };
            }
            lines.push(line);
        }
        child.wait().ok();
        panic!("no canary: {lines:#?}");
    }

    /// Ends it at once, with nothing put in order.
    pub(super) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Ends it as Ctrl-C does: the exit code, and what it said on the way.
    #[cfg(unix)]
    pub(super) fn interrupt(self) -> (Option<i32>, String) {
        self.signal("-INT")
    }

    /// Sends it a signal: the exit code, and what it said on the way.
    #[cfg(unix)]
    pub(super) fn signal(mut self, signal: &str) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("kill runs");
        assert!(sent.success());
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).expect("UTF-8");
        (self.child.wait().expect("it ends").code(), said)
    }

    /// The exit code and what it printed, once it ends.
    pub(crate) fn end(self) -> (Option<i32>, String) {
        let output = self.child.wait_with_output().expect("it ends");
        (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
    }
}

/// A root whose deployer was killed while the candidate had 50 %.
pub(super) fn killed() -> tempfile::TempDir {
    let dir = deployed();
    Deploying::start(dir.path(), &["--stages", "50,100", "--bake", "20s"]).kill();
    assert_eq!(status(dir.path())["phase"], "canary");
    dir
}

#[test]
fn commands_that_read_show_it_as_it_is() {
    let dir = killed();
    let status = deploy(dir.path(), &["status", "--json"]).ends_with(0).json();
    assert_eq!(status["weight"], 50.0);
    assert_eq!(status["candidate"]["generation"], 2);
    assert_eq!(floor(dir.path()), "0.6", "the old one is in force");
    for args in [&["list"][..], &["show"], &["verify", "--all"]] {
        deploy(dir.path(), args).ends_with(0);
    }
    run(dir.path(), &["audit", "verify", "--root", "prod"]).ends_with(0);
    assert_eq!(super::status(dir.path()), status, "nothing was written");
}

#[test]
fn recover_takes_it_back() {
    let dir = killed();
    let ran = deploy(dir.path(), &["recover", "--json"]).ends_with(0).json();
    assert_eq!(ran["clean"], false);
    assert_eq!(ran["rollout"]["outcome"], "rolled_back");
    let status = status(dir.path());
    assert_eq!((&status["phase"], &status["candidate"]), (&json!("stable"), &json!(null)));
    assert_eq!(floor(dir.path()), "0.6");
    assert_eq!(deploy(dir.path(), &["recover", "--json"]).ends_with(0).json()["clean"], true);
    run(dir.path(), &["audit", "verify", "--root", "prod"]).ends_with(0);
}

#[test]
fn the_next_deployment_takes_it_back_first() {
    let dir = killed();
    edit(dir.path(), "0.9");
    let ran = deploy(dir.path(), &["apply", "refund.txt", "--mode", "direct"]).ends_with(0);
    assert!(ran.stderr.contains("before anything else"), "{ran:#?}");
    assert_eq!(floor(dir.path()), "0.9");
    let list = deploy(dir.path(), &["list"]).ends_with(0).stdout;
    assert!(list.contains("rolled back"), "{list}");
}

#[test]
fn resume_goes_on_with_it_and_promote_decides() {
    let dir = killed();
    deploy(dir.path(), &["pause"]).ends_with(0);
    let resumed = Deploying::run(dir.path(), &["resume"]);
    let ran = deploy(dir.path(), &["promote", "--yes"]).ends_with(0);
    assert!(ran.stdout.starts_with("deployed: generation 00000002 is in force"), "{ran:#?}");
    assert_eq!(resumed.end().0, Some(0));
    assert_eq!(floor(dir.path()), "0.7");
    assert_eq!(status(dir.path())["phase"], "stable");
}

/// As [`killed`], on the way back after a stage that failed.
fn killed_on_the_way_back() -> tempfile::TempDir {
    use overlay_store::audit::Entry;
    use overlay_store::{Change, Holder, Phase, Store};

    let dir = killed();
    let store = Store::open(&dir.path().join("prod")).expect("a root");
    let holder = Holder { pid: 1, host: "test".to_owned(), started_us: 1, deployment: None };
    let mut writer = store.lock(&holder).expect("the lock");
    let pointer = writer.current().cloned().expect("live");
    let id = pointer.deployment.clone().expect("a rollout");
    let kept = store.read_rollout(&id).expect("readable").expect("kept");
    let mut rollout: serde_json::Value = serde_json::from_slice(&kept).expect("JSON");
    rollout["abort"] = json!({"outcome": "rolled_back", "reasons": ["errors"], "at": "canary"});
    writer.write_rollout(&id, rollout.to_string().as_bytes()).expect("written");
    let entry = Entry {
        at_us: 1,
        actor: "test".to_owned(),
        host: "test".to_owned(),
        action: "aborting".to_owned(),
        env: "production".to_owned(),
        deployment: Some(id),
        generation: None,
        base: None,
        manifest_sha256: None,
        detail: json!(null),
    };
    let change = Change { deployment: pointer.deployment, ..Change::to(pointer.stable) };
    let change = Change { phase: Phase::Aborting, ..change };
    writer.switch(Some(pointer.epoch), change, entry).expect("on the way");
    dir
}

#[test]
fn a_rollback_finds_it_rolled_back() {
    let dir = killed_on_the_way_back();
    let ran = deploy(dir.path(), &["rollback"]).ends_with(0);
    assert!(ran.stdout.starts_with("rolled back: generation 00000001 is in force"), "{ran:#?}");
    assert_eq!(floor(dir.path()), "0.6");
}

#[test]
fn an_abort_ends_it() {
    let dir = killed();
    let ran = deploy(dir.path(), &["abort"]).ends_with(0);
    assert!(ran.stdout.starts_with("aborted: generation 00000001 is in force"), "{ran:#?}");
    deploy(dir.path(), &["abort"]).ends_with(5);
    assert_eq!(floor(dir.path()), "0.6");
}
