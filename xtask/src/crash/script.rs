use std::fs::create_dir_all;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::kill::fresh;
use super::tripwire;

/// One command that is to be harmed, and the commands around it.
#[derive(Clone, Debug)]
pub(super) struct Script {
    /// What people call it.
    pub(super) name: &'static str,
    /// What the root is before it.
    pub(super) start: Start,
    /// The files that are there before the setup.
    pub(super) files: Option<PathBuf>,
    pub(super) program: PathBuf,
    /// Arguments; `{root}` stands for the root.
    pub(super) command: Vec<String>,
    /// Its exit code where all is done.
    pub(super) done: i32,
    pub(super) setup: Vec<Vec<String>>,
    pub(super) recover: Vec<String>,
    /// How that may end: it says what became of what was under way.
    pub(super) recovered: &'static [i32],
    /// What it keeps.
    pub(super) kept: Kept,
}

/// What a command keeps, and how it acknowledges that.
#[derive(Clone, Debug)]
pub(super) enum Kept {
    /// A deployment root. A line on standard output acknowledges each durable step, so that
    /// what has to be there is known exactly.
    Told,
    /// A deployment root. Only the end of the command acknowledges something.
    Untold,
    /// Plain files: the next command brings them to their end, and another takes them back.
    Files {
        /// The arguments of that.
        undo: Vec<String>,
    },
    /// The state of a root's tripwire: the next run ends as one would that nobody harmed.
    Tripwire,
}

/// What the root is before a command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Start {
    /// As the commands of the setup leave it.
    Whole,
    /// The last of them was killed just before its last rename, which is the commit.
    Interrupted,
}

impl Script {
    /// The command that is harmed, for the root in `root`.
    pub(super) fn command(&self, root: &Path) -> Vec<String> {
        self.filled(&self.command, root)
    }

    /// Runs the command that puts a root in order.
    pub(super) fn recover(&self, root: &Path) -> anyhow::Result<()> {
        self.run(&self.recover, root, self.recovered)
    }

    /// Runs the command that takes back what was done.
    pub(super) fn undo(&self, undo: &[String], root: &Path) -> anyhow::Result<()> {
        self.run(undo, root, &[0])
    }

    /// The commands that make what is there before.
    pub(super) fn setup(&self, root: &Path) -> Vec<Vec<String>> {
        self.setup.iter().map(|it| self.filled(it, root)).collect()
    }

    /// All commands of the example in one process.
    pub(super) fn history(&self) -> Option<Self> {
        let command = vec!["{root}".to_owned(), "history".to_owned()];
        let (start, setup) = (Start::Whole, Vec::new());
        let tells = matches!(self.kept, Kept::Told);
        tells.then(|| Self { name: "history", start, command, setup, ..self.clone() })
    }

    fn run(&self, args: &[String], root: &Path, ends: &[i32]) -> anyhow::Result<()> {
        let mut words = self.filled(args, root).into_iter();
        let mut command = Command::new(words.next().unwrap_or_default());
        let output = command.args(words).output().context("starting the next command")?;
        let is_known = output.status.code().is_some_and(|it| ends.contains(&it));
        let message = String::from_utf8_lossy(&output.stderr);
        ensure!(is_known, "the next command, {}: {}", output.status, message.trim());
        Ok(())
    }

    /// Program and arguments.
    fn filled(&self, args: &[String], root: &Path) -> Vec<String> {
        let root = root.to_string_lossy();
        let args = args.iter().map(|it| it.replace("{root}", &root));
        [self.program.to_string_lossy().into_owned()].into_iter().chain(args).collect()
    }
}

/// The commands of the example `change`.
pub(super) fn of_example(program: &Path) -> Vec<Script> {
    let words = |command: &str| vec!["{root}".to_owned(), command.to_owned()];
    let script = |(name, command, setup, start): (_, &str, &[&str], _)| Script {
        name,
        start,
        files: None,
        program: program.to_owned(),
        command: words(command),
        done: 0,
        setup: setup.iter().map(|it| words(it)).collect(),
        recover: words("recover"),
        recovered: &[0],
        kept: Kept::Told,
    };
    let (whole, interrupted) = (Start::Whole, Start::Interrupted);
    [
        ("first apply", "first", &[][..], whole),
        ("apply", "apply", &["base"], whole),
        ("promote", "promote", &["base"], whole),
        ("abort", "abort", &["base"], whole),
        ("rollback", "rollback", &["base"], whole),
        ("pin", "pin", &["base"], whole),
        ("gc", "gc", &["base"], whole),
        ("audit append", "append", &["base"], whole),
        ("recover", "recover", &["base", "apply"], interrupted),
    ]
    .map(script)
    .into()
}

/// Exit codes of `fusion deploy`.
const PAUSED: i32 = 3;
const ROLLED_BACK: i32 = 6;
const ABORTED: i32 = 10;

/// The commands of the binary `fusion`, on the installation in `configs`, where it is built
/// and has them. `room` is for files that they read.
pub(super) fn of_fusion(
    program: &Path,
    configs: &Path,
    room: &Path,
) -> anyhow::Result<Vec<Script>> {
    let asked = Command::new(program).args(["deploy", "--help"]).output();
    if !asked.is_ok_and(|it| it.status.success()) {
        return Ok(Vec::new());
    }
    let inputs = Inputs::make(configs, room)?;
    let more = ["--root", "{root}", "--env", "development", "--yes"];
    let words = |words: &[&str]| -> Vec<String> {
        ["deploy"].iter().chain(words).chain(&more).map(|it| (*it).to_owned()).collect()
    };
    let first = words(&["apply", "--from", &inputs.configs]);
    let apply = |mode: &str| words(&["apply", &inputs.overlay, "--mode", mode]);
    let canary = words(&["apply", &inputs.overlay, "--mode", "staged", "--stages", "50,100"]);
    let back = words(&["rollback", "--steps", "1"]);
    let deployed = vec![first.clone(), apply("direct")];
    let paused = vec![first.clone(), canary];
    let script = |(name, command, setup, start)| Script {
        name,
        start,
        files: None,
        program: program.to_owned(),
        command,
        done: 0,
        setup,
        recover: words(&["recover"]),
        recovered: &[PAUSED, ROLLED_BACK, ABORTED, 0],
        kept: Kept::Untold,
    };
    let whole = [
        ("fusion apply, first", first.clone(), Vec::new()),
        ("fusion apply, direct", apply("direct"), vec![first.clone()]),
        ("fusion apply, blue-green", apply("blue-green"), vec![first.clone()]),
        ("fusion promote", words(&["promote"]), paused.clone()),
        ("fusion abort", words(&["abort"]), paused),
        ("fusion rollback", back.clone(), deployed.clone()),
        ("fusion pin", words(&["pin", "release", "2"]), deployed.clone()),
        (
            "fusion gc",
            words(&["gc", "--keep", "1", "--older-than", "0s"]),
            [deployed.clone(), vec![back, apply("direct")]].concat(),
        ),
    ];
    let interrupted = ("fusion recover", words(&["recover"]), deployed, Start::Interrupted);
    let whole = whole.map(|(name, command, setup)| (name, command, setup, Start::Whole));
    let mut res: Vec<_> = whole.into_iter().chain([interrupted]).map(script).collect();
    res.push(migrate(program, &inputs));
    res.extend(tripwire::scripts(program, configs, room)?);
    Ok(res)
}

fn migrate(program: &Path, inputs: &Inputs) -> Script {
    let words = |what: &str| ["migrate", what, "{root}"].map(str::to_owned).to_vec();
    Script {
        name: "fusion migrate",
        start: Start::Whole,
        files: Some(inputs.old.clone()),
        program: program.to_owned(),
        command: words("apply"),
        done: 0,
        setup: Vec::new(),
        recover: words("apply"),
        recovered: &[0],
        kept: Kept::Files { undo: words("rollback") },
    }
}

/// What `fusion` is given to deploy.
struct Inputs {
    /// An installation in which a rollout without samples pauses at once.
    configs: String,
    /// One of its overlays, changed.
    overlay: String,
    /// Files under names of before, and with one of the keys.
    old: PathBuf,
}

impl Inputs {
    fn make(configs: &Path, room: &Path) -> anyhow::Result<Self> {
        const NAME: &str = "fusion_overlay.rollback_first.txt";
        let (dir, overlay) = (room.join("configs"), room.join(NAME));
        fresh(configs, &dir)?;
        rewrite(&dir.join("deploy.toml"), &dir.join("deploy.toml"), |line| match line {
            r#"bake = "0s""# => "bake = \"0s\"\nmax_stage = \"0s\"".to_owned(),
            line => line.to_owned(),
        })?;
        rewrite(&dir.join("overlays").join(NAME), &overlay, |line| {
            let is_it = line.starts_with("TRUST_FLOOR=");
            if is_it { "TRUST_FLOOR=0.66".to_owned() } else { line.to_owned() }
        })?;
        let old = room.join("old");
        create_dir_all(&old).context("making a folder")?;
        copy_file(&configs.join("providers.toml"), &old.join("providers.toml"))?;
        copy_file(&configs.join("scenarios.yaml"), &old.join("eval_scenarios.yaml"))?;
        let aged = old.join("fusion_overlay.rollback_first_v2.1.txt");
        rewrite(&dir.join("overlays").join(NAME), &aged, |line| {
            line.replace("OVERLAY_DESCRIPTION=", "DESCRIPTION=")
        })?;
        let text = |it: &Path| it.to_string_lossy().into_owned();
        Ok(Self { configs: text(&dir), overlay: text(&overlay), old })
    }
}

/// Writes `from` to `to`, with at least one line changed by `change`.
pub(super) fn rewrite(
    from: &Path,
    to: &Path,
    change: impl Fn(&str) -> String,
) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(from).with_context(|| format!("{}", from.display()))?;
    let new: String = text.lines().map(|it| change(it) + "\n").collect();
    ensure!(new != text, "{} has nothing to change", from.display());
    std::fs::write(to, new).with_context(|| format!("{}", to.display()))
}

pub(super) fn copy_file(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::copy(from, to).map(|_| ()).with_context(|| format!("{}", from.display()))
}
