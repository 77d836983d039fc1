use std::fs;
use std::path::Path;

use anyhow::Context as _;
use clap::Args;
use fusion_cli::{Exit, environment_md, exit_codes_md, metrics_md};
use serde_json::Value;

use crate::root::root;

/// Write the files that follow from tables in the code: schemas and reference pages
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask codegen
  cargo xtask codegen --check")]
pub(crate) struct Codegen {
    /// Name the files that are out of date and end with 1, instead of writing them
    #[arg(long)]
    check: bool,
}

impl Codegen {
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let mut stale = Vec::new();
        for (path, text) in files()? {
            let full = root().join(&path);
            if fs::read_to_string(&full).is_ok_and(|it| it == text) {
                continue;
            }
            if !self.check {
                write(&full, &text)?;
            }
            stale.push(path);
        }
        for path in &stale {
            println!("{} {path}", if self.check { "out of date:" } else { "wrote" });
        }
        if self.check && !stale.is_empty() {
            println!("run `cargo xtask codegen`");
            return Ok(Exit::FINDINGS);
        }
        Ok(Exit::DONE)
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let dir = path.parent().context("no folder")?;
    fs::create_dir_all(dir)?;
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// Every generated file: its path in the repository, and its text.
fn files() -> anyhow::Result<Vec<(String, String)>> {
    let schemas = fusion_cli::schemas()
        .into_iter()
        .map(|(name, schema)| Ok((format!("schemas/{name}.schema.json"), pretty(&schema)?)));
    let mut res: Vec<_> = schemas.collect::<anyhow::Result<_>>()?;
    let pages = [
        ("parameters", overlay_schema::parameters_md()),
        ("diagnostics", fusion_cli::diagnostics_md()),
        ("exit-codes", exit_codes_md()),
        ("environment", environment_md()),
        ("metrics", metrics_md()),
        ("options", overlay_doctor::options_md()),
    ];
    let page = |(name, text): (&str, String)| (format!("docs/reference/{name}.md"), text);
    res.extend(pages.map(page));
    Ok(res)
}

fn pretty(schema: &Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(schema)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_files_follow_the_tables() -> anyhow::Result<()> {
        for (path, text) in files()? {
            let written = fs::read_to_string(root().join(&path)).unwrap_or_default();
            assert!(written == text, "{path} is out of date: run `cargo xtask codegen`");
        }
        Ok(())
    }
}
