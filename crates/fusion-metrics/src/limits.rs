use thiserror::Error;

/// How many series there can be.
///
/// Both limits count every series of the catalogue that is exposed, the ones that others
/// fold into included. What the store says about itself is a constant set beside them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    per_metric: usize,
    overall: usize,
    unknown_share: f64,
}

impl Limits {
    /// The smallest limit of a metric: room for what it folds into and a little more.
    pub const LEAST_PER_METRIC: usize = 16;
    /// The smallest overall limit.
    pub const LEAST_OVERALL: usize = 256;
    /// The largest overall limit; the table for it takes 32 MB.
    pub const MOST_OVERALL: usize = 1_000_000;

    /// At most `per_metric` series of one metric and `overall` of all. Series with names
    /// unknown to the installation get the share `unknown_share` of both, from 0 to 1.
    ///
    /// # Errors
    ///
    /// When a limit is out of range or the share is none.
    pub fn new(
        per_metric: usize,
        overall: usize,
        unknown_share: f64,
    ) -> Result<Self, InvalidLimits> {
        if !(Self::LEAST_OVERALL..=Self::MOST_OVERALL).contains(&overall) {
            return Err(InvalidLimits::Overall(overall));
        }
        if !(Self::LEAST_PER_METRIC..=overall).contains(&per_metric) {
            return Err(InvalidLimits::PerMetric(per_metric, overall));
        }
        if !(0.0..=1.0).contains(&unknown_share) {
            return Err(InvalidLimits::UnknownShare(unknown_share));
        }
        Ok(Self { per_metric, overall, unknown_share })
    }

    /// The most series of one metric.
    pub const fn per_metric(&self) -> usize {
        self.per_metric
    }

    /// The most series of all metrics together.
    pub const fn overall(&self) -> usize {
        self.overall
    }

    /// The share of a limit that unknown names may use.
    pub const fn unknown_share(&self) -> f64 {
        self.unknown_share
    }

    /// The part of `limit` that is for unknown names.
    pub(crate) fn unknown_of(&self, limit: usize) -> usize {
        // A share of at most 1 of at most a million: neither end can be passed.
        (limit as f64 * self.unknown_share) as usize
    }
}

impl Default for Limits {
    /// 1,000 a metric, 10,000 overall, a tenth of it for unknown names.
    fn default() -> Self {
        Self { per_metric: 1_000, overall: 10_000, unknown_share: 0.1 }
    }
}

/// Limits that cannot be kept.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidLimits {
    /// The overall limit is out of range.
    #[error("overall limit of {0} series: use 256 to 1000000")]
    Overall(usize),
    /// The limit of a metric is out of range.
    #[error("limit of {0} series a metric: use 16 to the overall limit of {1}")]
    PerMetric(usize, usize),
    /// The share is out of range.
    #[error("share of {0} for unknown names: use 0 to 1")]
    UnknownShare(f64),
}
