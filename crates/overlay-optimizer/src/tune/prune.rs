//! Which changes of a candidate do nothing.

use overlay_model::ParamKey;
use serde::Serialize;

use crate::tune::front::{chebyshev, ranges};
use crate::tune::gp::Belief;
use crate::tune::plan::TunePlan;
use crate::tune::propose::Models;
use crate::tune::space::{Candidate, Space};
use crate::tune::trial::Trial;

/// What may be given up for fewer changes, in shares of a candidate's gain: the model's
/// doubt about it, between these.
const GIVEN_UP: (f64, f64) = (0.005, 0.25);

/// What a changed key brings, by the model of the trials.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeyWorth {
    /// The key.
    pub key: ParamKey,
    /// How much worse each objective is expected to be where this key alone goes back to
    /// its value in the overlay, with the standard deviation of that at most.
    pub worth: Vec<(f64, f64)>,
}

/// The candidates that may be chosen, rated by what is expected of them.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// Least and largest of each cost among them.
    ranges: Vec<(f64, f64)>,
    /// The trial of least rating.
    pub(crate) best: usize,
    /// The one that changes least of those that are as good as the best, for all that is
    /// known.
    pub(crate) chosen: usize,
    /// The rating up to which a candidate is as good as the best.
    enough: f64,
}

impl Choice {
    /// The choice among the complete trials within the limits, `None` without any. Of
    /// several costs the one counts whose share of its range is largest.
    pub(crate) fn of(
        space: &Space,
        plan: &TunePlan,
        trials: &[Trial],
        models: &Models,
    ) -> Option<Self> {
        let numbered = trials.iter().enumerate();
        let lawful: Vec<_> = numbered
            .filter(|(_, it)| it.is_complete() && it.is_within(plan))
            .map(|(at, it)| (at, it, models.costs(&space.place(&it.candidate))))
            .collect();
        let costs: Vec<_> = lawful.iter().map(|it| means(&it.2)).collect();
        let mut res = Self { ranges: ranges(&costs), best: 0, chosen: 0, enough: 0.0 };
        let mut rated: Vec<_> =
            lawful.iter().map(|(at, it, costs)| (res.rate(costs), *at, *it, costs)).collect();
        rated.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (least, best, _, beliefs) = rated.first()?;
        let start = trials.first().map(|it| models.costs(&space.place(&it.candidate)));
        let own = start.map_or(*least, |it| res.rate(&it));
        let (gain, doubt) = ((own - least).max(0.0), res.doubt(beliefs));
        res.enough = if gain <= doubt {
            // What cannot be told from the overlay as it is brings nothing.
            own.max(*least)
        } else {
            least + doubt.clamp(GIVEN_UP.0 * gain, GIVEN_UP.1 * gain)
        };
        let changes = |it: &Trial| space.reverts(&it.candidate).len();
        let good = rated.iter().take_while(|it| it.0 <= res.enough);
        res.chosen = good.min_by_key(|it| changes(it.2))?.1;
        res.best = *best;
        Some(res)
    }

    fn rate(&self, costs: &[Belief]) -> f64 {
        match costs {
            [only] => only.mean,
            _ => chebyshev(means(costs), &self.ranges, &vec![1.0; costs.len()]),
        }
    }

    /// The standard deviation of a rating.
    fn doubt(&self, costs: &[Belief]) -> f64 {
        if let [only] = costs {
            return only.sd;
        }
        let shares = costs.iter().zip(&self.ranges).map(|(it, (least, most))| {
            let width = most - least;
            if width > 1e-12 { it.sd / width } else { it.sd }
        });
        shares.map(|it| it * it).sum::<f64>().sqrt()
    }

    /// The candidate that is left of the chosen one where, one after the other, each change
    /// goes back that costs nothing for all that is known, as far as it was not tried.
    pub(crate) fn pruned(
        &self,
        space: &Space,
        plan: &TunePlan,
        trials: &[Trial],
        models: &Models,
    ) -> Option<Candidate> {
        let mut candidate = trials.get(self.chosen)?.candidate.clone();
        let mut res = None;
        loop {
            let may_be = |it: &Candidate| plan.pool.as_ref().is_none_or(|pool| pool.contains(it));
            let reverts = space.reverts(&candidate).into_iter().map(|it| it.1).filter(may_be);
            let rated = reverts.map(|it| {
                let place = space.place(&it);
                (self.rate(&models.costs(&place)), models.log_feasible(&place), it)
            });
            // Limits have to hold more probably than not.
            let good = rated.filter(|it| it.0 <= self.enough && it.1 >= 0.5_f64.ln());
            let Some((_, _, next)) = good.min_by(|a, b| a.0.total_cmp(&b.0)) else { return res };
            candidate = next;
            if !trials.iter().any(|it| it.candidate == candidate) {
                res = Some(candidate.clone());
            }
        }
    }
}

/// What each change of `candidate` brings.
pub(crate) fn worths(
    space: &Space,
    plan: &TunePlan,
    candidate: &Candidate,
    models: &Models,
) -> Vec<KeyWorth> {
    let own = models.costs(&space.place(candidate));
    let worth = |(at, reverted): (usize, Candidate)| {
        let costs = models.costs(&space.place(&reverted));
        let pairs = costs.iter().zip(&own).zip(&plan.objectives);
        let worth = pairs.map(|((other, own), _)| (other.mean - own.mean, other.sd.hypot(own.sd)));
        let key = space.dimensions().get(at)?.key().clone();
        Some(KeyWorth { key, worth: worth.collect() })
    };
    space.reverts(candidate).into_iter().filter_map(worth).collect()
}

fn means(beliefs: &[Belief]) -> Vec<f64> {
    beliefs.iter().map(|it| it.mean).collect()
}
