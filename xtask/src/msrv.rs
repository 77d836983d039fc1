use std::process::Stdio;

use anyhow::{Context as _, ensure};
use clap::Args;
use fusion_cli::Exit;
use serde_json::Value;

use crate::root::cargo;

/// Check that no dependency needs a newer Rust than the workspace states
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask msrv")]
pub(crate) struct Msrv {}

impl Msrv {
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let args = ["metadata", "--format-version=1", "--locked", "--all-features"];
        let output = cargo().args(args).stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "cargo metadata: {}", output.status);
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let packages = metadata["packages"].as_array().context("no packages")?;
        let stated = packages
            .iter()
            .find(|it| it["name"] == "fusion-cli")
            .and_then(version_of)
            .context("fusion-cli states no rust-version")?;
        let newer: Vec<_> = packages
            .iter()
            .filter(|it| version_of(it).is_some_and(|needed| needed > stated))
            .map(|it| {
                format!(
                    "{} {} needs {}",
                    text(&it["name"]),
                    text(&it["version"]),
                    text(&it["rust_version"])
                )
            })
            .collect();
        for line in &newer {
            println!("{line}");
        }
        let [major, minor, patch] = stated;
        println!(
            "{} packages, {} need more than Rust {major}.{minor}.{patch}",
            packages.len(),
            newer.len()
        );
        Ok(if newer.is_empty() { Exit::DONE } else { Exit::FINDINGS })
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `1.92` as `[1, 92, 0]`; `None` where the package states none.
fn version_of(package: &Value) -> Option<[u64; 3]> {
    let mut numbers = package["rust_version"].as_str()?.split('.').map(|it| it.parse().ok());
    let mut next = || numbers.next().unwrap_or(Some(0));
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        let version = |text: &str| version_of(&serde_json::json!({ "rust_version": text }));
        assert!(version("1.100") > version("1.92.1"));
        assert_eq!(version("1.92"), Some([1, 92, 0]));
        assert_eq!(version_of(&serde_json::json!({ "rust_version": null })), None);
    }
}
