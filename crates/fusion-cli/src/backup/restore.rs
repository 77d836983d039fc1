use clap::Args;
use overlay_deploy::Outcome;
use overlay_deploy::backup::{Allowed, environment_of, restore, verify};
use overlay_store::StoreError;

use super::Told;
use super::folder::backup_error;
use crate::deploy::{OrderReport, Site, Watch, new_id, recover_first};
use crate::exit::Exit;
use crate::output::Output;

/// Put the generation of a backup in force
///
/// A root that was deployed to keeps its history: its audit log only grows, and the epoch too,
/// and its performance rows stay as they are. Into an empty root the whole copy goes, rows
/// included. The backup is verified first. A backup of another environment is refused, and one
/// whose tree was never in force in this root needs what its rules ask for: a golden verdict, a
/// pass in the environment before. The audit log says which backup it was, and whose.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion backup restore --root prod
  fusion backup restore 019aa9c2-7d1e-7c3a-9f00-5a0b7d0c1e2f --root prod --yes
  fusion backup restore --root prod --rebuild
  fusion backup restore --root prod-2 --backups prod.backups

Ends with 1 where the tree lacks what the rules ask for, with 64 where it is of another environment
and no --override-env is given, with 8 where the backup is not as it was made, or the root's pointer is damaged and is not to
be rebuilt: nothing is changed then. Where the audit log is broken too, move the root away, keep
it, and restore into an empty one.")]
pub(super) struct Restore {
    /// Its id; else the newest one, which has to be a whole one
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Where the pointer CURRENT is damaged, gone, or was replaced by an older one, first write it
    /// anew from the audit log, which is verified
    #[arg(long)]
    rebuild: bool,
    /// Also a tree that was never in force in this root, and that lacks what its rules ask for; the
    /// audit log says so
    #[arg(long)]
    unproven: bool,
}

impl Restore {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let backup = told.backup(self.id.as_deref())?;
        // No root is made for what cannot be put into it, nor anything of it read before.
        verify(&backup).map_err(backup_error)?;
        if let Ok(Some(of)) = environment_of(&backup) {
            told.root.check_backup(&of, told.environment)?;
        }
        let site = told.root.made(told.environment)?;
        // There is nothing to recover by where the pointer is lost.
        if !is_lost(&site) {
            recover_first(&site, output, told.environment)?;
        }
        let question = format!("Put {} in force?", backup.display());
        told.consent.ask(&question, told.environment)?;
        let id = new_id()?;
        let allowed = Allowed {
            rebuild: self.rebuild,
            other_environment: told.root.is_overridden(),
            unproven: self.unproven,
        };
        let watch = Watch::new(output, told.environment);
        if !is_lost(&site) {
            site.note_override(&watch)?;
        }
        let restored = site.with(&watch, |root| restore(root, site.dir(), &backup, &id, allowed));
        drop(watch);
        let applied = restored.map_err(backup_error)?;
        OrderReport::of("restore", &applied, &site)?.end(Outcome::Restored, output)
    }
}

/// Whether the pointer is not the one that the audit log knows.
fn is_lost(site: &Site) -> bool {
    matches!(site.store().checked_current(), Err(StoreError::Damaged { .. }))
}
