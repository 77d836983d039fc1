use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use overlay_deploy::{
    Applied, Base, Ended, EnvironmentName, Outcome, Promotion, accept, bound_environment,
    plan_tree, promotable, promote, rollout, rules_of,
};
use overlay_store::{Store, Tree};

use super::Told;
use super::apply::{agree, deploy};
use super::fit::unfit;
use super::interrupt::tell_when_ended;
use super::order::OrderReport;
use super::plan::Refused;
use super::recover::recover_first;
use super::refusal::{deploy_error, promote_error, store_error};
use super::site::Site;
use super::wanted::{Findings, How};
use super::watch::Watch;
use crate::exit::{Exit, refusal};
use crate::output::Output;

/// Make the candidate the one in force without waiting, or bring what passed elsewhere
///
/// Without `--from-root`: the canary under way, or paused, takes over; checks after still run.
/// With it: the tree that is in force there, and passed there, is deployed here, the same
/// digest; nothing is built again.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion deploy promote --root prod --yes
  fusion deploy promote --root prod --env production --from-root staging --from-env staging

Ends as `apply` does; with 1 where what is in force there did not pass there.")]
pub(super) struct Promote {
    /// The deployment root of the environment before
    #[arg(long, value_name = "DIR")]
    from_root: Option<PathBuf>,
    /// Its environment; else the one that the root there belongs to
    #[arg(long, value_name = "NAME", requires = "from_root")]
    from_env: Option<EnvironmentName>,
    #[command(flatten)]
    how: How,
}

impl Promote {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        match &self.from_root {
            Some(from) => self.bring(from, told, output),
            None => canary(told, output),
        }
    }

    /// Deploys what passed in the root `from`.
    fn bring(&self, from: &Path, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let there = Store::open(from).map_err(store_error)?;
        let bound = || bound_environment(&there).map_err(deploy_error);
        let name = self.from_env.clone().map_or_else(bound, |it| Ok(Some(it)))?;
        let name = name.ok_or_else(|| {
            refusal(Exit::NOTHING, format!("{}: nothing is deployed there", from.display()))
        })?;
        let promotion = promotable(&there, &name).map_err(promote_error)?;
        let site = told.root.begun(told.environment)?;
        if let Some(site) = &site {
            recover_first(site, output, told.environment)?;
        }
        let (planned, findings) = self.plan(site.as_ref().map(Site::store), told, &promotion)?;
        self.how.check_base(planned.as_ref())?;
        let Some(planned) = planned else {
            output.show(&Refused::of(&findings))?;
            return Ok(Exit::FINDINGS);
        };
        agree(&planned, told, output)?;
        let site = site.map_or_else(|| told.root.made(told.environment), Ok)?;
        deploy(&site, &planned, told, output, |root| accept(root, &promotion))
    }

    fn plan(
        &self,
        store: Option<&Store>,
        told: Told<'_>,
        promotion: &Promotion,
    ) -> anyhow::Result<Findings> {
        self.how.check()?;
        let base = store.map(|it| Base::read(it, Tree::new())).transpose();
        let base = base.map_err(store_error)?.unwrap_or_default();
        // A root without a deployment has no rules of its own yet.
        let of = if base.pointer.is_some() { &base.tree } else { &promotion.tree };
        let (rules, mut findings) = rules_of(of);
        let name = told.root.environment(store, told.environment)?;
        let request = self.how.request(name, &told.root.dir(told.environment)?);
        let (planned, found) = plan_tree(&base, &request, &rules, &promotion.tree);
        findings.extend(found);
        findings.extend(planned.iter().flat_map(unfit));
        let is_sound = !findings.iter().any(|it| it.diagnostic.is_error());
        Ok((planned.filter(|_| is_sound), findings))
    }
}

/// A person has decided about the canary.
fn canary(told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
    let site = told.root.existing(told.environment)?;
    told.consent.ask("Give all units to the candidate?", told.environment)?;
    tell_when_ended(&site, output.format, told.environment);
    let applied = site.act(&Watch::new(output, told.environment), promote)?;
    let applied = seen_through(&site, applied)?;
    OrderReport::of("promote", &applied, &site)?.end(Outcome::Deployed, output)
}

/// How often, and how long, somebody waits for the process that drives a rollout: it looks
/// at the pointer once a minute at least.
const ATTEMPTS: u32 = 600;
const ATTEMPT: Duration = Duration::from_millis(200);

/// The end of a rollout that another process drives.
fn seen_through(site: &Site, mut applied: Applied) -> anyhow::Result<Applied> {
    for _ in 0..ATTEMPTS {
        let Some(id) = applied.rollout.as_ref().map(|it| it.id.clone()) else { break };
        let (pointer, kept) = (site.store().current(), rollout(site.store(), &id));
        applied.pointer = pointer.map_err(store_error)?;
        applied.rollout = kept.map_err(deploy_error)?;
        let is_moving = applied
            .pointer
            .as_ref()
            .is_some_and(|it| it.deployment.as_deref() == Some(&id) && it.phase.is_under_way());
        if !is_moving {
            let ended = applied.rollout.as_ref().and_then(|it| it.ended.clone());
            if let Some(Ended { outcome, reasons, .. }) = ended {
                (applied.outcome, applied.reasons) = (outcome, reasons);
            }
            return Ok(applied);
        }
        std::thread::sleep(ATTEMPT);
    }
    let message = "it is promoted, and the process that drives it has not put it in force yet: see \
                   `fusion deploy status`";
    Err(refusal(Exit::UNKNOWN, message))
}
