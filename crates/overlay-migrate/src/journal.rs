use std::path::PathBuf;

use overlay_model::Digest;
use serde::{Deserialize, Serialize};

use crate::disk::Disk;
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
    /// The file of a step is backed up; the step is about to be taken.
    BackedUp { step: String, mode: Option<u32> },
    /// A step is taken.
    Applied { step: String, kind: Kind, took_us: u64 },
    /// Every step is taken.
    Finished { at_us: u64 },
    /// The run is about to be undone.
    RollingBack { at_us: u64 },
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
    /// The bytes up to the end of the last whole line.
    sound: u64,
    /// Whether something may stand after that.
    is_torn: bool,
}

impl<'a> Journal<'a> {
    /// Reads a journal. A last line that a crash tore is as if it were not there.
    pub(crate) fn open(disk: &'a dyn Disk, path: PathBuf) -> Result<Self, RunError> {
        let bytes = disk.read(&path).map_err(|err| io_error(&path, err))?.unwrap_or_default();
        let (mut records, mut sound) = (Vec::new(), 0);
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            let Some(record) = line.strip_suffix(b"\n") else { break };
            match serde_json::from_slice(record) {
                Ok(record) => records.push(record),
                Err(_) if sound + line.len() == bytes.len() => break,
                Err(source) => {
                    return Err(RunError::Journal { path, line: records.len() + 1, source });
                }
            }
            sound += line.len();
        }
        let is_torn = sound < bytes.len();
        Ok(Self { disk, path, records, sound: sound as u64, is_torn })
    }

    /// Adds a line. After a line that could not be written whole, its rest is cut first.
    pub(crate) fn add(&mut self, record: Record) -> Result<(), RunError> {
        let error = |err| io_error(&self.path, err);
        if self.is_torn {
            self.disk.truncate(&self.path, self.sound).map_err(error)?;
            self.is_torn = false;
        }
        let mut line = serde_json::to_vec(&record).map_err(|err| error(err.into()))?;
        line.push(b'\n');
        self.is_torn = true;
        self.disk.append(&self.path, &line).map_err(error)?;
        self.is_torn = false;
        self.sound += line.len() as u64;
        self.records.push(record);
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
        let applied = |it: &Record| matches!(it, Record::Applied { step, .. } if step == id);
        self.last_run().iter().any(applied)
    }

    pub(crate) fn is_undone(&self, id: &str) -> bool {
        self.last_run().iter().any(|it| matches!(it, Record::Undone { step } if step == id))
    }

    /// The permission bits noted with the backup of a step; `None` where there is no
    /// backup yet.
    pub(crate) fn backup(&self, id: &str) -> Option<Option<u32>> {
        self.last_run().iter().find_map(|it| match it {
            Record::BackedUp { step, mode } if step == id => Some(*mode),
            _ => None,
        })
    }

    /// The folders that the run made, the deepest last.
    pub(crate) fn folders(&self) -> Vec<String> {
        let folders = self.last_run().iter().filter_map(|it| match it {
            Record::Folder { path } => Some(path.clone()),
            _ => None,
        });
        folders.collect()
    }
}
