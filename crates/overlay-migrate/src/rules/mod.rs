//! What is migrated, and how: one module a subject.

pub(crate) mod choices;
pub(crate) mod ground;
pub(crate) mod layout;
pub(crate) mod models;
pub(crate) mod older;
pub(crate) mod origin;
pub(crate) mod origin_keys;
pub(crate) mod remaining;

/// The folder of overlays in an installation.
pub(crate) const OVERLAYS: &str = "overlays/";

/// The file name of `path`.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether the file name is one of an overlay.
pub(crate) fn is_overlay(path: &str) -> bool {
    let name = file_name(path);
    name.starts_with("fusion_overlay.") && name.ends_with(".txt")
}
