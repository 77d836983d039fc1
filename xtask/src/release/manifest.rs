//! The version in the manifest of the workspace.

use anyhow::Context as _;
use semver::Version;
use toml_edit::{DocumentMut, value};

/// The version of the workspace.
pub(super) fn version(text: &str) -> anyhow::Result<Version> {
    let manifest: DocumentMut = text.parse().context("reading Cargo.toml")?;
    let version = manifest["workspace"]["package"]["version"].as_str();
    Ok(version.context("Cargo.toml states no version")?.parse()?)
}

/// The manifest with `version` for the workspace and for every dependency that is a crate of
/// it; all else stays as it is written.
pub(super) fn with_version(text: &str, version: &Version) -> anyhow::Result<String> {
    let mut manifest: DocumentMut = text.parse().context("reading Cargo.toml")?;
    let workspace = manifest["workspace"].as_table_mut().context("Cargo.toml is no workspace")?;
    workspace["package"]["version"] = value(version.to_string());
    let dependencies = workspace["dependencies"].as_table_like_mut().context("no dependencies")?;
    for (name, dependency) in dependencies.iter_mut() {
        let Some(table) = dependency.as_table_like_mut() else { continue };
        if table.contains_key("path") {
            let stated = table.get_mut("version");
            let stated = stated.and_then(toml_edit::Item::as_value_mut);
            let stated = stated.with_context(|| format!("{} states no version", name.get()))?;
            let decor = stated.decor().clone();
            *stated = version.to_string().into();
            *stated.decor_mut() = decor;
        }
    }
    Ok(manifest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# The workspace.
[workspace.package]
version = \"0.1.0\"

[workspace.dependencies]
overlay-model = { path = \"crates/overlay-model\", version = \"0.1.0\" }
semver = { version = \"0.1.0\", features = [\"serde\"] } # not ours
";

    #[test]
    fn own_crates_get_the_version_and_others_keep_theirs() -> anyhow::Result<()> {
        let edited = with_version(TEXT, &Version::new(0, 2, 0))?;
        let expect = TEXT.replacen("\"0.1.0\"", "\"0.2.0\"", 1).replacen(
            "overlay-model\", version = \"0.1.0\"",
            "overlay-model\", version = \"0.2.0\"",
            1,
        );
        assert_eq!(edited, expect);
        assert_eq!(version(&edited)?, Version::new(0, 2, 0));
        Ok(())
    }

    #[test]
    fn an_own_crate_without_version_is_refused() {
        let text = TEXT.replacen(", version = \"0.1.0\" }", " }", 1);
        let err = with_version(&text, &Version::new(0, 2, 0)).map_err(|err| err.to_string());
        assert_eq!(err, Err("overlay-model states no version".to_owned()));
    }
}
