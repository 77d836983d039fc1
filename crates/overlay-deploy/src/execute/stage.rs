//! One stage of a rollout: waits, looks, judges.

use std::time::Duration;

use overlay_store::Pointer;
use overlay_store::vfs::Vfs;

use crate::analysis::{Judgement, Observed, Rule, Verdict, judge};
use crate::check::{CheckResult, CheckVerdict};
use crate::execute::failures;
use crate::file::When;
use crate::outcome::DeployError;
use crate::rollout::{Rollout, StageRecord};
use crate::root::{Look, Progress, Root, Window};
use crate::span::Span;
use crate::stages::{EVERYONE, Weight};

/// How a stage ended.
pub(super) enum StageEnd {
    /// Enough was seen, and no harm.
    Passed,
    /// Harm, and why.
    Failed(Vec<String>),
    /// The time is over, and there is no verdict.
    Unclear,
    /// Somebody else moved the pointer.
    Moved,
}

/// A stage that is being watched.
struct Stage<'a> {
    pointer: &'a Pointer,
    rollout: &'a Rollout,
    /// How old the stage was when this process came to it, in microseconds.
    begun_us: i64,
    /// How long this process has slept.
    slept: Duration,
}

impl Stage<'_> {
    /// For how long the stage has been going: by the clock, and at most what this process
    /// has waited itself, so that a clock that jumps ahead ends no stage.
    fn elapsed_us(&self, now_us: i64) -> i64 {
        let by_clock = now_us.saturating_sub(self.pointer.step_started_us).max(0);
        by_clock.min(self.begun_us.saturating_add(Span(self.slept).micros()))
    }
}

impl<F: Vfs> Root<'_, F> {
    /// Watches the stage that the pointer stands at until it has a verdict, the time is
    /// over, or the pointer moves. What was seen is kept in `rollout`.
    pub(super) fn watch_stage(
        &self,
        pointer: &Pointer,
        rollout: &mut Rollout,
    ) -> Result<StageEnd, DeployError> {
        let kept = rollout.clone();
        let mut stage = self.stage(pointer, &kept);
        let weight = Weight(pointer.weight);
        let rule = if pointer.weight < EVERYONE { Rule::Concurrent } else { Rule::HardLimits };
        loop {
            if self.pointer()?.epoch != pointer.epoch {
                return Ok(StageEnd::Moved);
            }
            let (elapsed_us, observed) = self.look(&stage, rule, false);
            let mut judgement = judge(rule, &observed, &kept.rules.limits);
            self.show(weight, elapsed_us, &observed, &judgement, &kept);
            let end = self.verdict(&mut judgement, elapsed_us, rollout);
            if let Some(end) = end {
                let record = StageRecord {
                    step: pointer.step,
                    weight,
                    elapsed_us,
                    samples: (observed.control.samples, observed.candidate.samples),
                    judgement,
                };
                rollout.stages.push(record);
                if rule == Rule::Concurrent {
                    rollout.control = Some(observed.control);
                }
                return Ok(end);
            }
            self.wait(&mut stage, elapsed_us);
        }
    }

    /// Whether the stage ends with what was seen. What the checks of a stage find joins the
    /// reasons.
    fn verdict(
        &self,
        judgement: &mut Judgement,
        elapsed_us: i64,
        rollout: &mut Rollout,
    ) -> Option<StageEnd> {
        let rules = &rollout.rules;
        let is_baked = elapsed_us >= rules.bake.micros();
        let is_over = elapsed_us >= rules.max_stage.max(rules.bake).micros();
        if judgement.verdict == Verdict::Fail {
            return Some(StageEnd::Failed(judgement.reasons.clone()));
        }
        if judgement.verdict == Verdict::Pass && is_baked {
            let results = self.outer_checks(rollout, When::Stage);
            judgement.reasons = failures(&results);
            if judgement.reasons.is_empty() {
                rollout.results.extend(results);
                return Some(StageEnd::Passed);
            }
            judgement.verdict = Verdict::Inconclusive;
            if results.iter().any(is_failed) {
                rollout.results.extend(results);
                judgement.verdict = Verdict::Fail;
                return Some(StageEnd::Failed(judgement.reasons.clone()));
            }
        }
        is_over.then_some(StageEnd::Unclear)
    }

    /// Watches the new generation for as long as it bakes. Harm fails; too little to judge
    /// by is the checks' to say.
    pub(super) fn watch_new(
        &self,
        pointer: &Pointer,
        rollout: &Rollout,
    ) -> Result<StageEnd, DeployError> {
        let mut stage = self.stage(pointer, rollout);
        loop {
            if self.pointer()?.epoch != pointer.epoch {
                return Ok(StageEnd::Moved);
            }
            let (elapsed_us, observed) = self.look(&stage, Rule::HardLimits, true);
            let judgement = judge(Rule::HardLimits, &observed, &rollout.rules.limits);
            self.show(Weight(EVERYONE), elapsed_us, &observed, &judgement, rollout);
            if judgement.verdict == Verdict::Fail {
                return Ok(StageEnd::Failed(judgement.reasons));
            }
            if elapsed_us >= rollout.rules.bake.micros() {
                return Ok(StageEnd::Passed);
            }
            self.wait(&mut stage, elapsed_us);
        }
    }

    fn stage<'b>(&self, pointer: &'b Pointer, rollout: &'b Rollout) -> Stage<'b> {
        let begun_us = self.now_us().saturating_sub(pointer.step_started_us).max(0);
        Stage { pointer, rollout, begun_us, slept: Duration::ZERO }
    }

    /// How old the stage is, and what was seen of it.
    fn look(&self, stage: &Stage<'_>, rule: Rule, is_stable: bool) -> (i64, Observed) {
        let window = Window {
            deployment: &stage.rollout.id,
            since_us: stage.pointer.step_started_us,
            p95: stage.rollout.rules.limits.p95.map(|it| it.0),
            is_stable,
        };
        let mut observed = (self.around.observe)(&window).unwrap_or_else(|err| {
            self.report(&Progress::Unseen(&err));
            Observed::default()
        });
        if rule == Rule::HardLimits {
            observed.control = stage.rollout.control.clone().unwrap_or_default();
        }
        (stage.elapsed_us(self.now_us()), observed)
    }

    fn show(
        &self,
        weight: Weight,
        elapsed_us: i64,
        observed: &Observed,
        judgement: &Judgement,
        rollout: &Rollout,
    ) {
        let elapsed = Duration::from_micros(u64::try_from(elapsed_us).unwrap_or_default());
        self.report(&Progress::Looked(&Look {
            weight,
            elapsed: Span(elapsed),
            bake: rollout.rules.bake,
            samples: (observed.control.samples, observed.candidate.samples),
            judgement,
        }));
    }

    /// Sleeps until the next look: a thirtieth of the time, from one second to a minute, and
    /// not beyond the moment at which something ends.
    fn wait(&self, stage: &mut Stage<'_>, elapsed_us: i64) {
        let rules = &stage.rollout.rules;
        let is_baked = elapsed_us >= rules.bake.micros();
        let end = if is_baked { rules.max_stage } else { rules.bake };
        let [elapsed, left] = [elapsed_us, end.micros().saturating_sub(elapsed_us)]
            .map(|it| Duration::from_micros(u64::try_from(it).unwrap_or_default()));
        let step = elapsed.max(rules.bake.0) / 30;
        let step = step.clamp(Duration::from_secs(1), Duration::from_secs(60));
        let pause = if left.is_zero() { step } else { step.min(left) };
        (self.around.sleep)(pause);
        stage.slept += pause;
    }
}

fn is_failed(result: &CheckResult) -> bool {
    result.verdict == CheckVerdict::Failed
}
