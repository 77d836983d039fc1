//! What services that run say of themselves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use overlay_doctor::{Answer, Concern, PoolUse, Vitals};
use serde::Serialize;
use serde_json::Value;
use ureq::Proxy;
use ureq::tls::{RootCerts, TlsConfig};

use crate::exit::{Exit, refusal};
use crate::serve::running;

/// The most bytes that a service says about its health.
const MAX_ANSWER: u64 = 1 << 20;

/// A service of the root that says where it listens.
#[derive(Debug, Serialize)]
pub(super) struct Service {
    /// Its folder below `state`.
    instance: String,
    host: String,
    pid: u32,
    /// Its page `/health`, as it is reached from its host.
    url: String,
    since: String,
    /// Whether it runs on this host, and was asked.
    asked: bool,
}

impl Service {
    /// `http://127.0.0.1:9630/health, process 4711 on web-1`.
    pub(super) fn text(&self) -> String {
        let Self { host, pid, url, asked, .. } = self;
        let verb = if *asked { "asked    " } else { "not asked" };
        format!("  {verb}       {url}, process {pid} on {host}\n")
    }
}

/// Asks every service of the root in `dir` that runs on `host`. One that went without saying
/// so was killed, or hangs: it does not answer.
pub(super) fn ask_beside(
    dir: &Path,
    host: &str,
    limit: Duration,
    vitals: &mut Vitals,
) -> Vec<Service> {
    let services = running(dir).into_iter().map(|(instance, it)| {
        let url = format!("http://{}/health", reached(it.address));
        let asked = it.host == host;
        if asked {
            // It is on this host: no proxy is in between.
            let said = ask(&url, limit, None).unwrap_or_else(|err| {
                let who = format!("process {} has listened there since {}", it.pid, it.since);
                let hint = format!("where it is gone, remove state/{instance}/service.json");
                Said::silent(format!("{err:#}; {who}; {hint}"))
            });
            heard(vitals, &url, said);
        }
        Service { instance, host: it.host, pid: it.pid, url, since: it.since, asked }
    });
    services.collect()
}

/// Asks the service at `url`.
pub(super) fn ask_there(url: &str, limit: Duration, vitals: &mut Vitals) -> anyhow::Result<()> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        let message = format!("`{url}` is no URL: it begins with http:// or https://");
        return Err(refusal(Exit::USAGE, message));
    }
    heard(vitals, url, ask(url, limit, Proxy::try_from_env())?);
    Ok(())
}

/// An address that listens everywhere is reached at this host.
fn reached(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// What a service says.
struct Said {
    answer: Answer,
    /// What is not as it should be there.
    concerns: Vec<String>,
    pool: Option<PoolUse>,
    memory_bytes: Option<u64>,
}

impl Said {
    fn only(answer: Answer) -> Self {
        Self { answer, concerns: Vec::new(), pool: None, memory_bytes: None }
    }

    fn silent(why: String) -> Self {
        Self::only(Answer::Failed(why))
    }
}

/// Of several services the worst figure counts.
fn heard(vitals: &mut Vitals, url: &str, said: Said) {
    // What the root shows already the service only says again.
    let known = |it: &String| vitals.concerns.iter().any(|known| it.contains(&known.what));
    let news: Vec<String> = said.concerns.into_iter().filter(|it| !known(it)).collect();
    if !news.is_empty() {
        let news = news.join("; ");
        vitals.concerns.push(Concern::degraded(format!("{url} says: {news}")));
    }
    let answers = vitals.answer.take().into_iter().chain([said.answer]);
    vitals.answer = answers.max_by_key(badness);
    let pools = vitals.pool.take().into_iter().chain(said.pool);
    vitals.pool = pools.max_by(|a, b| a.percent().total_cmp(&b.percent()));
    vitals.memory_bytes = vitals.memory_bytes.max(said.memory_bytes);
}

fn badness(answer: &Answer) -> (u8, Duration) {
    match answer {
        Answer::Within(took) => (0, *took),
        Answer::Late => (1, Duration::ZERO),
        Answer::Failed(_) => (2, Duration::ZERO),
    }
}

fn ask(url: &str, limit: Duration, proxy: Option<Proxy>) -> anyhow::Result<Said> {
    let began = Instant::now();
    let (answer, took) = match fetch(url, limit, proxy) {
        Ok(text) => (text, began.elapsed()),
        Err(ureq::Error::Timeout(at)) if at != ureq::Timeout::Connect => {
            return Ok(Said::only(Answer::Late));
        }
        Err(err) => return Err(refusal(Exit::UNREACHABLE, format!("{url}: {err}"))),
    };
    let said = serde_json::from_str(&answer).ok().and_then(|it| said(url, &it, took));
    said.ok_or_else(|| {
        refusal(Exit::UNREACHABLE, format!("{url}: what answers there is no health page"))
    })
}

/// What the health page at `url` says; `None` for a page that is none.
fn said(url: &str, page: &Value, took: Duration) -> Option<Said> {
    let output = page["output"].as_str().unwrap_or_default();
    let (answer, concerns) = match page["status"].as_str()? {
        "pass" => (Answer::Within(took), Vec::new()),
        "warn" => (Answer::Within(took), output.split("; ").map(str::to_owned).collect()),
        "fail" => (Answer::Failed(format!("{url}: {output}")), Vec::new()),
        _ => return None,
    };
    let data = &page["data"];
    let pool = |key: &str| data["poolHealth"][key].as_u64();
    let pool = pool("active").zip(pool("total")).map(|(active, total)| PoolUse { active, total });
    let memory_bytes = data["memoryUsageMB"].as_f64().map(bytes);
    Some(Said { answer, concerns, pool, memory_bytes })
}

/// Megabytes of 1,048,576 bytes as bytes.
fn bytes(mb: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a conversion of floats saturates"
    )]
    let bytes = (mb * 1_048_576.0) as u64;
    bytes
}

fn fetch(url: &str, limit: Duration, proxy: Option<Proxy>) -> Result<String, ureq::Error> {
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(limit))
        .http_status_as_error(false)
        .tls_config(tls)
        .proxy(proxy)
        .user_agent(concat!("fusion/", env!("CARGO_PKG_VERSION")))
        .build();
    let mut response = ureq::Agent::from(config).get(url).call()?;
    response.body_mut().with_config().limit(MAX_ANSWER).read_to_string()
}
