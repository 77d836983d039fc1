use std::fmt::Write as _;

use clap::Args;
use overlay_deploy::backup::{Kept, list};
use serde::Serialize;

use super::Told;
use super::create::Summary;
use super::folder::backup_error;
use crate::deploy::moment;
use crate::exit::Exit;
use crate::output::{Output, Report};

/// List the backups, newest first
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion backup list --root prod
  fusion backup list --backups /mnt/backups --json

Their files are not looked at: see `fusion backup verify`. Ends with 65 where there is no such
root.")]
pub(super) struct List {}

#[derive(Serialize)]
struct ListReport {
    backups: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    path: String,
    #[serde(flatten)]
    summary: Option<Summary>,
    /// Why it is no whole backup.
    problem: Option<String>,
}

impl From<Kept> for Listed {
    fn from(Kept { path, manifest }: Kept) -> Self {
        let path = path.display().to_string();
        match manifest {
            Ok(it) => Self { path, summary: Some(Summary::from(&it)), problem: None },
            Err(err) => Self { path, summary: None, problem: Some(err.to_string()) },
        }
    }
}

impl Report for ListReport {
    const SCHEMA: &'static str = "fusion/backup-list/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        // Writing to a string cannot fail.
        for Listed { summary, problem, .. } in &self.backups {
            if let Some(it) = summary {
                let _ = writeln!(res, "{}  {}  {}", it.id, moment(it.created_us), it.text());
            }
            if let Some(problem) = problem {
                let _ = writeln!(res, "{problem}");
            }
        }
        if res.is_empty() {
            res.push_str("no backup\n");
        }
        res
    }
}

impl List {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let kept = list(&told.there()?).map_err(backup_error)?;
        output.show(&ListReport { backups: kept.into_iter().map(Listed::from).collect() })?;
        Ok(Exit::DONE)
    }
}
