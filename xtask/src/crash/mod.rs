//! Crashes: commands are killed, their calls fail, and their power is cut. What they
//! acknowledged must be there afterwards, and nothing else may be half there.

mod cut;
mod disk;
mod kill;
mod promise;
mod report;
mod script;
mod seen;
mod strace;
mod tripwire;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::Args;
use fusion_cli::Exit;

use self::report::Report;
use self::script::Script;
use crate::root::{cargo, root, run};

/// Kill commands at every system call, or cut their power, and look at what is left
///
/// Each command runs on a copy of a deployment root under `strace`. It is killed at a system
/// call, or the call fails, and after that the next command puts the root in order: what was
/// acknowledged must be there, each generation and the audit log must verify, and nothing may
/// be left over. With `--power` the file system itself is cut off, as by a power failure, and
/// mounted again; it is one in a file, in memory, and goes with this process.
///
/// Runs the example `change` of `overlay-store`, and `fusion` where it is built. All points of
/// all commands take three quarters of an hour; `--points 60` a fifth of that.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask crash
  cargo xtask crash --points 20 --only apply
  cargo xtask crash --power --json

Needs strace, and with --power also root, e2fsprogs and xfsprogs. Ends with 1 where something
was lost or torn, with 69 where a program that it needs is not there.")]
pub(crate) struct Crash {
    /// Cut the power instead: ext4 and xfs, with and without the end of their journal
    #[arg(long)]
    power: bool,
    /// Kill also at the calls that change nothing
    #[arg(long, conflicts_with = "power")]
    every: bool,
    /// At most so many points of each command, or of each file system, spread evenly
    #[arg(long, value_name = "N")]
    points: Option<usize>,
    /// Only the commands with this in their name
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Mounts of this process are seen by nobody else
    #[arg(long, hide = true)]
    alone: bool,
}

impl Crash {
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let needed = if self.power { disk::NEEDED } else { &[strace::NEEDED] };
        for (program, package) in needed {
            if !is_there(program) {
                eprintln!("error: `{program}` is not there; install the package {package}");
                return Ok(Exit::UNREACHABLE);
            }
        }
        if self.power && !self.alone {
            return alone();
        }
        let room = tempfile::tempdir().context("making a folder")?;
        let scripts = self.scripts(room.path())?;
        ensure!(!scripts.is_empty(), "no command has `{}` in its name", self.only);
        let mut report = Report::new(self.json);
        if self.power {
            cut::cut(&scripts, self.points, &mut report)?;
        } else {
            let limits = kill::Limits { every: self.every, points: self.points };
            scripts.iter().try_for_each(|it| kill::kill(it, limits, &mut report))?;
        }
        report.end()
    }

    /// The commands; `room` is for what they read.
    fn scripts(&self, room: &Path) -> anyhow::Result<Vec<Script>> {
        let mut build = cargo();
        build.args(["build", "--quiet", "--package", "overlay-store", "--example", "change"]);
        run(&mut build)?;
        let target = root().join("target/debug");
        let mut res = script::of_example(&target.join("examples/change"));
        let fusion = target.join("fusion");
        res.extend(script::of_fusion(&fusion, &root().join("configs"), room)?);
        res.retain(|it| it.name.contains(&self.only));
        Ok(res)
    }
}

/// Runs this task again with mounts of its own: they, their loop devices and the files behind
/// them go with its last process, however that ends.
fn alone() -> anyhow::Result<Exit> {
    let program = std::env::current_exe().context("looking for this program")?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--"]).arg(program);
    command.args(std::env::args_os().skip(1)).arg("--alone");
    let status = command.status().context("starting unshare")?;
    Ok(match status.code() {
        Some(0) => Exit::DONE,
        Some(1) => Exit::FINDINGS,
        _ => Exit::INTERNAL,
    })
}

/// Whether a program can be started.
fn is_there(program: &str) -> bool {
    Command::new(program).arg("-V").output().is_ok()
}
