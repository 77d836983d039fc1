use std::path::Path;

use clap::Args;
use overlay_deploy::backup::{BackupManifest, NotCopied, create};
use serde::Serialize;

use super::Told;
use super::folder::backup_error;
use super::rows::copy_rows;
use crate::deploy::{Watch, new_id, recover_first};
use crate::exit::Exit;
use crate::findings::plural;
use crate::output::{Output, Report};
use crate::serve::warn;

/// Copy the root as it is now, verified
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion backup create --root prod
  fusion backup create --root prod --backups /mnt/backups --json

Performance rows that cannot be read are left out, with a warning; under --strict it ends with 1
then. Ends with 5 where nothing is deployed, with 8 where what is live was tampered with.")]
pub(super) struct Create {}

#[derive(Serialize)]
struct CreateReport {
    path: String,
    #[serde(flatten)]
    summary: Summary,
}

/// A backup without the list of its files.
#[derive(Serialize)]
pub(super) struct Summary {
    pub(super) id: String,
    pub(super) created_us: i64,
    epoch: u64,
    pub(super) generation: overlay_store::GenerationId,
    tree: overlay_model::Digest,
    pub(super) files: usize,
    bytes: u64,
    /// Generations that were not as published, and are not in it.
    left_out: Vec<overlay_store::GenerationId>,
    /// Other files that could not be read, and are not in it.
    not_copied: Vec<NotCopied>,
}

impl From<&BackupManifest> for Summary {
    fn from(it: &BackupManifest) -> Self {
        Self {
            id: it.id.clone(),
            created_us: it.created_us,
            epoch: it.epoch,
            generation: it.generation,
            tree: it.tree,
            files: it.files.len(),
            bytes: it.files.iter().map(|it| it.bytes).sum(),
            left_out: it.left_out.clone(),
            not_copied: it.not_copied.clone(),
        }
    }
}

impl Summary {
    /// What is in it, on one line.
    pub(super) fn text(&self) -> String {
        let Self { generation, epoch, .. } = self;
        let (files, bytes) = (plural(self.files, "file"), plural(self.bytes, "byte"));
        let damaged = self.left_out.iter().map(|it| format!("the damaged {it}"));
        let others = self.not_copied.iter().map(|it| it.path.clone());
        let left_out: Vec<String> = damaged.chain(others).collect();
        let left_out = match left_out.is_empty() {
            true => String::new(),
            false => format!(", without {}", left_out.join(", ")),
        };
        format!("generation {generation} at epoch {epoch}, {files}, {bytes}{left_out}")
    }
}

impl Report for CreateReport {
    const SCHEMA: &'static str = "fusion/backup-create/1";

    fn text(&self, _width: usize) -> String {
        format!("{}\n  {}\n", self.path, self.summary.text())
    }
}

impl Create {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let site = told.root.existing(told.environment)?;
        recover_first(&site, output, told.environment)?;
        let (folder, id) = (told.folder()?, new_id()?);
        let watch = Watch::new(output, told.environment);
        let rows = |copy: &Path| copy_rows(site.dir(), copy);
        let made = site.with(&watch, |root| create(root, site.dir(), &folder, &id, rows));
        drop(watch);
        let manifest = made.map_err(backup_error)?;
        for NotCopied { path, why } in &manifest.not_copied {
            warn(output, &format!("{path} is not in the backup: {why}"))?;
        }
        let path = folder.join(&manifest.id).display().to_string();
        output.show(&CreateReport { path, summary: Summary::from(&manifest) })?;
        let is_whole = manifest.not_copied.is_empty() || !output.strict;
        Ok(if is_whole { Exit::DONE } else { Exit::FINDINGS })
    }
}
