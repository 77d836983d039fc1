use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use fusion_flags::{CaseDiff, Comparison, DiffScope, FlagDiff, FlagFile, GivenValue, Move};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use overlay_loader::Installation;
use serde::Serialize;

use super::document::FlagDocument;
use super::question::{When, share, warn};
use crate::environment::Environment;
use crate::exit::{Exit, refusal, worst};
use crate::findings::{Finding, plural, views};
use crate::input::is_stdin;
use crate::output::{Output, Report};
use crate::overlay::unreadable_installation;
use crate::progress::is_watched;

/// A kind of work that no flag names.
const ANY_OTHER: &str = "*";

/// How long nothing is said of how far it is.
const QUIET: Duration = Duration::from_secs(1);

/// Say for which kinds of work, and for which share of units, another overlay answers
///
/// Both files are asked about the same units: numbered ones, so that the shares are the same
/// on every run. Scenario types are those that either file names, those of the installation
/// (FUSION_CONFIGS), and `*` for all others where a flag is for every kind; of these, those
/// are asked that a flag that differs plays a part in. Confidences are the thresholds of both
/// files, and 1; where a flag that differs looks at attributes, hours or a ramp, each value
/// and moment that is told apart is asked, and one beside. A change that nothing shows is a
/// warning with the flag's name (FLG6003). Switches and breakers play no part.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion flags diff old.yaml configs/overlay_feature_flags.yaml
  git show HEAD:configs/overlay_feature_flags.yaml | fusion flags diff - new.yaml --json
  fusion flags diff old.yaml new.yaml --scenario refund_processing --unit-sample 100000

Ends with 2 where an overlay, a fallback, a flag or the drawing of units changes, or where a
flag differs and nothing that was asked shows it.")]
pub(crate) struct Diff {
    /// The flag file before; `-` for standard input
    #[arg(value_name = "A")]
    before: PathBuf,
    /// The flag file after
    #[arg(value_name = "B")]
    after: PathBuf,
    /// Only these kinds of work
    #[arg(long = "scenario", value_name = "TYPE")]
    scenarios: Vec<String>,
    /// Only these confidences, from 0 to 1
    #[arg(long = "confidence", value_name = "SHARE", value_parser = share,
          allow_negative_numbers = true)]
    confidences: Vec<f64>,
    /// How many units are asked about, up to a million
    #[arg(long, default_value_t = 10_000, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    unit_sample: u32,
    #[command(flatten)]
    when: When,
}

#[derive(Serialize)]
struct DiffReport {
    before: String,
    after: String,
    /// How many units were asked about.
    unit_sample: u32,
    /// The share of scenario types, from 0 to 1, where at least one unit changes.
    scenarios_changed: f64,
    /// The share of units, from 0 to 1: the mean over the scenario types of the mean over
    /// what was asked of each.
    units_changed: f64,
    cases: Vec<Case>,
    /// The flags of both files that are defined otherwise.
    flags: Vec<Flag>,
    added: Vec<String>,
    removed: Vec<String>,
    diagnostics: Vec<Finding>,
}

#[derive(Serialize)]
struct Case {
    scenario_type: String,
    confidence: Option<f64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, GivenValue>,
    /// The moment, where it is another one than was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<String>,
    /// The share of units, from 0 to 1.
    changed: f64,
    moves: Vec<Move>,
    /// What answers otherwise where the first overlay fails.
    reserves: Vec<Move>,
}

#[derive(Serialize)]
struct Flag {
    feature: String,
    /// The share of units, from 0 to 1, for which it is decided otherwise.
    changed: f64,
    /// Whether it has overlays, so that a move shows the change.
    #[serde(skip)]
    routes: bool,
}

impl Case {
    fn new(diff: CaseDiff, now_ms: i64) -> Self {
        let CaseDiff { case, changed, moves, reserves } = diff;
        let moment = (case.now_ms != now_ms).then(|| moment(case.now_ms));
        Self {
            scenario_type: case.scenario_type,
            confidence: case.confidence,
            attributes: case.attributes.into_iter().collect(),
            now: moment,
            changed,
            moves,
            reserves,
        }
    }

    /// The request in words: `refund_processing at 0.7, tenant=acme`.
    fn label(&self) -> String {
        let mut res = self.scenario_type.clone();
        // Writing to a string cannot fail.
        let _ = match self.confidence {
            Some(confidence) => write!(res, " at {confidence}"),
            None => write!(res, " without a confidence"),
        };
        for (name, value) in &self.attributes {
            let _ = match value {
                GivenValue::Text(text) => write!(res, ", {name}={text}"),
                GivenValue::Number(number) => write!(res, ", {name}={number}"),
            };
        }
        if let Some(now) = &self.now {
            let _ = write!(res, ", {now}");
        }
        res
    }

    fn lines(&self, to: &mut String) {
        let label = self.label();
        let moves = self.moves.iter().map(|it| ("", it));
        for (when, it) in moves.chain(self.reserves.iter().map(|it| (" where that fails", it))) {
            let (from, to_name) = ends(it);
            let _ =
                writeln!(to, "~ {label}{when}: {from} → {to_name}, {} of units", percent(it.share));
        }
    }
}

/// From what to what, in words. Which fallback it is counts where both are one.
fn ends(it: &Move) -> (String, String) {
    let name = |overlay: &Option<String>, fallback: &Option<String>| match (overlay, fallback) {
        (Some(overlay), _) => overlay.clone(),
        (None, Some(word)) if it.from.is_none() && it.to.is_none() => format!("fallback {word}"),
        (None, _) => "fallback".to_owned(),
    };
    (name(&it.from, &it.from_fallback), name(&it.to, &it.to_fallback))
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// A moment as RFC 3339 writes it.
fn moment(now_ms: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(now_ms);
    moment.map_or_else(|_| format!("{now_ms} ms"), |it| it.to_string())
}

impl Report for DiffReport {
    const SCHEMA: &'static str = "fusion/flags-diff/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        // Writing to a string cannot fail.
        for (sign, list) in [('+', &self.added), ('-', &self.removed)] {
            for flag in list {
                let _ = writeln!(res, "{sign} {flag}");
            }
        }
        for case in &self.cases {
            case.lines(&mut res);
        }
        let is_routed = self.cases.iter().any(|it| !it.moves.is_empty() || !it.reserves.is_empty());
        let flags = self.flags.iter().filter(|it| it.changed > 0.0);
        for Flag { feature, changed, .. } in flags.filter(|it| !(it.routes && is_routed)) {
            let _ = writeln!(res, "~ flag {feature}: other for {} of units", percent(*changed));
        }
        let (types, units) = (percent(self.scenarios_changed), percent(self.units_changed));
        let asked = if self.cases.is_empty() {
            "nothing that answers differs".to_owned()
        } else {
            let units = plural(self.unit_sample as usize, "unit");
            format!("{units}, {}", plural(self.cases.len(), "case"))
        };
        let _ = writeln!(res, "{types} of scenario types change, {units} of units ({asked})");
        res
    }
}

impl Diff {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        if is_stdin(&self.before) && is_stdin(&self.after) {
            return Err(refusal(Exit::USAGE, "only one of the two files may be `-`"));
        }
        let (before, old) = FlagDocument::sound(&self.before, output)?;
        let (after, new) = FlagDocument::sound(&self.after, output)?;
        let unknown = self.when.unknown_environment(&new);
        let unknown = unknown.map(|it| format!("{} has no environment `{it}`", after.name));
        let diff = self.compare([&old, &new], output, environment)?;
        if !output.is_json() {
            for finding in &diff.findings {
                output.remark(&format!("{finding}\n"))?;
            }
        }
        let exit = if differs(&diff) { Exit::PENDING } else { Exit::DONE };
        let now_ms = self.when.now_ms(environment);
        output.show(&self.report(before.name, after.name, diff, now_ms))?;
        Ok(worst(exit, warn(unknown.as_slice(), output)?))
    }

    fn compare(
        &self,
        [old, new]: [&FlagFile; 2],
        output: &Output,
        environment: &Environment,
    ) -> anyhow::Result<FlagDiff> {
        let types: Vec<String> = self.types([old, new], environment)?.into_iter().collect();
        let comparison = Comparison::of(
            self.when.compile(old, environment)?,
            self.when.compile(new, environment)?,
        );
        let plan = comparison.plan(&DiffScope {
            scenario_types: &types,
            confidences: &self.confidences,
            now_ms: self.when.now_ms(environment),
            units: self.unit_sample as usize,
        });
        let units: Vec<String> = (0..self.unit_sample).map(|it| format!("unit-{it}")).collect();
        let waiting = Waiting::new(plan.len(), output, environment);
        let diff = comparison.run(&plan, &units, &mut || waiting.advance());
        waiting.bar.finish_and_clear();
        Ok(diff)
    }

    /// The kinds of work: those that were given, or all that are known.
    fn types(
        &self,
        files: [&FlagFile; 2],
        environment: &Environment,
    ) -> anyhow::Result<BTreeSet<String>> {
        if !self.scenarios.is_empty() {
            return Ok(self.scenarios.iter().cloned().collect());
        }
        let flags = || files.into_iter().flat_map(|it| &it.features.0).map(|(_, it)| it);
        let named = || flags().flat_map(|it| it.conditions.scenario_types.iter());
        let mut res: BTreeSet<String> = named().cloned().collect();
        let [old, new] = files;
        if old.matching() != new.matching() {
            res.extend(named().map(|it| format!("*{it}*")));
        }
        let is_for_all = flags().any(|it| it.conditions.scenario_types.is_empty());
        if is_for_all || old.global != new.global {
            res.insert(ANY_OTHER.to_owned());
        }
        if let Some(dir) = environment.configs(None) {
            let installation =
                Installation::read(&dir).map_err(|err| unreadable_installation(&err))?;
            let scenarios = &installation.catalogue().scenarios;
            res.extend(scenarios.iter().map(|it| it.kind().to_owned()));
        }
        Ok(res)
    }

    fn report(&self, before: String, after: String, diff: FlagDiff, now_ms: i64) -> DiffReport {
        let flags = diff.flags.into_iter();
        let flags =
            flags.map(|it| Flag { feature: it.feature, changed: it.changed, routes: it.routes });
        DiffReport {
            before,
            after,
            unit_sample: self.unit_sample,
            scenarios_changed: diff.scenarios_changed,
            units_changed: diff.units_changed,
            cases: diff.cases.into_iter().map(|it| Case::new(it, now_ms)).collect(),
            flags: flags.collect(),
            added: diff.added,
            removed: diff.removed,
            diagnostics: views(&diff.findings),
        }
    }
}

/// A bar on standard error, where somebody looks, once it takes long.
struct Waiting {
    bar: ProgressBar,
    is_wanted: bool,
}

impl Waiting {
    fn new(cases: usize, output: &Output, environment: &Environment) -> Self {
        let is_wanted = is_watched(output, environment);
        let bar = ProgressBar::with_draw_target(Some(cases as u64), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}");
        let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, is_wanted }
    }

    fn advance(&self) {
        if self.is_wanted && self.bar.is_hidden() && self.bar.elapsed() > QUIET {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(1);
    }
}

/// Whether an overlay, a fallback, a flag or the drawing of units changes.
fn differs(diff: &FlagDiff) -> bool {
    let is_moved = |it: &CaseDiff| !it.moves.is_empty() || !it.reserves.is_empty();
    diff.cases.iter().any(is_moved)
        || diff.flags.iter().any(|it| it.changed > 0.0)
        || !(diff.added.is_empty() && diff.removed.is_empty() && diff.findings.is_empty())
}
