use std::io::ErrorKind;

use overlay_deploy::{DeployError, PromoteError};
use overlay_store::{StoreError, WriteError};

use crate::exit::{EXIT_CODES, Exit, refusal};

/// The row of the table with this number.
pub(crate) fn exit_of(code: u8) -> Exit {
    EXIT_CODES.iter().find(|it| it.exit.code() == code).map_or(Exit::INTERNAL, |it| it.exit)
}

/// The error of an order with its exit code, and what to do.
pub(crate) fn deploy_error(err: DeployError) -> anyhow::Error {
    let exit = exit_of(err.exit_code());
    let hint = match &err {
        DeployError::Write(WriteError::OutcomeUnknown { .. }) => {
            ": `fusion deploy recover` settles it"
        }
        DeployError::Write(WriteError::BaseMoved { .. }) => ": plan again",
        DeployError::Store(StoreError::Tampered { .. } | StoreError::Missing { .. })
        | DeployError::Write(WriteError::Tampered { .. }) => {
            ": `fusion deploy list` shows the others, `fusion deploy rollback --to` returns to one"
        }
        DeployError::Store(StoreError::Damaged { path, .. }) if path == "CURRENT" => {
            ": `fusion deploy recover --rebuild` writes it anew from the audit log, \
             `fusion backup restore --rebuild` brings a backup into force"
        }
        DeployError::Store(StoreError::Damaged { path, .. }) if path.starts_with("pins/") => {
            ": `fusion deploy unpin NAME` takes a name away"
        }
        DeployError::NotRecorded => {
            ": move the root away, keep it, and into an empty one bring a backup by `fusion backup \
             restore`, or its newest generation that `fusion deploy verify --all` finds whole, by \
             `fusion deploy apply --from ROOT/gen/NUMBER/tree`"
        }
        DeployError::Unproven(_) => {
            ": deploy its files again, so that they are checked; `--unproven` puts it in force all \
             the same, and the audit log says so"
        }
        DeployError::DamagedRollout { .. } => {
            ": `fusion deploy abort` takes a rollout that is under way back by the audit log, \
             `fusion deploy rollback --to NUMBER` returns to any generation that was in force, and \
             `fusion deploy list` shows their numbers"
        }
        DeployError::Store(StoreError::Audit(_)) => {
            ": `fusion audit verify` goes through all of it; keep this root as it is, and bring the \
             last backup into an empty one (`fusion backup restore`)"
        }
        DeployError::Gone(_) => ": `fusion deploy list` shows the others",
        DeployError::Store(StoreError::NoRoot { source, .. })
            if source.kind() == ErrorKind::NotFound =>
        {
            ": `fusion deploy apply` makes one"
        }
        _ => "",
    };
    // The causes stand in the chain of the error, which is flattened here.
    refusal(exit, format!("{:#}{hint}", anyhow::Error::new(err)))
}

/// The error of a root that is read, with its exit code.
pub(crate) fn store_error(err: StoreError) -> anyhow::Error {
    deploy_error(err.into())
}

/// Why nothing was brought from another root.
pub(crate) fn promote_error(err: PromoteError) -> anyhow::Error {
    refusal(exit_of(err.exit_code()), format!("{:#}", anyhow::Error::new(err)))
}

#[cfg(test)]
mod tests {
    use overlay_deploy::Outcome;

    use super::*;

    #[test]
    fn every_code_of_a_deployment_is_in_the_table() {
        let outcomes = [
            (Outcome::Deployed, Exit::DONE),
            (Outcome::Refused, Exit::FINDINGS),
            (Outcome::Paused, Exit::INSUFFICIENT),
            (Outcome::RolledBack, Exit::ROLLED_BACK),
            (Outcome::Frozen, Exit::FROZEN),
            (Outcome::Aborted, Exit::ABORTED),
        ];
        for (outcome, exit) in outcomes {
            assert_eq!(exit_of(outcome.exit_code()), exit);
        }
        assert_eq!(exit_of(DeployError::Driven(String::new()).exit_code()), Exit::LOCKED);
        assert_eq!(exit_of(99), Exit::INTERNAL);
    }
}
