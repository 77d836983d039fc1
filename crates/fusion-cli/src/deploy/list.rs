use std::cmp::Reverse;
use std::fmt::Write as _;

use clap::Args;
use overlay_deploy::{DeployError, Listed, list};
use overlay_store::{Pointer, Store};
use serde::Serialize;

use super::Told;
use super::refusal::{deploy_error, store_error};
use super::site::moment;
use crate::exit::Exit;
use crate::output::{Output, Report};

/// List the generations, newest first
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy list --root prod
  fusion deploy list --root prod --json

Ends with 8 where the pointer CURRENT is damaged, gone, or older than the audit log says: none is
marked as the one in force then. Also where a generation that it names is gone.")]
pub(super) struct List {}

#[derive(Serialize)]
struct ListReport {
    generations: Vec<Listed>,
    /// What is wrong with the pointer: which generation is in force is not known then.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl Report for ListReport {
    const SCHEMA: &'static str = "fusion/deploy-list/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        for it in &self.generations {
            res.push_str(&line(it));
        }
        if res.is_empty() && self.problem.is_none() {
            res.push_str("nothing was deployed yet\n");
        }
        if let Some(problem) = &self.problem {
            res.push_str(problem);
            res.push('\n');
        }
        res
    }
}

/// `* 00000002  2026-11-21T12:00:00Z  deployed      rollback_first  by mara  [release-7]`.
fn line(it: &Listed) -> String {
    let mark = match (it.is_live, it.is_candidate) {
        (true, _) => '*',
        (_, true) => '?',
        _ => ' ',
    };
    let outcome = it.outcome.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let made = it.created_us.map_or_else(|| "-".to_owned(), moment);
    let mut res = format!("{mark} {}  {made}  {outcome:11}", it.generation);
    // Writing to a string cannot fail.
    if !it.overlays.is_empty() {
        let _ = write!(res, "  {}", it.overlays.join(","));
    }
    if let Some(actor) = &it.actor {
        let _ = write!(res, "  by {actor}");
    }
    if !it.pins.is_empty() {
        let _ = write!(res, "  [{}]", it.pins.join(", "));
    }
    if let Some(problem) = &it.problem {
        let _ = write!(res, "  {problem}");
    }
    res.push('\n');
    res
}

/// The generations that the pointer names, and that are not there.
fn gone(store: &Store, pointer: &Pointer) -> anyhow::Result<Vec<Listed>> {
    let there = store.generations().map_err(store_error)?;
    let pins = store.pins().map_err(store_error)?;
    let named = [Some(pointer.stable), pointer.candidate].into_iter().flatten();
    let gone = named.map(|it| it.generation).filter(|it| !there.contains(it));
    let listed = gone.map(|generation| Listed {
        generation,
        deployment: None,
        created_us: None,
        tree: None,
        actor: None,
        overlays: Vec::new(),
        outcome: None,
        is_live: generation == pointer.stable.generation,
        is_candidate: generation != pointer.stable.generation,
        pins: pins.iter().filter(|it| *it.1 == generation).map(|it| it.0.clone()).collect(),
        problem: Some(DeployError::Gone(generation).to_string()),
    });
    Ok(listed.collect())
}

impl List {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let store = told.root.open(told.environment)?;
        let mut generations = list(&store).map_err(deploy_error)?;
        let (gone, problem) = match store.checked_current() {
            Ok(pointer) => (pointer.map(|it| gone(&store, &it)).transpose()?, None),
            Err(err) => (None, Some(format!("{:#}", store_error(err)))),
        };
        let gone = gone.unwrap_or_default();
        let is_whole = gone.is_empty() && problem.is_none();
        let exit = if is_whole { Exit::DONE } else { Exit::INTEGRITY };
        generations.extend(gone);
        generations.sort_by_key(|it| Reverse(it.generation));
        output.show(&ListReport { generations, problem })?;
        Ok(exit)
    }
}
