//! How often gates call worse what is the same: the same model, recorded twice.

#![expect(clippy::disallowed_methods, reason = "the folder of real inputs comes from FUSION_DATA")]
use std::path::Path;

use fusion_golden::statistics::study::{
    Looks, Power, Sides, Study, quality_looks, quality_verdicts, token_looks, token_verdicts,
};
use fusion_golden::statistics::{DEFAULT_MARGIN, Outcomes, read_outcomes};

use crate::Figure;

pub(crate) const ONE: &str = "figures/alarms_one_look";
pub(crate) const MANY: &str = "figures/alarms_many_looks";

/// One model, served by two.
const SAME: (&str, &str) = ("vicuna-13b-v1.5", "vicuna-13b-v1.5-togetherai");
const SIZES: [usize; 3] = [15, 50, 200];
const LOOKS: Looks = Looks { every: 20, until: 800 };

/// The recorded outcomes, `None` without a folder of them.
pub(crate) fn outcomes() -> Option<Outcomes> {
    let data = std::env::var("FUSION_DATA").ok()?;
    let path = Path::new(&data).join("eval/alpaca_eval_numeric.csv");
    Some(read_outcomes(&std::fs::read_to_string(path).expect("the outcomes")).0)
}

/// Either way round, and with a coin for each pair.
const WAYS: [((&str, &str), Sides); 3] =
    [(SAME, Sides::Recorded), ((SAME.1, SAME.0), Sides::Recorded), (SAME, Sides::Exchanged)];

/// The largest share of samples called worse at one look, of 15, 50 or 200 pairs.
pub(crate) fn one_look(outcomes: &Outcomes) -> Figure {
    let studies = WAYS.iter().flat_map(|way| SIZES.map(|n| (way, n)));
    let powers = studies.flat_map(|(((base, candidate), sides), n)| {
        let study = Study { rounds: 500, sides: *sides, draws: 200, ..Study::default() };
        let scores = outcomes.score_pairs(base, candidate);
        let tokens = outcomes.token_pairs(base, candidate);
        [
            (true, token_verdicts(&tokens, n, &study)),
            (false, quality_verdicts(&scores, n, DEFAULT_MARGIN, &study)),
        ]
    });
    worst(ONE, powers.collect())
}

/// The largest share of samples called worse at any of the looks after every 20 pairs up to
/// 800.
pub(crate) fn many_looks(outcomes: &Outcomes) -> Figure {
    let powers = WAYS.iter().flat_map(|((base, candidate), sides)| {
        let study = Study { rounds: 300, sides: *sides, draws: 200, ..Study::default() };
        let scores = outcomes.score_pairs(base, candidate);
        let tokens = outcomes.token_pairs(base, candidate);
        [
            (true, token_looks(&tokens, LOOKS, &study)),
            (false, quality_looks(&scores, LOOKS, DEFAULT_MARGIN, &study)),
        ]
    });
    worst(MANY, powers.collect())
}

/// The worst of several studies, each with whether it is about tokens.
fn worst(name: &'static str, powers: Vec<(bool, Power)>) -> Figure {
    let most = |of: &dyn Fn(&(bool, Power)) -> Option<f64>| {
        powers.iter().filter_map(of).fold(0.0, f64::max)
    };
    let value = most(&|it| Some(it.1.gate.worse()));
    let naive = most(&|it| it.0.then(|| it.1.naive.worse()));
    let t = most(&|it| (!it.0).then(|| it.1.naive.worse()));
    let beside = format!("naive mean of ratios {naive:.3}, unguarded t test of scores {t:.3}");
    Figure { name, value, beside }
}
