//! What is said by the way.

use super::{deploy, deployed};
use crate::binary::run;

#[cfg(unix)]
#[test]
fn a_machine_is_told_of_an_interrupt_too() {
    use std::process::Stdio;

    use rustix::process::{Pid, Signal, kill_process};
    use serde_json::json;

    use super::{edit, status};
    use crate::binary::{fusion, wait_for};

    for signal in [Signal::INT, Signal::TERM] {
        let dir = deployed();
        edit(dir.path(), "0.7");
        let mut command = fusion(dir.path());
        command.args(["deploy", "apply", "refund.txt", "--root", "prod", "--mode", "staged"]);
        command.args(["--stages", "50,100", "--bake", "60s", "--json"]);
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = piped.spawn().expect("it starts");
        wait_for("a canary", || (status(dir.path())["phase"] == "canary").then_some(()));
        kill_process(Pid::from_child(&child), signal).expect("it runs");
        let ended = child.wait_with_output().expect("it ends");
        assert_eq!(ended.status.code(), Some(11), "{ended:?}");
        let said: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("JSON");
        assert_eq!(
            (&said["schema"], &said["exit_code"]),
            (&json!("fusion/error/1"), &json!(11)),
            "{said:#}"
        );
        let why = said["error"].as_str().expect("a text");
        assert!(why.contains("`fusion deploy resume --root prod`"), "{why}");
    }
}

#[test]
fn the_log_says_which_name_a_generation_got() {
    let dir = deployed();
    deploy(dir.path(), &["pin", "release-1", "1"]).ends_with(0);
    deploy(dir.path(), &["unpin", "release-1"]).ends_with(0);
    let log = run(dir.path(), &["audit", "log", "--root", "prod"]).ends_with(0).stdout;
    let line = |action: &str| {
        let is_it = |it: &&str| it.contains(&format!("  {action} "));
        log.lines().find(is_it).expect("a record").to_owned()
    };
    assert!(line("pin").ends_with("  generation 00000001  `release-1`"), "{log}");
    assert!(line("unpin").ends_with("  `release-1`"), "{log}");
}
