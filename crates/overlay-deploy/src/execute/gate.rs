//! The checks of a rollout, each at its time.

use overlay_store::vfs::Vfs;
use overlay_store::{GenerationRef, Tree};

use crate::check::{
    CheckResult, CheckVerdict, Judged, check_candidate, check_tree, golden_verdict, probe,
    promotion_evidence, result,
};
use crate::file::{CheckKind, When};
use crate::outcome::{DeployError, is_lost};
use crate::plan::{Plan, Planned, PlannedCheck};
use crate::rollout::Rollout;
use crate::root::{Progress, Root};
use crate::word::EnvironmentName;

/// Why checks stop a rollout, for people; each finding about the tree is one of them.
pub(crate) fn failures(results: &[CheckResult]) -> Vec<String> {
    let mut res = Vec::new();
    for check in results.iter().filter(|it| !it.is_passed()) {
        match check.kind {
            // Where the loader has nothing new to say, the files are said to be wrong already.
            CheckKind::Schema | CheckKind::Load => {
                res.extend(check.message.lines().map(str::to_owned));
            }
            _ => res.push(check.to_string()),
        }
    }
    res
}

impl<F: Vfs> Root<'_, F> {
    /// The checks that need nothing but the tree and the audit log: they run before
    /// anything is written.
    pub(crate) fn inner_checks(&self, planned: &Planned) -> Result<Vec<CheckResult>, DeployError> {
        let Planned { plan, tree } = planned;
        let mut results = check_candidate(tree, &plan.environment);
        for check in plan.checks.iter().filter(|it| it.kind.is_inner()) {
            if let Some(judged) = self.recorded(check, plan)? {
                results.push(result(&check.name, check.kind, judged));
            }
        }
        results.iter().for_each(|it| self.report(&Progress::Checked(it)));
        Ok(results)
    }

    /// What the audit log says; `None` for a check that does not ask it.
    fn recorded(&self, check: &PlannedCheck, plan: &Plan) -> Result<Option<Judged>, DeployError> {
        Ok(match check.kind {
            CheckKind::Golden => Some(self.golden(plan)?),
            CheckKind::Promoted => Some(self.promoted(plan)?),
            _ => None,
        })
    }

    fn golden(&self, plan: &Plan) -> Result<Judged, DeployError> {
        let verdict = golden_verdict(self.store, plan.tree)?;
        Ok(match verdict {
            Some(it) if it.passed => (CheckVerdict::Passed, it.suite),
            Some(it) => (CheckVerdict::Failed, it.suite),
            None => {
                let digest = plan.tree;
                let why = format!("no golden verdict is recorded for the tree {digest}");
                (CheckVerdict::Missing, why)
            }
        })
    }

    fn promoted(&self, plan: &Plan) -> Result<Judged, DeployError> {
        let Some(before) = &plan.rules.after else {
            return Ok((CheckVerdict::Passed, String::new()));
        };
        if promotion_evidence(self.store, before, plan.tree)? {
            return Ok((CheckVerdict::Passed, format!("passed in {before}")));
        }
        let why = format!("the tree {} did not pass in {before}: promote it from there", plan.tree);
        Ok((CheckVerdict::Missing, why))
    }

    /// The checks of one's own that run at `when`.
    pub(crate) fn outer_checks(&self, rollout: &Rollout, when: When) -> Vec<CheckResult> {
        let mut facts = vec![
            ("FUSION_DEPLOYMENT", rollout.id.clone()),
            ("FUSION_DIGEST", rollout.tree.to_string()),
            ("FUSION_ENVIRONMENT", rollout.environment.to_string()),
            ("FUSION_GENERATION", rollout.candidate.generation.to_string()),
        ];
        let dir = self.around.root;
        if let Some(dir) = dir {
            let tree = dir.join(format!("gen/{}/tree", rollout.candidate.generation));
            facts.push(("FUSION_ROOT", dir.display().to_string()));
            facts.push(("FUSION_TREE", tree.display().to_string()));
        }
        let due = rollout.checks.iter().filter(|it| it.when.contains(&when));
        let specs = due.filter_map(|it| Some((it, rollout.specs.get(&it.name)?)));
        specs
            .map(|(check, spec)| {
                let res = result(&check.name, check.kind, probe(spec, &facts, dir));
                self.report(&Progress::Checked(&res));
                res
            })
            .collect()
    }

    /// Reads a generation back, verifies it, and has the loader load it. The error says
    /// what is wrong with the generation.
    pub(crate) fn loads(
        &self,
        generation: GenerationRef,
        environment: &EnvironmentName,
    ) -> Result<Result<(), Vec<String>>, DeployError> {
        match self.store.read(generation) {
            Ok(leased) => Ok(loads(&leased.tree, environment)),
            Err(err) if is_lost(&err).is_some() => Ok(Err(vec![err.to_string()])),
            Err(err) => Err(err.into()),
        }
    }
}

fn loads(tree: &Tree, environment: &EnvironmentName) -> Result<(), Vec<String>> {
    let reasons = failures(&check_tree(tree, environment));
    if reasons.is_empty() { Ok(()) } else { Err(reasons) }
}
