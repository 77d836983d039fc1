use std::path::{Path, PathBuf};

use clap::Args;
use overlay_deploy::record_verdict;
use overlay_model::Digest;

use super::installation::tree;
use super::root::RootArguments;
use super::watch::Watch;
use crate::environment::Environment;
use crate::exit::{Exit, refusal};
use crate::output::Output;

/// Where the verdict of the golden tests goes.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct VerdictArguments {
    /// Record the verdict for this installation in a deployment root, whose staging and production
    /// ask for it
    #[arg(long, value_name = "ROOT")]
    record_verdict: Option<PathBuf>,
}

/// An installation that is about to be judged.
pub(crate) struct Judged {
    root: PathBuf,
    installation: PathBuf,
    digest: Digest,
}

impl VerdictArguments {
    /// These, or those in front of the subcommand.
    pub(crate) fn or(self, outer: Self) -> Self {
        Self { record_verdict: self.record_verdict.or(outer.record_verdict) }
    }

    /// The installation as it is before the tests; `None` where nothing is to be recorded.
    pub(crate) fn before(&self, installation: &Path) -> anyhow::Result<Option<Judged>> {
        let Some(root) = self.record_verdict.clone() else { return Ok(None) };
        let digest = tree(installation)?.digest();
        Ok(Some(Judged { root, installation: installation.to_owned(), digest }))
    }
}

impl Judged {
    /// Records what the whole suite came to.
    ///
    /// # Errors
    ///
    /// Where the installation changed meanwhile: the verdict is then about neither.
    pub(crate) fn record(
        &self,
        passed: bool,
        suite: &str,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<()> {
        if tree(&self.installation)?.digest() != self.digest {
            let message = format!(
                "{} changed during the tests: no verdict was recorded",
                self.installation.display()
            );
            return Err(refusal(Exit::EPOCH_MOVED, message));
        }
        let site = RootArguments::at(self.root.clone()).made(environment)?;
        let watch = Watch::new(output, environment);
        site.act(&watch, |root| record_verdict(root, self.digest, passed, suite))?;
        drop(watch);
        if output.is_json() {
            return Ok(());
        }
        let verdict = if passed { "passed" } else { "failed" };
        let (root, digest) = (self.root.display(), self.digest);
        output.remark(&format!("recorded in {root}: {digest} {verdict}\n"))
    }
}
