//! Figures of whole processes, which no benchmark inside one can give.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context as _;

use super::Figure;
use crate::root::{cargo, root, run};

/// How often a process is run; an odd number, so that one run is the median.
const RUNS: usize = 15;

/// The figures of the released binary that `is_wanted` takes.
pub(super) fn figures(is_wanted: &dyn Fn(&str) -> bool) -> anyhow::Result<Vec<Figure>> {
    const SIZE: &str = "process/binary_size";
    const RUNS_OF: [(&str, &[&str]); 2] = [
        ("process/golden", &["golden", "--suite", "goldens"]),
        ("process/golden_without_tokens", &["golden", "--suite", "goldens", "--no-tokens"]),
    ];
    if !is_wanted(SIZE) && !RUNS_OF.iter().any(|(name, _)| is_wanted(name)) {
        return Ok(Vec::new());
    }
    run(cargo().args(["build", "--release", "--package", "fusion-cli", "--bin", "fusion"]))?;
    let binary =
        root().join("target/release").join(format!("fusion{}", std::env::consts::EXE_SUFFIX));
    let meta = fs::metadata(&binary).with_context(|| format!("{}", binary.display()))?;
    #[expect(clippy::cast_precision_loss, reason = "binaries are far below 2^53 bytes")]
    let size = meta.len() as f64;
    let mut res = vec![figure(SIZE, size, 0.0)];
    for (name, args) in RUNS_OF {
        res.push(median(name, &binary, args)?);
    }
    Ok(res)
}

/// The median time of a process, with half the distance of the quartiles as its spread.
fn median(name: &str, binary: &Path, args: &[&str]) -> anyhow::Result<Figure> {
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let mut command = Command::new(binary);
        command.args(args).current_dir(root()).stdout(Stdio::null()).stderr(Stdio::null());
        let started = Instant::now();
        command.status().with_context(|| format!("running {}", binary.display()))?;
        times.push(started.elapsed().as_secs_f64() * 1e9);
    }
    times.sort_by(f64::total_cmp);
    let at = |quarter: usize| times.get(RUNS * quarter / 4).copied().unwrap_or_default();
    let spread = (at(3) - at(1)) / 2.0;
    Ok(figure(name, at(2), spread))
}

fn figure(name: &str, value: f64, spread: f64) -> Figure {
    Figure {
        name: name.to_owned(),
        values: vec![value],
        spread,
        elements: None,
        beside: String::new(),
    }
}
