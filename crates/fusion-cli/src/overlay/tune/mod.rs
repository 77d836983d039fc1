//! `fusion overlay tune`

mod command;
mod evaluator;
mod fault;
mod goal;
mod held_out;
mod interrupt;
mod journal;
pub(super) mod places;
mod pool;
mod replay;
mod report;
mod search;
mod told;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use fusion_golden::Suite;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use overlay_model::{Overlay, OverlayName};
use overlay_optimizer::{
    Aim, Basis, Evaluation, LEAST_SCENARIOS, PlanError, ResumeError, Space, SpaceError, Stop,
    TunePlan, Tuner, WeightedScenario,
};

use self::command::Evaluation as EvalCommand;
use self::evaluator::Evaluator;
use self::goal::{Bound, Goal, Goals};
use self::held_out::{Confirmation, confirm, split};
use self::journal::JournalFile;
use self::replay::{BROKEN, MEASURED, Replay};
use self::report::{TuneAnswer, TuneVerdict};
use self::search::{Search, interrupted};
use self::told::{Told, digest};
use super::document::Document;
use super::optimize::is_same;
use crate::environment::Environment;
use crate::excerpt;
use crate::exit::{Exit, refusal};
use crate::findings::plural;
use crate::golden::suite_error;
use crate::output::{Output, to_json};
use crate::replace::{create, replace};

/// How many evaluations of each scenario there may be, where `--budget` is not given.
const BUDGET: usize = 20;
/// The most scenarios that decide which candidates are recorded.
const PROBES: usize = 3;

/// Search for better settings of an overlay, by measuring
///
/// Keys that are pinned, describe something or promise something are left alone, and what guards
/// answers (the floors, what trust is, what is verified of a conversation) changes only where
/// `--key` names it. Candidates are evaluated by the recordings of a suite, or by a command of
/// yours; nothing is simulated. A change that brings nothing goes back. What is found is accepted
/// only if evaluations that the search did not see say that it gains at least 0.05 with a
/// probability of 0.95, and that no scenario loses more than 0.02. The file itself stays as it
/// is: an accepted result goes to `--output`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion overlay tune fusion_overlay.refund.txt --suite goldens --objective units
  fusion overlay tune fusion_overlay.refund.txt --eval './score.sh {overlay}' --configs configs \
--objective quality:max --limit 'latency_ms<=2000' --budget 200 --journal tune.jsonl
  fusion overlay tune fusion_overlay.refund.txt --eval './score.sh {overlay}' --scenario a \
--scenario b --scenario c --objective quality:max --svg trials.svg -o tuned.txt

The command gets the path of the candidate, also as FUSION_OVERLAY, and, on standard input, one line of JSON for each
scenario to evaluate; it writes a line {\"scenario\": \"a\", \"quality\": 0.8} for each. A replay
measures units, tokens, prompt_tokens, latency_ms (small), trust, score, accepted and rules
(large).

Ends with 0 where a candidate is accepted or the overlay as it is is best, 1 where the candidate
is rejected or no candidate keeps the limits, 3 where too little was evaluated, 4 where the
overlay itself is not recorded, 10 where it was interrupted, 69 where the command fails.")]
pub(crate) struct Tune {
    /// The overlay
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    source: SourceArguments,
    /// With `--eval`: the installation whose scenarios are evaluated; else FUSION_CONFIGS
    #[arg(long, value_name = "DIR", conflicts_with = "suite")]
    configs: Option<PathBuf>,
    /// Only this scenario; may be given several times
    #[arg(long = "scenario", value_name = "ID")]
    scenarios: Vec<String>,
    /// What is to become better, several against each other; those with a weight add up to one.
    /// `units` where there is a suite
    #[arg(long = "objective", value_name = "NAME[:min|max][:WEIGHT]")]
    objectives: Vec<Goal>,
    /// What every scenario has to keep: `units<=5`, `trust>=0.6`
    #[arg(long = "limit", value_name = "NAME<=NUMBER")]
    limits: Vec<Bound>,
    /// Vary only this key, a floor or another guard too; may be given several times
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// How many evaluations of one candidate on one scenario; 20 for each scenario without it
    #[arg(long, value_name = "N")]
    budget: Option<usize>,
    /// What all randomness comes from
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// With `--eval`: how often overlay and candidate are evaluated to accept it
    #[arg(long, default_value_t = 3, value_name = "N", conflicts_with = "suite")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    repeats: u16,
    /// With `--eval`: how long one evaluation may take, in seconds
    #[arg(long, default_value_t = 600, value_name = "SECONDS", conflicts_with = "suite")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Write every question and answer to this file, from which a run goes on
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Go on with the run of `--journal`, with the same options otherwise
    #[arg(long, requires = "journal")]
    resume: bool,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Draw the trials, and the Pareto front of several objectives
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Where an accepted overlay goes; FILE itself may be named
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file of `--output` where there is one
    #[arg(long, requires = "output")]
    force: bool,
}

/// How candidates are evaluated.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct SourceArguments {
    /// Replay the recordings of this suite
    #[arg(long, value_name = "DIR")]
    suite: Option<PathBuf>,
    /// Ask this command; `{overlay}` stands for the path of the candidate, and so does the
    /// variable FUSION_OVERLAY
    #[arg(long, value_name = "COMMAND")]
    eval: Option<String>,
}

/// Everything a run needs.
struct Setting {
    evaluator: Evaluator,
    goals: Goals,
    space: Space,
    plan: TunePlan,
    /// What a candidate is judged on, and how often.
    held_out: Vec<WeightedScenario>,
    repeats: usize,
}

impl Tune {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        self.may_write()?;
        let document = Document::writable(&self.file, output)?;
        let space = self.space(&document, output)?;
        let setting = match (&self.source.suite, &self.source.eval) {
            (Some(dir), _) => self.by_replay(dir, &document.overlay, space)?,
            (None, eval) => {
                let line = eval.as_deref().unwrap_or_default();
                self.by_command(line, &document.overlay, space, environment)?
            }
        };
        let (mut tuner, mut journal) = self.tuner(&setting)?;
        let progress = progress(setting.plan.budget, output, environment);
        let search = Search {
            overlay: &document.overlay,
            evaluator: &setting.evaluator,
            goals: &setting.goals,
            progress: &progress,
        };
        let stop = search.run(&mut tuner, &mut journal, output)?;
        progress.set_message("held out");
        let answer = self.judge(&document, &setting, (&tuner, &journal), stop)?;
        progress.finish_and_clear();
        self.finish(answer, output)
    }

    /// Says before the search, and not after it, that its result has no place.
    fn may_write(&self) -> anyhow::Result<()> {
        let places = [
            ("--journal", &self.journal),
            ("--report", &self.report),
            ("--svg", &self.svg),
            ("--output", &self.output),
        ];
        let named = || places.iter().filter_map(|(option, path)| Some((*option, path.as_ref()?)));
        for (number, (option, path)) in named().enumerate() {
            places::may_hold(option, path)?;
            let mut earlier = named().take(number);
            let other = earlier.find(|it| it.1 == path || is_same(it.1, path)).map(|it| it.0);
            let own = (option != "--output" && is_same(path, &self.file)).then_some("the overlay");
            if let Some(other) = other.or(own) {
                let message = format!("{option} {} is {other} too", path.display());
                return Err(refusal(Exit::USAGE, message));
            }
        }
        match self.output.as_deref().filter(|_| !self.force) {
            Some(path) if path.exists() && !is_same(path, &self.file) => {
                let message = format!("{} exists: give --force to replace it", path.display());
                Err(refusal(Exit::USAGE, message))
            }
            _ => Ok(()),
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
                SpaceError::UnknownKey(..) => Exit::USAGE,
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

    /// A tuner that begins, or goes on where its journal ends.
    fn tuner(&self, setting: &Setting) -> anyhow::Result<(Tuner, JournalFile)> {
        let Setting { space, plan, .. } = setting;
        let begin = || {
            let tuner = Tuner::new(space.clone(), plan.clone());
            tuner.map_err(|err: PlanError| refusal(Exit::USAGE, err.to_string()))
        };
        let Some(path) = self.journal.as_deref().filter(|_| self.resume) else {
            return Ok((begin()?, JournalFile::begin(self.journal.as_deref())?));
        };
        let (journal, text) = JournalFile::resume(path)?;
        if text.is_empty() {
            return Ok((begin()?, journal));
        }
        let tuner = Tuner::resume(space.clone(), &text).map_err(|err: ResumeError| {
            let message = format!("{:#}", anyhow::Error::new(err));
            refusal(Exit::UNREADABLE, format!("{}: {message}", path.display()))
        })?;
        match differing(tuner.plan(), plan).as_slice() {
            [] => Ok((tuner, journal)),
            parts => {
                let (path, parts) = (path.display(), parts.join(", "));
                let message = format!("{path} was begun otherwise: another run differs in {parts}");
                Err(refusal(Exit::USAGE, message))
            }
        }
    }

    /// What the search came to, with the held-out evaluations of what it found.
    fn judge(
        &self,
        document: &Document,
        setting: &Setting,
        (tuner, journal): (&Tuner, &JournalFile),
        stop: Stop,
    ) -> anyhow::Result<TuneAnswer> {
        let search = tuner.report(&document.overlay);
        let tuned = match search.chosen {
            Some(_) => Some(patched(&document.overlay, &search.patch)?),
            None => None,
        };
        let confirmed = tuned.as_ref().map(|tuned| {
            let Setting { evaluator, goals, held_out, repeats, .. } = setting;
            let pair = (&document.overlay, tuned);
            confirm(evaluator, goals, pair, held_out, (*repeats, self.seed))
        });
        // A confirmation fails only where somebody ended the run.
        let held_out: Option<Confirmation> =
            confirmed.transpose().map_err(|_| interrupted(journal))?;
        Ok(TuneAnswer {
            path: document.name.clone(),
            evaluation: setting.evaluator.name(),
            verdict: TuneVerdict::of(&search.finding, held_out.as_ref()),
            because: TuneAnswer::because(&search, held_out.as_ref()),
            stop,
            search,
            held_out,
            overlay: tuned.map(|it| it.source().to_owned()),
            written: None,
        })
    }

    /// Writes what was asked for, the overlay only where it was accepted. What was paid for
    /// is shown whether or not that succeeds.
    fn finish(&self, mut answer: TuneAnswer, output: &mut Output) -> anyhow::Result<Exit> {
        let written = self.write(&mut answer);
        output.show(&answer)?;
        written?;
        Ok(answer.verdict.exit())
    }

    fn write(&self, answer: &mut TuneAnswer) -> anyhow::Result<()> {
        if let (Some(path), Some(text), TuneVerdict::Accepted) =
            (&self.output, &answer.overlay, answer.verdict)
        {
            create(path, text.as_bytes(), self.force || is_same(path, &self.file))?;
            answer.written = Some(path.display().to_string());
        }
        if let Some(path) = &self.svg {
            replace(path, answer.search.svg().as_bytes())?;
        }
        match &self.report {
            Some(path) => replace(path, to_json(answer)?.as_bytes()),
            None => Ok(()),
        }
    }
}

/// The overlay with a patch, whose candidate was evaluated before.
fn patched(overlay: &Overlay, patch: &[overlay_optimizer::PatchLine]) -> anyhow::Result<Overlay> {
    let mut res = overlay.clone();
    for it in patch {
        res.set(&it.key, &it.to)?;
    }
    Ok(res)
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

/// What two plans differ in.
fn differing(a: &TunePlan, b: &TunePlan) -> Vec<&'static str> {
    fn basis<'a, T: 'a>(plan: &'a TunePlan, of: fn(&'a Basis) -> &'a T) -> Option<&'a T> {
        plan.basis.as_ref().map(of)
    }
    let parts = [
        ("the overlay", basis(a, |it| &it.overlay) != basis(b, |it| &it.overlay)),
        ("what evaluates", basis(a, |it| &it.evaluator) != basis(b, |it| &it.evaluator)),
        ("what the scenarios say", basis(a, |it| &it.scenarios) != basis(b, |it| &it.scenarios)),
        ("objectives", a.objectives != b.objectives),
        ("limits", a.limits != b.limits),
        ("scenarios", a.scenarios != b.scenarios),
        ("budget", a.budget != b.budget),
        ("seed", a.seed != b.seed),
        ("recordings", a.pool != b.pool),
    ];
    parts.into_iter().filter(|(_, differs)| *differs).map(|(part, _)| part).collect()
}

fn progress(budget: usize, output: &Output, environment: &Environment) -> ProgressBar {
    let is_wanted = environment.stderr_is_terminal
        && !output.is_json()
        && environment.get("TERM") != Some("dumb");
    let target =
        if is_wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(budget as u64), target);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
