use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;

use clap::Args;
use overlay_store::Store;
use overlay_store::audit::{AuditError, Record};
use serde::Serialize;

use super::since::Wanted;
use crate::deploy::{moment, store_error};
use crate::exit::Exit;
use crate::findings::plural;
use crate::output::{Output, Report};

/// Show what was done, the newest last
///
/// Nothing is verified here: see `fusion audit verify`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion audit log --root prod --limit 20
  fusion audit log --root prod --action rollback_committed --since 168h
  fusion audit log --root prod --deployment 019aa9c2-7d1e-7c3a-9f00-5a0b7d0c1e2f --json")]
pub(super) struct LogArguments {
    #[command(flatten)]
    wanted: Wanted,
    /// At most so many, the newest; 0 for all
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
}

#[derive(Serialize)]
struct LogReport {
    /// How many were wanted, those that are not shown included.
    total: usize,
    records: VecDeque<Record>,
}

impl Report for LogReport {
    const SCHEMA: &'static str = "fusion/audit-log/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        // Writing to a string cannot fail.
        for record in &self.records {
            let _ = writeln!(res, "{}", line(record));
        }
        if self.records.len() < self.total {
            let (shown, total) = (self.records.len(), plural(self.total, "record"));
            let _ = writeln!(res, "{shown} of {total}");
        }
        res
    }
}

fn line(Record { seq, entry, .. }: &Record) -> String {
    let mut res = format!(
        "{seq:>5}  {}  {:28}  {}@{}  {}",
        moment(entry.at_us),
        entry.action,
        entry.actor,
        entry.host,
        entry.env
    );
    // Of a name the detail says which generation has it.
    let named = || entry.detail.get("generation")?.as_u64();
    if let Some(generation) = entry.generation.or_else(named) {
        // Writing to a string cannot fail.
        let _ = write!(res, "  generation {generation:08}");
    }
    if let Some(name) = entry.detail.get("name").and_then(|it| it.as_str()) {
        let _ = write!(res, "  `{name}`");
    }
    if let Some(deployment) = &entry.deployment {
        let _ = write!(res, "  {deployment}");
    }
    let reasons = entry.detail.get("reasons").and_then(|it| it.as_array());
    for reason in reasons.into_iter().flatten().filter_map(|it| it.as_str()) {
        let _ = write!(res, "\n       {reason}");
    }
    res
}

/// Why there is nothing to show; `actions` are those of the records that were not wanted.
fn none(action: Option<&str>, actions: BTreeSet<String>) -> String {
    match action.filter(|it| !actions.contains(*it)) {
        Some(action) if !actions.is_empty() => {
            let there: Vec<String> = actions.into_iter().collect();
            format!("no record has the action `{action}`; there are: {}\n", there.join(", "))
        }
        _ => "no record is as wanted\n".to_owned(),
    }
}

impl LogArguments {
    pub(super) fn run(self, store: &Store, output: &mut Output) -> anyhow::Result<Exit> {
        let filter = self.wanted.filter();
        let audit_error = |err: AuditError| store_error(err.into());
        let mut report = LogReport { total: 0, records: VecDeque::new() };
        let mut actions = BTreeSet::new();
        for record in store.audit().records(self.wanted.from).map_err(audit_error)? {
            let record = record.map_err(audit_error)?;
            if !filter.admits(&record) {
                actions.insert(record.entry.action);
                continue;
            }
            report.total += 1;
            report.records.push_back(record);
            if self.limit > 0 && report.records.len() > self.limit {
                report.records.pop_front();
            }
        }
        if report.total == 0 {
            output.remark(&none(filter.action.as_deref(), actions))?;
        }
        output.show(&report)?;
        Ok(Exit::DONE)
    }
}
