//! The audit index and performance rows of an overlay deployment, in SQLite.
//!
//! Two files: the [`AuditIndex`] (`db/audit.sqlite`), which answers questions about the audit
//! log and can be built from it again at any time, and [`Performance`] (`db/perf.sqlite`),
//! whose rows nothing else has and which are kept for 90 days. A [`BatchWriter`] puts rows
//! into both, or into the second alone, from a thread of its own.
//!
//! The truth about what happened is the audit log of `overlay-store`, not this index: a
//! database that is down, corrupt or behind never stops a deployment. Rows and questions
//! are plain structs without a type of SQLite, so that another server can stand beside it.
//!
//! ```
//! use overlay_sqlite::{Arm, Performance, PerformanceRow, Sample, Span};
//!
//! let dir = tempfile::tempdir()?;
//! let mut performance = Performance::open(&dir.path().join("perf.sqlite"))?;
//! let row = PerformanceRow {
//!     overlay_type: "refund".into(),
//!     operation: "answer".into(),
//!     duration_us: 12_500,
//!     memory_usage_kb: None,
//!     at_us: 1_764_000_000_000_000,
//!     environment: "production".into(),
//! };
//! let sample = Sample {
//!     deployment: "d-1".into(),
//!     arm: Arm::Candidate,
//!     result: "success".into(),
//!     duration_us: 12_500,
//!     tokens: Some(180),
//!     at_us: row.at_us,
//! };
//! performance.write(&[row], &[sample])?;
//!
//! let latency = performance.latency(Some("production"), Span::ALL)?;
//! assert_eq!(latency.map(|it| (it.count, it.p95_ms)), Some((1, 12.5)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audit_index;
mod audit_row;
mod batch;
mod copy;
mod database;
mod error;
mod faithful;
mod look;
mod performance;
mod queue;
mod rows;
mod samples;
mod schema;

pub use crate::audit_index::{AuditIndex, Indexed};
pub use crate::audit_row::{AuditQuery, AuditRow};
pub use crate::batch::{BatchWriter, Kept, Limits};
pub use crate::database::BUSY_TIMEOUT;
pub use crate::error::SqliteError;
pub use crate::faithful::{Faithfulness, faithfulness};
pub use crate::performance::{Latency, Performance};
pub use crate::queue::{Counts, Refused};
pub use crate::rows::{Arm, Operations, PerformanceRow, RETENTION_US, Sample, Span, Timing};
pub use crate::samples::ResultCount;
pub use crate::schema::{
    DatabaseKind, MigrationFile, ObjectKind, SchemaFault, SchemaFinding, is_empty, migrations,
    schema_report,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
