use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use super::Figure;

/// The means that criterion left in its folder, by name.
pub(super) fn figures(dir: &Path) -> anyhow::Result<Vec<Figure>> {
    let mut res = Vec::new();
    collect(dir, dir, &mut res)?;
    res.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(res)
}

fn collect(root: &Path, dir: &Path, figures: &mut Vec<Figure>) -> anyhow::Result<()> {
    if dir.ends_with("new") && dir.join("estimates.json").exists() {
        figures.push(figure(root, dir)?);
        return Ok(());
    }
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, figures)?;
        }
    }
    Ok(())
}

fn figure(root: &Path, dir: &Path) -> anyhow::Result<Figure> {
    let estimates = json(&dir.join("estimates.json"))?;
    let number = |pointer: &str| estimates.pointer(pointer).and_then(Value::as_f64);
    let missing = || format!("no mean in {}", dir.display());
    let value = number("/mean/point_estimate").with_context(missing)?;
    let low = number("/mean/confidence_interval/lower_bound").unwrap_or(value);
    let high = number("/mean/confidence_interval/upper_bound").unwrap_or(value);
    let about = json(&dir.join("benchmark.json")).unwrap_or_default();
    let name = dir.parent().and_then(|it| it.strip_prefix(root).ok()).with_context(missing)?;
    Ok(Figure {
        name: name.display().to_string(),
        value,
        spread: (high - low) / 2.0,
        elements: about.pointer("/throughput/Elements").and_then(Value::as_f64),
    })
}

fn json(path: &Path) -> anyhow::Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_criterion_writes() -> anyhow::Result<()> {
        let dir = std::env::temp_dir().join(format!("xtask-criterion-{}", std::process::id()));
        let new = dir.join("golden/replay_rules/new");
        fs::create_dir_all(&new)?;
        let mean = r#"{"mean": {"confidence_interval": {"lower_bound": 9.0, "upper_bound": 13.0},
            "point_estimate": 10.0}}"#;
        fs::write(new.join("estimates.json"), mean)?;
        fs::write(new.join("benchmark.json"), r#"{"throughput": {"Elements": 659}}"#)?;
        let found = figures(&dir)?;
        fs::remove_dir_all(&dir)?;
        let name = "golden/replay_rules".to_owned();
        assert_eq!(found, [Figure { name, value: 10.0, spread: 2.0, elements: Some(659.0) }]);
        Ok(())
    }
}
