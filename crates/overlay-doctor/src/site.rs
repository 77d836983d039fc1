use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::str::Utf8Error;

use overlay_loader::Installation;
use overlay_model::{Diagnostic, MAX_TEXT_BYTES};
use overlay_store::{Leased, Pointer, Store, StoreError};
use thiserror::Error;

use crate::options::{FILE, Options};

/// What there is to look at: a deployment root, and the installation that counts.
pub(crate) struct Site {
    /// The root, where one is named.
    pub(crate) store: Option<Result<Store, StoreError>>,
    /// What is live in it.
    pub(crate) live: Option<Result<Option<(Pointer, Leased)>, StoreError>>,
    /// The installation: the folder that is named, else the live generation.
    pub(crate) installation: Option<Result<Installation, String>>,
    /// The TOML files beside the overlays, each with its text or why there is none.
    pub(crate) tomls: BTreeMap<String, Result<String, String>>,
}

impl Site {
    pub(crate) fn read(
        root: Option<&Path>,
        configs: Option<&Path>,
        environment: Option<&str>,
    ) -> Self {
        let store = root.map(Store::open);
        let live = match &store {
            Some(Ok(store)) => Some(store.read_current()),
            _ => None,
        };
        let (installation, tomls) = match (configs, root, &live) {
            (Some(dir), _, _) => {
                let read = Installation::read_for(dir, environment);
                (Some(read.map_err(|err| format!("{err}: {}", err.source))), tomls_of(dir))
            }
            (None, Some(root), Some(Ok(Some((_, leased))))) => {
                let files = leased.tree.iter().map(|(path, it)| (path.to_owned(), it.to_vec()));
                let read = Installation::from_files(root, files, environment);
                (Some(Ok(read)), tomls_in(leased))
            }
            (None, _, Some(Err(err))) => (Some(Err(with_cause(err))), BTreeMap::new()),
            _ => (None, BTreeMap::new()),
        };
        Self { store, live, installation, tomls }
    }

    /// The options that the installation and the variables give.
    pub(crate) fn options(
        &self,
        variables: &BTreeMap<String, String>,
    ) -> (Options, Vec<Diagnostic>) {
        let text = self.tomls.get(FILE).and_then(|it| it.as_ref().ok());
        Options::read(text.map(String::as_str), variables)
    }
}

/// The options of the installation in `configs`, else of the generation that is live in
/// `root`, with the variables above them, and every finding.
pub fn options_at(
    root: Option<&Path>,
    configs: Option<&Path>,
    variables: &BTreeMap<String, String>,
) -> (Options, Vec<Diagnostic>) {
    Site::read(root, configs, None).options(variables)
}

/// The options of the generation that is live in `store`, with the variables above them, and
/// every finding.
///
/// # Errors
///
/// Where what is live cannot be read or is not as it was published: what its options would
/// be is not known then.
pub fn options_in_force(
    store: &Store,
    variables: &BTreeMap<String, String>,
) -> Result<(Options, Vec<Diagnostic>), OptionsError> {
    let Some((_, leased)) = store.read_current()? else {
        return Ok(Options::read(None, variables));
    };
    let text = leased.tree.get(FILE).map(str::from_utf8).transpose()?;
    Ok(Options::read(text, variables))
}

/// Why the options of a generation are not known.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// What is live cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its file is no text.
    #[error("{FILE} is no UTF-8")]
    Text(#[from] Utf8Error),
}

fn is_toml(name: &str) -> bool {
    name.ends_with(".toml") && !name.contains('/') && !name.starts_with('.')
}

fn tomls_of(dir: &Path) -> BTreeMap<String, Result<String, String>> {
    let Ok(entries) = fs::read_dir(dir) else { return BTreeMap::new() };
    let files = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok().filter(|it| is_toml(it))?;
        Some((name, text_of(&entry.path())))
    });
    files.collect()
}

fn text_of(path: &Path) -> Result<String, String> {
    let len = fs::metadata(path).map_err(|err| err.to_string())?.len();
    if len > MAX_TEXT_BYTES as u64 {
        return Err(format!("{len} bytes are more than the {MAX_TEXT_BYTES} allowed"));
    }
    fs::read_to_string(path).map_err(|err| err.to_string())
}

fn tomls_in(leased: &Leased) -> BTreeMap<String, Result<String, String>> {
    let files = leased.tree.iter().filter(|(path, _)| is_toml(path));
    let text = |it: &[u8]| String::from_utf8(it.to_vec()).map_err(|err| err.to_string());
    files.map(|(path, it)| (path.to_owned(), text(it))).collect()
}

/// An error with what led to it, on one line.
pub(crate) fn with_cause(err: &dyn std::error::Error) -> String {
    match err.source() {
        Some(cause) => format!("{err}: {}", with_cause(cause)),
        None => err.to_string(),
    }
}
