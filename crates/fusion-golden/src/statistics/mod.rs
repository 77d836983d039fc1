//! Statistics of gates: from paired samples to a verdict, or to the number of samples that
//! would do.
//!
//! Estimators: [`wilson`], [`clopper_pearson`], [`newcombe_paired`], [`mcnemar_worse`] and
//! [`rule_of_three`] for shares; [`holm`] where several claims are made at once; [`mean`], [`clustered_mean`] and
//! [`non_inferiority`] for paired scores; [`ratio_of_totals`] for paired counts;
//! [`quantile_bounds`] for percentiles; [`EProcess`] where somebody looks again and again;
//! `*_n` for the number of samples needed. Each names its source.
//!
//! Gates put them to use: [`prompt_gate`], [`token_gate`], [`cost_gate`], [`price_gate`],
//! [`quality_gate`], [`QualityWatch`], [`latency_gate`], [`error_gate`]; those that begin with
//! `own_` hold every pair to limits of its own. [`study`] measures how often they
//! are right on recorded pairs, [`calibrate`] whether an evaluator agrees with people.
//!
//! Nothing here knows a clock, a file or a source of chance: seeds are arguments.
//!
//! ```
//! use fusion_golden::Verdict;
//! use fusion_golden::statistics::{Bootstrap, Levels, Limits, Pair, token_gate};
//!
//! // Fifteen answers with the usual spread say little; the same request says everything.
//! let pairs: Vec<_> = (0..15).map(|it| Pair::new(100 + it % 7 * 30, 100 + it % 5 * 40)).collect();
//! let gate = token_gate(&pairs, Limits::TOKENS, Levels::BUDGET, Bootstrap::default());
//! assert_eq!(gate.verdict, Verdict::Insufficient);
//! assert!(gate.n_needed.is_some_and(|it| it > 15));
//!
//! let same: Vec<_> = pairs.iter().map(|it| Pair::identical(it.base)).collect();
//! let gate = token_gate(&same, Limits::TOKENS, Levels::BUDGET, Bootstrap::default());
//! assert_eq!(gate.verdict, Verdict::Pass);
//! ```

mod alpha;
mod betting;
pub mod calibrate;
mod clusters;
mod code;
mod error_gate;
mod gate;
mod holm;
mod latency_gate;
mod outcomes;
mod own_limits;
mod paired;
mod proportion;
mod quality_gate;
mod quantile;
pub(crate) mod random;
mod ratio;
pub(crate) mod rounded;
mod sample_size;
mod special;
pub mod study;
mod token_gate;

pub use self::alpha::{Alpha, AlphaError, Interval};
pub use self::betting::{Claim, EProcess, EProcessError, betting_interval};
pub use self::code::CODES;
pub use self::error_gate::{error_gate, own_error_gate};
pub use self::gate::{Bounded, Gate, Levels, Limits, Pair, Reason, worst};
pub use self::holm::holm;
pub use self::latency_gate::{latency_gate, own_latency_gate, request_latency_gate};
pub use self::outcomes::{Outcome, Outcomes, read_outcomes};
pub use self::own_limits::{OwnPair, limits_together};
pub use self::paired::{Mean, clustered_mean, mean, non_inferiority};
pub use self::proportion::{
    PairedCounts, clopper_pearson, mcnemar_worse, newcombe_paired, rule_of_three, wilson,
};
pub use self::quality_gate::{DEFAULT_MARGIN, QualityWatch, quality_gate};
pub use self::quantile::{QuantileBounds, quantile_bounds};
pub use self::ratio::{Bootstrap, RatioEstimate, Totals, ratio_of_totals};
pub(crate) use self::rounded::round4;
pub use self::sample_size::{
    paired_mean_n, paired_proportion_n, proportion_n, quantile_n, ratio_n, zero_failures_n,
};
pub use self::token_gate::{
    cost_gate, mean_of_ratios, own_price_gate, own_totals_gate, price_gate, prompt_gate, token_gate,
};
