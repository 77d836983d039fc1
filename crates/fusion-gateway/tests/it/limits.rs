use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::installation::Tree;
use crate::running::Running;

#[track_caller]
fn check(body: &str, code: u16, reason: &str) {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let error = running.client.post("/v1/route", body).with_code(code).error();
    assert!(error.contains(reason), "{error}");
}

#[test]
fn a_body_that_is_no_request_is_refused_with_a_reason() {
    check("{", 400, "line 1 column 1");
    check("", 400, "EOF");
    check("7", 400, "invalid type");
    check("{}", 400, "scenario_type");
    check(r#"{"scenario_type": 7}"#, 400, "scenario_type");
    check(r#"{"scenario_type": "a", "confidenc": 1}"#, 400, "confidenc");
    check(r#"{"scenario_type": "a", "confidence": 1.01}"#, 400, "from 0 to 1");
    check(r#"{"scenario_type": "a", "confidence": -1}"#, 400, "from 0 to 1");
    check(r#"{"scenario_type": "a", "confidence": 1e999}"#, 400, "out of range");
    check(&"[".repeat(10_000), 400, "");
}

#[test]
fn a_body_has_64_kib_at_most() {
    let most = 64 << 10;
    let empty = json!({ "scenario_type": "" }).to_string().len();
    let body = |len: usize| json!({ "scenario_type": "s".repeat(len - empty) }).to_string();
    assert_eq!(body(most).len(), most);
    let tree = Tree::new();
    let running = Running::on(&tree);
    running.client.post("/v1/route", &body(most)).with_code(200);
    check(&body(most + 1), 413, "length limit exceeded");
}

#[test]
fn what_is_not_json_by_its_header_is_refused() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let request = "POST /v1/route HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\n\
         content-length: 2\r\nconnection: close\r\n\r\n{}";
    let mut stream = TcpStream::connect(&running.address).expect("a connection");
    stream.write_all(request.as_bytes()).expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 415 "), "{answer}");
}

#[test]
fn other_paths_and_methods_are_refused() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let error = running.client.get("/v2/route").with_code(404).error();
    assert_eq!(error, "there is no such path");
    let error = running.client.get("/v1/route").with_code(405).error();
    assert_eq!(error, "the path does not take this method");
    running.client.post("/metrics", "").with_code(405).error();
    running.client.post("/livez", "").with_code(405).error();
}

#[test]
fn bytes_that_are_no_http_end_their_connection_only() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    for bytes in [&b"\x16\x03\x01\x02\x00"[..], b"\0\0\0\0\r\n\r\n", &[b'a'; 1 << 16]] {
        let mut stream = TcpStream::connect(&running.address).expect("a connection");
        // The service may close before all is written.
        let _ = stream.write_all(bytes);
    }
    running.client.get("/livez").with_code(200);
}

/// Sends the first half of a request; what comes back until the connection ends.
#[track_caller]
fn half(running: &Running, text: &str) -> String {
    let mut stream = TcpStream::connect(&running.address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time");
    stream.write_all(text.as_bytes()).expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the connection ends");
    answer
}

#[test]
fn who_sends_half_a_request_is_not_waited_for() {
    let tree = Tree::new();
    let running = Running::hasty(&tree, Duration::from_millis(200));
    let body = "POST /v1/route HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                content-length: 20\r\n\r\n{\"scen";
    let answer = half(&running, body);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("fusion/error/1"), "{answer}");
    assert_eq!(half(&running, "POST /v1/route HTTP/1.1\r\nhost"), "");
    running.client.get("/livez").with_code(200);
    running.client.refund_route();
}
