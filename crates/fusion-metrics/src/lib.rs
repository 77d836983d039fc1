//! Metrics that cannot explode: a bounded recorder for the metrics facade.
//!
//! Whatever values callers put into labels, [`FusionMetrics`] keeps at most 1,000 series
//! a metric and 10,000 in all. A series over a limit is counted under
//! `overlay="__other__"`, then also `scenario="__other__"`. The label `result` always
//! stays, so totals and error ratios are exact during an attack as before it; and names
//! that the installation knows come before strangers.
//!
//! The metrics are those of [`CATALOGUE`]. [`FusionRecorder`] takes them from the macros
//! of the `metrics` crate and hands the metrics of other libraries on, limited too. The
//! module [`slo`] holds the arithmetic of objectives and [`History`] the events for it.
//!
//! Nothing here listens on a socket, reads a clock, or knows what an overlay is.
//!
//! ```
//! use fusion_metrics::{FusionMetrics, Format, Known, Outcome, catalogue};
//!
//! let metrics = FusionMetrics::new();
//! metrics.set_known(Known::only(["refund_processing"], ["rollback_first"]));
//!
//! metrics.record_fusion_latency(250.0, "refund_processing", "rollback_first", Outcome::Success);
//! for stranger in 0..100_000 {
//!     let overlay = format!("overlay-{stranger}");
//!     metrics.inc(catalogue::EXECUTION_REQUESTS, "refund_processing", &overlay, Outcome::Error);
//! }
//!
//! assert!(metrics.series() <= 1_000);
//! assert_eq!(metrics.by_result(catalogue::EXECUTION_REQUESTS)[&Outcome::Error], 100_000);
//! let page = metrics.render(Format::Text);
//! assert!(page.contains("fusion_execution_requests_total{overlay=\"__other__\",result=\"error\",scenario=\"refund_processing\"} 99900"));
//! ```
//!
//! Through the macros:
//!
//! ```
//! use fusion_metrics::{FusionMetrics, FusionRecorder};
//!
//! let recorder = FusionRecorder::new(FusionMetrics::new());
//! metrics::with_local_recorder(&recorder, || {
//!     metrics::counter!("fusion.execution.requests", "result" => "success").increment(1);
//! });
//! ```

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod admission;
pub mod catalogue;
mod cell;
mod demand;
mod event;
mod exposition;
mod forward;
mod fusion_metrics;
mod handle;
mod history;
mod known;
mod label;
mod limits;
mod metric;
mod outcome;
mod recorder;
mod reference;
mod render;
mod series;
pub mod slo;
mod store;
mod table;
mod translate;
mod wire;

pub use crate::catalogue::CATALOGUE;
pub use crate::event::FoldReason;
pub use crate::fusion_metrics::FusionMetrics;
pub use crate::handle::{Counter, Gauge, Histogram};
pub use crate::history::History;
pub use crate::known::Known;
pub use crate::limits::{InvalidLimits, Limits};
pub use crate::metric::{CounterId, GaugeId, HistogramId, InfoId, Kind, Metric, Source, Unit};
pub use crate::outcome::Outcome;
pub use crate::recorder::FusionRecorder;
pub use crate::reference::{catalogue_json, catalogue_md};
pub use crate::render::{Format, negotiate};
