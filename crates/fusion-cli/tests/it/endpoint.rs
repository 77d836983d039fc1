//! A server that speaks enough of HTTP/1.1 and the OpenAI-compatible API to be recorded.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// A running server; it ends with the tests.
pub(crate) struct Endpoint {
    /// `http://127.0.0.1:PORT/v1`.
    pub(crate) url: String,
    /// What it was asked: the head and the body of each request.
    pub(crate) asked: Arc<Mutex<Vec<(String, Value)>>>,
}

/// Starts a server that answers each request with `status` and `body`.
pub(crate) fn serve(status: &'static str, body: Value) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = answer(&mut stream.expect("a connection"), status, &body, &log);
        }
    });
    Endpoint { url, asked }
}

/// What an OpenAI-compatible server answers.
pub(crate) fn completion(text: &str) -> Value {
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "small",
        "system_fingerprint": "fp_test",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": text },
            "finish_reason": "stop",
        }],
        "usage": { "prompt_tokens": 21, "completion_tokens": 9, "total_tokens": 30 },
    })
}

fn answer(
    stream: &mut TcpStream,
    status: &str,
    body: &Value,
    log: &Mutex<Vec<(String, Value)>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut head = String::new();
        while reader.read_line(&mut head)? > 2 {}
        if head.is_empty() {
            return Ok(());
        }
        let length = head.to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1).and_then(|it| it.lines().next());
        let mut asked = vec![0; length.and_then(|it| it.parse().ok()).unwrap_or(0)];
        reader.read_exact(&mut asked)?;
        let asked = serde_json::from_slice(&asked).unwrap_or_default();
        log.lock().expect("no panic").push((head, asked));
        let body = body.to_string();
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )?;
    }
}
