use crate::options::value::Kind;

/// One option of `fusion.toml`.
#[derive(Clone, Copy, Debug)]
pub struct OptionRow {
    /// The table of the file it stands in.
    pub section: &'static str,
    /// Its key there; the unit of a number is its last part.
    pub key: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What is in force where nobody sets it, as it would be written.
    pub default: &'static str,
    /// What it does.
    pub doc: &'static str,
}

const fn row(
    section: &'static str,
    key: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
) -> OptionRow {
    OptionRow { section, key, kind, default, doc }
}

const fn count(least: u64, most: u64) -> Kind {
    Kind::Count { least, most }
}

/// Every option of `fusion.toml`, sorted by section and key. Reader, JSON Schema and
/// reference follow from it.
pub const OPTIONS: &[OptionRow] = &[
    row(
        "adapters",
        "use",
        Kind::Words,
        "[]",
        "Adapters that the installation needs beside those its other options name. One that is \
         not in this build is a failed check.",
    ),
    row(
        "audit",
        "sink",
        Kind::Adapter(&["file", "null"]),
        "file",
        "Where a service writes what is done by its API (kill, revive, isolate, close): `file` is \
         the hash-chained log of the deployment root, `null` is nowhere. What commands change is \
         in that log always. Production refuses `null`.",
    ),
    row(
        "database",
        "kind",
        Kind::Adapter(&["null", "sqlite"]),
        "sqlite",
        "The adapter that keeps the audit index, the performance rows and the samples of rollouts. \
         `null` keeps none: response times are unknown then, and no stage of a rollout passes.",
    ),
    row(
        "doctor",
        "clock_skew_s",
        count(0, 86_400),
        "300",
        "How far the newest audit record may lie ahead of the clock, in seconds.",
    ),
    row(
        "doctor",
        "disk_free_mb",
        count(1, 1_000_000_000),
        "256",
        "The least room on the disk of the deployment root, in MB. Less fails, less than twice as \
         much warns.",
    ),
    row(
        "doctor",
        "fail_on",
        Kind::Checks,
        r#"["models", "open-files", "permissions"]"#,
        "Checks whose warnings are failures in production.",
    ),
    row(
        "doctor",
        "inotify_watches",
        count(1, 10_000_000),
        "1024",
        "The fewest inotify watches a user must have. With too few, changes are seen by polling \
         only.",
    ),
    row(
        "doctor",
        "open_files",
        count(16, 10_000_000),
        "1024",
        "The fewest files a process must be able to open.",
    ),
    row(
        "doctor",
        "retire_warn_days",
        count(0, 3650),
        "30",
        "How many days before a model retires a warning begins.",
    ),
    row(
        "health",
        "answer_within_ms",
        count(100, 60_000),
        "5000",
        "How long the diagnostic request may take, in milliseconds. Beyond it the service is \
         unhealthy.",
    ),
    row(
        "health",
        "latency_mean_ms",
        count(1, 3_600_000),
        "1000",
        "The mean response time of the last hour above which the service is degraded, in \
         milliseconds.",
    ),
    row(
        "health",
        "latency_p95_ms",
        count(1, 3_600_000),
        "1000",
        "The 95th percentile of the response times of the last hour above which the service is \
         degraded, in milliseconds.",
    ),
    row(
        "health",
        "memory_mb",
        count(16, 1_048_576),
        "512",
        "The resident memory above which the service is degraded, in MB of 1,048,576 bytes.",
    ),
    row(
        "health",
        "pool_pct",
        count(1, 100),
        "90",
        "The share of the pool in use above which the service is degraded, in percent.",
    ),
    row(
        "metrics",
        "series_overall",
        count(256, 1_000_000),
        "10000",
        "The most series of all metrics together. Beyond it, series fold.",
    ),
    row(
        "metrics",
        "series_per_metric",
        count(16, 1_000_000),
        "1000",
        "The most series of one metric. Beyond it, series fold.",
    ),
    row(
        "metrics",
        "sink",
        Kind::Adapter(&["null", "prometheus"]),
        "prometheus",
        "Where metrics go: `prometheus` is the page `/metrics`, `null` is nowhere. Production \
         refuses `null`.",
    ),
    row(
        "performance",
        "retention_days",
        count(1, 3650),
        "90",
        "How long performance rows and samples of rollouts are kept, in days. `fusion deploy sample` \
         and `fusion deploy gc` remove what is older.",
    ),
    row(
        "service",
        "listen",
        Kind::Address,
        "127.0.0.1:9630",
        "The address and port that the service listens on; port 0 is any that is free.",
    ),
    row(
        "service",
        "pool",
        count(1, 1_000_000),
        "100",
        "How many requests the service is meant to hold at once.",
    ),
];

/// The row of an option.
pub fn option(section: &str, key: &str) -> Option<&'static OptionRow> {
    OPTIONS.iter().find(|it| (it.section, it.key) == (section, key))
}

impl OptionRow {
    /// The variable of the environment that sets it: `RESON__SERVICE__POOL`.
    pub fn variable(&self) -> String {
        let Self { section, key, .. } = self;
        format!("{PREFIX}{section}__{key}").to_ascii_uppercase()
    }
}

/// What the variables of options begin with.
pub(crate) const PREFIX: &str = "RESON__";
