use std::path::{Path, PathBuf};

use anyhow::Context as _;
use overlay_deploy::backup::{BackupError, newest};

use super::Told;
use crate::deploy::{deploy_error, exit_of};
use crate::exit::{Exit, refusal};

/// The error of a backup with its exit code.
pub(super) fn backup_error(err: BackupError) -> anyhow::Error {
    let err = match err {
        BackupError::Deploy(err) => return deploy_error(err),
        err => err,
    };
    let exit = exit_of(err.exit_code());
    let hint = match &err {
        BackupError::Pointer(_) => {
            ": `fusion backup restore --rebuild` writes it anew from the audit log and puts the \
             backup in force"
        }
        BackupError::OtherEnvironment { .. } => {
            ": --env with --override-env brings it all the same, and the audit log says so"
        }
        BackupError::Unproven { .. } => {
            ": --unproven puts it in force all the same, and the audit log says so"
        }
        BackupError::Tampered { .. } => ": `fusion backup list` names the others",
        _ => "",
    };
    // The causes stand in the chain of the error, which is flattened here.
    refusal(exit, format!("{:#}{hint}", anyhow::Error::new(err)))
}

impl Told<'_> {
    /// The folder of the backups that are there.
    ///
    /// # Errors
    ///
    /// Where neither it nor the root is there: that it has none would be said of a name that
    /// is misspelt.
    pub(super) fn there(&self) -> anyhow::Result<PathBuf> {
        let folder = self.folder()?;
        let none = |what: &Path| {
            refusal(Exit::UNREADABLE, format!("{}: there is no such folder", what.display()))
        };
        match self.backups {
            _ if folder.is_dir() => Ok(folder),
            Some(given) => Err(none(given)),
            None => {
                let root = self.root.dir(self.environment)?;
                if root.is_dir() { Ok(folder) } else { Err(none(&root)) }
            }
        }
    }

    /// The folder of the backups.
    pub(super) fn folder(&self) -> anyhow::Result<PathBuf> {
        if let Some(given) = self.backups {
            return Ok(given.to_owned());
        }
        let root = self.root.dir(self.environment)?;
        beside(&root)
    }

    /// The backup with this id; without one the newest.
    ///
    /// # Errors
    ///
    /// Where it is not there, or the newest is no whole backup.
    pub(super) fn backup(&self, id: Option<&str>) -> anyhow::Result<PathBuf> {
        let folder = self.there()?;
        let none = |what: String| refusal(Exit::UNREADABLE, what);
        let Some(id) = id else {
            let newest = newest(&folder).map_err(|err| match err {
                BackupError::Broken { .. } => {
                    none(format!("{err}: it is the newest one; name the one that is meant"))
                }
                err => backup_error(err),
            })?;
            let newest = newest.map(|it| it.path);
            return newest.ok_or_else(|| none(format!("{}: no backup", folder.display())));
        };
        let is_name = !id.is_empty() && !id.starts_with('.') && !id.contains(['/', '\\']);
        let path = folder.join(id);
        if is_name && path.is_dir() {
            return Ok(path);
        }
        Err(none(format!("{}: no backup `{}`", folder.display(), id.escape_debug())))
    }
}

/// `prod.backups` of `prod`; never inside the root.
fn beside(root: &Path) -> anyhow::Result<PathBuf> {
    let whole = std::path::absolute(root).context("the folder of the root")?;
    let mut name = match whole.file_name() {
        Some(name) => name.to_owned(),
        None => return Err(refusal(Exit::USAGE, "where do backups go? give --backups DIR")),
    };
    name.push(".backups");
    // What was given relative stays so: it is what messages name.
    match root.file_name() {
        Some(_) => Ok(root.with_file_name(name)),
        None => Ok(whole.with_file_name(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_lie_beside_the_root() {
        assert_eq!(beside(Path::new("a/prod")).unwrap(), Path::new("a/prod.backups"));
        assert!(beside(Path::new(".")).unwrap().to_string_lossy().ends_with(".backups"));
        assert!(beside(Path::new("/")).is_err());
    }
}
