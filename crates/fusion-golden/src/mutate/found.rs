use std::collections::BTreeSet;

use crate::code;
use crate::report::{Check, Rung, Verdict};

/// What became of a mutant.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Found {
    /// Nothing changed in meaning.
    pub(super) equivalent: bool,
    /// A file is refused, or is not the one that was accepted.
    pub(super) integrity: bool,
    /// Selection, settings, requests or outcome are not the accepted ones.
    pub(super) replay: bool,
    /// A rule of the scenario or a cap does not hold, or no answer was accepted any more.
    pub(super) rules: bool,
    /// The keys that were named, where a key was changed.
    pub(super) keys: BTreeSet<String>,
}

impl Found {
    /// Whether any layer saw it.
    pub(super) fn is_caught(&self) -> bool {
        self.integrity || self.replay || self.rules
    }

    /// What `check` adds; `sealed` where requests cannot have changed, so that a missing
    /// recording says that a rule sent the plan another way.
    pub(super) fn add(&mut self, check: &Check, sealed: bool) {
        let blocks = check.verdict >= Verdict::Stale;
        match check.rung {
            Rung::Integrity => self.integrity |= blocks,
            Rung::Replay if sealed && check.code == code::STALE => self.rules = true,
            Rung::Replay => self.replay |= blocks,
            Rung::Rules => self.rules |= check.verdict >= Verdict::Warn,
            Rung::Tokens if check.code == code::CAP => self.rules = true,
            Rung::Tokens => self.replay |= blocks,
        }
        if check.code == code::KEY {
            self.keys.extend(check.key.clone());
        }
    }
}
