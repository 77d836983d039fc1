//! A client that knows nothing of the service but its address.

use std::time::Duration;

use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body};

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) kind: String,
    pub(crate) tag: Option<String>,
    pub(crate) text: String,
}

impl Answer {
    /// The answer, which must have this code.
    #[track_caller]
    pub(crate) fn with_code(self, code: u16) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// The body as JSON, which the header must say too.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert!(self.kind.ends_with("json"), "{self:#?}");
        serde_json::from_str(&self.text).unwrap_or_else(|err| panic!("{err}: {self:#?}"))
    }

    /// The reason for a refusal.
    #[track_caller]
    pub(crate) fn error(&self) -> String {
        let json = self.json();
        assert_eq!(json["schema"], "fusion/error/1");
        json["error"].as_str().expect("a reason").to_owned()
    }
}

/// One user of the service.
pub(crate) struct Client {
    agent: Agent,
    base: String,
}

impl Client {
    pub(crate) fn new(base: String) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(120)))
            .build();
        Self { agent: config.new_agent(), base }
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    #[track_caller]
    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.call().expect("an answer"))
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.post_with(path, body, &[])
    }

    #[track_caller]
    pub(crate) fn post_with(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        let request = self.agent.post(format!("{}{path}", self.base));
        let mut request = request.header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.send(body).expect("an answer"))
    }

    #[track_caller]
    pub(crate) fn delete_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.delete(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.call().expect("an answer"))
    }

    /// The route of a request that the tests' flags serve with `rollback_first`.
    #[track_caller]
    pub(crate) fn refund_route(&self) -> Value {
        let body = r#"{"scenario_type": "refund_processing", "confidence": 0.9, "unit": "u-1"}"#;
        self.post("/v1/route", body).with_code(200).json()
    }
}

fn answer(mut response: Response<Body>) -> Answer {
    let header = |name: &str| {
        let value = response.headers().get(name)?;
        Some(value.to_str().expect("readable").to_owned())
    };
    let (kind, tag) = (header("content-type").unwrap_or_default(), header("etag"));
    let text = response.body_mut().read_to_string().expect("a body");
    Answer { code: response.status().as_u16(), kind, tag, text }
}
