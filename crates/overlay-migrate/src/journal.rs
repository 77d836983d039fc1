use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use overlay_model::Digest;
use serde::{Deserialize, Serialize};

use crate::disk::{About, Disk};
use crate::kind::Kind;
use crate::run::{RunError, io_error};

/// One line of a journal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Record {
    /// A run of the plan begins; what stands before belongs to an earlier one.
    Started { plan: Digest, at_us: u64 },
    /// A folder is about to be made.
    Folder { path: String },
    /// The file of a step is backed up; the step is about to be taken. Without a mode there
    /// was none.
    BackedUp {
        step: String,
        mode: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        modified_ns: Option<i64>,
    },
    /// A step is taken.
    Applied { step: String, kind: Kind, took_us: u64 },
    /// Every step is taken.
    Finished { at_us: u64 },
    /// The run is about to be undone.
    RollingBack { at_us: u64 },
    /// What somebody made of a file since stands elsewhere now; its place is empty.
    SetAside { file: String },
    /// A step is undone.
    Undone { step: String },
    /// Every step is undone.
    RolledBack { at_us: u64 },
}

/// How far a run came.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// No step was taken.
    Unstarted,
    /// Some steps may be taken.
    Running,
    /// Every step is taken.
    Finished,
    /// Some steps may be undone.
    RollingBack,
    /// Every step is undone.
    RolledBack,
}

/// The journal of a run: lines that are only ever added, each on the disk before what it
/// announces is done.
pub(crate) struct Journal<'a> {
    disk: &'a dyn Disk,
    path: PathBuf,
    pub(crate) records: Vec<Record>,
    noted: Noted,
    /// The bytes up to the end of the last line that counts.
    sound: u64,
    /// Whether something may stand after that.
    is_torn: bool,
}

/// What the last run has noted, by step or file.
#[derive(Default)]
struct Noted {
    backups: BTreeMap<String, Option<About>>,
    applied: BTreeSet<String>,
    undone: BTreeSet<String>,
    set_aside: BTreeSet<String>,
    folders: Vec<String>,
}

impl Noted {
    fn of(records: &[Record]) -> Self {
        let mut res = Self::default();
        records.iter().for_each(|it| res.note(it));
        res
    }

    fn note(&mut self, record: &Record) {
        match record.clone() {
            Record::Started { .. } => *self = Self::default(),
            Record::Folder { path } => self.folders.push(path),
            Record::BackedUp { step, mode, modified_ns } => {
                let about = mode.map(|mode| About { mode, modified_ns });
                self.backups.entry(step).or_insert(about);
            }
            Record::Applied { step, .. } => drop(self.applied.insert(step)),
            Record::Undone { step } => drop(self.undone.insert(step)),
            Record::SetAside { file } => drop(self.set_aside.insert(file)),
            Record::Finished { .. } | Record::RollingBack { .. } | Record::RolledBack { .. } => {}
        }
    }
}

impl<'a> Journal<'a> {
    /// Reads a journal. A last line that a crash tore is as if it were not there. Where it left
    /// zeros in place of lines, so is everything from there on: nothing waited for any of it.
    pub(crate) fn open(disk: &'a dyn Disk, path: PathBuf) -> Result<Self, RunError> {
        let bytes = disk.read(&path).map_err(|err| io_error(&path, err))?.unwrap_or_default();
        let (mut records, mut sound) = (Vec::new(), 0);
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            let Some(record) = line.strip_suffix(b"\n") else { break };
            match serde_json::from_slice(record) {
                Ok(record) => records.push(record),
                Err(_) if sound + line.len() == bytes.len() || record.contains(&0) => break,
                Err(source) => {
                    return Err(RunError::Journal { path, line: records.len() + 1, source });
                }
            }
            sound += line.len();
        }
        let (is_torn, noted) = (sound < bytes.len(), Noted::of(&records));
        Ok(Self { disk, path, records, noted, sound: sound as u64, is_torn })
    }

    /// Adds a line. After a line that could not be written whole, its rest is cut first.
    pub(crate) fn add(&mut self, record: Record) -> Result<(), RunError> {
        self.add_all(vec![record])
    }

    /// Adds lines, at the price of one.
    pub(crate) fn add_all(&mut self, records: Vec<Record>) -> Result<(), RunError> {
        if records.is_empty() {
            return Ok(());
        }
        self.write(records, |disk, path, lines| disk.append(path, lines))
    }

    /// Adds a line about what is on the disk already, and shows there by itself: the line may
    /// be lost.
    pub(crate) fn add_loosely(&mut self, record: Record) -> Result<(), RunError> {
        self.write(vec![record], |disk, path, lines| disk.append_loosely(path, lines))
    }

    fn write(
        &mut self,
        records: Vec<Record>,
        append: impl FnOnce(&dyn Disk, &Path, &[u8]) -> io::Result<()>,
    ) -> Result<(), RunError> {
        let error = |err| io_error(&self.path, err);
        if self.is_torn {
            self.disk.truncate(&self.path, self.sound).map_err(error)?;
            self.is_torn = false;
        }
        let mut lines = Vec::new();
        for record in &records {
            serde_json::to_writer(&mut lines, record).map_err(|err| error(err.into()))?;
            lines.push(b'\n');
        }
        self.is_torn = true;
        append(self.disk, &self.path, &lines).map_err(error)?;
        self.is_torn = false;
        self.sound += lines.len() as u64;
        records.iter().for_each(|it| self.noted.note(it));
        self.records.extend(records);
        Ok(())
    }

    /// The records of the last run.
    pub(crate) fn last_run(&self) -> &[Record] {
        let start = self.records.iter().rposition(|it| matches!(it, Record::Started { .. }));
        start.and_then(|it| self.records.get(it..)).unwrap_or_default()
    }

    pub(crate) fn progress(&self) -> Progress {
        let states = self.last_run().iter().rev().find_map(|it| match it {
            Record::Started { .. } => Some(Progress::Running),
            Record::Finished { .. } => Some(Progress::Finished),
            Record::RollingBack { .. } => Some(Progress::RollingBack),
            Record::RolledBack { .. } => Some(Progress::RolledBack),
            _ => None,
        });
        states.unwrap_or(Progress::Unstarted)
    }

    /// When the last run finished.
    pub(crate) fn finished_at(&self) -> Option<u64> {
        self.last_run().iter().find_map(|it| match it {
            Record::Finished { at_us } => Some(*at_us),
            _ => None,
        })
    }

    pub(crate) fn is_applied(&self, id: &str) -> bool {
        self.noted.applied.contains(id)
    }

    pub(crate) fn is_undone(&self, id: &str) -> bool {
        self.noted.undone.contains(id)
    }

    /// Whether the place of a file was emptied for the way back.
    pub(crate) fn is_set_aside(&self, file: &str) -> bool {
        self.noted.set_aside.contains(file)
    }

    /// What was noted with the backup of a step, `None` of a file that was not there; `None`
    /// where there is no backup yet.
    pub(crate) fn backup(&self, id: &str) -> Option<Option<About>> {
        self.noted.backups.get(id).copied()
    }

    /// The folders that the run made, the deepest last.
    pub(crate) fn folders(&self) -> &[String] {
        &self.noted.folders
    }
}
