//! What is refused, and in which words.

use serde_json::json;

use super::crash::Deploying;
use super::{apply, deploy, deployed, edit, floor, refund, status};
use crate::binary::{finish, folder, run, write};

#[test]
fn each_finding_is_said_once() {
    let dir = deployed();
    write(&dir.path().join("a.txt"), refund("7"));
    let ran = deploy(dir.path(), &["apply", "a.txt"]).ends_with(1);
    let all = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(all.matches("error[OVL").count(), 1, "{ran:#?}");
    let report = deploy(dir.path(), &["apply", "a.txt", "--json"]).ends_with(1).json();
    let errors = report["errors"].as_array().expect("a list");
    assert_eq!(errors.len(), 1, "{report:#}");
    let error = errors[0].as_str().expect("a text");
    assert!(error.starts_with("overlays/fusion_overlay.refund.txt:7:13: error[OVL"), "{error}");
}

#[test]
fn a_plan_runs_the_checks_of_the_tree() {
    let dir = deployed();
    write(&dir.path().join("a.txt"), refund("7"));
    let ran = deploy(dir.path(), &["plan", "a.txt"]).ends_with(1);
    assert!(ran.stdout.contains(":7:13: error[OVL"), "{ran:#?}");
    let ran = deploy(dir.path(), &["plan", "a.txt", "--json"]).ends_with(1).json();
    assert_eq!(ran["schema"], "fusion/deploy-refusal/1");
    assert_eq!(ran["findings"].as_array().expect("a list").len(), 1, "{ran:#}");
}

#[test]
fn a_name_that_is_a_path_is_shown_where_it_stands() {
    let dir = deployed();
    write(&dir.path().join("b.txt"), refund("0.7").replace("=refund", "=../../evil"));
    let ran = deploy(dir.path(), &["plan", "b.txt"]).ends_with(1);
    let line = "b.txt:2:14: error[DEP1113]: `../../evil` is no name of an overlay";
    assert!(ran.stdout.starts_with(line), "{ran:#?}");
    assert!(!ran.stdout.contains("DEP1106"), "{ran:#?}");
}

#[test]
fn a_command_that_fails_first_leaves_no_root() {
    let dir = folder(&[]);
    deploy(dir.path(), &["apply", "x/nofile"]).ends_with(65);
    write(&dir.path().join("a.txt"), refund("7"));
    deploy(dir.path(), &["apply", "a.txt"]).ends_with(1);
    write(&dir.path().join("b.txt"), "no overlay");
    deploy(dir.path(), &["apply", "b.txt", "--json"]).ends_with(1);
    edit(dir.path(), "0.6");
    deploy(dir.path(), &["apply", "refund.txt", "--base-epoch", "7"]).ends_with(9);
    deploy(dir.path(), &["promote", "--from-root", "gone"]).ends_with(65);
    assert!(!dir.path().join("prod").exists());
}

#[test]
fn stages_without_a_staged_deployment_are_refused() {
    let dir = deployed();
    edit(dir.path(), "0.7");
    let ran = deploy(dir.path(), &["apply", "refund.txt", "--mode", "direct", "--stages", "5,100"]);
    assert!(ran.ends_with(64).stderr.contains("--stages"));
    let ran = deploy(dir.path(), &["apply", "refund.txt", "--stages", "5,100"]).ends_with(1);
    assert!(ran.stdout.contains("DEP1114"), "{ran:#?}");
    assert_eq!(floor(dir.path()), "0.6");
}

#[test]
fn hints_can_be_typed() {
    let dir = deployed();
    edit(dir.path(), "0.7");
    let ran = deploy(dir.path(), &["apply", "refund.txt"]).ends_with(0);
    assert!(ran.stdout.contains("fusion deploy rollback --root prod\n"), "{ran:#?}");
    let said = |args: &[&str]| deploy(dir.path(), args).stderr;
    assert!(said(&["rollback", "--to", "99"]).contains("there is no generation 00000099"));
    assert!(said(&["rollback", "--steps", "4"]).contains("there is nothing 4 steps back"));
    assert!(said(&["show", "nobody"]).contains("no generation has the name `nobody`"));
    deploy(dir.path(), &["pin", "5"]).ends_with(64);
    let log = ["audit", "log", "--root", "prod", "--action", "nonsense"];
    let ran = run(dir.path(), &log).ends_with(0);
    assert!(ran.stderr.contains("no record has the action `nonsense`"), "{ran:#?}");
}

#[test]
fn samples_are_of_a_deployment_that_is_there_and_of_a_moment_that_was() {
    let dir = deployed();
    let sample = |args: &[&str]| {
        let one = ["sample", "--arm", "control", "--duration", "1ms"];
        deploy(dir.path(), &[&one[..], args].concat())
    };
    sample(&[]).ends_with(5);
    sample(&["--deployment", "019b76da-a800-7fff-bfff-ffffffffffff"]).ends_with(65);
    sample(&["--deployment", "../x"]).ends_with(65);
    let id = status(dir.path())["deployment"].as_str().expect("an id").to_owned();
    sample(&["--deployment", &id, "--count", "0"]).ends_with(64);
    sample(&["--deployment", &id]).ends_with(0);
    let line = json!({"arm": "control", "result": "success", "duration_us": 1, "at_us": i64::MAX});
    write(&dir.path().join("s.jsonl"), format!("{line}\n"));
    let late = ["sample", "--deployment", &id, "--file", "s.jsonl"];
    let ran = deploy(dir.path(), &late).ends_with(65);
    assert!(ran.stderr.contains("s.jsonl:1: at_us"), "{ran:#?}");
    let help = deploy(dir.path(), &["sample", "--help"]).ends_with(0).stdout;
    assert!(help.contains("{\"arm\": \"candidate\"") && !help.contains('\\'), "{help}");
}

const RULES: &str = "\
[environments.development]
checks = [\"smoke\"]

[checks.smoke]
kind = \"command\"
argv = [\"./smoke.sh\"]
when = [\"pre\"]
";

#[cfg(unix)]
#[test]
fn a_command_knows_the_root_and_the_tree() {
    use std::process::{Command, Stdio};

    let dir = folder(&[("deploy.toml", RULES)]);
    edit(dir.path(), "0.6");
    deploy(dir.path(), &["apply", "refund.txt", "--with", "deploy.toml"]).ends_with(0);
    let text = "#!/bin/sh\ngrep -q TRUST_FLOOR=0.7 \
                \"$FUSION_TREE/overlays/fusion_overlay.refund.txt\" && \
                test \"$PWD\" = \"$FUSION_ROOT\" && test -f CURRENT\n";
    // Written by another process: what is being written cannot be run, and a child of this one
    // would have it open too while it is being started.
    let mut shell = Command::new("sh");
    shell.args(["-c", "cat > smoke.sh; chmod 755 smoke.sh"]).stdin(Stdio::piped());
    finish(shell.current_dir(dir.path().join("prod")), text.as_bytes()).ends_with(0);
    apply(dir.path(), "0.7");
    edit(dir.path(), "0.8");
    let ran = deploy(dir.path(), &["apply", "refund.txt"]).ends_with(1);
    assert!(ran.stdout.contains("smoke failed: exit code 1"), "{ran:#?}");
}

#[cfg(unix)]
#[test]
fn a_terminal_that_is_closed_is_an_interrupt() {
    for signal in ["-HUP", "-TERM"] {
        let dir = deployed();
        let deploying = Deploying::start(dir.path(), &["--stages", "50,100", "--bake", "30s"]);
        let (code, said) = deploying.signal(signal);
        assert_eq!(code, Some(11), "{signal}: {said}");
        assert!(said.contains("`fusion deploy resume --root prod`"), "{signal}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_says_what_stays() {
    let dir = deployed();
    let deploying = Deploying::start(dir.path(), &["--stages", "50,100", "--bake", "30s"]);
    let (code, said) = deploying.interrupt();
    assert_eq!(code, Some(11), "{said}");
    assert!(said.contains("(canary at 50 %): `fusion deploy resume --root prod`"), "{said}");
    let ran = deploy(dir.path(), &["status", "--json"]).ends_with(0).json();
    assert_eq!(ran["health"]["status"], "degraded");
    let why = "the process that drove it ended: resume, recover or abort";
    assert_eq!(ran["health"]["reasons"], json!([why]));
    assert!(deploy(dir.path(), &["list"]).stdout.contains(why));
    deploy(dir.path(), &["recover"]).ends_with(0);
}

#[test]
fn a_stage_takes_as_long_as_somebody_says_and_never_less_than_it_bakes() {
    let dir = deployed();
    edit(dir.path(), "0.7");
    let plan = |args: &[&str]| {
        let staged = ["plan", "refund.txt", "--mode", "staged", "--stages", "50,100"];
        deploy(dir.path(), &[&staged[..], args].concat())
    };
    let ran = plan(&["--bake", "10s", "--max-stage", "2h"]).ends_with(2);
    assert!(
        ran.stdout.contains(", pausing after 2h\ntakes at least 20s, at most 4h\n"),
        "{ran:#?}"
    );
    let ran = plan(&["--max-stage", "2h", "--json"]).ends_with(2).json();
    assert_eq!(ran["rules"]["max_stage"], "2h");
    let ran = plan(&["--bake", "1h", "--max-stage", "59m"]).ends_with(64);
    assert!(ran.stderr.contains("--max-stage 59m is shorter than --bake 1h"), "{ran:#?}");
    plan(&["--max-stage", "soon"]).ends_with(64);
    let direct = ["apply", "refund.txt", "--mode", "direct", "--max-stage", "2h"];
    assert!(deploy(dir.path(), &direct).ends_with(64).stderr.contains("--mode staged"));
    let ran = deploy(dir.path(), &["apply", "refund.txt", "--max-stage", "2h"]).ends_with(1);
    assert!(ran.stdout.contains("DEP1114"), "{ran:#?}");
    assert_eq!(floor(dir.path()), "0.6");
    // Nobody says how answers end: it pauses when it is told to.
    let staged = ["apply", "refund.txt", "--mode", "staged", "--bake", "0s", "--max-stage", "1s"];
    deploy(dir.path(), &staged).ends_with(3);
}
