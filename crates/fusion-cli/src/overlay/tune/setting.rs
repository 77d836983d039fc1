//! What a run needs, from what the command line says.

use std::path::Path;
use std::time::Duration;

use fusion_golden::Suite;
use overlay_model::{Overlay, OverlayName};
use overlay_optimizer::{
    Aim, Basis, Evaluation, LEAST_SCENARIOS, Space, SpaceError, TunePlan, WeightedScenario,
};

use super::command::Evaluation as EvalCommand;
use super::evaluator::Evaluator;
use super::goal::{Bound, Goal, Goals};
use super::held_out::split;
use super::replay::{BROKEN, MEASURED, Replay};
use super::told::{Told, digest};
use super::{Tune, pool};
use crate::environment::Environment;
use crate::excerpt;
use crate::exit::{Exit, refusal};
use crate::findings::plural;
use crate::golden::suite_error;
use crate::output::Output;
use crate::overlay::document::Document;

/// How many evaluations of each scenario there may be, where `--budget` is not given.
const BUDGET: usize = 20;
/// The most scenarios that decide which candidates are recorded.
const PROBES: usize = 3;

/// Everything a run needs.
pub(super) struct Setting {
    pub(super) evaluator: Evaluator,
    pub(super) goals: Goals,
    pub(super) space: Space,
    pub(super) plan: TunePlan,
    /// What a candidate is judged on, and how often.
    pub(super) held_out: Vec<WeightedScenario>,
    pub(super) repeats: usize,
}

impl Tune {
    /// What a run over the recordings or over a command needs.
    pub(super) fn setting(
        &self,
        document: &Document,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Setting> {
        let space = self.space(document, output)?;
        match (&self.source.suite, &self.source.eval) {
            (Some(dir), _) => self.by_replay(dir, &document.overlay, space),
            (None, eval) => {
                let line = eval.as_deref().unwrap_or_default();
                self.by_command(line, &document.overlay, space, environment)
            }
        }
    }

    /// The keys that may change.
    fn space(&self, document: &Document, output: &mut Output) -> anyhow::Result<Space> {
        let evaluation = match self.source.suite {
            Some(_) => Evaluation::Replay,
            None => Evaluation::Live,
        };
        let keys: Vec<_> = self.keys.iter().map(String::as_str).collect();
        let space = match keys.as_slice() {
            [] => Space::of(&document.overlay, evaluation),
            keys => Space::of_keys(&document.overlay, evaluation, keys),
        };
        let space = match space {
            Err(SpaceError::Invalid(findings)) => {
                let Document { name, text, .. } = document;
                output.remark(&excerpt::render(name, text, &findings, output.width))?;
                let message = format!("{name} is not valid: mend it before it is tuned");
                return Err(refusal(Exit::FINDINGS, message));
            }
            other => other,
        };
        space.map_err(|err| {
            let exit = match err {
                SpaceError::UnknownKey(..) | SpaceError::NoParam { .. } => Exit::USAGE,
                _ => Exit::FINDINGS,
            };
            refusal(exit, format!("{}: {err}", document.name))
        })
    }

    /// A run over the recordings of the suite in `dir`.
    fn by_replay(&self, dir: &Path, overlay: &Overlay, space: Space) -> anyhow::Result<Setting> {
        let suite = Suite::open(dir).map_err(suite_error)?;
        for id in &self.scenarios {
            suite.scenario(id).map_err(suite_error)?;
        }
        let name = name(overlay, &self.file)?;
        let replay = Replay::open(suite, overlay, name.clone())?;
        let mut own = replay.scenarios();
        own.retain(|it| self.scenarios.is_empty() || self.scenarios.contains(&it.id));
        if own.is_empty() {
            let message = format!("no scenario of the suite is answered by overlay `{name}`");
            return Err(refusal(Exit::NOTHING, message));
        }
        let mut bounds = self.limits.clone();
        bounds.push(Bound::at_most(BROKEN, 0.0));
        let aim_of = |name: &str| MEASURED.iter().find(|it| it.0 == name).map(|it| it.1);
        let goals = self.goals(bounds, Some("units"), aim_of)?;
        let is_measured = |it: &&str| aim_of(it).is_some() || *it == BROKEN;
        if let Some(name) = goals.names().into_iter().find(|it| !is_measured(it)) {
            let known: Vec<_> = MEASURED.iter().map(|it| it.0).collect();
            let message = format!("a replay does not measure `{name}`, only {}", known.join(", "));
            return Err(refusal(Exit::USAGE, message));
        }
        let (searched, held_out) = split(own);
        self.enough(held_out.len(), searched.len() + held_out.len())?;
        let probes = probes(&searched, &held_out);
        if let Err(fault) = replay.values(overlay, &probes) {
            let message = format!("the overlay as it is cannot be evaluated: {fault}");
            return Err(refusal(fault.exit(), message));
        }
        let pool = pool::recorded(&replay, &space, overlay, &probes);
        if pool.len() < 2 {
            let message = "only the overlay as it is is recorded: record answers of candidates, \
                           or evaluate with --eval";
            return Err(refusal(Exit::STALE, message));
        }
        let mut plan = self.plan(&goals, searched);
        plan.pool = Some(pool);
        plan.basis = Some(Basis {
            overlay: overlay_schema::digest(overlay),
            evaluator: "replay".to_owned(),
            scenarios: digest(&replay.lines()),
        });
        let evaluator = Evaluator::Replay(Box::new(replay));
        // Repeated, a replay gives what it gave.
        Ok(Setting { evaluator, goals, space, plan, held_out, repeats: 1 })
    }

    /// A run over what the command `line` says.
    fn by_command(
        &self,
        line: &str,
        overlay: &Overlay,
        space: Space,
        environment: &Environment,
    ) -> anyhow::Result<Setting> {
        if !EvalCommand::names_overlay(line) {
            let message = "--eval says neither `{overlay}` nor FUSION_OVERLAY, so it would \
                           evaluate one and the same";
            return Err(refusal(Exit::USAGE, message));
        }
        let told = match environment.configs(self.configs.as_deref()) {
            Some(dir) => Told::of(&dir, overlay, &self.scenarios)?,
            None => Told::named(&self.scenarios),
        };
        if told.scenarios.is_empty() {
            let message = "there is no scenario to evaluate: name them with --scenario, or an \
                           installation that has some with --configs";
            return Err(refusal(Exit::NOTHING, message));
        }
        self.enough(told.scenarios.len(), told.scenarios.len())?;
        let goals = self.goals(self.limits.clone(), None, |_| None)?;
        let file_name = self.file.file_name().and_then(|it| it.to_str()).unwrap_or("overlay.txt");
        let timeout = Duration::from_secs(self.timeout);
        let names = goals.names().into_iter().map(str::to_owned).collect();
        let mut plan = self.plan(&goals, told.scenarios.clone());
        plan.basis = Some(Basis {
            overlay: overlay_schema::digest(overlay),
            evaluator: line.to_owned(),
            scenarios: digest(&told.lines),
        });
        let command = EvalCommand::new(line, timeout, file_name, told.lines, names)?;
        let evaluator = Evaluator::Command(command);
        let (held_out, repeats) = (told.scenarios, self.repeats.into());
        Ok(Setting { evaluator, goals, space, plan, held_out, repeats })
    }

    /// Refuses a run that could accept nothing, whatever it finds.
    fn enough(&self, judged: usize, all: usize) -> anyhow::Result<()> {
        if judged >= LEAST_SCENARIOS {
            return Ok(());
        }
        let exit = if self.scenarios.is_empty() { Exit::INSUFFICIENT } else { Exit::USAGE };
        let held = if self.source.suite.is_some() { " and one to search on" } else { "" };
        let message = format!(
            "{}: at least {LEAST_SCENARIOS} are needed to judge a candidate on{held}",
            plural(all, "scenario")
        );
        Err(refusal(exit, message))
    }

    fn goals(
        &self,
        bounds: Vec<Bound>,
        usual: Option<&str>,
        aim_of: impl Fn(&str) -> Option<Aim>,
    ) -> anyhow::Result<Goals> {
        let usual: Option<Goal> = usual.and_then(|it| it.parse().ok());
        let given = match self.objectives.as_slice() {
            [] => usual.as_slice(),
            given => given,
        };
        if given.is_empty() {
            let message = "name what is to become better: --objective NAME:min or NAME:max";
            return Err(refusal(Exit::USAGE, message));
        }
        Goals::of(given, bounds, aim_of).map_err(|name| {
            let message = format!("say whether `{name}` is to be small or large: `{name}:max`");
            refusal(Exit::USAGE, message)
        })
    }

    fn plan(&self, goals: &Goals, scenarios: Vec<WeightedScenario>) -> TunePlan {
        TunePlan {
            objectives: goals.objectives.clone(),
            limits: goals.limits.clone(),
            budget: self.budget.unwrap_or(BUDGET * scenarios.len()),
            scenarios,
            seed: self.seed,
            stop_below: None,
            starts: Vec::new(),
            pool: None,
            basis: None,
        }
    }
}

/// The name of the overlay: what it says, else what its file is called.
fn name(overlay: &Overlay, file: &Path) -> anyhow::Result<OverlayName> {
    let file_name = file.file_name().and_then(|it| it.to_str()).unwrap_or_default();
    let said = overlay.value("OVERLAY_NAME").and_then(|it| it.parse().ok());
    said.or_else(|| OverlayName::from_file_name(file_name)).ok_or_else(|| {
        refusal(Exit::FINDINGS, format!("{}: the overlay has no name", file.display()))
    })
}

/// The scenarios that decide which candidates are recorded: the heaviest of both parts.
fn probes(searched: &[WeightedScenario], held_out: &[WeightedScenario]) -> Vec<String> {
    let heaviest = |rows: &[WeightedScenario]| {
        let mut rows: Vec<_> = rows.iter().collect();
        rows.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        rows.into_iter().take(PROBES).map(|it| it.id.clone()).collect::<Vec<_>>()
    };
    [heaviest(searched), heaviest(held_out)].concat()
}
