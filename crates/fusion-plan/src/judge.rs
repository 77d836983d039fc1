//! The candidates of one step, and what they come to.

use std::cell::OnceCell;

use overlay_schema::Providers;

use crate::checks::{Checks, check_pinned, completion_tokens, holds_fact, keeps};
use crate::cluster::{Clusters, Meaning, meaning};
use crate::context::verifies;
use crate::energy::Price;
use crate::plan::{Call, ExecutionPlan};
use crate::run::{Answer, CheckResult, TrustTerms, Vote};
use crate::tokens::{Encoding, as_u64, count, prompt_tokens};
use crate::trust::{Evidence, alignment, as_f64, round4, trust};
use crate::vote::{Standing, vote};

/// An answer with all that is known of it.
#[derive(Debug)]
pub(crate) struct Candidate<'p> {
    pub(crate) call: &'p Call,
    pub(crate) answer: Answer,
    pub(crate) checks: Vec<CheckResult>,
    /// Read only where there are others to compare it with.
    meaning: OnceCell<Meaning>,
    concludes: bool,
    /// Its cost, where the price is known.
    pub(crate) units: Option<f64>,
    kept: Option<usize>,
    tokens_per_fact: Option<f64>,
}

impl<'p> Candidate<'p> {
    pub(crate) fn new(
        plan: &'p ExecutionPlan,
        checks: &Checks<'p>,
        providers: &Providers,
        call: &'p Call,
        answer: Answer,
    ) -> Self {
        let model = providers.model(&call.request.model);
        let encoding = model.and_then(|it| it.encoding.parse().ok()).unwrap_or(Encoding::O200k);
        let tokens = |text: &str| count(encoding, text);
        let mut results = checks.on(&answer, &tokens);
        if plan.context.policy.is_some_and(verifies) {
            results.extend(check_pinned(&plan.pinned, &answer.text));
        }
        let units = model.and_then(Price::of).map(|price| {
            let prompt = match answer.prompt_tokens {
                0 => as_u64(prompt_tokens(&call.request, encoding)),
                recorded => recorded,
            };
            price.units(prompt, completion_tokens(&answer, &tokens))
        });
        Self {
            call,
            checks: results,
            meaning: OnceCell::new(),
            concludes: checks.asks_for_number(),
            units,
            kept: kept(plan, &answer.text),
            tokens_per_fact: tokens_per_fact(plan, checks, &answer, &tokens),
            answer,
        }
    }

    pub(crate) fn acceptable(&self) -> bool {
        self.checks.iter().all(|it| it.pass || !it.hard)
    }

    fn meaning(&self) -> &Meaning {
        self.meaning.get_or_init(|| meaning(&self.answer.text, self.concludes))
    }

    fn alignment(&self) -> Option<f64> {
        alignment(self.checks.iter().filter(|it| it.pass).count(), self.checks.len())
    }

    /// Whether nothing but agreement can speak for the answer.
    pub(crate) fn unchecked(&self) -> bool {
        self.checks.is_empty()
    }
}

/// How many pinned facts the answer holds. Only a vote asks for it.
fn kept(plan: &ExecutionPlan, text: &str) -> Option<usize> {
    if plan.voters.is_empty() || plan.pinned.is_empty() {
        return None;
    }
    let text = text.to_lowercase();
    Some(plan.pinned.iter().filter(|fact| keeps(&text, fact)).count())
}

/// Tokens for each required fact that the answer holds. Only a vote asks for it.
fn tokens_per_fact(
    plan: &ExecutionPlan,
    checks: &Checks<'_>,
    answer: &Answer,
    tokens: &dyn Fn(&str) -> usize,
) -> Option<f64> {
    if plan.voters.is_empty() {
        return None;
    }
    let facts: Vec<&str> = checks.facts().collect();
    let held = facts.iter().filter(|fact| holds_fact(&answer.text, fact)).count();
    #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^53")]
    let tokens = || completion_tokens(answer, tokens) as f64;
    match (facts.len(), held) {
        (0, _) => None,
        (_, 0) => Some(f64::INFINITY),
        (_, held) => Some(tokens() / as_f64(held)),
    }
}

/// How the candidates of a step fall into clusters.
pub(crate) fn clusters(candidates: &[&Candidate<'_>]) -> Clusters {
    match candidates {
        [_] => Clusters { of: vec![0], sizes: vec![1], measured: false },
        _ => Clusters::of(candidates.iter().map(|it| it.meaning())),
    }
}

/// What the candidates of a step come to.
pub(crate) struct Judgement {
    /// The best candidate, vetoed or not.
    pub(crate) best: usize,
    pub(crate) trust: Option<f64>,
    pub(crate) terms: TrustTerms,
    pub(crate) entropy: Option<f64>,
    pub(crate) share: f64,
    pub(crate) votes: Vec<Vote>,
}

impl Judgement {
    /// Judges candidates that took `elapsed` milliseconds; `None` where there is none.
    pub(crate) fn of(
        plan: &ExecutionPlan,
        candidates: &[&Candidate<'_>],
        elapsed: Option<f64>,
    ) -> Option<Self> {
        let clusters = clusters(candidates);
        let standings = standings(candidates, &clusters);
        let (votes, winner) = match candidates {
            [] | [_] => (Vec::new(), None),
            _ => vote(&plan.voters, &standings),
        };
        let best = winner.or_else(|| leading(&standings))?;
        let chosen = candidates.get(best)?;
        let agreeing = clusters.size_of(best);
        let measured = clusters.measured;
        let entropy = measured.then(|| crate::trust::entropy(&clusters.sizes)).flatten();
        #[expect(clippy::cast_precision_loss, reason = "the table's range is far below 2^53")]
        let deadline = plan.deadline_ms as f64;
        let evidence = Evidence {
            alignment: chosen.alignment(),
            judge: chosen.answer.judge,
            entropy,
            agreement: measured.then_some((agreeing, candidates.len())),
            pace: elapsed.filter(|it| *it > 0.0).map(|it| deadline / it),
        };
        let (trust, terms) = trust(plan.trust_model, &evidence);
        let share = match (candidates.len(), measured) {
            (1, _) => 1.0,
            (_, false) => 0.0,
            (all, true) => round4(as_f64(agreeing) / as_f64(all)),
        };
        Some(Self { best, trust, terms, entropy, share, votes })
    }
}

fn standings<'c>(candidates: &[&'c Candidate<'_>], clusters: &Clusters) -> Vec<Standing<'c>> {
    let standing = |(idx, it): (usize, &&'c Candidate<'_>)| Standing {
        model: &it.call.request.model,
        acceptable: it.acceptable(),
        cluster: clusters.of.get(idx).copied().unwrap_or(idx),
        agreeing: clusters.size_of(idx),
        measured: clusters.measured,
        alignment: it.alignment(),
        units: it.units,
        kept: it.kept,
        tokens_per_fact: it.tokens_per_fact,
    };
    candidates.iter().enumerate().map(standing).collect()
}

/// The candidate without a vote: not vetoed, then of the largest cluster, then with the
/// most checks passed, then the first one drawn.
fn leading(standings: &[Standing<'_>]) -> Option<usize> {
    let rank = |it: &Standing<'_>| (it.acceptable, it.agreeing, it.alignment.unwrap_or(0.0));
    let mut best: Option<(usize, (bool, usize, f64))> = None;
    for (idx, it) in standings.iter().enumerate() {
        let rank = rank(it);
        if best.is_none_or(|(_, most)| rank > most) {
            best = Some((idx, rank));
        }
    }
    best.map(|(idx, _)| idx)
}
