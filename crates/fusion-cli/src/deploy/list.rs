use std::fmt::Write as _;

use clap::Args;
use overlay_deploy::{Listed, list};
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
marked as the one in force then.")]
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

impl List {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let store = told.root.open(told.environment)?;
        let generations = list(&store).map_err(deploy_error)?;
        let problem = store.checked_current().err().map(|err| format!("{:#}", store_error(err)));
        let exit = if problem.is_some() { Exit::INTEGRITY } else { Exit::DONE };
        output.show(&ListReport { generations, problem })?;
        Ok(exit)
    }
}
