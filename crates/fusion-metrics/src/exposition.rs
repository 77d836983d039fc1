//! The store as text, family by family.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::admission::InfoRow;
use crate::catalogue::CATALOGUE;
use crate::event::{Event, FoldReason};
use crate::metric::{Kind, Metric, Source};
use crate::render::{Format, bound_text, push_f64, push_help, push_u64};
use crate::series::{Series, Value};
use crate::store::Store;

/// Every family with at least one sample, sorted by name, each with its series sorted by
/// labels.
pub(crate) fn render(store: &Store, format: Format) -> String {
    let infos = store.admission().infos.clone();
    store.with_sorted(|series| {
        let mut page = Page { out: String::with_capacity(4096 + 128 * series.len()), format };
        let mut families: Vec<_> = (0_u8..).zip(CATALOGUE).collect();
        families.sort_unstable_by_key(|(_, metric)| metric.prometheus);
        let samples = samples(store, series, infos.len());
        for (place, metric) in families {
            match (metric.source, metric.kind) {
                (Source::Own, _) => page.own(metric, &own(store, metric.name, series, samples)),
                (_, Kind::Info) => page.infos(metric, of_metric(&infos, place, |it| it.metric)),
                _ => page.recorded(metric, of_metric(series, place, |it| it.metric)),
            }
        }
        page.out
    })
}

/// The part of a sorted list that belongs to one metric.
fn of_metric<T>(sorted: &[T], place: u8, metric: impl Fn(&T) -> u8) -> &[T] {
    let start = sorted.partition_point(|it| metric(it) < place);
    let end = sorted.partition_point(|it| metric(it) <= place);
    sorted.get(start..end).unwrap_or_default()
}

/// The number of samples on the page.
fn samples(store: &Store, series: &[Arc<Series>], infos: usize) -> usize {
    let recorded: usize = series.iter().map(|it| weight(it)).sum();
    let own = CATALOGUE.iter().filter(|it| it.source == Source::Own).count();
    // Two of the own metrics have more than one sample, and one may have none.
    let constant = own - 3 + FoldReason::ALL.len() + recorded_metrics().count();
    recorded + infos + constant + usize::from(store.scrape_seconds().is_some())
}

/// The samples of a series: a histogram has one a bucket, one without bound, sum, count.
fn weight(series: &Series) -> usize {
    match &series.value {
        Value::Histogram(metric, _) => metric.buckets.len() + 3,
        Value::Counter(_) | Value::Gauge(_) => 1,
    }
}

fn recorded_metrics() -> impl Iterator<Item = (u8, &'static Metric)> {
    (0_u8..).zip(CATALOGUE).filter(|(_, it)| it.source == Source::Recorded)
}

/// One sample of the store about itself.
struct Sample {
    labels: String,
    value: f64,
}

fn own(store: &Store, name: &str, series: &[Arc<Series>], samples: usize) -> Vec<Sample> {
    let events = &store.events;
    let value = match name {
        "fusion.metrics.folded" => return folded(store),
        "fusion.metrics.metric_series" => return metric_series(store, series),
        "fusion.metrics.demand_estimate" => store.demand.estimate() as f64,
        "fusion.metrics.dropped_tags" => events.total(Event::DroppedTag) as f64,
        "fusion.metrics.exposed_samples" => samples as f64,
        "fusion.metrics.forwarded_names" => store.forwarded_names.load(Relaxed) as f64,
        "fusion.metrics.forwarded_series" => store.forwarded_series.load(Relaxed) as f64,
        "fusion.metrics.rejected_names" => events.total(Event::RejectedName) as f64,
        "fusion.metrics.rejected_values" => {
            series.iter().map(|it| it.rejected()).sum::<u64>() as f64
        }
        "fusion.metrics.scrape_seconds" => match store.scrape_seconds() {
            Some(seconds) => seconds,
            None => return Vec::new(),
        },
        "fusion.metrics.series" => (series.len() + store.admission().infos.len()) as f64,
        "fusion.metrics.series_limit" => store.limits.overall() as f64,
        _ => return Vec::new(),
    };
    vec![Sample { labels: String::new(), value }]
}

fn folded(store: &Store) -> Vec<Sample> {
    let sample = |it: FoldReason| Sample {
        labels: format!("reason=\"{}\"", it.as_str()),
        value: store.events.total(Event::Folded(it)) as f64,
    };
    FoldReason::ALL.map(sample).into()
}

fn metric_series(store: &Store, series: &[Arc<Series>]) -> Vec<Sample> {
    let infos = store.admission().infos.clone();
    let count = |place| {
        of_metric(series, place, |it| it.metric).len()
            + of_metric(&infos, place, |it| it.metric).len()
    };
    let mut res: Vec<_> = recorded_metrics()
        .map(|(place, metric)| Sample {
            labels: format!("metric=\"{}\"", metric.prometheus),
            value: count(place) as f64,
        })
        .collect();
    res.sort_by(|a, b| a.labels.cmp(&b.labels));
    res
}

struct Page {
    out: String,
    format: Format,
}

impl Page {
    fn own(&mut self, metric: &Metric, samples: &[Sample]) {
        if !samples.is_empty() {
            self.head(metric);
        }
        for sample in samples {
            self.name(metric.prometheus, "", &sample.labels);
            self.number(sample.value);
        }
    }

    fn infos(&mut self, metric: &Metric, rows: &[InfoRow]) {
        if !rows.is_empty() {
            self.head(metric);
        }
        for row in rows {
            self.name(metric.prometheus, "", &row.labels);
            self.count(1);
        }
    }

    fn recorded(&mut self, metric: &Metric, series: &[Arc<Series>]) {
        if series.is_empty() {
            return;
        }
        self.head(metric);
        let bounds: Vec<_> = metric.buckets.iter().map(|it| bound_text(*it)).collect();
        for series in series {
            match &series.value {
                Value::Counter(_) => {
                    self.name(metric.prometheus, "", series.labels());
                    self.count(series.count());
                }
                Value::Gauge(cell) => {
                    self.name(metric.prometheus, "", series.labels());
                    self.number(cell.value());
                }
                Value::Histogram(..) => self.histogram(metric, series, &bounds),
            }
        }
    }

    /// The two formats want type and help in different order, and only one has units.
    fn head(&mut self, metric: &Metric) {
        match self.format {
            Format::Text => {
                self.help(metric.prometheus, metric);
                self.line("# TYPE ", metric.prometheus, metric.kind.in_text());
            }
            Format::OpenMetrics => {
                self.line("# TYPE ", metric.family(), metric.kind.in_open_metrics());
                if !metric.unit.as_str().is_empty() {
                    self.line("# UNIT ", metric.family(), metric.unit.as_str());
                }
                self.help(metric.family(), metric);
            }
        }
    }

    fn line(&mut self, head: &str, name: &str, rest: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.out, "{head}{name} {rest}");
    }

    fn help(&mut self, name: &str, metric: &Metric) {
        let _ = write!(self.out, "# HELP {name} ");
        push_help(&mut self.out, metric.help, self.format);
        let _ = writeln!(self.out, " ({})", metric.name);
    }

    fn histogram(&mut self, metric: &Metric, series: &Series, bounds: &[String]) {
        let values = series.distribution();
        let mut total = 0;
        let ends = bounds.iter().map(String::as_str).chain(["+Inf"]);
        for (end, count) in ends.zip(values.counts) {
            total += count;
            self.bucket(metric.prometheus, series.labels(), end);
            self.count(total);
        }
        if self.has_sum(metric) {
            self.name(metric.prometheus, "_sum", series.labels());
            self.number(values.sum);
            self.name(metric.prometheus, "_count", series.labels());
            self.count(total);
        }
    }

    /// OpenMetrics has no sum, and so no count, where values can be below zero: it would
    /// be no counter.
    fn has_sum(&self, metric: &Metric) -> bool {
        let below_zero = metric.buckets.first().is_some_and(|it| *it < 0.0);
        self.format == Format::Text || !below_zero
    }

    fn bucket(&mut self, name: &str, labels: &str, end: &str) {
        let out = &mut self.out;
        out.push_str(name);
        out.push_str("_bucket{");
        if !labels.is_empty() {
            out.push_str(labels);
            out.push(',');
        }
        out.push_str("le=\"");
        out.push_str(end);
        out.push_str("\"} ");
    }

    fn name(&mut self, name: &str, suffix: &str, labels: &str) {
        let out = &mut self.out;
        out.push_str(name);
        out.push_str(suffix);
        if labels.is_empty() {
            out.push(' ');
        } else {
            out.push('{');
            out.push_str(labels);
            out.push_str("} ");
        }
    }

    fn count(&mut self, value: u64) {
        push_u64(&mut self.out, value);
        self.out.push('\n');
    }

    fn number(&mut self, value: f64) {
        push_f64(&mut self.out, value);
        self.out.push('\n');
    }
}
