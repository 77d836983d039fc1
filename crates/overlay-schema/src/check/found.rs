use overlay_model::{Data, Entry, Location, Overlay};

use crate::params::{PARAMS, Param};
use crate::refusal::float;

/// An overlay with its entries by the row of the table that they are of.
pub(crate) struct Found<'a> {
    pub(crate) overlay: &'a Overlay,
    pub(crate) file_name: Option<&'a str>,
    pub(super) rows: [Option<Row<'a>>; PARAMS.len()],
    /// The entries that are no parameter.
    pub(crate) unknown: Vec<Entry<'a>>,
}

/// An entry of a known key.
pub(crate) struct Row<'a> {
    pub(crate) entry: Entry<'a>,
    pub(crate) param: &'static Param,
    /// Whether its value was taken.
    pub(crate) is_taken: bool,
}

impl<'a> Found<'a> {
    /// The entry of the row `at`, one of [`rows`].
    pub(crate) fn row(&self, at: usize) -> Option<&Row<'a>> {
        self.rows.get(at)?.as_ref()
    }

    /// The word in the row `at`, or its default.
    pub(crate) fn word(&self, at: usize) -> &str {
        match self.row(at).filter(|it| it.is_taken) {
            Some(row) => row.entry.value,
            None => PARAMS.get(at).and_then(|it| it.default).unwrap_or_default(),
        }
    }

    /// The place of the value of `entry`.
    pub(crate) fn value_at(&self, entry: &Entry<'_>) -> Location {
        self.overlay.location(entry.value_span())
    }

    /// The place of the key of `entry`.
    pub(crate) fn key_at(&self, entry: &Entry<'_>) -> Location {
        self.overlay.location(entry.key_span())
    }
}

impl Row<'_> {
    /// What the value says, `None` where it was refused. Few values are asked, so what
    /// was read to check them is not kept.
    pub(crate) fn data(&self) -> Option<Data> {
        if self.is_taken { self.param.kind.read(self.entry.value).ok() } else { None }
    }

    /// The number, where the value is one.
    pub(crate) fn number(&self) -> Option<f64> {
        match self.data()? {
            Data::Number(number) => Some(number),
            Data::Integer(number) => Some(float(number)),
            _ => None,
        }
    }

    /// The words, where the value is a list of them.
    pub(crate) fn words(&self) -> Vec<String> {
        match self.data() {
            Some(Data::List(words)) => words,
            _ => Vec::new(),
        }
    }

    /// The voters, where the value is a map of weights.
    pub(crate) fn weights(&self) -> Vec<(String, u32)> {
        match self.data() {
            Some(Data::Weights(pairs)) => pairs,
            _ => Vec::new(),
        }
    }
}

/// The rows that other phases ask for, found when the program is compiled: a check searches
/// nothing, and a key that is not in the table does not compile.
pub(crate) mod rows {
    use super::row_of;
    use crate::params::ALIASES;

    pub(crate) const ARBITRATION_TIMEOUT_MS: usize = row_of("ARBITRATION_TIMEOUT_MS");
    pub(crate) const ENTROPY_FLOOR: usize = row_of("ENTROPY_FLOOR");
    pub(crate) const ENTROPY_REDUCTION_TARGET: usize = row_of("ENTROPY_REDUCTION_TARGET");
    pub(crate) const FUSION_MODE: usize = row_of("FUSION_MODE");
    pub(crate) const FUSION_OVERLAY_VERSION: usize = row_of("FUSION_OVERLAY_VERSION");
    pub(crate) const MODEL: usize = row_of("MODEL");
    pub(crate) const OVERLAY_NAME: usize = row_of("OVERLAY_NAME");
    pub(crate) const OVERLAY_PINNED: usize = row_of("OVERLAY_PINNED");
    pub(crate) const OVERLAY_TARGET_SCENARIOS: usize = row_of("OVERLAY_TARGET_SCENARIOS");
    pub(crate) const PII_DETECTION: usize = row_of("PII_DETECTION");
    pub(crate) const REQUEST_DEADLINE_MS: usize = row_of("REQUEST_DEADLINE_MS");
    pub(crate) const SAMPLES: usize = row_of("SAMPLES");
    pub(crate) const TEMPERATURE: usize = row_of("TEMPERATURE");
    pub(crate) const TOP_P: usize = row_of("TOP_P");
    pub(crate) const TRUST_FLOOR: usize = row_of("TRUST_FLOOR");
    pub(crate) const TRUST_SCORING_MODEL: usize = row_of("TRUST_SCORING_MODEL");
    pub(crate) const VOTING_POWER_MAP: usize = row_of("VOTING_POWER_MAP");

    /// The older names with the newer ones.
    pub(crate) const OLDER: [(usize, usize); ALIASES.len()] = {
        let mut res = [(0, 0); ALIASES.len()];
        let mut at = 0;
        while at < res.len() {
            res[at] = (row_of(ALIASES[at].0), row_of(ALIASES[at].1));
            at += 1;
        }
        res
    };
}

const fn row_of(key: &str) -> usize {
    let mut at = 0;
    while !is_same(PARAMS[at].key.as_bytes(), key.as_bytes()) {
        at += 1;
    }
    at
}

const fn is_same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}
