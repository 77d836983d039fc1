use std::fmt::Write as _;
use std::process::ExitCode;

/// How a command ended. The number is a contract: scripts and pipelines rely on it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Exit(u8);

impl Exit {
    /// Done; at most notes and warnings.
    pub const DONE: Self = Self(0);
    /// At least one error: an invalid file, a regression, a blocked gate.
    pub const FINDINGS: Self = Self(1);
    /// Changes are pending.
    pub const PENDING: Self = Self(2);
    /// Too little evidence for a verdict.
    pub const INSUFFICIENT: Self = Self(3);
    /// A recording is stale or missing.
    pub const STALE: Self = Self(4);
    /// Nothing was selected.
    pub const NOTHING: Self = Self(5);
    /// A gate failed, and the former generation is back.
    pub const ROLLED_BACK: Self = Self(6);
    /// The way back failed, or the deployment is frozen.
    pub const FROZEN: Self = Self(7);
    /// A file is not as it was written.
    pub const INTEGRITY: Self = Self(8);
    /// Somebody else was faster.
    pub const EPOCH_MOVED: Self = Self(9);
    /// The operator ended it.
    pub const ABORTED: Self = Self(10);
    /// It is not known how it ended.
    pub const UNKNOWN: Self = Self(11);
    /// An instance of the fleet refused.
    pub const FLEET_REFUSED: Self = Self(12);
    /// The command line is wrong.
    pub const USAGE: Self = Self(64);
    /// An input cannot be read.
    pub const UNREADABLE: Self = Self(65);
    /// A service that is needed does not answer.
    pub const UNREACHABLE: Self = Self(69);
    /// A defect of this program, or of the machine.
    pub const INTERNAL: Self = Self(70);
    /// Another process holds the lock.
    pub const LOCKED: Self = Self(75);

    /// The number.
    pub fn code(self) -> u8 {
        self.0
    }

    /// The row of [`EXIT_CODES`].
    pub fn info(self) -> Option<&'static ExitInfo> {
        EXIT_CODES.iter().find(|it| it.exit == self)
    }

    fn rank(self) -> usize {
        PRECEDENCE.iter().position(|it| *it == self).map_or(0, |at| PRECEDENCE.len() - at)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

/// Which one counts where several apply, worst first.
const PRECEDENCE: &[Exit] = &[
    Exit::INTERNAL,
    Exit::INTEGRITY,
    Exit::UNREADABLE,
    Exit::UNREACHABLE,
    Exit::FINDINGS,
    Exit::STALE,
    Exit::INSUFFICIENT,
    Exit::NOTHING,
    Exit::PENDING,
    Exit::DONE,
];

/// The one that counts of two.
pub fn worst(a: Exit, b: Exit) -> Exit {
    if b.rank() > a.rank() { b } else { a }
}

/// One exit code.
#[derive(Clone, Copy, Debug)]
pub struct ExitInfo {
    /// The code.
    pub exit: Exit,
    /// A short name.
    pub name: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// A command that ends so.
    pub example: &'static str,
}

const fn row(
    exit: Exit,
    name: &'static str,
    meaning: &'static str,
    example: &'static str,
) -> ExitInfo {
    ExitInfo { exit, name, meaning, example }
}

/// Every exit code, in the order of the numbers. The reference is written from it.
pub const EXIT_CODES: &[ExitInfo] = &[
    row(
        Exit::DONE,
        "done",
        "Done; notes and warnings only. Warnings are errors under `--strict`.",
        "`fusion overlay check` of a valid overlay",
    ),
    row(
        Exit::FINDINGS,
        "findings",
        "At least one error: an invalid overlay or design, a regression, a blocked gate, an \
         unhealthy system.",
        "`fusion golden` after a hard rule began to fail",
    ),
    row(
        Exit::PENDING,
        "pending",
        "Changes are pending.",
        "`fusion overlay diff A B` of two overlays that differ; `fusion overlay fmt --check`",
    ),
    row(
        Exit::INSUFFICIENT,
        "insufficient",
        "Not enough evidence: a verdict of `insufficient` or `warn` under `--strict`, or a paused \
         rollout.",
        "`fusion golden --strict` with a warning",
    ),
    row(
        Exit::STALE,
        "stale",
        "A recording is stale or missing.",
        "`fusion golden` after a letter of a prompt changed",
    ),
    row(
        Exit::NOTHING,
        "nothing",
        "Nothing was selected.",
        "`fusion golden --scenario` with an id that no scenario has",
    ),
    row(
        Exit::ROLLED_BACK,
        "rolled-back",
        "A gate failed, and the former generation is back.",
        "a deployment whose canary failed",
    ),
    row(
        Exit::FROZEN,
        "frozen",
        "The rollback failed or the deployment is frozen; the last good generation keeps serving.",
        "a deployment whose former generation fails too",
    ),
    row(
        Exit::INTEGRITY,
        "integrity",
        "A golden, a recording or an audit log is not as it was written.",
        "`fusion golden` after a recorded answer was edited by hand",
    ),
    row(
        Exit::EPOCH_MOVED,
        "epoch-moved",
        "The generation this change builds on is no longer the live one.",
        "a deployment that another one overtook",
    ),
    row(Exit::ABORTED, "aborted", "The operator ended it.", "a deployment that was aborted"),
    row(
        Exit::UNKNOWN,
        "unknown",
        "It is not known how it ended; run `recover`.",
        "a deployment that lost its disk half-way",
    ),
    row(
        Exit::FLEET_REFUSED,
        "fleet-refused",
        "An instance of the fleet refused the generation.",
        "a deployment with an instance that cannot load it",
    ),
    row(
        Exit::USAGE,
        "usage",
        "The command line is wrong, or the command is refused where it runs (writing recordings \
         in CI).",
        "`fusion overlay check --profile best`",
    ),
    row(
        Exit::UNREADABLE,
        "unreadable",
        "An input is missing, unreadable or corrupt.",
        "`fusion overlay check` of a file that does not exist",
    ),
    row(
        Exit::UNREACHABLE,
        "unreachable",
        "A service that is needed does not answer as it should.",
        "`fusion golden record --endpoint` with nobody listening",
    ),
    row(
        Exit::INTERNAL,
        "internal",
        "A defect of this program, or of the machine: a full disk, a broken pipe to a file.",
        "a report that cannot be written",
    ),
    row(
        Exit::LOCKED,
        "locked",
        "Another process holds the lock.",
        "two deployments at the same moment",
    ),
];

/// The reference page of exit codes: `docs/reference/exit-codes.md`.
pub fn exit_codes_md() -> String {
    let mut res = String::from(
        "# Exit codes\n\nEvery command of `fusion` and `cargo xtask` ends with one of these. \
         Where several apply, the first of this list counts: ",
    );
    let order: Vec<_> = PRECEDENCE.iter().map(|it| it.0.to_string()).collect();
    res.push_str(&order.join(", "));
    res.push_str(".\n\n| code | name | meaning | example |\n|---:|---|---|---|\n");
    for ExitInfo { exit, name, meaning, example } in EXIT_CODES {
        // Writing to a string cannot fail.
        let _ = writeln!(res, "| {} | `{name}` | {meaning} | {example} |", exit.0);
    }
    res
}

/// Why a command ended early, with the exit code it ends with.
#[derive(Debug)]
pub(crate) struct Refusal {
    exit: Exit,
    message: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// An error that ends the command with `exit`.
pub(crate) fn refusal(exit: Exit, message: impl Into<String>) -> anyhow::Error {
    Refusal { exit, message: message.into() }.into()
}

/// The exit code of an error: that of the [`Refusal`] in its chain, else `INTERNAL`.
pub(crate) fn exit_of(err: &anyhow::Error) -> Exit {
    err.chain().find_map(|it| it.downcast_ref::<Refusal>()).map_or(Exit::INTERNAL, |it| it.exit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete() {
        assert!(EXIT_CODES.is_sorted_by_key(|it| it.exit.0));
        let codes: Vec<_> = EXIT_CODES.iter().map(|it| it.exit.0).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 64, 65, 69, 70, 75]);
    }

    #[test]
    fn the_worst_counts() {
        let order = [8, 1, 4, 3, 5, 0].map(Exit);
        for (at, bad) in order.iter().enumerate() {
            for better in &order[at..] {
                assert_eq!(worst(*bad, *better), *bad);
                assert_eq!(worst(*better, *bad), *bad);
            }
        }
    }

    #[test]
    fn an_error_knows_its_exit_code() {
        let err = refusal(Exit::UNREADABLE, "no such file").context("reading the suite");
        assert_eq!(exit_of(&err), Exit::UNREADABLE);
        assert_eq!(exit_of(&anyhow::anyhow!("anything")), Exit::INTERNAL);
    }
}
