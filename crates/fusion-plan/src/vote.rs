//! Who is for which candidate, and what that comes to.

use overlay_schema::{Judge, Voter, same_model};

use crate::run::Vote;

/// What the voters see of a candidate.
#[derive(Clone, Debug)]
pub(crate) struct Standing<'a> {
    pub(crate) model: &'a str,
    /// No hard check failed.
    pub(crate) acceptable: bool,
    /// The cluster it belongs to, and how many candidates that has.
    pub(crate) cluster: usize,
    pub(crate) agreeing: usize,
    /// Whether the clusters say anything.
    pub(crate) measured: bool,
    pub(crate) alignment: Option<f64>,
    /// Its cost, where the price is known.
    pub(crate) units: Option<f64>,
    /// Pinned facts it holds, where there are any.
    pub(crate) kept: Option<usize>,
    /// Tokens for each required fact it holds, where facts are required.
    pub(crate) tokens_per_fact: Option<f64>,
}

/// The votes in the order of the map, and the candidate that won.
///
/// Candidates that say the same stand together: a candidate wins with the strict majority
/// of the weight that arrived behind its cluster, from two participants on. Where clusters
/// tie for most, the voter of the highest rank decides: judges before models. Otherwise
/// nobody wins.
pub(crate) fn vote(
    voters: &[(Voter, u32)],
    standings: &[Standing<'_>],
) -> (Vec<Vote>, Option<usize>) {
    let ballots: Vec<Ballot<'_>> = voters
        .iter()
        .map(|(voter, weight)| Ballot { voter, weight: *weight, choice: choice(voter, standings) })
        .collect();
    let winner = winner(&ballots, standings);
    let votes = ballots.iter().map(|it| Vote {
        voter: it.voter.name(),
        weight: it.weight,
        candidate: it.choice,
    });
    (votes.collect(), winner)
}

struct Ballot<'a> {
    voter: &'a Voter,
    weight: u32,
    choice: Option<usize>,
}

fn choice(voter: &Voter, standings: &[Standing<'_>]) -> Option<usize> {
    match voter {
        Voter::Judge(judge) => judged(*judge, standings),
        Voter::Model(id) => {
            let own = |it: &&(usize, &Standing<'_>)| it.1.acceptable && same_model(it.1.model, id);
            let numbered: Vec<_> = standings.iter().enumerate().collect();
            let scores = numbered
                .iter()
                .filter(own)
                .map(|(idx, it)| (*idx, [as_score(it.agreeing), it.alignment.unwrap_or(0.0)]));
            first_best(scores)
        }
    }
}

/// The candidate a judge is for; `None` where its measure is missing for one of them, or
/// does not tell several of them apart.
fn judged(judge: Judge, standings: &[Standing<'_>]) -> Option<usize> {
    let acceptable = standings.iter().enumerate().filter(|(_, it)| it.acceptable);
    let scores: Option<Vec<_>> = acceptable
        .map(|(idx, it)| Some((idx, [measure(judge, it)?, as_score(it.agreeing)])))
        .collect();
    let scores = scores?;
    let (_, [first, _]) = *scores.first()?;
    let tie =
        scores.len() > 1 && scores.iter().all(|(_, [score, _])| score.total_cmp(&first).is_eq());
    if tie { None } else { first_best(scores.into_iter()) }
}

/// How well a candidate stands before a judge; more is better.
fn measure(judge: Judge, it: &Standing<'_>) -> Option<f64> {
    match judge {
        Judge::Energy => it.units.map(|units| -units),
        Judge::Entropy => it.measured.then(|| as_score(it.agreeing)),
        Judge::Trust => it.alignment,
        Judge::Continuity => it.kept.map(as_score),
        Judge::Insight => it.tokens_per_fact.map(|tokens| -tokens),
    }
}

/// The index with the greatest scores, the earlier of equals.
fn first_best(scores: impl Iterator<Item = (usize, [f64; 2])>) -> Option<usize> {
    let mut best: Option<(usize, [f64; 2])> = None;
    for (idx, [a, b]) in scores {
        let better = best.is_none_or(|(_, [most_a, most_b])| {
            a.total_cmp(&most_a).then(b.total_cmp(&most_b)).is_gt()
        });
        if better {
            best = Some((idx, [a, b]));
        }
    }
    best.map(|(idx, _)| idx)
}

fn winner(ballots: &[Ballot<'_>], standings: &[Standing<'_>]) -> Option<usize> {
    let cast: Vec<&Ballot<'_>> =
        ballots.iter().filter(|it| it.weight > 0 && it.choice.is_some()).collect();
    if cast.len() < 2 {
        return None;
    }
    let cluster = |it: &Ballot<'_>| standings.get(it.choice?).map(|it| it.cluster);
    let (leading, decided) = leader(&cast, &cluster)?;
    if !decided {
        return None;
    }
    let inside: Vec<&Ballot<'_>> =
        cast.iter().copied().filter(|it| cluster(it) == Some(leading)).collect();
    leader(&inside, &|it| it.choice).map(|(candidate, _)| candidate)
}

/// The choice with the most weight, and whether it has a strict majority or won a tie. In
/// a tie the voter of the highest rank decides.
fn leader(
    cast: &[&Ballot<'_>],
    key: &dyn Fn(&Ballot<'_>) -> Option<usize>,
) -> Option<(usize, bool)> {
    let weight_of = |wanted: usize| -> u64 {
        cast.iter().filter(|it| key(it) == Some(wanted)).map(|it| u64::from(it.weight)).sum()
    };
    let all: u64 = cast.iter().map(|it| u64::from(it.weight)).sum();
    let mut ranked: Vec<&&Ballot<'_>> = cast.iter().collect();
    ranked.sort_by_key(|it| it.voter);
    let keys: Vec<usize> = ranked.iter().filter_map(|it| key(it)).collect();
    let most = keys.iter().map(|it| weight_of(*it)).max()?;
    let mut leaders: Vec<usize> = keys.into_iter().filter(|it| weight_of(*it) == most).collect();
    let first = *leaders.first()?;
    leaders.sort_unstable();
    leaders.dedup();
    Some((first, most * 2 > all || leaders.len() > 1))
}

fn as_score(count: usize) -> f64 {
    crate::trust::as_f64(count)
}
