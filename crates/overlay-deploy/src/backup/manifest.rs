use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use overlay_model::Digest;
use overlay_store::audit::{AuditError, Head};
use overlay_store::{GenerationId, StoreError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::copy;
use crate::id::DeploymentId;
use crate::outcome::DeployError;
use crate::word::EnvironmentName;

/// The version of the format.
const SCHEMA: &str = "fusion/backup/1";
/// The list of files, beside the copy.
pub(super) const FILE: &str = "backup.json";
/// The folder of the copy: a deployment root.
pub(super) const COPY: &str = "root";
/// The most bytes of a list.
const MAX_BYTES: u64 = 256 << 20;

/// What a backup consists of: `backup.json`, written last. A folder without it is no backup.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BackupManifest {
    /// The version of this format: `fusion/backup/1`.
    pub schema: String,
    /// Its name, the name of its folder.
    pub id: String,
    /// When it was made, microseconds since 1970.
    pub created_us: i64,
    /// The epoch of the pointer in it.
    pub epoch: u64,
    /// The generation in force in it.
    pub generation: GenerationId,
    /// The digest of that generation's tree.
    pub tree: Digest,
    /// The end of the audit log in it.
    pub audit: Head,
    /// Its files, sorted by path.
    pub files: Vec<BackupFile>,
    /// Generations that were not as published, and are not in it.
    pub left_out: Vec<GenerationId>,
    /// Other files of the root that could not be read, and are not in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_copied: Vec<NotCopied>,
}

/// A file that a backup was made without.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NotCopied {
    /// Its path below the root.
    pub path: String,
    /// Why it could not be copied.
    pub why: String,
}

/// A file of a backup.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BackupFile {
    /// Its path below `root/`.
    pub path: String,
    /// How long it is.
    pub bytes: u64,
    /// What its bytes are.
    pub sha256: Digest,
}

/// Why a backup could not be made, read, or brought back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A file could not be read or written.
    #[error("cannot {op} {}", path.display())]
    Io {
        /// What was tried, a verb.
        op: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A folder that is no whole backup.
    #[error("{} is no whole backup: {why}", path.display())]
    Broken {
        /// The folder.
        path: PathBuf,
        /// What is wrong with its list.
        why: String,
    },
    /// Files are not as they were copied.
    #[error("the backup {id} was tampered with: {}", problems.join("; "))]
    Tampered {
        /// Its name.
        id: String,
        /// What is wrong, each with the path; at least one.
        problems: Vec<String>,
    },
    /// A name that is taken.
    #[error("there is a backup {0} already")]
    Taken(String),
    /// A root that nothing is deployed in, with an audit log of its own, which a restore
    /// would replace.
    #[error("{} has no pointer, and an audit log of its own: restore into an empty root", .0.display())]
    OwnHistory(PathBuf),
    /// The root's pointer is damaged, missing, or was replaced by an older one.
    #[error("{0}")]
    Pointer(String),
    /// A backup of a root of another environment.
    #[error("the backup is of {backup}, and this root belongs to {root}")]
    OtherEnvironment {
        /// The environment of the root.
        root: EnvironmentName,
        /// That of the root that was copied.
        backup: EnvironmentName,
    },
    /// A tree that was never in force in the root, and lacks what its rules ask for.
    #[error(
        "the tree of the backup {id} was never in force here, and it lacks what the rules of this root ask for: {}",
        missing.join("; ")
    )]
    Unproven {
        /// The name of the backup.
        id: String,
        /// What it lacks, at least one.
        missing: Vec<String>,
    },
    /// Nothing is deployed in the root.
    #[error("nothing is deployed: there is nothing to back up")]
    Nothing,
    /// The root, or the copy of it, cannot be used.
    #[error(transparent)]
    Deploy(#[from] DeployError),
}

impl BackupError {
    /// The exit code of a command that ends so.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Tampered { .. } | Self::Pointer(_) => 8,
            Self::Broken { .. } => 65,
            Self::Taken(_) | Self::OwnHistory(_) | Self::Unproven { .. } => 1,
            Self::OtherEnvironment { .. } => 64,
            Self::Nothing => 5,
            Self::Io { .. } => 69,
            Self::Deploy(err) => err.exit_code(),
        }
    }

    /// For turning the error of `op` on `path` into one of these.
    pub(super) fn io(op: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { op, path: path.clone(), source }
    }
}

impl From<StoreError> for BackupError {
    fn from(err: StoreError) -> Self {
        Self::Deploy(err.into())
    }
}

impl From<AuditError> for BackupError {
    fn from(err: AuditError) -> Self {
        Self::Deploy(StoreError::from(err).into())
    }
}

impl BackupManifest {
    /// The version that is written.
    pub(super) const SCHEMA: &str = SCHEMA;

    /// Reads the list of the backup in `dir`; its files are not looked at.
    ///
    /// # Errors
    ///
    /// [`BackupError::Broken`] for a folder that is no backup, or not a whole one.
    pub fn read(dir: &Path) -> Result<Self, BackupError> {
        let broken = |why: String| BackupError::Broken { path: dir.to_owned(), why };
        let path = dir.join(FILE);
        let about = fs::symlink_metadata(&path).map_err(|err| broken(format!("{FILE}: {err}")))?;
        // To open a pipe would wait for whoever writes into it.
        if !about.is_file() {
            return Err(broken(format!("{FILE} is no plain file")));
        }
        if about.len() > MAX_BYTES {
            return Err(broken(format!("{FILE} has {} bytes", about.len())));
        }
        let bytes = fs::read(&path).map_err(BackupError::io("read", &path))?;
        let manifest: Self =
            serde_json::from_slice(&bytes).map_err(|err| broken(format!("{FILE}: {err}")))?;
        let name = dir.file_name().and_then(|it| it.to_str());
        let is_named = manifest.id.parse::<DeploymentId>().is_ok();
        if manifest.schema != SCHEMA || !is_named || name != Some(manifest.id.as_str()) {
            return Err(broken(format!("{FILE} is about another backup, or of another format")));
        }
        Ok(manifest)
    }

    /// The folder of the copy in the backup `dir`.
    pub(super) fn copy(dir: &Path) -> PathBuf {
        dir.join(COPY)
    }
}

/// The files below `dir` as they are.
pub(super) fn found(dir: &Path) -> Result<Vec<BackupFile>, BackupError> {
    let paths = copy::files(dir).map_err(BackupError::io("list", dir))?;
    paths.into_iter().map(|it| read(dir, it)).collect()
}

/// The file `path` below `dir` as it is.
pub(super) fn read(dir: &Path, path: String) -> Result<BackupFile, BackupError> {
    let full = dir.join(&path);
    let bytes = fs::read(&full).map_err(BackupError::io("read", &full))?;
    Ok(BackupFile { path, bytes: bytes.len() as u64, sha256: Digest::of(&bytes) })
}
