use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{Ran, folder, fusion, read, run, wait_for, write};
use crate::overlay::REFUND;
use crate::suite;

/// Likes a trust floor of 0.75 alone; `cost` falls with it.
const SCORE: &str = r#"
floor=$(sed -n 's/^TRUST_FLOOR=//p' "$1")
sed -n 's/.*"scenario":"\([^"]*\)".*/\1/p' | awk -v floor="$floor" '{
    gap = floor - 0.75
    if (gap < 0) gap = -gap
    printf "{\"scenario\":\"%s\",\"quality\":%.4f,\"cost\":%.4f}\n", $1, 1 - 2 * gap, 2 - floor
}'
"#;

/// As [`SCORE`], and blocks at the fourth call until it is ended, where nothing says `go`.
const BLOCKING: &str = r#"
echo x >> calls
if [ ! -e go ] && [ "$(wc -l < calls)" -ge 4 ]; then
    touch blocked
    while kill -0 "$PPID" 2>/dev/null; do sleep 0.05; done
    exit 1
fi
. ./score.sh
"#;

const COMMON: &[&str] = &[
    "overlay",
    "tune",
    "refund.txt",
    "--key",
    "TRUST_FLOOR",
    "--scenario",
    "a",
    "--scenario",
    "b",
    "--scenario",
    "c",
    "--scenario",
    "d",
];

fn place() -> TempDir {
    folder(&[("refund.txt", REFUND), ("score.sh", SCORE), ("blocking.sh", BLOCKING)])
}

#[track_caller]
fn tune(dir: &Path, eval: &str, more: &[&str], code: i32) -> Ran {
    let args = [COMMON, &["--eval", eval, "--budget", "80"], more].concat();
    run(dir, &args).ends_with(code)
}

const QUALITY: &[&str] = &["--objective", "quality:max"];
const OUTPUT: &[&str] = &["-o", "tuned.txt"];

/// A run whose evaluator is `script`, and what it says on standard error.
#[track_caller]
fn refused(script: &str, message: &str) {
    refused_within("600", script, message);
}

/// The same, with so many seconds for an evaluation.
#[track_caller]
fn refused_within(timeout: &str, script: &str, message: &str) {
    let dir = place();
    write(&dir.path().join("odd.sh"), script);
    let more = [QUALITY, &["--timeout", timeout, "-o", "tuned.txt"]].concat();
    let ran = tune(dir.path(), "sh odd.sh {overlay}", &more, 69);
    assert!(ran.stderr.contains(message), "{}", ran.stderr);
    assert!(!dir.path().join("tuned.txt").exists());
}

#[track_caller]
fn valid(name: &str, value: &Value) {
    let (_, schema) = fusion_cli::schemas().into_iter().find(|it| it.0 == name).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    if let Err(err) = schema.validate(value) {
        panic!("{name}: {err} at {}: {value}", err.instance_path());
    }
}

#[test]
fn a_command_finds_what_it_likes_and_held_out_repeats_accept_it() {
    let dir = place();
    let files = ["--journal", "j.jsonl", "--report", "r.json", "--svg", "t.svg", "-o", "tuned.txt"];
    let ran = tune(dir.path(), "sh score.sh {overlay}", &[QUALITY, &files].concat(), 0);
    let line = "TRUST_FLOOR: 0.60 → 0.75, without it quality 0.2";
    assert!(ran.stdout.contains(line), "{}", ran.stdout);
    assert!(ran.stdout.contains("\naccepted: "), "{}", ran.stdout);
    let tuned = read(&dir.path().join("tuned.txt"));
    assert_eq!(tuned, REFUND.replace("=0.60", "=0.75"));
    assert_eq!(read(&dir.path().join("refund.txt")), REFUND);
    let report: Value = serde_json::from_str(&read(&dir.path().join("r.json"))).unwrap();
    assert_eq!(
        (&report["verdict"], &report["evaluation"]),
        (&"accepted".into(), &"command".into())
    );
    valid("tune-report", &report["search"]);
    for line in read(&dir.path().join("j.jsonl")).lines() {
        valid("tune-journal", &serde_json::from_str(line).unwrap());
    }
    assert!(read(&dir.path().join("t.svg")).contains("<svg"));
}

#[test]
fn what_is_not_enough_is_not_accepted() {
    let dir = place();
    // A hundredth of the cost is no gain of 0.05.
    let script = SCORE.replace("2 - floor", "100 - floor");
    write(&dir.path().join("slow.sh"), script);
    let more = ["--objective", "cost:min", "-o", "tuned.txt"];
    let ran = tune(dir.path(), "sh slow.sh {overlay}", &more, 1);
    assert!(ran.stdout.contains("\nrejected: "), "{}", ran.stdout);
    assert!(!dir.path().join("tuned.txt").exists());
}

#[test]
fn few_scenarios_are_not_enough_for_a_small_gain() {
    let dir = place();
    let script = SCORE.replace("1 - 2 * gap", "1 - 0.8 * gap");
    write(&dir.path().join("small.sh"), script);
    let ran = tune(dir.path(), "sh small.sh {overlay}", &[QUALITY, OUTPUT].concat(), 3);
    let because = "\ninsufficient: 4 scenarios are not enough to be sure: ";
    assert!(ran.stdout.contains(because), "{}", ran.stdout);
    assert!(!dir.path().join("tuned.txt").exists());
}

/// A sum near nothing, of which a hundredth of a hundredth would be a large share.
#[test]
fn a_weighted_sum_is_judged_by_what_its_values_are() {
    let dir = place();
    let script = r#"
floor=$(sed -n 's/^TRUST_FLOOR=//p' "$1")
[ "$floor" = 0.60 ] && cost=900 || cost=899
sed -n 's/.*"scenario":"\([^"]*\)".*/\1/p' | while read -r id; do
    printf '{"scenario":"%s","q":0.899,"c":%s}\n' "$id" "$cost"
done
"#;
    write(&dir.path().join("sum.sh"), script);
    let more = ["--objective", "q:max:1", "--objective", "c:min:0.001", "--json"];
    let json = tune(dir.path(), "sh sum.sh {overlay}", &[&more, OUTPUT].concat(), 1).json();
    assert_eq!(json["verdict"], "rejected");
    let judged = &json["held_out"]["objectives"][0];
    assert_eq!(judged["unit"], "weighted");
    assert!(judged["gain"].as_f64().unwrap() < 0.001, "{judged}");
    assert!(!dir.path().join("tuned.txt").exists());
}

#[test]
fn what_does_nothing_goes_back_and_guards_stay_where_they_are() {
    let dir = place();
    let keys = ["--key", "SAMPLES", "--key", "ADAPTIVE_CACHING", "--json"];
    let args = [QUALITY, &keys].concat();
    let json = tune(dir.path(), "sh score.sh {overlay}", &args, 0).json();
    let patch = json["search"]["patch"].as_array().unwrap();
    assert_eq!(patch.len(), 1, "{}", json["search"]["patch"]);
    assert_eq!(json["search"]["keys"][0]["key"], "TRUST_FLOOR");
    valid("tune-report", &json["search"]);

    let mut usual: Vec<_> = COMMON.to_vec();
    usual.drain(3..5);
    let eval = ["--eval", "sh score.sh {overlay}", "--budget", "40", "--json"];
    let json = run(dir.path(), &[&usual, QUALITY, &eval].concat()).json();
    for trial in json["search"]["trials"].as_array().unwrap() {
        let set = trial["set"].as_object().unwrap();
        assert!(!set.keys().any(|it| it.ends_with("_FLOOR") || it.starts_with("TRUST")), "{trial}");
    }
}

#[test]
fn several_objectives_have_a_front() {
    let dir = place();
    let more = ["--objective", "quality:max", "--objective", "cost:min", "--json"];
    let args = [COMMON, &["--eval", "sh score.sh {overlay}", "--budget", "60"], &more].concat();
    let json = run(dir.path(), &args).json();
    assert!(json["search"]["front"].as_array().unwrap().len() > 1, "{json}");
    valid("tune-report", &json["search"]);
}

#[test]
fn limits_that_nothing_keeps() {
    let dir = place();
    let more = [QUALITY, &["--limit", "quality>=2", "-o", "tuned.txt"]].concat();
    let ran = tune(dir.path(), "sh score.sh {overlay}", &more, 1);
    assert!(ran.stdout.contains("infeasible: no candidate keeps every limit"), "{}", ran.stdout);
    assert!(ran.stdout.contains(" comes nearest: `quality>=2` is missed by 1"), "{}", ran.stdout);
}

#[test]
fn a_space_without_room() {
    let dir = place();
    write(&dir.path().join("refund.txt"), format!("{REFUND}OVERLAY_PINNED=TRUST_FLOOR\n"));
    let ran = tune(dir.path(), "sh score.sh {overlay}", QUALITY, 64);
    assert!(ran.stderr.contains("`TRUST_FLOOR` is no key of the space: it is pinned"));
    let dir = place();
    let args = [QUALITY, &["--key", "SAMPLE"]].concat();
    let ran = tune(dir.path(), "sh score.sh {overlay}", &args, 64);
    let message = "there is no parameter `SAMPLE`, did you mean `SAMPLES`?";
    assert!(ran.stderr.contains(message), "{}", ran.stderr);
}

#[test]
fn an_evaluator_that_is_none() {
    refused("echo boom >&2; exit 3", "the evaluator failed (exit status: 3): boom");
    refused_within(
        "1",
        "sleep 600 & sleep 600",
        "the evaluator did not end within 1 s and was stopped",
    );
    refused("echo quality is fine", "line 1 is no JSON object: quality is fine");
    refused("echo '{\"quality\": 1}'", "line 1 names no `scenario`");
    refused("echo '{\"scenario\": \"z\", \"quality\": 1}'", "about `z`, which was not asked");
    let much = "the evaluator wrote more than 16777216 bytes to standard output and was stopped";
    refused("yes 'quality is fine'", much);
    refused("trap '' PIPE; yes >&2; exec sleep 6000", &much.replace("output", "error"));
    refused("true", "the evaluator said nothing about a, b, c, d");
    let nan = SCORE.replace("%.4f,\\\"cost", "NaN,\\\"cost").replace("$1, 1 - 2 * gap", "$1");
    refused(&nan, "`quality` of scenario `a` is NaN: only finite numbers can be compared");
    let huge = SCORE.replace("quality\\\":%.4f", "quality\\\":1e308");
    let huge = huge.replace("$1, 1 - 2 * gap", "$1");
    refused(&huge, "`quality` of scenario `a` is 1e308: nothing beyond 1e100 can be added up");
    let endless = huge.replace("1e308", "1e999");
    refused(&endless, "line 1 has a number that is out of range: {\"scenario\":\"a\"");
    refused(&SCORE.replace("quality", "beauty"), "gave no value of `quality` for scenario `a`");
}

#[test]
fn a_fault_later_on_is_no_result() {
    let dir = place();
    let script =
        format!("[ \"$(sed -n 's/^TRUST_FLOOR=//p' \"$1\")\" != 0.75 ] || exit 1\n{SCORE}");
    write(&dir.path().join("some.sh"), script);
    let args = [QUALITY, &["--json"]].concat();
    let json = tune(dir.path(), "sh some.sh {overlay}", &args, 0).json();
    let trials = json["search"]["trials"].as_array().unwrap();
    let failed = trials.iter().find(|it| it["set"]["TRUST_FLOOR"] == "0.75").unwrap();
    assert_eq!(failed["status"], "unavailable");
    assert_eq!(failed["measured"], serde_json::json!([]));
}

#[test]
fn wrong_options_are_refused_before_anything_runs() {
    let dir = place();
    for (eval, more, message) in [
        ("sh score.sh", QUALITY, "--eval says neither `{overlay}` nor FUSION_OVERLAY"),
        ("sh score.sh {overlay}", &[], "name what is to become better"),
        ("sh score.sh {overlay}", &["--objective", "quality"], "to be small or large"),
        ("sh score.sh {overlay}", &["--objective", "a:min", "--resume"], "--journal"),
        ("touch ran {overlay}", &["--objective", "a:min", "--repeats", "0"], "--repeats"),
        ("touch ran {overlay}", &["--objective", "a:min", "--timeout", "0"], "--timeout"),
    ] {
        let ran = tune(dir.path(), eval, more, 64);
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
    }
    let small = ["--eval", "sh score.sh {overlay}", "--budget", "3"];
    let ran = run(dir.path(), &[COMMON, QUALITY, &small].concat()).ends_with(64);
    assert!(ran.stderr.contains("a budget of 3 does not reach"), "{}", ran.stderr);
    let eval = ["--eval", "touch ran {overlay}", "--scenario", "a", "--scenario", "b"];
    let few = [&COMMON[..3], &eval, QUALITY].concat();
    let ran = run(dir.path(), &few).ends_with(64);
    assert!(ran.stderr.contains("2 scenarios: at least 3 are needed"), "{}", ran.stderr);
    assert!(!dir.path().join("ran").exists());
    let none = ["overlay", "tune", "refund.txt", "--eval", "sh score.sh {overlay}"];
    let ran = run(dir.path(), &[&none, QUALITY].concat()).ends_with(5);
    assert!(ran.stderr.contains("there is no scenario to evaluate"), "{}", ran.stderr);
}

#[test]
fn results_have_a_place_before_anything_is_paid_for() {
    let dir = place();
    let refused = |more: &[&str], message: &str| {
        let args = [QUALITY, more].concat();
        let ran = tune(dir.path(), "touch ran {overlay}", &args, 64);
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
        assert!(!dir.path().join("ran").exists());
    };
    refused(&["-o", "nowhere/tuned.txt"], "--output nowhere/tuned.txt: there is no such folder");
    refused(&["--report", "nowhere/r.json"], "--report nowhere/r.json: there is no such folder");
    refused(&["--svg", "nowhere/t.svg"], "--svg nowhere/t.svg: there is no such folder");
    refused(&["--journal", "nowhere/j.jsonl"], "there is no such folder");
    refused(&["--report", "."], "--report .: it is a folder");
    refused(&["--report", "r", "--svg", "./r", "-o", "r"], "--output r is --report too");
    refused(&["--report", "refund.txt"], "--report refund.txt is the overlay too");
}

#[test]
fn what_was_paid_for_is_shown_where_it_cannot_be_written() {
    let dir = place();
    std::fs::create_dir(dir.path().join("out")).unwrap();
    write(&dir.path().join("odd.sh"), format!("rmdir out 2>/dev/null\n{SCORE}"));
    let more = [QUALITY, &["--report", "out/r.json"]].concat();
    let ran = tune(dir.path(), "sh odd.sh {overlay}", &more, 64);
    assert!(ran.stdout.contains("\naccepted: "), "{}", ran.stdout);
    assert!(ran.stderr.contains("out/r.json"), "{}", ran.stderr);
}

#[test]
fn the_candidate_is_named_by_the_variable_too() {
    let dir = place();
    let ran = tune(dir.path(), "sh score.sh \"$FUSION_OVERLAY\"", QUALITY, 0);
    assert!(ran.stdout.contains("\naccepted: "), "{}", ran.stdout);
}

/// Whether a process of this group runs. One that has ended counts no more, though nobody may
/// ever reap it.
#[cfg(unix)]
fn is_running(group: i32) -> bool {
    use rustix::process::{Pid, test_kill_process_group};

    if test_kill_process_group(Pid::from_raw(group).unwrap()).is_err() {
        return false;
    }
    let Ok(processes) = std::fs::read_dir("/proc") else { return true };
    processes.flatten().any(|it| {
        let stat = std::fs::read_to_string(it.path().join("stat")).unwrap_or_default();
        // Behind the name: its state, its parent, its group.
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let has_ended = matches!(fields.next(), Some("Z" | "X"));
        !has_ended && fields.nth(1).and_then(|it| it.parse().ok()) == Some(group)
    })
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_nothing_behind_and_goes_on() {
    use rustix::process::{Pid, Signal, kill_process};

    let dir = place();
    std::fs::create_dir(dir.path().join("tmp")).unwrap();
    write(&dir.path().join("first.sh"), "echo $$ > group\ntouch begun\nsleep 4322 & sleep 4322\n");
    let with = |eval| [COMMON, QUALITY, &["--eval", eval, "--journal", "j.jsonl"]].concat();
    let eval = "if [ -e begun ]; then sh score.sh {overlay}; else exec sh first.sh; fi";
    for (signal, name) in [(Signal::INT, "interrupted"), (Signal::TERM, "interrupted")] {
        for old in ["begun", "group", "j.jsonl"] {
            let _ = std::fs::remove_file(dir.path().join(old));
        }
        let mut command = fusion(dir.path());
        command.args(with(eval)).env("TMPDIR", dir.path().join("tmp"));
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("fusion starts");
        wait_for("an evaluation", || {
            assert!(child.try_wait().unwrap().is_none(), "fusion ended by itself");
            dir.path().join("begun").exists().then_some(())
        });
        kill_process(Pid::from_child(&child), signal).unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(10), "{ended:?}");
        assert!(String::from_utf8(ended.stderr).unwrap().contains(name));
        let group: i32 = read(&dir.path().join("group")).trim().parse().unwrap();
        wait_for("the end of what was started", || (!is_running(group)).then_some(()));
        assert_eq!(std::fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
    }
    let left = read(&dir.path().join("j.jsonl"));
    let again = [with(eval).as_slice(), &["--resume"]].concat();
    let ran = run(dir.path(), &again).ends_with(0);
    assert!(ran.stdout.contains("\naccepted: "), "{}", ran.stdout);
    assert!(read(&dir.path().join("j.jsonl")).starts_with(&left));
}

#[test]
fn a_run_goes_on_only_with_what_it_began_with() {
    let dir = place();
    let with = |eval| {
        let own = ["--eval", eval, "--budget", "20", "--journal", "j.jsonl"];
        [COMMON, QUALITY, &own].concat()
    };
    let own = "sh score.sh {overlay}";
    run(dir.path(), &with(own));
    let refused = |eval, part: &str| {
        let ran = run(dir.path(), &[with(eval).as_slice(), &["--resume"]].concat()).ends_with(64);
        let message = format!("j.jsonl was begun otherwise: another run differs in {part}\n");
        assert!(ran.stderr.contains(&message), "{}", ran.stderr);
    };
    refused("sh ./score.sh {overlay}", "what evaluates");
    write(&dir.path().join("refund.txt"), format!("{REFUND}MAX_TOKENS=700\n"));
    refused(own, "the overlay");
    write(&dir.path().join("refund.txt"), format!("{REFUND}# only a word more\n"));
    run(dir.path(), &[with(own).as_slice(), &["--resume"]].concat()).ends_with(0);
}

/// A run whose evaluator blocks at its fourth call, where it is now.
fn blocked(dir: &Path, args: &[&str]) -> Child {
    let mut child = fusion(dir)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("fusion starts");
    wait_for("an evaluation", || {
        assert!(child.try_wait().unwrap().is_none(), "fusion ended before it was blocked");
        dir.join("blocked").exists().then_some(())
    });
    child
}

/// Starts a run whose evaluator blocks at its fourth call, and kills it there.
fn killed(dir: &Path, args: &[&str]) {
    let mut child = blocked(dir, args);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_journal_has_one_run_at_a_time() {
    let dir = place();
    let args =
        [COMMON, QUALITY, &["--eval", "exec sh blocking.sh {overlay}", "--budget", "40"]].concat();
    let named = [args.as_slice(), &["--journal", "j.jsonl"]].concat();
    for (args, journal) in [(&named, "j.jsonl"), (&args, ".fusion-tune/refund.txt.jsonl")] {
        let mut child = blocked(dir.path(), args);
        let left = read(&dir.path().join(journal));
        for more in [&[][..], &["--resume"]] {
            let ran = run(dir.path(), &[args.as_slice(), more].concat()).ends_with(75);
            assert!(ran.stderr.contains("writes this journal"), "{}", ran.stderr);
            if cfg!(target_os = "linux") {
                let process = format!("(process {})", child.id());
                assert!(ran.stderr.contains(&process), "{}", ran.stderr);
            }
        }
        assert_eq!(read(&dir.path().join(journal)), left);
        child.kill().unwrap();
        child.wait().unwrap();
        for old in ["blocked", "calls"] {
            std::fs::remove_file(dir.path().join(old)).unwrap();
        }
        // What a run leaves that is gone is nobody's.
        run(dir.path(), args).ends_with(64);
    }
}

#[test]
fn a_killed_run_goes_on_as_if_nothing_had_happened() {
    let dir = place();
    let with = |journal| {
        let eval = "exec sh blocking.sh {overlay}";
        let own = ["--eval", eval, "--budget", "40", "--journal", journal];
        [COMMON, QUALITY, &own].concat()
    };
    let journal = dir.path().join("torn.jsonl");
    killed(dir.path(), &with("torn.jsonl"));
    write(&dir.path().join("go"), "");
    let whole = run(dir.path(), &with("whole.jsonl")).ends_with(0);
    let left = read(&journal);
    assert!(left.lines().count() >= 6, "{left}");
    write(&journal, format!("{left}{{\"told\":{{\"tri"));
    let again = with("torn.jsonl");
    let ran = run(dir.path(), &again).ends_with(64);
    assert!(ran.stderr.contains("holds a journal: go on with --resume"), "{}", ran.stderr);
    let resumed = run(dir.path(), &[again.as_slice(), &["--resume"]].concat()).ends_with(0);
    assert_eq!(read(&journal), read(&dir.path().join("whole.jsonl")));
    assert_eq!(resumed.stdout, whole.stdout);
    let other = [again.as_slice(), &["--resume", "--seed", "2"]].concat();
    let ran = run(dir.path(), &other).ends_with(64);
    assert!(
        ran.stderr.contains("was begun otherwise: another run differs in seed"),
        "{}",
        ran.stderr
    );
}

/// Without `--journal` it is kept until the run ends, and found again by `--resume` alone.
#[test]
fn a_killed_run_goes_on_without_a_journal_of_a_name() {
    let dir = place();
    let kept = dir.path().join(".fusion-tune");
    let args =
        [COMMON, QUALITY, &["--eval", "exec sh blocking.sh {overlay}", "--budget", "40"]].concat();
    let resume = [args.as_slice(), &["--resume"]].concat();
    let ran = run(dir.path(), &resume).ends_with(64);
    assert!(ran.stderr.contains("nothing to go on with"), "{}", ran.stderr);
    assert!(!kept.exists());
    killed(dir.path(), &args);
    write(&dir.path().join("go"), "");
    let left = read(&kept.join("refund.txt.jsonl"));
    assert!(left.lines().count() >= 6, "{left}");
    let ran = run(dir.path(), &args).ends_with(64);
    assert!(ran.stderr.contains("holds a journal: go on with --resume"), "{}", ran.stderr);
    let calls = read(&dir.path().join("calls")).lines().count();
    let resumed = run(dir.path(), &resume).ends_with(0);
    let again = read(&dir.path().join("calls")).lines().count() - calls;
    assert!(!kept.exists(), "the run ended");
    let whole = run(dir.path(), &args).ends_with(0);
    let all = read(&dir.path().join("calls")).lines().count() - calls - again;
    assert_eq!(resumed.stdout, whole.stdout);
    // What was answered before is not paid for again.
    assert_eq!(again + 3, all);
    assert!(!kept.exists());
}

/// A run that never got an answer is in nobody's way.
#[test]
fn a_run_without_an_answer_leaves_no_journal() {
    let dir = place();
    tune(dir.path(), "false {overlay}", QUALITY, 69);
    assert!(!dir.path().join(".fusion-tune").exists());
}

/// The suite `goldens` with six scenarios, three samples of each recorded.
fn recorded() -> TempDir {
    let dir = suite::fresh();
    let scenario = |it: u32| {
        format!(
            "  - id: charge_{it}\n    type: refund_processing\n    prompt: Decide on refund {it} of \
             INV-88214.\n    expect:\n      - contains: INV-88214\n"
        )
    };
    let scenarios: String = (1..=6).map(scenario).collect();
    let configs = dir.path().join("configs");
    write(&configs.join("scenarios.yaml"), format!("scenarios:\n{scenarios}"));
    let overlay = REFUND.replace("baseline_only", "quality_first")
        + "SAMPLES=3\nOVERLAY_TARGET_SCENARIOS=refund_processing\n";
    write(&configs.join("overlays/fusion_overlay.refund.txt"), &overlay);
    write(&dir.path().join("refund.txt"), overlay);
    dir
}

#[track_caller]
fn replayed(dir: &Path, more: &[&str], code: i32) -> Ran {
    let common = ["overlay", "tune", "refund.txt", "--suite", "goldens"];
    run(dir, &[&common, more].concat()).ends_with(code)
}

#[test]
fn a_replay_tunes_what_is_recorded_and_nothing_else() {
    let dir = recorded();
    let ran = replayed(dir.path(), &[], 4);
    assert!(ran.stderr.contains("has no recording of the request"), "{}", ran.stderr);
    // Samples that differ, so that none is left out.
    let answer = r#"printf '{"text": "Refund INV-88214 once: %s."}' $((FUSION_SAMPLE % 2))"#;
    suite::golden(dir.path(), &["record", "--answer-cmd", answer]).ends_with(0);

    let ran = replayed(dir.path(), &["--key", "SAMPLES", "--json", "-o", "tuned.txt"], 0);
    let json = ran.json();
    assert_eq!((&json["verdict"], &json["evaluation"]), (&"accepted".into(), &"replay".into()));
    assert_eq!(json["search"]["patch"][0]["key"], "SAMPLES");
    assert_eq!(json["held_out"]["scenarios"], 3);
    valid("tune-report", &json["search"]);
    let set = json["search"]["trials"].as_array().unwrap().iter();
    let most = set.filter_map(|it| it["set"]["SAMPLES"].as_str()?.parse::<u32>().ok()).max();
    assert!(most < Some(3), "more samples than recorded: {json}");
    assert!(read(&dir.path().join("tuned.txt")).contains("SAMPLES=1\n"));

    let ran = replayed(dir.path(), &["--key", "ENTROPY_REDUCTION_TARGET"], 4);
    assert!(ran.stderr.contains("only the overlay as it is is recorded"), "{}", ran.stderr);
    let ran = replayed(dir.path(), &["--objective", "beauty:max"], 64);
    assert!(ran.stderr.contains("a replay does not measure `beauty`"), "{}", ran.stderr);
    let ran = replayed(dir.path(), &["--objective", "score", "--key", "SAMPLES"], 3);
    assert!(ran.stderr.contains("has no value of `score`"), "{}", ran.stderr);
    let few = ["--key", "SAMPLES", "--scenario", "charge_1", "--scenario", "charge_2"];
    let ran = replayed(dir.path(), &few, 64);
    assert!(ran.stderr.contains("to judge a candidate on and one to search on"), "{}", ran.stderr);
}
