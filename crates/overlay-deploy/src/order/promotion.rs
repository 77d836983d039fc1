use overlay_model::Digest;
use overlay_store::vfs::Vfs;
use overlay_store::{GenerationId, Phase, Store, StoreError, Tree};
use serde_json::json;
use thiserror::Error;

use crate::check::{PROMOTION, passed_in};
use crate::outcome::{DeployError, phase_word};
use crate::root::Root;
use crate::word::EnvironmentName;

/// A tree that passed in one environment, on its way to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Promotion {
    /// Where it passed.
    pub environment: EnvironmentName,
    /// Its digest.
    pub digest: Digest,
    /// Its files.
    pub tree: Tree,
    /// Its generation there.
    pub generation: GenerationId,
    /// The audit record there that says so.
    pub record: u64,
}

/// Why there is nothing to promote.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PromoteError {
    /// The root cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing is deployed there.
    #[error("nothing is deployed there")]
    Nothing,
    /// Something is under way there.
    #[error("a deployment is under way there ({}): what is live has not passed yet", phase_word(*.0))]
    UnderWay(Phase),
    /// What is live there came there in another way.
    #[error("the audit log of {environment} has no pass of the tree {digest}")]
    NotPassed {
        /// Where.
        environment: EnvironmentName,
        /// The tree that is live there.
        digest: Digest,
    },
}

impl PromoteError {
    /// The exit code of a command that ends so.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Store(
                StoreError::Tampered { .. } | StoreError::Damaged { .. } | StoreError::Audit(_),
            ) => 8,
            Self::Store(_) => 65,
            Self::Nothing => 5,
            Self::UnderWay(_) => 75,
            Self::NotPassed { .. } => 1,
        }
    }
}

/// The tree that is live in the root of `environment`, where it passed there.
///
/// # Errors
///
/// [`PromoteError`], also for a tree or an audit log that was tampered with.
pub fn promotable<F: Vfs>(
    from: &Store<F>,
    environment: &EnvironmentName,
) -> Result<Promotion, PromoteError> {
    from.checked_current()?;
    let Some((pointer, leased)) = from.read_current()? else { return Err(PromoteError::Nothing) };
    if pointer.phase != Phase::Stable {
        return Err(PromoteError::UnderWay(pointer.phase));
    }
    // What is taken for a proof has to be as it was written.
    from.audit().verify(Some(pointer.audit)).map_err(StoreError::from)?;
    let digest = leased.manifest.tree;
    let environment = environment.clone();
    let Some(record) = passed_in(from, &environment, digest)? else {
        return Err(PromoteError::NotPassed { environment, digest });
    };
    let generation = pointer.stable.generation;
    Ok(Promotion { environment, digest, tree: leased.tree, generation, record })
}

/// Takes note in the next root that the tree passed in the one before: its check
/// `promoted` holds then. The tree itself comes by [`crate::plan_tree`].
///
/// # Errors
///
/// [`DeployError::Busy`] where another changes the root.
pub fn accept<F: Vfs>(root: &Root<'_, F>, promotion: &Promotion) -> Result<(), DeployError> {
    let detail = json!({
        "tree": promotion.digest,
        "environment": promotion.environment,
        "generation": promotion.generation,
        "record": promotion.record,
    });
    let entry = root.note(PROMOTION, None, detail);
    root.lock(None)?.append(entry)?;
    Ok(())
}
