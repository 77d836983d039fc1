use overlay_sqlite::Latency;

use super::{
    Answer, Concern, Health, HealthCheck, HealthData, HealthStatus, PoolHealth, PoolUse,
    Thresholds, Verdict, Vitals,
};

/// A megabyte, as figures in MB mean it.
const MB: f64 = 1_048_576.0;

/// Judges what is known. Nothing that is unknown counts as passed: without an answer to
/// the diagnostic request the service is degraded at best.
pub fn health(vitals: &Vitals, thresholds: &Thresholds) -> Health {
    let found =
        [service(vitals, thresholds), pool(vitals, thresholds), latency(vitals, thresholds)];
    let (database, memory) = (database(vitals), memory(vitals, thresholds));
    let system = overlay_system(&found, &vitals.concerns);
    let all = found.iter().chain([&database, &memory]);
    let unknown = all.clone().filter(|it| it.status == HealthStatus::Unknown);
    let unknown: Vec<_> = unknown.map(|it| it.figure).collect();
    let mut reasons: Vec<(Verdict, &str)> =
        all.filter_map(|it| Some((it.verdict()?, it.message.as_str()))).collect();
    reasons.extend(vitals.concerns.iter().map(|it| (it.weight, it.what.as_str())));
    let status = reasons.iter().map(|(weight, _)| *weight).max().unwrap_or(Verdict::Healthy);
    let message = message(status, &reasons, &unknown);
    Health {
        message,
        data: data(vitals, thresholds),
        status,
        unknown,
        checks: [system, database.into_check("database"), memory.into_check("memory")],
    }
}

/// What of this speaks against the root that it was read from, whoever serves it: its
/// concerns, its databases, the response times of the last hour.
pub fn concerns(vitals: &Vitals, thresholds: &Thresholds) -> Vec<Concern> {
    let (mut database, latency) = (database(vitals), latency(vitals, thresholds));
    database.message = format!("database: {}", database.message);
    let figures = [database, latency].into_iter();
    let figures =
        figures.filter_map(|it| Some(Concern { weight: it.verdict()?, what: it.message }));
    vitals.concerns.iter().cloned().chain(figures).collect()
}

fn message(status: Verdict, reasons: &[(Verdict, &str)], unknown: &[&str]) -> String {
    let mut reasons = reasons.to_vec();
    reasons.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let reasons: Vec<_> = reasons.into_iter().map(|(_, it)| it).collect();
    let reasons = reasons.join("; ");
    match (status, unknown) {
        (Verdict::Healthy, []) => "the overlay system is healthy".to_owned(),
        (Verdict::Healthy, _) => {
            format!(
                "the overlay system is healthy as far as is known; unknown: {}",
                unknown.join(", ")
            )
        }
        (Verdict::Degraded, _) => format!("the overlay system is degraded: {reasons}"),
        (Verdict::Unhealthy, _) => format!("the overlay system is unhealthy: {reasons}"),
    }
}

/// What is known of one figure.
struct Figure {
    figure: &'static str,
    status: HealthStatus,
    message: String,
}

impl Figure {
    fn new(figure: &'static str, status: HealthStatus, message: impl Into<String>) -> Self {
        Self { figure, status, message: message.into() }
    }

    /// What it means for the whole, where it speaks against it.
    fn verdict(&self) -> Option<Verdict> {
        match self.status {
            HealthStatus::Pass => None,
            // Only who answered can be healthy.
            HealthStatus::Unknown => (self.figure == SERVICE).then_some(Verdict::Degraded),
            HealthStatus::Warn => Some(Verdict::Degraded),
            HealthStatus::Fail => Some(Verdict::Unhealthy),
        }
    }

    fn into_check(self, name: &'static str) -> HealthCheck {
        HealthCheck { name, status: self.status, message: self.message }
    }
}

const SERVICE: &str = "service";

fn service(vitals: &Vitals, thresholds: &Thresholds) -> Figure {
    let limit = thresholds.answer_within;
    let new = |status, message: String| Figure::new(SERVICE, status, message);
    match &vitals.answer {
        None => new(HealthStatus::Unknown, "the service was not asked".to_owned()),
        Some(Answer::Within(took)) if *took <= limit => {
            new(HealthStatus::Pass, format!("answered in {} ms", round(took.as_secs_f64() * 1e3)))
        }
        Some(Answer::Within(_) | Answer::Late) => {
            let message =
                format!("overlay service is not responding within {} s", limit.as_secs_f64());
            new(HealthStatus::Fail, message)
        }
        Some(Answer::Failed(why)) => {
            new(HealthStatus::Fail, format!("overlay service is not responding: {why}"))
        }
    }
}

fn pool(vitals: &Vitals, thresholds: &Thresholds) -> Figure {
    let Some(pool) = vitals.pool else {
        return Figure::new("pool", HealthStatus::Unknown, "pool usage unknown");
    };
    let (percent, PoolUse { active, total }) = (round(pool.percent()), pool);
    if pool.percent() > thresholds.pool_pct {
        return Figure::new("pool", HealthStatus::Warn, format!("pool usage high: {percent} %"));
    }
    Figure::new("pool", HealthStatus::Pass, format!("{active} of {total} in use"))
}

fn latency(vitals: &Vitals, thresholds: &Thresholds) -> Figure {
    let Some(Latency { count, mean_ms, p95_ms }) = vitals.latency else {
        return Figure::new("latency", HealthStatus::Unknown, "response times unknown");
    };
    let (mean, p95) = (round(mean_ms), round(p95_ms));
    let mut high = Vec::new();
    if mean_ms > thresholds.latency_mean_ms {
        high.push(format!("mean {mean} ms"));
    }
    if p95_ms > thresholds.latency_p95_ms {
        high.push(format!("p95 {p95} ms"));
    }
    if !high.is_empty() {
        let message = format!("response times of the last hour high: {}", high.join(", "));
        return Figure::new("latency", HealthStatus::Warn, message);
    }
    let message = format!("mean {mean} ms, p95 {p95} ms of {count} in the last hour");
    Figure::new("latency", HealthStatus::Pass, message)
}

fn database(vitals: &Vitals) -> Figure {
    match &vitals.database {
        None => Figure::new("database", HealthStatus::Unknown, "database unknown"),
        Some(Ok(())) => Figure::new("database", HealthStatus::Pass, "reachable"),
        Some(Err(why)) => Figure::new("database", HealthStatus::Warn, why),
    }
}

fn memory(vitals: &Vitals, thresholds: &Thresholds) -> Figure {
    let Some(mb) = vitals.memory_bytes.map(megabytes) else {
        return Figure::new("memory", HealthStatus::Unknown, "memory unknown");
    };
    if mb > thresholds.memory_mb {
        let message = format!("memory usage high: {} MB", round(mb));
        return Figure::new("memory", HealthStatus::Warn, message);
    }
    Figure::new("memory", HealthStatus::Pass, format!("{} MB", round(mb)))
}

/// Service, pool, response times and concerns as one check.
fn overlay_system(figures: &[Figure], concerns: &[Concern]) -> HealthCheck {
    let of_concern = |it: &Concern| match it.weight {
        Verdict::Healthy => HealthStatus::Pass,
        Verdict::Degraded => HealthStatus::Warn,
        Verdict::Unhealthy => HealthStatus::Fail,
    };
    // An answer is what it passes by; the other figures only speak against it.
    let of_figure = |it: &Figure| match it.status {
        HealthStatus::Unknown if it.figure != SERVICE => HealthStatus::Pass,
        status => status,
    };
    let status = figures.iter().map(of_figure).chain(concerns.iter().map(of_concern)).max();
    let messages = figures.iter().map(|it| it.message.as_str());
    let mut message = messages.collect::<Vec<_>>().join("; ");
    if !concerns.is_empty() {
        // Their words stand in the message of the whole.
        let what = if concerns.len() == 1 { "concern" } else { "concerns" };
        message = format!("{message}; {} {what}", concerns.len());
    }
    let status = status.unwrap_or(HealthStatus::Unknown);
    HealthCheck { name: "overlay-system", status, message }
}

fn data(vitals: &Vitals, thresholds: &Thresholds) -> HealthData {
    let answered =
        |it: &Answer| matches!(it, Answer::Within(took) if *took <= thresholds.answer_within);
    HealthData {
        overlay_service_healthy: vitals.answer.as_ref().map(answered),
        pool_health: vitals.pool.map(|it| PoolHealth {
            total: it.total,
            active: it.active,
            available: it.total.saturating_sub(it.active),
            usage_percent: round(it.percent()),
        }),
        database_healthy: vitals.database.as_ref().map(Result::is_ok),
        memory_usage_mb: vitals.memory_bytes.map(|it| round(megabytes(it))),
        average_response_time_ms: vitals.latency.map(|it| round(it.mean_ms)),
        p95_response_time_ms: vitals.latency.map(|it| round(it.p95_ms)),
    }
}

fn megabytes(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^53 bytes")]
    let bytes = bytes as f64;
    bytes / MB
}

/// To two decimals.
fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
