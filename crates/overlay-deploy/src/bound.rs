use overlay_store::vfs::Vfs;
use overlay_store::{Store, StoreError};

use crate::outcome::DeployError;
use crate::word::EnvironmentName;

/// How the record of a change of the pointer ends.
const COMMITTED: &str = "_committed";

/// The environment that a root belongs to: that of its first deployment, by the audit log;
/// `None` where nothing was deployed yet. What is kept of rollouts is not asked: it is no
/// part of the chain.
///
/// # Errors
///
/// Where the audit log cannot be read up to that record.
pub fn bound_environment<F: Vfs>(store: &Store<F>) -> Result<Option<EnvironmentName>, DeployError> {
    for record in store.audit().records(1).map_err(StoreError::from)? {
        let entry = record.map_err(StoreError::from)?.entry;
        if entry.action.ends_with(COMMITTED) && !entry.env.is_empty() {
            return entry.env.parse().map(Some).map_err(|err: crate::word::InvalidName| {
                let path = "audit".to_owned();
                StoreError::Damaged { path, why: err.to_string() }.into()
            });
        }
    }
    Ok(None)
}
