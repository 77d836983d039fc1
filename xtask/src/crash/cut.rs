use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context as _;

use super::disk::{Disk, Journal, KINDS, memory};
use super::kill::{Ground, fresh, spread};
use super::report::{Report, Row};
use super::script::Script;
use super::strace::{Harm, Outcome, Point, harmed, without_syncs};
use crate::root::root;

/// So many kills before a power failure, where no other number is given.
const POINTS: usize = 100;

/// Cuts the power of commands: just after they were killed at a system call, and right after
/// an acknowledgement, while they go on.
pub(super) fn cut(
    scripts: &[Script],
    points: Option<usize>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let memory_dir = root().join("target/crash");
    memory(&memory_dir)?;
    let grounds: Vec<_> = scripts.iter().map(Ground::of).collect::<anyhow::Result<_>>()?;
    let history = scripts.iter().find_map(Script::history);
    let history = history.as_ref().map(Ground::of).transpose()?;
    for kind in KINDS {
        let disk = Disk::new(kind, &memory_dir)?;
        for journal in Journal::ALL {
            let name = format!("{}, {}", kind.name, journal.name());
            let room = Room { disk: &disk, journal, name };
            report.row(room.after_kills(&grounds, points.unwrap_or(POINTS))?);
            if let Some(history) = &history {
                report.row(room.after_lines(history, Syncs::Work)?);
                report.row(room.after_lines(history, Syncs::Lie)?);
            }
        }
    }
    Ok(())
}

/// Whether a sync does what it should.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Syncs {
    Work,
    /// It says so and does nothing.
    Lie,
}

/// One file system and one way to lose its power.
struct Room<'a> {
    disk: &'a Disk,
    journal: Journal,
    name: String,
}

impl Room<'_> {
    /// The power fails right after a kill.
    fn after_kills(&self, grounds: &[Ground<'_>], points: usize) -> anyhow::Result<Row> {
        let started = Instant::now();
        let mut row = Row::new(&self.name, "cut after a kill");
        let changing = |ground| -> Vec<(&Ground<'_>, &Point)> {
            let ground: &Ground<'_> = ground;
            let calls = ground.calls.iter().filter(|it| it.changes);
            calls.map(|it| (ground, &it.point)).collect()
        };
        let all = grounds.iter().flat_map(changing).collect();
        for (ground, point) in spread(all, Some(points)) {
            self.prepare(ground)?;
            let root = self.disk.dir.join("root");
            let outcome =
                harmed(&ground.script.command(&root), ground.script.done, point, Harm::Kill)?;
            let name = format!("{} {point}", ground.script.name);
            self.cut_and_check(ground, &outcome, &name, &mut row)?;
        }
        row.seconds = started.elapsed().as_secs_f64();
        Ok(row)
    }

    /// The power fails right after each line that acknowledges something; the command goes on
    /// on a file system that is gone.
    fn after_lines(&self, ground: &Ground<'_>, syncs: Syncs) -> anyhow::Result<Row> {
        let started = Instant::now();
        let mut row = match syncs {
            Syncs::Work => Row::new(&self.name, "cut after a line"),
            Syncs::Lie => Row::control(&self.name, "the same without syncs"),
        };
        for lines in 1..=ground.promise.acknowledgements() {
            self.prepare(ground)?;
            let words = ground.script.command(&self.disk.dir.join("root"));
            let command = match syncs {
                Syncs::Work => plain(&words),
                Syncs::Lie => without_syncs(&words),
            };
            let outcome = self.run_until(command, lines)?;
            self.check(ground, &outcome, &format!("line {lines}"), &mut row)?;
        }
        row.seconds = started.elapsed().as_secs_f64();
        Ok(row)
    }

    /// Runs a command, and cuts the power once it has said so many lines.
    fn run_until(&self, mut command: Command, lines: usize) -> anyhow::Result<Outcome> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("starting the command")?;
        let mut stdout = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut said = Vec::new();
        for _ in 0..lines {
            stdout.read_until(b'\n', &mut said).context("reading a line")?;
        }
        self.disk.cut(self.journal)?;
        stdout.read_to_end(&mut said).context("reading what came after")?;
        let status = child.wait().context("waiting for the command")?;
        let output = std::process::Output { status, stdout: said, stderr: Vec::new() };
        Ok(Outcome::of(output, 0))
    }

    /// The root that a command starts from, durable.
    fn prepare(&self, ground: &Ground<'_>) -> anyhow::Result<()> {
        fresh(&ground.base(), &self.disk.dir.join("root"))?;
        self.disk.sync()
    }

    fn cut_and_check(
        &self,
        ground: &Ground<'_>,
        outcome: &Outcome,
        point: &str,
        row: &mut Row,
    ) -> anyhow::Result<()> {
        self.disk.cut(self.journal)?;
        self.check(ground, outcome, point, row)
    }

    /// The power comes back.
    fn check(
        &self,
        ground: &Ground<'_>,
        outcome: &Outcome,
        point: &str,
        row: &mut Row,
    ) -> anyhow::Result<()> {
        self.disk.back()?;
        let root = self.disk.dir.join("root");
        row.add(point, outcome.end, ground.promise.check(ground.script, outcome, &root));
        Ok(())
    }
}

fn plain(words: &[String]) -> Command {
    let mut words = words.iter();
    let mut command = Command::new(words.next().map_or("", String::as_str));
    command.args(words);
    command
}
