use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use overlay_model::Digest;
use serde::{Deserialize, Serialize};

use super::status::Status;
use crate::state_folder::make_state_folder;

/// The file, in the folder of an instance.
const FILE: &str = "ack.json";
/// The most bytes it has.
const MAX_BYTES: u64 = 64 << 10;

/// What an instance says of a root of deployments: which epoch it has put in force, and why
/// it refuses another.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Acknowledgement {
    /// The epoch of the pointer that is in force; missing where none was followed yet.
    pub epoch: Option<u64>,
    /// The digest of the stable tree in force; of a generation that is its manifest's.
    pub digest: Digest,
    /// Why the pointer, or the candidate it names, is not followed; missing where it is.
    pub refused: Option<String>,
    /// When this was written, in milliseconds since 1970.
    pub at_ms: i64,
}

impl Acknowledgement {
    /// What `status` comes to; nothing where there is no deployment to speak of.
    pub(crate) fn of(status: &Status, at_ms: i64) -> Option<Self> {
        let refused = status.last_error.as_ref().map(|nack| {
            let first = nack.findings.first();
            first.map_or_else(String::new, ToString::to_string)
        });
        let epoch = status.deployment.as_ref().map(|it| it.epoch);
        (epoch.is_some() || refused.is_some()).then_some(Self {
            epoch,
            digest: status.digest,
            refused,
            at_ms,
        })
    }

    /// Writes it down for an instance of `root` with this folder.
    pub(crate) fn write(&self, root: &Path, folder: &Path) -> io::Result<()> {
        make_state_folder(root, folder)?;
        let fresh = folder.join(".ack.new");
        let mut text = serde_json::to_vec(self)?;
        text.push(b'\n');
        File::create(&fresh)?.write_all(&text)?;
        fs::rename(&fresh, folder.join(FILE))
    }
}

/// What the instances of a root of deployments say, by their names. A file that cannot be
/// read counts as a refusal.
///
/// # Errors
///
/// Where the folder `state` is there and cannot be listed.
pub fn acknowledgements(root: &Path) -> io::Result<Vec<(String, Result<Acknowledgement, String>)>> {
    let entries = match fs::read_dir(root.join("state")) {
        Ok(entries) => entries,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(err) => return Err(err),
    };
    let mut all = Vec::new();
    for entry in entries {
        let entry = entry?;
        let file = entry.path().join(FILE);
        if file.is_file() {
            all.push((entry.file_name().to_string_lossy().into_owned(), read(&file)));
        }
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(all)
}

fn read(file: &Path) -> Result<Acknowledgement, String> {
    let len = fs::metadata(file).map_err(|err| err.to_string())?.len();
    if len > MAX_BYTES {
        return Err(format!("more than {MAX_BYTES} bytes"));
    }
    let text = fs::read(file).map_err(|err| err.to_string())?;
    serde_json::from_slice(&text).map_err(|err| err.to_string())
}
