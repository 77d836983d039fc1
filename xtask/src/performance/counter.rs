use std::process::Command;

use anyhow::{Context as _, bail};

use super::Count;

/// What counts instructions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Counter {
    /// The processor, asked by `perf stat`.
    Hardware,
    /// valgrind, which runs the program on a processor of its own.
    Valgrind,
}

impl Counter {
    /// The best one that works here; `None` where none does.
    pub(super) fn find() -> Option<Self> {
        let works = |it: &Self| it.count(&mut Command::new("true")).is_ok();
        [Self::Hardware, Self::Valgrind].into_iter().find(works)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hardware => "perf stat",
            Self::Valgrind => "valgrind",
        }
    }

    /// Runs `command`, and says how many instructions it took.
    pub(super) fn count(self, command: &mut Command) -> anyhow::Result<Count> {
        let mut counted = Command::new(match self {
            Self::Hardware => "perf",
            Self::Valgrind => "valgrind",
        });
        match self {
            Self::Hardware => counted.args(["stat", "-x", ",", "-e", "instructions:u", "--"]),
            Self::Valgrind => counted.args([
                "--tool=cachegrind",
                "--cache-sim=no",
                "--cachegrind-out-file=/dev/null",
                "--",
            ]),
        };
        counted.arg(command.get_program()).args(command.get_args());
        if let Some(dir) = command.get_current_dir() {
            // What is set, is all that it sees.
            counted.current_dir(dir).env_clear();
        }
        counted.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = counted.output().with_context(|| format!("starting {}", self.name()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        let instructions = match self {
            Self::Hardware => of_perf(&said),
            Self::Valgrind => of_cachegrind(&said),
        };
        match (instructions, output.status.code()) {
            (Some(instructions), Some(status)) => Ok(Count { instructions, status }),
            // It does not work here, or did not start the command.
            _ => bail!("{}: {}", self.name(), said.trim()),
        }
    }
}

/// `1234,,instructions:u,…`, the last such line.
fn of_perf(said: &str) -> Option<u64> {
    let line = said.lines().rfind(|it| it.contains("instructions"))?;
    line.split(',').next()?.parse().ok().filter(|it| *it > 0)
}

/// `==17== I   refs:      146,311`, or `I refs:` in later versions.
fn of_cachegrind(said: &str) -> Option<u64> {
    let line = said.lines().rfind(|it| it.contains("refs:") && it.contains(" I"))?;
    let (_, number) = line.rsplit_once(':')?;
    number.trim().replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_the_programs_write_them() {
        assert_eq!(of_perf("x\n146311,,instructions:u,1000,100.00,,\n"), Some(146_311));
        assert_eq!(of_perf("<not supported>,,instructions:u,0,100.00,,\n"), None);
        assert_eq!(of_cachegrind("==7== \n==7== I   refs:      146,311\n"), Some(146_311));
        assert_eq!(of_cachegrind("==7== I refs:        9\n"), Some(9));
        assert_eq!(of_cachegrind("valgrind: no such tool\n"), None);
    }
}
