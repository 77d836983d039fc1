//! The records of releases: which one counts, and what a change does to them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use fusion_golden::Verdict;
use fusion_golden::budget::{BudgetCheck, Measurement, Subject};
use serde_json::Value;

use crate::exit::{Exit, refusal};
use crate::input;

/// The member of a record that says why its release was accepted as it is.
const ACCEPTED: &str = "accepted";

/// The records of a suite, oldest version first.
pub(super) fn records(suite: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let folder = suite.join("released");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let unread = || format!("reading {}", folder.display());
    let entries = fs::read_dir(&folder).with_context(unread)?;
    let paths = entries.map(|it| Ok(it?.path())).collect::<io::Result<Vec<_>>>();
    let mut paths = paths.with_context(unread)?;
    paths.retain(|it| it.extension().is_some_and(|it| it == "json"));
    paths.sort_by_cached_key(|it| version(it));
    Ok(paths)
}

/// The numbers in the name of a file, so that 1.10.0 is newer than 1.9.0; a name that goes
/// on after the same numbers (`1.0.0-rc.1`) is older.
fn version(path: &Path) -> (Vec<u64>, bool, String) {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (release, rest) = match name.split_once('-') {
        Some((release, rest)) => (release, rest.to_owned()),
        None => (name.as_str(), String::new()),
    };
    let numbers = release.trim_start_matches('v').split('.').map(|it| it.parse().unwrap_or(0));
    (numbers.collect(), rest.is_empty(), rest)
}

/// The record in the file `path`, which messages call `shown`.
pub(super) fn record(path: &Path, shown: &str) -> anyhow::Result<Measurement> {
    let unreadable = |why: String| refusal(Exit::UNREADABLE, format!("{shown}: {why}"));
    let read = input::read(path)?;
    let mut fields: serde_json::Map<String, Value> = serde_json::from_str(read.text()?)
        .map_err(|err| unreadable(format!("no record of a release: {err}")))?;
    fields.remove(ACCEPTED);
    let mut record: Measurement = serde_json::from_value(Value::Object(fields))
        .map_err(|err| unreadable(format!("no record of a release: {err}")))?;
    if record.schema != "fusion/measurement/1" {
        let message =
            format!("schema `{}`, this version reads `fusion/measurement/1`", record.schema);
        return Err(unreadable(message));
    }
    if !record.name.starts_with("release") {
        record.name = format!("release {}", record.name);
    }
    Ok(record)
}

/// The records of the base and of what is compared with it.
pub(super) struct Records<'a> {
    /// The suite of the base.
    pub(super) before: &'a Path,
    /// The suite of the candidate.
    pub(super) after: &'a Path,
    /// How reports call the base.
    pub(super) against: &'a str,
    /// How messages name the suite.
    pub(super) shown: &'a Path,
}

impl Records<'_> {
    /// A row for each record that is gone or another one: fails, since growth since that
    /// release would be seen by nobody. A newer one that the base does not have, and
    /// `is_released` does not know by its name and bytes, warns: it is compared with from
    /// now on.
    pub(super) fn rows(
        &self,
        is_released: impl Fn(&str, &[u8]) -> bool,
    ) -> anyhow::Result<Vec<BudgetCheck>> {
        let held = records(self.before)?;
        let mut rows = Vec::new();
        for path in &held {
            let what = match fs::read(self.after.join("released").join(name(path))) {
                Ok(bytes) if is_same(&bytes, &read(path)?) => continue,
                Ok(_) => "is another one than in the base",
                Err(err) if err.kind() == io::ErrorKind::NotFound => "is gone",
                Err(err) => return Err(err).context(format!("reading {}", self.shown(path))),
            };
            let message = format!(
                "the released record {} {what}: nobody would see what grew since that release; put \
                 it back",
                self.shown(path)
            );
            rows.push(BudgetCheck::in_words(Subject::Suite, self.against, Verdict::Fail, message));
        }
        let newest = held.last().map(|it| version(it));
        let all = records(self.after)?.into_iter();
        for path in all.filter(|it| newest.as_ref().is_none_or(|newest| version(it) > *newest)) {
            if !is_released(&name(&path), &read(&path)?) {
                let message = format!(
                    "the released record {} is new and stands in no tag of its version: later \
                     changes would be compared with it",
                    self.shown(&path)
                );
                rows.push(BudgetCheck::in_words(
                    Subject::Suite,
                    self.against,
                    Verdict::Warn,
                    message,
                ));
            }
        }
        Ok(rows)
    }

    /// How messages name a record.
    fn shown(&self, path: &Path) -> String {
        shown(self.shown, path)
    }
}

/// How messages name the record `path` of the suite `suite`.
pub(super) fn shown(suite: &Path, path: &Path) -> String {
    format!("{}/released/{}", suite.display(), name(path))
}

pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading the released record {}", name(path)))
}

/// Whether both hold the same, however it is laid out.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let value = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
    a == b || value(a).is_some_and(|it| Some(it) == value(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_the_highest_one() {
        let names = ["1.9.0.json", "1.10.0-rc.1.json", "1.10.0.json", "v1.2.json"];
        let newest = names.map(PathBuf::from).into_iter().max_by_key(|it| version(it));
        assert_eq!(newest, Some(PathBuf::from("1.10.0.json")));
    }

    #[test]
    fn the_layout_of_a_record_is_not_the_record() {
        assert!(is_same(b"{\"a\": 1,\r\n\"b\": 2}", b"{\"b\":2,\"a\":1}"));
        assert!(!is_same(b"{\"a\": 1}", b"{\"a\": 2}") && !is_same(b"no", b"JSON"));
    }
}
