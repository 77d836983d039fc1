use serde_json::{Value, json};

use crate::binary::{NOBODY, finish, fusion, read, write};
use crate::endpoint::{completion, serve};
use crate::suite::{fresh, golden};

const TEXT: &str = "Refund the second charge of INV-88214.";

/// The lines of the cassette.
fn cassette(dir: &std::path::Path) -> Vec<Value> {
    let text = read(&dir.join("goldens/cassettes/duplicate_charge.jsonl"));
    text.lines().map(|it| serde_json::from_str(it).expect("JSON")).collect()
}

#[test]
fn an_endpoint_is_asked_for_every_missing_call() {
    let dir = fresh();
    let server = serve("200 OK", completion(TEXT));
    let mut command = fusion(dir.path());
    command.args(["golden", "record", "--endpoint", &server.url, "--api-key-env", "TEST_KEY"]);
    command.args(["--model", "small", "--json", "-"]);
    command.env("TEST_KEY", "sesame").env("SOURCE_DATE_EPOCH", "1793275199");
    let ran = finish(&mut command, b"").ends_with(0);
    let report = ran.json();
    assert_eq!(report["schema"], "fusion/golden-record/1");
    assert!(!ran.stdout.contains("sesame") && !ran.stderr.contains("sesame"));

    let asked = server.asked.lock().expect("no panic");
    assert_eq!(report["calls"].as_array().map(Vec::len), Some(asked.len()));
    let (head, body) = &asked[0];
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: Bearer sesame"), "{head}");
    assert_eq!(body["model"], "small");
    assert_eq!(body.get("provider"), None);

    let lines = cassette(dir.path());
    assert_eq!(lines.len(), asked.len());
    assert_eq!(lines[0]["response"], json!({ "text": TEXT, "finish_reason": "stop" }));
    assert_eq!(lines[0]["recorder"], "model");
    assert_eq!(lines[0]["usage"]["completion_tokens"], 9);
    assert_eq!(lines[0]["recorded_at"], "2026-10-29T11:59:59Z");
    assert_eq!(lines[0]["model_fingerprint"], "fp_test");
    drop(asked);

    golden(dir.path(), &["update", "--reason", "recorded"]).ends_with(0);
    golden(dir.path(), &[]).ends_with(0);
    let again = ["record", "--endpoint", &server.url, "--json", "-"];
    assert_eq!(golden(dir.path(), &again).ends_with(0).json()["calls"], json!([]));
}

#[test]
fn a_command_is_asked_with_the_request_on_its_input() {
    let dir = fresh();
    let script = "cat > asked.json; echo '{\"text\": \"Refund it: INV-88214.\"}'\n";
    write(&dir.path().join("answer.sh"), script);
    golden(dir.path(), &["record", "--answer-cmd", "sh answer.sh"]).ends_with(0);
    let asked: Value = serde_json::from_str(&read(&dir.path().join("asked.json"))).expect("JSON");
    assert!(asked["messages"].is_array(), "{asked}");
    let lines = cassette(dir.path());
    assert_eq!(lines[0]["recorder"], "command");
    assert_eq!(lines[0]["recorded_by"], "sh answer.sh");
    assert_eq!(lines[0]["response"]["text"], "Refund it: INV-88214.");
}

#[test]
fn a_dry_run_lists_and_asks_nobody() {
    let dir = fresh();
    let args = ["record", "--answer-cmd", "false", "--dry-run", "--json", "-"];
    let report = golden(dir.path(), &args).ends_with(2).json();
    assert_eq!(report["calls"][0]["scenario"], "duplicate_charge");
    assert!(!dir.path().join("goldens/cassettes").exists());
}

#[test]
fn more_samples_are_more_calls() {
    let dir = fresh();
    let calls = |args: &[&str]| {
        let args =
            [&["record", "--answer-cmd", "false", "--dry-run", "--json", "-"], args].concat();
        golden(dir.path(), &args).json()["calls"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(calls(&["--samples", "3"]), 3 * calls(&[]));
    assert_eq!(calls(&["--model", "other"]), 0);
}

#[test]
fn an_endpoint_that_refuses_is_quoted() {
    let dir = fresh();
    let server = serve("429 Too Many Requests", json!({ "error": "slow down" }));
    let ran = golden(dir.path(), &["record", "--endpoint", &server.url]).ends_with(69);
    assert!(ran.stderr.contains("429") && ran.stderr.contains("slow down"), "{ran:#?}");
    assert!(!dir.path().join("goldens/cassettes").exists());
}

#[test]
fn answers_that_are_none_are_not_recorded() {
    let dir = fresh();
    let server = serve("200 OK", json!({ "choices": [] }));
    golden(dir.path(), &["record", "--endpoint", &server.url]).ends_with(69);
    golden(dir.path(), &["record", "--answer-cmd", "echo hello"]).ends_with(69);
    golden(dir.path(), &["record", "--answer-cmd", "exit 3"]).ends_with(69);
    // The shell is replaced, so that nothing is left when it is ended.
    let args = ["record", "--answer-cmd", "exec sleep 60", "--timeout", "1"];
    golden(dir.path(), &args).ends_with(69);
    assert!(!dir.path().join("goldens/cassettes").exists());
}

#[test]
fn nobody_listening_is_said() {
    let dir = fresh();
    let url = format!("http://{NOBODY}/v1");
    let ran = golden(dir.path(), &["record", "--endpoint", &url]).ends_with(69);
    assert!(ran.stderr.contains("duplicate_charge"), "{ran:#?}");
    golden(dir.path(), &["record", "--endpoint", "example.com"]).ends_with(64);
}

#[test]
fn an_endpoint_without_tls_is_not_asked_by_https() {
    let dir = fresh();
    let plain = serve("200 OK", completion(TEXT));
    let url = plain.url.replace("http://", "https://");
    let ran = golden(dir.path(), &["record", "--endpoint", &url]).ends_with(69);
    assert!(ran.stderr.contains(&url), "{ran:#?}");
    assert!(plain.asked.lock().expect("the log").is_empty());
}

#[test]
fn what_cannot_record_anything_is_refused() {
    let dir = fresh();
    for (args, code) in [
        (&["--samples", "0"][..], 64),
        (&["--timeout", "0"], 64),
        (&["--model", "nope"], 5),
        (&["--model", "nope", "--dry-run"], 5),
    ] {
        let ran = golden(dir.path(), &[&["record", "--answer-cmd", "false"], args].concat());
        let ran = ran.ends_with(code);
        assert!(code == 64 || ran.stderr.contains("the plans ask small"), "{ran:#?}");
    }
}

#[test]
fn a_wrong_line_of_authored_answers_is_placed() {
    let dir = fresh();
    write(&dir.path().join("a.jsonl"), "\n{\"scenario\": 1}\n");
    let ran = golden(dir.path(), &["record", "--authored", "a.jsonl"]).ends_with(65);
    assert!(ran.stderr.contains("a.jsonl:2:14: error[GLD1001]: invalid type"), "{ran:#?}");
    assert!(!dir.path().join("goldens/cassettes").exists());
    let only = ["record", "--authored", "goldens/authored/answers.jsonl", "--tag", "refund"];
    golden(dir.path(), &only).ends_with(0);
}
