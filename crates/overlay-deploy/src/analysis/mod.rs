//! Judges a stage: hard limits first, then tests that may be looked at at any time.

mod arm;
mod bounds;
mod judge;
mod sequential;

pub use self::arm::{Arm, Moments, Sample};
pub use self::bounds::{lower_bound, upper_bound};
pub use self::judge::{Evidence, Judgement, Limits, Metric, Observed, Rule, Verdict, judge};
