use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::installation::Tree;
use crate::running::{ADMIN, DEADLINE, Running, TOKEN};

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
    check(&body(most + 1), 413, "a body has at most 65536 bytes");
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
    stream.set_read_timeout(Some(DEADLINE)).expect("a time");
    stream.write_all(text.as_bytes()).expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the connection ends");
    answer
}

#[test]
fn who_sends_half_a_request_is_not_waited_for() {
    let tree = Tree::new();
    let body = "POST /v1/route HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                content-length: 20\r\n\r\n{\"scen";
    // A service that stands still for twice as long as it waits ends the connection at once.
    let mut answer = String::new();
    for patience in [200, 2_000, 20_000].map(Duration::from_millis) {
        let running = Running::hasty(&tree, patience);
        answer = half(&running, body);
        if !answer.is_empty() {
            assert_eq!(half(&running, "POST /v1/route HTTP/1.1\r\nhost"), "");
            running.client.get("/livez").with_code(200);
            break;
        }
    }
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("fusion/error/1"), "{answer}");
}

/// Who asks and never listens is let go.
#[test]
fn who_does_not_read_is_not_waited_for() {
    let tree = Tree::new();
    let running = Running::hasty(&tree, Duration::from_millis(200));
    let mut stream = TcpStream::connect(&running.address).expect("a connection");
    stream.set_write_timeout(Some(DEADLINE)).expect("a time");
    let requests = b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n".repeat(64);
    let ended = loop {
        if let Err(err) = stream.write_all(&requests) {
            break err.kind();
        }
    };
    // Not the time of the test, which is another error.
    let by_peer = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::ConnectionAborted];
    assert!(by_peer.contains(&ended), "{ended:?}");
    running.client.get("/livez").with_code(200);
}

/// What the process reads and writes needs handles too.
#[test]
fn connections_wait_where_there_are_enough() {
    let tree = Tree::new();
    let running = Running::crowded(&tree, 2);
    let idle = || TcpStream::connect(&running.address).expect("a connection");
    // Who has begun to ask is waited for.
    let begun = || {
        let mut stream = idle();
        stream.write_all(b"GET /livez HTTP/1.1\r\n").expect("it listens");
        stream
    };
    let ask = |mut stream: TcpStream| {
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")?;
        stream.set_read_timeout(Some(Duration::from_millis(300)))?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    };
    let (first, second) = (begun(), begun());
    let third = ask(idle());
    assert!(third.is_err(), "{third:?}");
    drop((first, second));
    let mut answer = ask(idle());
    for _ in 0..400 {
        if answer.is_ok() {
            break;
        }
        answer = ask(idle());
    }
    assert!(answer.is_ok_and(|it| it.starts_with("HTTP/1.1 200 ")));
}

/// The raw answer to a request without a body.
fn asked(running: &Running, head: &str) -> String {
    let mut stream = TcpStream::connect(&running.address).expect("a connection");
    let request = format!("{head}\r\nhost: a\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn a_path_that_is_no_text_is_refused_in_the_words_of_its_caller() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    let post = "content-type: application/json\r\ncontent-length: 0";
    let answer = asked(&running, &format!("POST /ofrep/v1/evaluate/flags/%FF HTTP/1.1\r\n{post}"));
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains(r#""errorCode":"PARSE_ERROR""#), "{answer}");
    assert!(answer.contains(r#""key":"%FF""#), "{answer}");
    let isolate = format!("POST /admin/v1/breakers/%FF/isolate HTTP/1.1\r\n{post}");
    let answer = asked(&running, &format!("{isolate}\r\nauthorization: Bearer {TOKEN}"));
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("fusion/error/1"), "{answer}");
}

/// A stranger is refused before anything is read of what he sends.
#[test]
fn the_token_comes_before_the_body() {
    let tree = Tree::new();
    let running = Running::on(&tree);
    for path in ["kill", "breakers/rollback_first/isolate"] {
        // The body never comes.
        let head = format!("POST /admin/v1/{path} HTTP/1.1\r\ncontent-length: 60000");
        let answer = asked(&running, &head);
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    }
    let huge = "a".repeat((64 << 10) + 1);
    let answer =
        running.client.post_with("/admin/v1/breakers/rollback_first/isolate", &huge, &[ADMIN]);
    assert_eq!(answer.with_code(413).error(), "a body has at most 65536 bytes");
}
