//! Where findings point, what they keep to themselves, and what is refused.

use serde_json::{Value, json};

use crate::binary::{finish, folder, fusion, read, run, write};
use crate::overlay::REFUND;

/// The findings of the only file, each as code, line and column.
#[track_caller]
fn places(name: &str, text: &str) -> Vec<(String, Value, Value)> {
    let dir = folder(&[(name, text)]);
    let report = run(dir.path(), &["overlay", "check", name, "--json"]).json();
    let findings = report["files"][0]["diagnostics"].as_array().expect("findings").clone();
    let place = |it: &Value| {
        let code = it["code"].as_str().expect("a code").to_owned();
        (code, it["line"].clone(), it["column"].clone())
    };
    findings.iter().map(place).filter(|(code, ..)| code != "OVL2001").collect()
}

fn at(code: &str, line: usize, column: usize) -> (String, Value, Value) {
    (code.to_owned(), json!(line), json!(column))
}

#[test]
fn a_key_is_found_by_the_parser_and_not_by_its_letters() {
    let yaml = "OVERLAY_DESCRIPTION: \"TRUST_FLOOR: 1\"\nTRUST_FLOOR: 7\n";
    assert_eq!(places("a.yaml", yaml), [at("OVL2102", 2, 1)]);
    let toml = "OVERLAY_DESCRIPTION = 'TRUST_FLOOR = 1'\nTRUST_FLOOR = 7\n";
    assert_eq!(places("a.toml", toml), [at("OVL2102", 2, 1)]);
    assert_eq!(places("a.json", "{\"TRUST\\u005fFLOOR\": 7}"), [at("OVL2102", 1, 3)]);
}

#[test]
fn effective_drops_no_setting() {
    let dir = folder(&[("a.json", "{\"TRUST\\u005fFLOOR\": 0.9,\n \"SAMPLES\": 3}")]);
    let args = ["overlay", "effective", "a.json", "--json"];
    let settings = run(dir.path(), &args).ends_with(0).json()["settings"].clone();
    assert_eq!(settings["TRUST_FLOOR"]["value"], "0.9");
    assert_eq!(settings["SAMPLES"]["origin"]["line"], 2);
}

#[test]
fn phases_agree_with_the_verdict() {
    let dir = folder(&[
        ("type.json", "{\"SAMPLES\": \"2\"}"),
        ("broken.toml", "SAMPLES = [\n"),
        ("null.yaml", "SAMPLES: null\n"),
    ]);
    let phases = |name: &str| {
        let report = run(dir.path(), &["overlay", "check", name, "--json"]).ends_with(1).json();
        let file = report["files"][0].clone();
        assert_eq!(file["valid"], false);
        let verdicts = file["phases"].as_array().expect("phases").clone();
        let verdicts = verdicts.iter().map(|it| it["verdict"].as_str().expect("one").to_owned());
        (verdicts.collect::<Vec<_>>(), file["diagnostics"].as_array().expect("findings").len())
    };
    assert_eq!(phases("type.json").0.get(1).map(String::as_str), Some("failed"));
    assert_eq!(phases("null.yaml").0.first().map(String::as_str), Some("failed"));
    // Of what cannot be read nothing is missing.
    let skipped = ["failed", "skipped", "skipped", "skipped", "skipped"].map(str::to_owned);
    assert_eq!(phases("broken.toml"), (skipped.to_vec(), 1));
}

#[test]
fn a_template_of_ones_own_is_shown_where_it_stands() {
    let spec = "name = \"x\"\npurpose = \"y\"\nperformance_goals = { latency_ms = 20 }\n";
    let dir = folder(&[("spec.toml", spec), ("house.txt", "TRUST_FLOOR=5\n")]);
    let args = ["overlay", "generate", "--spec", "spec.toml", "--template", "house"];
    let args = [&args[..], &["--template-dir", "."]].concat();
    let ran = run(dir.path(), &args).ends_with(1);
    assert!(ran.stderr.contains("house.txt:1:13"), "{ran:#?}");
    assert!(ran.stderr.contains("spec.toml:3:23"), "{ran:#?}");

    // Of a template that is taken, what is doubtful is said too.
    write(&dir.path().join("house.txt"), "SAMPLES=3\nFUSION_MODE=speed_optimized\n");
    let ran = run(dir.path(), &args).ends_with(0);
    assert!(ran.stderr.contains("house.txt:1:9"), "{ran:#?}");
    let report = run(dir.path(), &[&args[..], &["--json"]].concat()).ends_with(0).json();
    let files: Vec<_> = report["diagnostics"].as_array().expect("findings").iter().collect();
    let of = |code: &str| files.iter().filter(|it| it["code"] == code).collect::<Vec<_>>();
    assert_eq!(
        of("OVL6012").first().map(|it| (&it["file"], &it["line"])),
        Some((&json!("spec.toml"), &json!(3)))
    );
    assert_eq!(of("OVL3006").len(), 1, "{report}");
}

#[test]
fn prompts_are_looked_through() {
    let token = concat!("sk-", "proj-q8Zr2LmX0vTt7Kd1Pw9Ye");
    let prompt = format!("# Refunds\nUse {token} and write to jane.doe@acme-bank.com.\n");
    let dir = folder(&[
        ("configs/overlays/fusion_overlay.refund.txt", REFUND),
        ("configs/micro_overlays/refund.md", &prompt),
    ]);
    for more in [&[][..], &["--configs", "configs"]] {
        let args = [&["overlay", "check", "configs", "--json"], more].concat();
        let ran = run(dir.path(), &args).ends_with(1);
        let file = ran.json()["files"][0].clone();
        assert_eq!(
            (&file["path"], &file["valid"]),
            (&json!("configs/micro_overlays/refund.md"), &json!(false))
        );
        let finding = |idx: usize| file["diagnostics"][idx].clone();
        assert_eq!(
            (finding(0)["code"].clone(), finding(0)["line"].clone()),
            (json!("OVL8002"), json!(2))
        );
        assert_eq!(
            (finding(1)["code"].clone(), finding(1)["severity"].clone()),
            (json!("OVL8101"), json!("warning"))
        );
    }
    let strict = format!("{REFUND}PII_DETECTION=strict\n");
    write(&dir.path().join("configs/overlays/fusion_overlay.refund.txt"), strict);
    write(&dir.path().join("configs/micro_overlays/refund.md"), "jane.doe@acme-bank.com\n");
    run(dir.path(), &["overlay", "check", "configs"]).ends_with(1);
    run(dir.path(), &["overlay", "check", "configs", "--configs", "configs"]).ends_with(1);
}

#[test]
fn no_report_repeats_a_secret() {
    let (token, key) = (concat!("sk-", "proj-q8Zr2LmX0vTt7Kd1Pw9Ye"), "q8Zr2LmX0vTt7Kd1");
    let pem = concat!(
        "-----BEGIN ",
        "PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END ",
        "PRIVATE KEY-----\n"
    );
    let lines = format!("TRUST_FLOOR={token}\n# {token} \nOPENAI_API_KEY={key}\n{pem}");
    let json = format!("{{\"OPENAI_API_KEY\": \"{key}\", \"TRUST_FLOOR\": \"{token}\"}}");
    let dir = folder(&[("a.txt", &lines), ("a.json", &json)]);
    for name in ["a.txt", "a.json"] {
        for format in ["text", "json", "sarif"] {
            let ran = run(dir.path(), &["overlay", "check", name, "--format", format]).ends_with(1);
            assert!(ran.stdout.contains("OVL8002") && ran.stdout.contains("OVL8005"), "{ran:#?}");
            for secret in [token, key, "MIIE"] {
                assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{ran:#?}");
            }
        }
    }
}

#[test]
fn what_cannot_be_seen_is_shown_escaped() {
    for c in ['\u{200b}', '\u{feff}', '\u{ad}', '\u{200f}', '\u{e0041}'] {
        let text = format!("SAMPLES=0{c}2\n");
        assert_eq!(places("a.txt", &text), [at("OVL1004", 1, 10)]);
        let json = format!("{{\"SAM{c}PLES\": 2}}");
        assert_eq!(places("a.json", &json), [at("OVL1004", 1, 3)]);
        let dir = folder(&[("a.txt", &text)]);
        let shown = run(dir.path(), &["overlay", "check", "a.txt"]).ends_with(1).stdout;
        assert!(
            !shown.contains(c) && shown.contains(&format!("SAMPLES=0\\u{{{:x}}}2", u32::from(c))),
            "{shown}"
        );
    }
    assert_eq!(places("a.txt", "OVERLAY_AUTHOR=ops\r\n"), [at("OVL1012", 1, 19)]);
}

#[test]
fn a_moment_that_is_none_is_refused() {
    let dir = folder(&[("spec.toml", "name = 'x'\npurpose = 'y'\n")]);
    let generate = |moment: &str| {
        let mut command = fusion(dir.path());
        command.args(["overlay", "generate", "--spec", "spec.toml", "--template", "balanced"]);
        finish(command.env("SOURCE_DATE_EPOCH", moment), b"")
    };
    for moment in ["abc", "-5", "99999999999999999999", "253402300800"] {
        let ran = generate(moment).ends_with(64);
        assert!(ran.stderr.contains(moment) && ran.stdout.is_empty(), "{ran:#?}");
    }
    let ran = generate("86400").ends_with(0);
    assert!(ran.stdout.contains("OVERLAY_CREATED=1970-01-02T00:00:00Z\n"), "{ran:#?}");
}

#[test]
fn paths_that_lead_nowhere_are_named_once() {
    let dir = folder(&[("a.txt", REFUND), ("spec.toml", "name = 'x'\npurpose = 'y'\n")]);
    let args = ["overlay", "generate", "--spec", "spec.toml", "--template", "balanced"];
    let ran = run(dir.path(), &[&args[..], &["--template-dir", "nodir"]].concat()).ends_with(65);
    assert_eq!(ran.stderr, "error: nodir: no such folder\n");
    let ran = run(dir.path(), &[&args[..], &["-o", "no/such.txt"]].concat()).ends_with(64);
    assert!(ran.stderr.ends_with("error: no/such.txt: there is no folder no\n"), "{ran:#?}");
    let ran = run(dir.path(), &["overlay", "fmt", "nofile"]).ends_with(65);
    assert_eq!(ran.stdout, "nofile: no such file\n");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_waited_for() {
    let dir = folder(&[]);
    let path = dir.path().join("fusion_overlay.pipe.txt");
    let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo");
    assert!(made.success());
    let ran = run(dir.path(), &["overlay", "check", "."]).ends_with(65);
    assert!(ran.stdout.contains("is no regular file"), "{ran:#?}");
}

#[test]
fn one_key_is_set_once() {
    let dir = folder(&[("fusion_overlay.refund.txt", REFUND)]);
    let args = ["overlay", "set", "fusion_overlay.refund.txt", "SAMPLES=2", "SAMPLES=3"];
    let ran = run(dir.path(), &args).ends_with(64);
    assert!(ran.stderr.contains("SAMPLES is given twice"), "{ran:#?}");
    assert_eq!(read(&dir.path().join("fusion_overlay.refund.txt")), REFUND);
}

#[test]
fn a_file_of_windows_stays_one() {
    let dir = folder(&[("fusion_overlay.refund.txt", &REFUND.replace('\n', "\r\n"))]);
    run(dir.path(), &["overlay", "set", "fusion_overlay.refund.txt", "SAMPLES=3"]).ends_with(0);
    let text = read(&dir.path().join("fusion_overlay.refund.txt"));
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{text:?}");
}

#[test]
fn explain_without_a_subject_lists_the_parameters() {
    let dir = folder(&[]);
    let ran = run(dir.path(), &["overlay", "explain"]).ends_with(0);
    assert_eq!(ran.stdout.lines().count(), overlay_schema::PARAMS.len());
    assert!(ran.stdout.contains("\nTRUST_FLOOR "), "{ran:#?}");
}
