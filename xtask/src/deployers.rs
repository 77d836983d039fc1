//! Processes that deploy at the same time into one root.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use fusion_cli::Exit;
use serde_json::{Value, json};

use crate::root::{cargo, root, run};

/// Let processes deploy into one root at the same time, round after round
///
/// Every process is `fusion deploy apply` of an overlay of its own. Each of them must commit,
/// or end as the one that was not first (75 or 9); the generations must follow each other
/// without a gap, the root and its audit log be whole.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask drill deployers
  cargo xtask drill deployers --writers 8 --rounds 5 --fusion target/release/fusion

Ends with 1 where a process ended another way, or a generation is missing.")]
pub(crate) struct Deployers {
    /// How many processes deploy at the same time
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=256))]
    writers: u32,
    /// How often each of them deploys
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// The program; else it is built
    #[arg(long, value_name = "FILE")]
    fusion: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

const OVERLAY: &str = "fusion_overlay.rollback_first.txt";

/// How one deployment ended: exit code, and its generation where it is in force.
type Ending = (Option<i32>, Option<u64>);

impl Deployers {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        let fusion = self.program()?;
        let room = tempfile::tempdir().context("making a temporary folder")?;
        let ground = Ground { fusion, root: room.path().join("root") };
        let first = root().join("configs");
        let begun = ground.fusion(&["deploy", "apply", "--from"]).arg(first).output()?;
        ensure!(
            begun.status.success(),
            "the first one: {}",
            String::from_utf8_lossy(&begun.stderr)
        );
        let endings = self.compete(&ground, room.path())?;
        let mut codes: BTreeMap<i32, usize> = BTreeMap::new();
        for (code, _) in &endings {
            *codes.entry(code.unwrap_or(-1)).or_default() += 1;
        }
        let mut made: Vec<u64> = endings.iter().filter_map(|it| it.1).collect();
        made.sort_unstable();
        // The first generation is the one that was there before.
        let contiguous = made.iter().copied().eq((2..).take(made.len()));
        let expected = codes.keys().all(|it| [0, 9, 75].contains(it));
        let whole = [vec!["deploy", "verify", "--all"], vec!["audit", "verify"]];
        let whole = whole
            .iter()
            .all(|it| ground.fusion(it).output().is_ok_and(|output| output.status.success()));
        let passed = contiguous && expected && whole && codes.get(&0) == Some(&made.len());
        if self.json {
            let report = json!({
                "schema": "fusion/drill-deployers/1",
                "writers": self.writers,
                "rounds": self.rounds,
                "exit_codes": codes,
                "generations": made.len(),
                "contiguous": contiguous,
                "whole": whole,
                "passed": passed,
            });
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            let count = |code| codes.get(&code).copied().unwrap_or(0);
            println!("{} processes, {} at a time", endings.len(), self.writers);
            println!(
                "{} committed, {} held off (75), {} overtaken (9)",
                count(0),
                count(75),
                count(9)
            );
            let word = |yes| if yes { "yes" } else { "NO" };
            println!(
                "generations contiguous: {}; root and audit log whole: {}",
                word(contiguous),
                word(whole)
            );
            println!("{}", if passed { "passed" } else { "FAILED" });
        }
        Ok(if passed { Exit::DONE } else { Exit::FINDINGS })
    }

    fn program(&self) -> anyhow::Result<PathBuf> {
        if let Some(given) = &self.fusion {
            return fs::canonicalize(given).with_context(|| format!("finding {}", given.display()));
        }
        run(cargo().args(["build", "--quiet", "--package", "fusion-cli"]))?;
        let built = std::env::current_exe().context("finding this program")?;
        Ok(built.with_file_name("fusion"))
    }

    /// All rounds of all writers.
    fn compete(&self, ground: &Ground, room: &Path) -> anyhow::Result<Vec<Ending>> {
        let text = fs::read_to_string(root().join("configs/overlays").join(OVERLAY))?;
        thread::scope(|scope| {
            let writers: Vec<_> = (0..self.writers)
                .map(|writer| {
                    let folder = room.join(format!("writer-{writer}"));
                    let text = &text;
                    scope.spawn(move || self.write(ground, &folder, text, writer))
                })
                .collect();
            let mut endings = Vec::new();
            for writer in writers {
                match writer.join() {
                    Ok(ended) => endings.extend(ended?),
                    Err(_) => bail!("a writer gave up"),
                }
            }
            Ok(endings)
        })
    }

    /// The rounds of one writer, each with an overlay that nobody else has.
    fn write(
        &self,
        ground: &Ground,
        folder: &Path,
        text: &str,
        writer: u32,
    ) -> anyhow::Result<Vec<Ending>> {
        fs::create_dir_all(folder)?;
        let file = folder.join(OVERLAY);
        let mut endings = Vec::new();
        for round in 0..self.rounds {
            let own = format!("OVERLAY_AUTHOR=writer {writer}, round {round}");
            fs::write(&file, text.replace("OVERLAY_AUTHOR=RESONTINEX Fusion", &own))?;
            let mut command = ground.fusion(&["deploy", "apply", "--mode", "direct", "--json"]);
            let output = command.arg(&file).output().context("starting fusion")?;
            let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            let deployed = report["deployed"] == true;
            let number = |it: &Value| it.as_u64().or_else(|| it.as_str()?.parse().ok());
            let generation = deployed.then(|| number(&report["generation"])).flatten();
            endings.push((output.status.code(), generation));
        }
        Ok(endings)
    }
}

/// Where the writers meet.
struct Ground {
    fusion: PathBuf,
    root: PathBuf,
}

impl Ground {
    fn fusion(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.fusion);
        command.env_clear().env("FUSION_ROOT", &self.root).env("RESON_ENV", "development");
        command.args(args);
        command
    }
}
