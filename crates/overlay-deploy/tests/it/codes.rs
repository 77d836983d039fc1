//! The exit codes that the command line takes from here.

use overlay_deploy::{DeployError, Outcome, RollbackOutcome};
use overlay_store::{GenerationId, Holder, Phase, StoreError, WriteError};

#[test]
fn every_outcome_has_its_code() {
    let table = [
        (Outcome::Deployed, 0, RollbackOutcome::NotNeeded),
        (Outcome::Restored, 0, RollbackOutcome::NotNeeded),
        (Outcome::Unchanged, 0, RollbackOutcome::NotNeeded),
        (Outcome::Refused, 1, RollbackOutcome::NotNeeded),
        (Outcome::Paused, 3, RollbackOutcome::NotNeeded),
        (Outcome::RolledBack, 6, RollbackOutcome::Restored),
        (Outcome::Frozen, 7, RollbackOutcome::Failed),
        (Outcome::Aborted, 10, RollbackOutcome::Restored),
    ];
    for (outcome, code, rollback) in table {
        assert_eq!((outcome.exit_code(), outcome.rollback()), (code, rollback), "{outcome}");
    }
}

#[test]
fn every_refusal_has_its_code() {
    let generation = GenerationId(7);
    let holder = Holder { pid: 1, host: "db1".to_owned(), started_us: 0, deployment: None };
    let tampered = || StoreError::Tampered { generation, problems: Vec::new() };
    let table: [(DeployError, u8); 8] = [
        (DeployError::Busy(holder), 75),
        (DeployError::UnderWay { deployment: "x".to_owned(), phase: Phase::Canary }, 75),
        (WriteError::BaseMoved { expected: 1, found: 2 }.into(), 9),
        (WriteError::OutcomeUnknown { cause: tampered() }.into(), 11),
        (tampered().into(), 8),
        (StoreError::Missing { generation }.into(), 65),
        (DeployError::Unknown("the name `x`".to_owned()), 65),
        (DeployError::Idle, 5),
    ];
    for (err, code) in table {
        assert_eq!(err.exit_code(), code, "{err}");
    }
}
