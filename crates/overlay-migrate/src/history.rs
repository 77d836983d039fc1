use std::collections::BTreeMap;

use crate::journal::Record;
use crate::kind::Kind;
use crate::plan::Plan;
use crate::run::{RunError, Site, runs};

/// How long the steps of earlier runs took.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct History {
    took_us: BTreeMap<Kind, Vec<u64>>,
}

impl History {
    /// The history that the journals of the tree hold.
    ///
    /// # Errors
    ///
    /// Where a journal cannot be read.
    pub fn read(site: Site<'_>) -> Result<Self, RunError> {
        let mut took_us: BTreeMap<Kind, Vec<u64>> = BTreeMap::new();
        for run in runs(site)? {
            for record in &run.journal.records {
                if let Record::Applied { kind, took_us: took, .. } = record {
                    took_us.entry(*kind).or_default().push(*took);
                }
            }
        }
        took_us.values_mut().for_each(|it| it.sort_unstable());
        Ok(Self { took_us })
    }

    /// How long the plan will take, in microseconds: the median of each kind of step,
    /// added up. `None` where no step of some kind was ever taken.
    pub fn estimate(&self, plan: &Plan) -> Option<u64> {
        plan.steps.iter().map(|it| self.median(it.kind)).sum()
    }

    fn median(&self, kind: Kind) -> Option<u64> {
        let took = self.took_us.get(&kind)?;
        took.get(took.len() / 2).copied()
    }
}
