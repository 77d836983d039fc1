use std::path::Path;

use fusion_golden::{FileFinding, SuiteError, SuiteReport, Verdict};

use crate::exit::{Exit, refusal, worst};
use crate::input::name_of;

/// The error of a suite with its exit code.
pub(crate) fn suite_error(err: SuiteError) -> anyhow::Error {
    let exit = match &err {
        SuiteError::Read { .. }
        | SuiteError::NoSuite { .. }
        | SuiteError::Broken { .. }
        | SuiteError::Source { .. }
        | SuiteError::Installation(_) => Exit::UNREADABLE,
        SuiteError::NothingSelected { .. } | SuiteError::UnknownScenario { .. } => Exit::NOTHING,
        SuiteError::NoReason | SuiteError::NotEmpty { .. } => Exit::USAGE,
        SuiteError::Recorded { .. } => Exit::FINDINGS,
        SuiteError::WrongKey => Exit::INTEGRITY,
        _ => Exit::INTERNAL,
    };
    let hint = match &err {
        SuiteError::NothingSelected { unknown } if !unknown.is_empty() => {
            format!(": there is no {}", unknown.join(", "))
        }
        SuiteError::UnknownScenario { nearest: Some(nearest), .. } => {
            format!(", did you mean `{nearest}`?")
        }
        SuiteError::NoReason => ": give --reason".to_owned(),
        SuiteError::NoSuite { .. } => {
            ": name the folder with --suite or FUSION_SUITE, or make one with `golden import`"
                .to_owned()
        }
        SuiteError::NotEmpty { .. } => ": import into a new folder".to_owned(),
        _ => String::new(),
    };
    // The causes stand in the chain of the error, which is flattened here.
    let message = format!("{:#}", anyhow::Error::new(err));
    refusal(exit, message + &hint)
}

/// [`suite_error`], where the text that was given came from `path`.
pub(super) fn source_error(path: &Path, err: SuiteError) -> anyhow::Error {
    match err {
        SuiteError::Source { finding } => {
            let finding = FileFinding { path: name_of(path), diagnostic: *finding };
            refusal(Exit::UNREADABLE, finding.to_string())
        }
        err => suite_error(err),
    }
}

/// A golden or recording is not as it was written.
const INTEGRITY: &[&str] = &["GLD1003", "GLD1004", "GLD1005", "GLD1006", "GLD1011"];
/// A file is not of its form: cut off, too large, with a key twice.
const CORRUPT: &[&str] = &["GLD1001", "GLD1002", "GLD1007", "GLD1008", "GLD1012", "GLD1013"];

/// How `golden validate` ends.
pub(super) fn exit_of(report: &SuiteReport, strict: bool) -> Exit {
    let checks = report.scenarios.iter().flat_map(|it| &it.checks);
    let of_checks = checks.map(|it| exit_of_check(it.verdict, it.code, strict));
    let errors = report.findings.iter().filter(|it| it.diagnostic.is_error());
    let of_files = errors.map(|it| exit_of_check(Verdict::Invalid, it.diagnostic.code, strict));
    let of_suite = match report.verdict {
        // What made it invalid stands among checks and findings, each with its exit code.
        Verdict::Invalid => Exit::FINDINGS,
        verdict => exit_of_check(verdict, "", strict),
    };
    of_checks.chain(of_files).fold(of_suite, worst)
}

fn exit_of_check(verdict: Verdict, code: &str, strict: bool) -> Exit {
    match verdict {
        Verdict::Pass => Exit::DONE,
        Verdict::Warn | Verdict::Insufficient if strict => Exit::INSUFFICIENT,
        Verdict::Warn | Verdict::Insufficient => Exit::DONE,
        Verdict::Stale => Exit::STALE,
        Verdict::Invalid if INTEGRITY.contains(&code) => Exit::INTEGRITY,
        Verdict::Invalid if CORRUPT.contains(&code) => Exit::UNREADABLE,
        Verdict::Fail | Verdict::Invalid => Exit::FINDINGS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_decide_the_exit_code_exist() {
        for code in INTEGRITY.iter().chain(CORRUPT) {
            assert!(fusion_golden::CODES.iter().any(|it| it.0 == *code), "{code}");
        }
    }

    #[test]
    fn warnings_count_only_under_strict() {
        assert_eq!(exit_of_check(Verdict::Warn, "GLD3002", false), Exit::DONE);
        assert_eq!(exit_of_check(Verdict::Warn, "GLD3002", true), Exit::INSUFFICIENT);
        assert_eq!(exit_of_check(Verdict::Invalid, "GLD1005", false), Exit::INTEGRITY);
        assert_eq!(exit_of_check(Verdict::Invalid, "GLD1007", false), Exit::UNREADABLE);
        assert_eq!(exit_of_check(Verdict::Invalid, "GLD1009", false), Exit::FINDINGS);
    }
}
