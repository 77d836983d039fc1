//! Feature flags that choose overlays, and the breakers that take them out.
//!
//! A [`FlagFile`] is compiled into an immutable [`Snapshot`]; [`Flags`] puts one in force,
//! with the switches that force flags on or off and the breakers of all overlays. A
//! decision or a route is read off one [`View`], without a lock and without allocating,
//! and says why.
//!
//! Nothing here reads a file, a clock or the environment.
//!
//! ```
//! use fusion_flags::{BreakerSet, Context, FlagFile, Flags, Route, Snapshot};
//!
//! let file = FlagFile::parse(
//!     "schema_version: 2
//! features:
//!   refunds:
//!     enabled_overlays: [rollback_first]
//!     rollout_percentage: 100
//!     conditions: {scenario_types: [refund_processing], confidence_threshold: 0.7}
//! ",
//! )?;
//! let flags = Flags::new(Snapshot::compile(&file, None).unwrap(), BreakerSet::default());
//!
//! let context =
//!     Context { scenario_type: "refund_processing", confidence: Some(0.85), ..Context::default() };
//! let (view, mut route) = (flags.view(), Route::default());
//! view.route(&context, &mut route);
//! assert_eq!(route.primary().map(|it| view.overlay_name(it)), Some("rollback_first"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod advice;
mod breaker;
mod breaker_set;
mod bucket;
mod codes;
mod condition;
mod decide;
mod diff;
mod explain;
mod file;
mod flag;
mod flags;
mod form;
mod lint;
mod names;
mod permit;
mod place;
mod policy;
mod quota;
mod reason;
mod references;
mod route;
mod rules;
mod schema;
mod snapshot;
mod switches;
mod sync;
mod ticket;
mod time;
mod window;
mod word;

pub use crate::breaker::{Breaker, BreakerState};
pub use crate::breaker_set::BreakerSet;
pub use crate::bucket::{BUCKETS, Salt, buckets_of_percent, murmur3_32};
pub use crate::codes::{CODES, FlagCode, code};
pub use crate::condition::Attribute;
pub use crate::decide::{Context, Decision};
pub use crate::diff::{
    CaseDiff, Comparison, DiffCase, DiffPlan, DiffScope, FlagChange, FlagDiff, GivenValue, Move,
};
pub use crate::explain::{FlagReport, RejectedReport, RouteReport};
pub use crate::file::{
    ActiveHours, AttributeTest, BreakerSettings, Conditions, Defaults, Environment, Feature,
    FlagFile, FlagKind, Global, HalfOpenSettings, MAX_FLAG_BYTES, Matching, MetricSwitches,
    MissingConfidence, OnOff, Ordered, Ramp, RampStep, Requirement, Variant, WindowSettings,
};
pub use crate::flags::{Flags, SwitchSource, View};
pub use crate::lint::{FlagReferences, check};
pub use crate::permit::Permit;
pub use crate::policy::{BreakerPolicy, WindowPolicy};
pub use crate::reason::{FlagId, Reason};
pub use crate::route::{OverlayId, Rejected, Route};
pub use crate::schema::flag_file_schema;
pub use crate::snapshot::Snapshot;
pub use crate::switches::Switches;
pub use crate::ticket::{InvalidTicket, Ticket};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
