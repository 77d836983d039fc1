use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use fusion_flags::{DiffCase, FlagDiff, FlagFile, Move};
use overlay_loader::Installation;
use serde::Serialize;

use super::document::FlagDocument;
use super::question::{When, share, warn};
use crate::environment::Environment;
use crate::exit::{Exit, worst};
use crate::findings::{Finding, views};
use crate::output::{Output, Report};
use crate::overlay::unreadable_installation;

/// A kind of work that no flag names.
const ANY_OTHER: &str = "*";

/// Say for which kinds of work, and for which share of units, another overlay answers
///
/// Both files are asked about the same units: numbered ones, so that the shares are the same
/// on every run. Scenario types are those that either file names, those of the installation
/// (FUSION_CONFIGS), and `*` for all others where a flag is for every kind; confidences are
/// the thresholds of both files, and 1. Switches, breakers and attributes play no part.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion flags diff old.yaml configs/overlay_feature_flags.yaml
  git show HEAD:configs/overlay_feature_flags.yaml | fusion flags diff - new.yaml --json
  fusion flags diff old.yaml new.yaml --scenario refund_processing --unit-sample 100000

Ends with 2 where an overlay, a flag or the drawing of units changes.")]
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
    #[arg(long = "confidence", value_name = "SHARE", value_parser = share)]
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
    /// The share of units, from 0 to 1: the mean over the cases.
    units_changed: f64,
    cases: Vec<Case>,
    added: Vec<String>,
    removed: Vec<String>,
    diagnostics: Vec<Finding>,
}

#[derive(Serialize)]
struct Case {
    scenario_type: String,
    confidence: f64,
    /// The share of units, from 0 to 1.
    changed: f64,
    moves: Vec<Move>,
}

impl Report for DiffReport {
    const SCHEMA: &'static str = "fusion/flags-diff/1";

    fn text(&self, _width: usize) -> String {
        let percent = |share: f64| format!("{:.2} %", share * 100.0);
        let mut res = String::new();
        // Writing to a string cannot fail.
        for (sign, list) in [('+', &self.added), ('-', &self.removed)] {
            for flag in list {
                let _ = writeln!(res, "{sign} {flag}");
            }
        }
        for Case { scenario_type, confidence, moves, .. } in &self.cases {
            for Move { from, to, share } in moves {
                let name = |it: &Option<String>| it.clone().unwrap_or_else(|| "fallback".into());
                let (from, to, share) = (name(from), name(to), percent(*share));
                let _ = writeln!(
                    res,
                    "~ {scenario_type} at {confidence}: {from} → {to}, {share} of units"
                );
            }
        }
        let (types, units) = (percent(self.scenarios_changed), percent(self.units_changed));
        let _ = writeln!(
            res,
            "{types} of scenario types change, {units} of units ({} units, {} cases)",
            self.unit_sample,
            self.cases.len()
        );
        res
    }
}

impl Diff {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let (before, old) = FlagDocument::sound(&self.before, output)?;
        let (after, new) = FlagDocument::sound(&self.after, output)?;
        let unknown = self.when.unknown_environment(&new);
        let unknown = unknown.map(|it| format!("{} has no environment `{it}`", after.name));
        let now_ms = self.when.now_ms(environment);
        let types = self.types([&old, &new], environment)?;
        let confidences = self.confidences([&old, &new]);
        let asked: Vec<(&str, f64)> = types
            .iter()
            .flat_map(|it| confidences.iter().map(move |confidence| (it.as_str(), *confidence)))
            .collect();
        let cases: Vec<_> = asked
            .iter()
            .map(|(scenario_type, confidence)| DiffCase {
                scenario_type,
                confidence: Some(*confidence),
                now_ms,
            })
            .collect();
        let units: Vec<String> = (0..self.unit_sample).map(|it| format!("unit-{it}")).collect();
        let old = self.when.compile(&old, environment)?;
        let new = self.when.compile(&new, environment)?;
        let diff = fusion_flags::diff(old, new, &cases, units.iter().map(String::as_str));
        if !output.is_json() {
            for finding in &diff.findings {
                output.remark(&format!("{finding}\n"))?;
            }
        }
        let differs = differs(&diff);
        output.show(&self.report(before.name, after.name, diff, &asked))?;
        let exit = if differs { Exit::PENDING } else { Exit::DONE };
        Ok(worst(exit, warn(unknown.as_slice(), output)?))
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
        let named = flags().flat_map(|it| it.conditions.scenario_types.iter().cloned());
        let mut res: BTreeSet<String> = named.collect();
        if flags().any(|it| it.conditions.scenario_types.is_empty()) {
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

    /// The confidences: between two thresholds every one decides alike.
    fn confidences(&self, files: [&FlagFile; 2]) -> Vec<f64> {
        let mut res = self.confidences.clone();
        if res.is_empty() {
            let flags = files.into_iter().flat_map(|it| &it.features.0);
            res.extend(flags.filter_map(|(_, it)| it.conditions.confidence_threshold));
            res.push(1.0);
        }
        res.sort_by(f64::total_cmp);
        res.dedup();
        res
    }

    fn report(
        &self,
        before: String,
        after: String,
        diff: FlagDiff,
        asked: &[(&str, f64)],
    ) -> DiffReport {
        let types: BTreeSet<_> = asked.iter().map(|(it, _)| it).collect();
        let changed = diff.cases.iter().filter(|it| it.changed > 0.0);
        let changed: BTreeSet<_> = changed.map(|it| it.scenario_type.as_str()).collect();
        let scenarios_changed = changed.len() as f64 / types.len().max(1) as f64;
        let cases = diff.cases.into_iter().zip(asked).map(|(it, (_, confidence))| Case {
            scenario_type: it.scenario_type,
            confidence: *confidence,
            changed: it.changed,
            moves: it.moves,
        });
        DiffReport {
            before,
            after,
            unit_sample: self.unit_sample,
            scenarios_changed,
            units_changed: diff.units_changed,
            cases: cases.collect(),
            added: diff.added,
            removed: diff.removed,
            diagnostics: views(&diff.findings),
        }
    }
}

/// Whether an overlay, a flag or the drawing of units changes.
fn differs(diff: &FlagDiff) -> bool {
    diff.cases.iter().any(|it| it.changed > 0.0)
        || !(diff.added.is_empty() && diff.removed.is_empty() && diff.findings.is_empty())
}
