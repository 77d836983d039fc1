use std::fmt::Write as _;

use clap::Args;
use overlay_deploy::{Listed, list};
use serde::Serialize;

use super::Told;
use super::refusal::deploy_error;
use super::site::moment;
use crate::exit::Exit;
use crate::output::{Output, Report};

/// List the generations, newest first
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy list --root prod
  fusion deploy list --root prod --json")]
pub(super) struct List {}

#[derive(Serialize)]
struct ListReport {
    generations: Vec<Listed>,
}

impl Report for ListReport {
    const SCHEMA: &'static str = "fusion/deploy-list/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        for it in &self.generations {
            res.push_str(&line(it));
        }
        if res.is_empty() {
            res.push_str("nothing was deployed yet\n");
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
        output.show(&ListReport { generations })?;
        Ok(Exit::DONE)
    }
}
