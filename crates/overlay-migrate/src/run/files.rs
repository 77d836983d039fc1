//! The files of a run, and how one is replaced.

use std::path::{Path, PathBuf};

use overlay_model::Digest;

use crate::journal::{Journal, Record};
use crate::plan::{FOLDER, Plan};
use crate::run::{RunError, Site, io_error};
use crate::step::Step;

/// The permission bits of a file that is like none.
const NEW: u32 = 0o644;

/// A run of a plan.
pub(crate) struct Run<'a> {
    pub(crate) site: Site<'a>,
    pub(crate) plan: Plan,
    pub(crate) journal: Journal<'a>,
    folder: PathBuf,
}

impl<'a> Run<'a> {
    pub(crate) fn of(site: Site<'a>, plan: Plan, journal: Journal<'a>) -> Self {
        let folder = site.root.join(FOLDER).join(name(plan.digest));
        Self { site, plan, journal, folder }
    }

    /// The folder of a run, made, with its plan in it.
    pub(crate) fn create(site: Site<'a>, plan: &Plan) -> Result<Self, RunError> {
        let parent = site.root.join(FOLDER);
        let folder = parent.join(name(plan.digest));
        let backups = folder.join("backup");
        let error = |path: &Path| {
            let path = path.to_owned();
            move |err| io_error(&path, err)
        };
        site.disk.create_folder(&folder).map_err(error(&folder))?;
        site.disk.sync_folder(&parent).map_err(error(&parent))?;
        site.disk.create_folder(&backups).map_err(error(&backups))?;
        let journal = folder.join("journal.jsonl");
        // Made here, so that the sync after the plan is written covers its entry too.
        site.disk.append(&journal, b"").map_err(error(&journal))?;
        let journal = Journal::open(site.disk, journal)?;
        let path = folder.join("plan.json");
        let text = serde_json::to_vec_pretty(plan).map_err(|err| io_error(&path, err.into()))?;
        let run = Self { site, plan: plan.clone(), journal, folder };
        run.replace(&path, &text, NEW)?;
        Ok(run)
    }

    /// The folder relative to the tree.
    pub(crate) fn folder(&self) -> String {
        format!("{FOLDER}/{}", name(self.plan.digest))
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.site.root.join(file)
    }

    pub(crate) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, RunError> {
        self.site.disk.read(path).map_err(|err| io_error(path, err))
    }

    /// The digest of a file of the tree as it stands.
    pub(crate) fn digest(&self, file: &str) -> Result<Option<Digest>, RunError> {
        Ok(self.read(&self.path(file))?.as_deref().map(Digest::of))
    }

    fn sync_folder(&self, path: &Path) -> Result<(), RunError> {
        self.site.disk.sync_folder(path).map_err(|err| io_error(path, err))
    }

    /// Where the backup of a step is.
    pub(crate) fn backup_path(&self, step: &Step) -> PathBuf {
        let at = self.plan.steps.iter().position(|it| it.id == step.id).unwrap_or_default();
        self.folder.join("backup").join(format!("{:04}-{}", at + 1, file_name(&step.file)))
    }

    /// Keeps the file of a step before it changes. A backup that is there is kept.
    pub(crate) fn back_up(&mut self, step: &Step) -> Result<(), RunError> {
        if self.journal.backup(&step.id).is_some() {
            return Ok(());
        }
        let mut mode = None;
        if let Some(bytes) = self.read(&self.path(&step.file))? {
            let path = self.path(&step.file);
            mode = Some(self.site.disk.mode(&path).map_err(|err| io_error(&path, err))?);
            let backup = self.backup_path(step);
            match self.read(&backup)? {
                Some(earlier) if earlier == bytes => (),
                Some(_) => return Err(RunError::Backup(backup)),
                None => self.replace(&backup, &bytes, NEW)?,
            }
        }
        self.journal.add(Record::BackedUp { step: step.id.clone(), mode })
    }

    /// Puts `bytes` in the place of a file: the old one or the new one is there, whole.
    pub(crate) fn replace(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<(), RunError> {
        let temp = temporary(path);
        self.remove_leftover(&temp)?;
        self.site.disk.create(&temp, bytes, mode).map_err(|err| io_error(&temp, err))?;
        self.site.disk.rename(&temp, path).map_err(|err| io_error(path, err))?;
        self.sync_folder(parent(path))
    }

    /// Deletes a file for good.
    pub(crate) fn remove(&self, path: &Path) -> Result<(), RunError> {
        self.site.disk.remove(path).map_err(|err| io_error(path, err))?;
        self.sync_folder(parent(path))
    }

    /// Deletes what a broken-off [`Self::replace`] left.
    pub(crate) fn remove_leftover(&self, temp: &Path) -> Result<(), RunError> {
        match self.read(temp)? {
            Some(_) => self.site.disk.remove(temp).map_err(|err| io_error(temp, err)),
            None => Ok(()),
        }
    }

    /// Makes the folders a file of the tree stands in, each noted first.
    pub(crate) fn make_folders(&mut self, file: &str) -> Result<(), RunError> {
        let mut folder = String::new();
        let parts: Vec<_> = file.split('/').collect();
        for part in parts.iter().take(parts.len().saturating_sub(1)) {
            let within = self.path(&folder);
            folder =
                if folder.is_empty() { (*part).to_owned() } else { format!("{folder}/{part}") };
            let names = self.site.disk.list(&within).map_err(|err| io_error(&within, err))?;
            let is_noted = self.journal.folders().contains(&folder);
            if names.iter().any(|it| it == part) && !is_noted {
                self.is_folder(&folder)?;
                continue;
            }
            if !is_noted {
                self.journal.add(Record::Folder { path: folder.clone() })?;
            }
            let path = self.path(&folder);
            self.site.disk.create_folder(&path).map_err(|err| io_error(&path, err))?;
            self.sync_folder(&within)?;
        }
        Ok(())
    }

    /// Whether a folder of the tree is one: a link may lead out of it.
    fn is_folder(&self, folder: &str) -> Result<(), RunError> {
        let path = self.path(folder);
        self.site.disk.create_folder(&path).map_err(|err| io_error(&path, err))
    }

    /// The permission bits of the file that a step makes.
    pub(crate) fn mode_for(&self, step: &Step) -> Result<u32, RunError> {
        if let Some(Some(mode)) = self.journal.backup(&step.id) {
            return Ok(mode);
        }
        let Some(like) = &step.like else { return Ok(NEW) };
        let path = self.path(like);
        self.site.disk.mode(&path).map_err(|err| io_error(&path, err))
    }
}

/// The name beside a file under which its new content is written.
pub(crate) fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.fusion-migrate"))
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn file_name(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

/// The name of a run's folder: the digest in hexadecimal.
fn name(plan: Digest) -> String {
    plan.to_string().trim_start_matches("sha256:").to_owned()
}
