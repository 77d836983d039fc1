//! Figures that are no times: how often gates are wrong, and how well the tuner searches.

use std::process::Stdio;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::Figure;
use crate::root::cargo;

/// All names begin so.
const GROUP: &str = "figures/";

/// A line of `benches/examples/figures`.
#[derive(Deserialize)]
struct Line {
    name: String,
    value: f64,
    beside: String,
}

/// The figures that the harness in `benches/examples/figures` prints, those whose name
/// holds `filter`.
pub(super) fn figures(filter: Option<&str>) -> anyhow::Result<Vec<Figure>> {
    let wanted = filter.unwrap_or_default();
    if !super::goals::names().any(|it| it.starts_with(GROUP) && it.contains(wanted)) {
        return Ok(Vec::new());
    }
    let mut command = cargo();
    command.args(["run", "--release", "--quiet", "--package", "benches"]);
    command.args(["--example", "figures", "--", wanted]).stderr(Stdio::inherit());
    let output = command.output().context("running the harness of figures")?;
    if !output.status.success() {
        bail!("the harness of figures: {}", output.status);
    }
    read(&String::from_utf8(output.stdout).context("the figures")?)
}

fn read(text: &str) -> anyhow::Result<Vec<Figure>> {
    let figure = |line: &str| {
        let Line { name, value, beside } =
            serde_json::from_str(line).with_context(|| format!("no figure: {line}"))?;
        Ok(Figure { name, values: vec![value], spread: 0.0, elements: None, beside })
    };
    text.lines().map(figure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_harness_prints() -> anyhow::Result<()> {
        let line = r#"{"beside":"random 0.6","name":"figures/tuner_hartmann6","value":0.01}"#;
        let found = read(line)?;
        assert_eq!((found[0].value(), found[0].beside.as_str()), (0.01, "random 0.6"));
        assert!(read("3 figures").is_err());
        assert_eq!(figures(Some("breaker"))?, []);
        Ok(())
    }
}
