//! The files of a run, and how one is replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use overlay_model::Digest;

use crate::disk::About;
use crate::journal::{Journal, Record};
use crate::plan::{FOLDER, Plan};
use crate::run::{Passed, RunError, Site, io_error};
use crate::step::Step;

/// What a file has that is like none.
const NEW: About = About { mode: 0o644, modified_ns: None };

/// A run of a plan.
pub(crate) struct Run<'a> {
    pub(crate) site: Site<'a>,
    pub(crate) plan: Plan,
    pub(crate) journal: Journal<'a>,
    folder: PathBuf,
    /// The place of each step in the plan, by id.
    places: BTreeMap<String, usize>,
    /// Folders of the tree that are there, and are folders.
    known: BTreeSet<String>,
}

impl<'a> Run<'a> {
    pub(crate) fn of(site: Site<'a>, plan: Plan, journal: Journal<'a>) -> Self {
        let folder = site.root.join(FOLDER).join(name(plan.digest));
        let places = plan.steps.iter().enumerate().map(|(at, it)| (it.id.clone(), at)).collect();
        Self { site, plan, journal, folder, places, known: BTreeSet::new() }
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
        let run = Self::of(site, plan.clone(), journal);
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
        let at = self.places.get(&step.id).copied().unwrap_or_default();
        self.folder.join("backup").join(format!("{:04}-{}", at + 1, file_name(&step.file)))
    }

    /// Keeps the file of a step before it changes. A backup that is there is kept.
    pub(crate) fn back_up(&mut self, step: &Step) -> Result<(), RunError> {
        self.back_up_all(&[step])
    }

    /// [`Self::back_up`] for steps about different files, at the price of one sync of the
    /// folder and one line for all.
    pub(crate) fn back_up_all(&mut self, steps: &[&Step]) -> Result<(), RunError> {
        let (mut records, mut is_new) = (Vec::new(), false);
        let due = steps.iter().filter(|it| self.journal.backup(&it.id).is_none());
        for (done, step) in due.enumerate() {
            let about = self.copied(step)?;
            is_new |= about.is_some();
            let (mode, modified_ns) =
                (about.map(|it| it.mode), about.and_then(|it| it.modified_ns));
            records.push(Record::BackedUp { step: step.id.clone(), mode, modified_ns });
            self.tell("backing up", done + 1, steps.len());
        }
        if is_new {
            self.sync_folder(&self.folder.join("backup"))?;
        }
        self.journal.add_all(records)
    }

    /// The file of a step as it stands, copied to where its backup is; the entry there is not
    /// synced yet.
    fn copied(&self, step: &Step) -> Result<Option<About>, RunError> {
        let path = self.path(&step.file);
        let Some(bytes) = self.read(&path)? else { return Ok(None) };
        let about = self.site.disk.about(&path).map_err(|err| io_error(&path, err))?;
        let backup = self.backup_path(step);
        match self.read(&backup)? {
            Some(earlier) if earlier == bytes => (),
            Some(_) => return Err(RunError::Backup(backup)),
            None => self.put(&backup, &bytes, NEW)?,
        }
        Ok(Some(about))
    }

    /// Puts `bytes` in the place of a file: the old one or the new one is there, whole.
    pub(crate) fn replace(&self, path: &Path, bytes: &[u8], about: About) -> Result<(), RunError> {
        self.put(path, bytes, about)?;
        self.sync_folder(parent(path))
    }

    /// [`Self::replace`], without the sync of the folder.
    fn put(&self, path: &Path, bytes: &[u8], about: About) -> Result<(), RunError> {
        let temp = temporary(path);
        self.remove_leftover(&temp)?;
        self.site.disk.create(&temp, bytes, about).map_err(|err| io_error(&temp, err))?;
        self.site.disk.rename(&temp, path).map_err(|err| io_error(path, err))
    }

    /// Moves what stands in the place of a file into the folder of the run, for whoever wrote
    /// it, and says where it is, relative to the tree; `None` where nothing stands there.
    pub(crate) fn set_aside(&mut self, file: &str) -> Result<Option<String>, RunError> {
        let path = self.path(file);
        let mut kept = None;
        if self.read(&path)?.is_some() {
            let within = self.folder.join("aside");
            self.site.disk.create_folder(&within).map_err(|err| io_error(&within, err))?;
            self.sync_folder(&self.folder)?;
            let names = self.site.disk.list(&within).map_err(|err| io_error(&within, err))?;
            let numbers = names.iter().filter_map(|it| it.split_once('-')?.0.parse::<u32>().ok());
            let last = numbers.max().map_or(0, u64::from);
            let name = format!("{:04}-{}", last + 1, file_name(file));
            let to = within.join(&name);
            self.site.disk.rename(&path, &to).map_err(|err| io_error(&path, err))?;
            self.sync_folder(&within)?;
            self.sync_folder(parent(&path))?;
            kept = Some(format!("{}/aside/{name}", self.folder()));
        }
        self.journal.add(Record::SetAside { file: file.to_owned() })?;
        Ok(kept)
    }

    /// Tells whoever watches how far the run is.
    pub(crate) fn tell(&self, what: &'static str, done: usize, of: usize) {
        (self.site.watch)(Passed { what, done, of });
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
            if !self.known.insert(folder.clone()) {
                continue;
            }
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

    /// What the file that a step makes has: the permission bits of the one before, or of the
    /// one it is like, and the moment at which it is made.
    pub(crate) fn about_for(&self, step: &Step) -> Result<About, RunError> {
        let mode = |it: About| About { mode: it.mode, ..NEW };
        if let Some(Some(about)) = self.journal.backup(&step.id) {
            return Ok(mode(about));
        }
        let Some(like) = &step.like else { return Ok(NEW) };
        let path = self.path(like);
        self.site.disk.about(&path).map(mode).map_err(|err| io_error(&path, err))
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
