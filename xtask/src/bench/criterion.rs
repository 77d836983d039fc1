use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use super::Figure;

/// The medians that criterion left in its folder, by name; only those that are as young as
/// `youngest` says, where it does.
pub(super) fn figures(dir: &Path, youngest: Option<Duration>) -> anyhow::Result<Vec<Figure>> {
    let mut res = Vec::new();
    collect(dir, dir, youngest, &mut res)?;
    res.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(res)
}

fn collect(
    root: &Path,
    dir: &Path,
    youngest: Option<Duration>,
    figures: &mut Vec<Figure>,
) -> anyhow::Result<()> {
    let estimates = dir.join("estimates.json");
    if dir.ends_with("new") && estimates.exists() {
        if is_young(&estimates, youngest)? {
            figures.push(figure(root, dir)?);
        }
        return Ok(());
    }
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, youngest, figures)?;
        }
    }
    Ok(())
}

/// Whether a file was written within `youngest`; one of the future is, by a clock that was
/// set back.
fn is_young(file: &Path, youngest: Option<Duration>) -> anyhow::Result<bool> {
    let age = || anyhow::Ok(fs::metadata(file)?.modified()?.elapsed().unwrap_or_default());
    Ok(match youngest {
        Some(youngest) => age().with_context(|| format!("{}", file.display()))? <= youngest,
        None => true,
    })
}

fn figure(root: &Path, dir: &Path) -> anyhow::Result<Figure> {
    let estimates = json(&dir.join("estimates.json"))?;
    let number = |pointer: &str| estimates.pointer(pointer).and_then(Value::as_f64);
    let missing = || format!("no median in {}", dir.display());
    let value = number("/median/point_estimate").with_context(missing)?;
    let low = number("/median/confidence_interval/lower_bound").unwrap_or(value);
    let high = number("/median/confidence_interval/upper_bound").unwrap_or(value);
    let about = json(&dir.join("benchmark.json")).unwrap_or_default();
    let name = dir.parent().and_then(|it| it.strip_prefix(root).ok()).with_context(missing)?;
    Ok(Figure {
        name: name.display().to_string(),
        values: vec![value],
        spread: (high - low) / 2.0,
        elements: about.pointer("/throughput/Elements").and_then(Value::as_f64),
        beside: String::new(),
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
        let median = r#"{"median": {"confidence_interval": {"lower_bound": 9.0, "upper_bound": 13.0},
            "point_estimate": 10.0}}"#;
        fs::write(new.join("estimates.json"), median)?;
        fs::write(new.join("benchmark.json"), r#"{"throughput": {"Elements": 659}}"#)?;
        let found = figures(&dir, None)?;
        let young = figures(&dir, Some(Duration::from_secs(3600)))?;
        assert_eq!(young, found);
        let old = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
        fs::File::open(new.join("estimates.json"))?.set_times(old)?;
        assert_eq!(figures(&dir, Some(Duration::from_secs(3600)))?, []);
        fs::remove_dir_all(&dir)?;
        let name = "golden/replay_rules".to_owned();
        let beside = String::new();
        let elements = Some(659.0);
        assert_eq!(found, [Figure { name, values: vec![10.0], spread: 2.0, elements, beside }]);
        Ok(())
    }
}
