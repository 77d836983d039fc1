//! The specification's suites against flagd flags, through the official client.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::data::suite;
use crate::gherkin::pickles;
use crate::scenario::run;

/// Scenarios, by the beginning of their names, that the SDK 0.3 cannot express, and what
/// it lacks.
type Impossible = &'static [(&'static str, &'static str)];

/// Runs a suite: every scenario passes, but those that are `impossible`, which end for the
/// reason that stands there. The numbers are those of both.
#[track_caller]
fn check(name: &str, impossible: Impossible, passing: usize, left: usize) {
    let Some(text) = suite(name) else { return };
    let (mut passed, mut lacking, mut wrong) = (0, vec![0; impossible.len()], Vec::new());
    for pickle in pickles(&text) {
        let listed = impossible.iter().position(|(it, _)| pickle.name.starts_with(it));
        let said = catch_unwind(AssertUnwindSafe(|| run(&pickle.steps))).err().map(|err| {
            let said = err.downcast_ref::<&str>().map(ToString::to_string);
            said.or_else(|| err.downcast_ref::<String>().cloned()).unwrap_or_default()
        });
        match (said, listed) {
            (None, None) => passed += 1,
            (Some(said), Some(at)) if said == impossible[at].1 => lacking[at] += 1,
            (said, _) => wrong.push(format!("{}: {said:?}", pickle.name)),
        }
    }
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
    assert!(!lacking.contains(&0), "{name} has no such scenario: {lacking:?}");
    assert_eq!((passed, lacking.iter().sum()), (passing, left), "{name}");
}

#[test]
fn evaluation() {
    check("evaluation.feature", &[], 13, 0);
}

#[test]
fn evaluation_v2() {
    check(
        "evaluation_v2.feature",
        &[
            ("Provider not ready error", "the client asks a provider that is not ready"),
            ("Provider in fatal state error", "there is no state FATAL"),
            ("Null context values", "a context cannot hold null"),
            ("CACHED reason", "nothing is cached, evaluation is local"),
            ("Provider status accessibility [stable", "a client shows no status"),
            (
                "Provider status accessibility [not ready",
                "the client asks a provider that is not ready",
            ),
            ("Provider status accessibility [error", "a client shows no status"),
            ("Provider status accessibility [fatal", "there is no state FATAL"),
            ("Provider status accessibility [stale", "a client shows no status"),
        ],
        60,
        22,
    );
}

#[test]
fn context_merging() {
    check(
        "contextMerging.feature",
        &[
            (
                "A context entry is added to a single level [Transaction]",
                "there is no transaction context",
            ),
            ("For a transaction", "there is no transaction context"),
        ],
        16,
        13,
    );
}

#[test]
fn metadata() {
    check("metadata.feature", &[], 5, 0);
}

#[test]
fn hooks() {
    check("hooks.feature", &[("Flag not found", "hooks see the type's default")], 2, 1);
}
