use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use overlay_optimizer::{Sample, WorkloadProfile};
use overlay_sqlite::{Operations, Performance, RETENTION_US, Span, SqliteError, Timing};
use serde::Serialize;
use thiserror::Error;

use super::tune::places::may_hold;
use crate::environment::{Environment, rfc3339};
use crate::exit::{Exit, refusal};
use crate::findings::plural;
use crate::output::{Output, Report};
use crate::replace::create;

/// Make a workload profile from what was measured
///
/// Reads the performance rows of a deployment and writes how many requests came a minute, how
/// long they took and which hours are the busy ones, as TOML for `fusion overlay optimize`. What
/// the work asks of quality and memory is no measurement: add it by hand.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion overlay profile --from-metrics 7d --root prod -o refund.toml
  fusion overlay profile --from-metrics 30d --root prod --overlay refund --operation answer
  fusion overlay profile --from-metrics 12h --root prod --timezone Europe/Berlin
  fusion overlay profile --from-metrics 7d --root prod | fusion overlay optimize \\
    configs/overlays/fusion_overlay.rollback_first.txt --workload -

They can be typed beside a deployment root `prod` whose service measures its answers (it hands the
rows to the library overlay-sqlite, which writes prod/db/perf.sqlite), the last one in a clone of
the repository.

Ends with 3 where nothing was measured in the window, with 65 where there is no database.")]
pub(crate) struct Profile {
    /// How far back the window reaches: `90m`, `12h`, `7d`; at most the 90 days that rows are
    /// kept
    #[arg(long, value_name = "SPAN")]
    from_metrics: Window,
    /// The deployment root, whose rows are in `db/perf.sqlite`; else FUSION_ROOT
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Only rows of this overlay
    #[arg(long, value_name = "NAME")]
    overlay: Option<String>,
    /// Only rows of this operation; without it every row counts as a request
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// Only rows of this environment
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// The zone of the busy hours, as the IANA database names it
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    timezone: String,
    /// Where the profile goes; standard output without it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file of `--output` where there is one
    #[arg(long, requires = "output")]
    force: bool,
}

/// How far back something reaches, in whole minutes: from 1 to those of 90 days.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Window {
    minutes: u32,
}

/// A text that is no window.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("write a number of minutes, hours or days, at most 90 days: `90m`, `12h`, `7d`")]
struct InvalidWindow;

impl FromStr for Window {
    type Err = InvalidWindow;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let units = [("m", 1), ("h", 60), ("d", 24 * 60)];
        let read = units.iter().find_map(|(unit, minutes)| {
            let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
            number.checked_mul(*minutes)
        });
        let window = read.filter(|it| *it > 0).map(|minutes| Self { minutes });
        window.filter(|it| it.micros() <= RETENTION_US).ok_or(InvalidWindow)
    }
}

impl Window {
    fn micros(self) -> i64 {
        i64::from(self.minutes) * 60_000_000
    }
}

#[derive(Serialize)]
struct ProfileReport {
    profile: WorkloadProfile,
    /// How many rows it rests on.
    requests: usize,
    /// The window.
    from: String,
    before: String,
    /// When the first of them ended.
    first: String,
    written: Option<String>,
    #[serde(skip)]
    toml: String,
}

impl Report for ProfileReport {
    const SCHEMA: &'static str = "fusion/overlay-profile/1";

    fn text(&self, _width: usize) -> String {
        match &self.written {
            Some(path) => format!("wrote {path}\n"),
            None => self.toml.clone(),
        }
    }
}

impl Profile {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let before_us =
            i64::try_from(environment.now()).unwrap_or(i64::MAX / 1_000_000) * 1_000_000;
        let span = Span { from_us: before_us - self.from_metrics.micros(), before_us };
        let path = self.path(environment)?;
        if let Some(file) = &self.output {
            may_hold("--output", file)?;
        }
        let timings = self.timings(&path, span)?;
        let samples: Vec<_> = timings.iter().map(sample).collect();
        let minutes = f64::from(self.from_metrics.minutes);
        if samples.is_empty() {
            let message = format!("{}: no row in {}", path.display(), moments(span));
            return Err(refusal(Exit::INSUFFICIENT, message));
        }
        let profile = WorkloadProfile::from_samples(&samples, minutes, &self.timezone);
        let unknown = || {
            let message = format!("the time zone `{}` is not known", self.timezone);
            refusal(Exit::USAGE, message)
        };
        let profile = profile.ok_or_else(unknown)?;
        let first = timings.first().map_or(before_us, |it| it.at_us);
        if first - span.from_us > self.from_metrics.micros() / 10 {
            output.remark(&format!(
                "warning: the first row is of {}, and the rate counts from {} on\n",
                moment(first),
                moment(span.from_us)
            ))?;
        }
        let mut report = ProfileReport {
            toml: toml(&profile, samples.len(), span),
            profile,
            requests: samples.len(),
            from: moment(span.from_us),
            before: moment(before_us),
            first: moment(first),
            written: None,
        };
        if let Some(path) = &self.output {
            create(path, report.toml.as_bytes(), self.force)?;
            report.written = Some(path.display().to_string());
        }
        output.show(&report)?;
        Ok(Exit::DONE)
    }

    fn path(&self, environment: &Environment) -> anyhow::Result<PathBuf> {
        let root = self.root.clone().or_else(|| environment.path("FUSION_ROOT"));
        let root =
            root.ok_or_else(|| refusal(Exit::USAGE, "which deployment root? give --root DIR"))?;
        Ok(root.join("db").join("perf.sqlite"))
    }

    fn timings(&self, path: &Path, span: Span) -> anyhow::Result<Vec<Timing>> {
        let of = Operations {
            overlay: self.overlay.as_deref(),
            operation: self.operation.as_deref(),
            environment: self.environment.as_deref(),
        };
        let unreadable =
            |err: SqliteError| refusal(Exit::UNREADABLE, format!("{:#}", anyhow::Error::new(err)));
        let rows = Performance::open_read_only(path).map_err(unreadable)?;
        rows.timings(of, span).map_err(unreadable)
    }
}

fn sample(it: &Timing) -> Sample {
    let micros = u32::try_from(it.duration_us).unwrap_or(u32::MAX);
    Sample { at_ms: it.at_us.div_euclid(1_000), latency_ms: f64::from(micros) / 1_000.0 }
}

fn moment(micros: i64) -> String {
    rfc3339(u64::try_from(micros.div_euclid(1_000_000)).unwrap_or_default())
}

fn moments(span: Span) -> String {
    format!("{} to {}", moment(span.from_us), moment(span.before_us))
}

/// The profile as a file for people to add to.
fn toml(profile: &WorkloadProfile, requests: usize, span: Span) -> String {
    let mut res = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(res, "# Measured: {}, {}.", plural(requests, "request"), moments(span));
    let _ = writeln!(res, "requests_per_minute = {}", profile.requests_per_minute);
    let _ = writeln!(res, "average_latency_ms = {}", profile.average_latency_ms);
    if !profile.peak_hours.is_empty() {
        let hours: Vec<_> = profile.peak_hours.iter().map(|it| format!("\"{it}\"")).collect();
        let _ = writeln!(res, "peak_hours = [{}]", hours.join(", "));
        let _ = writeln!(res, "timezone = \"{}\"", profile.timezone.as_deref().unwrap_or("UTC"));
    }
    res.push_str(
        "\n# Not measured; take the mark off what the work asks for.\n\
         # quality_score_minimum = 0.8\n\
         # resource_constraints = { max_memory_mb = 2048 }\n",
    );
    res
}
