use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use ureq::tls::{RootCerts, TlsConfig};

use super::{CheckVerdict, Judged};
use crate::file::Bound;

/// The most bytes of an answer.
const MAX_ANSWER: u64 = 1 << 20;

/// Asks a page; the status has to be `status`, and the answer has to hold `contains`.
pub(super) fn page(url: &str, status: u16, contains: Option<&str>, timeout: Duration) -> Judged {
    let (found, text) = match get(url, &[], timeout) {
        Ok(answer) => answer,
        Err(err) => return (CheckVerdict::Missing, format!("{url}: {err}")),
    };
    if found != status {
        return (CheckVerdict::Failed, format!("{url}: HTTP {found} instead of {status}"));
    }
    match contains.filter(|it| !text.contains(*it)) {
        Some(missing) => {
            (CheckVerdict::Failed, format!("{url}: the answer does not hold `{missing}`"))
        }
        None => (CheckVerdict::Passed, format!("HTTP {found}")),
    }
}

/// Asks a Prometheus server for a number; it has to keep `limit`.
pub(super) fn metric(server: &str, query: &str, limit: Bound, timeout: Duration) -> Judged {
    let url = format!("{}/api/v1/query", server.trim_end_matches('/'));
    let answer = get(&url, &[("query", query)], timeout);
    let (status, text) = match answer {
        Ok(answer) => answer,
        Err(err) => return (CheckVerdict::Missing, format!("{url}: {err}")),
    };
    if status != 200 {
        return (CheckVerdict::Missing, format!("{url}: HTTP {status}"));
    }
    match number(&text) {
        Err(why) => (CheckVerdict::Missing, format!("{url}: {why}")),
        Ok(number) if limit.holds(number) => (CheckVerdict::Passed, format!("{number} is {limit}")),
        Ok(number) => (CheckVerdict::Failed, format!("{number} is not {limit}")),
    }
}

fn get(url: &str, query: &[(&str, &str)], timeout: Duration) -> Result<(u16, String), ureq::Error> {
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .tls_config(tls)
        .user_agent(concat!("fusion/", env!("CARGO_PKG_VERSION")))
        .build();
    let agent = ureq::Agent::from(config);
    let mut response = agent.get(url).query_pairs(query.iter().copied()).call()?;
    let text = response.body_mut().with_config().limit(MAX_ANSWER).read_to_string()?;
    Ok((response.status().as_u16(), text))
}

/// An answer of Prometheus' instant query.
#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "snake_case")]
enum Data {
    Vector(Vec<Series>),
    Scalar((f64, String)),
}

#[derive(Deserialize)]
struct Series {
    value: (f64, String),
}

/// The one number of an answer, or why there is none.
fn number(text: &str) -> Result<f64, String> {
    let answer: Answer =
        serde_json::from_str(text).map_err(|err| format!("no answer to a query: {err}"))?;
    let texts = match answer.data {
        Data::Scalar((_, text)) => vec![text],
        Data::Vector(series) => series.into_iter().map(|it| it.value.1).collect(),
    };
    let [text] = texts.as_slice() else {
        return Err(format!("{} numbers instead of one", texts.len()));
    };
    let number: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    if number.is_nan() { Err("the query gives no number".to_owned()) } else { Ok(number) }
}
