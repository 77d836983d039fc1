use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use overlay_deploy::{
    DeployError, DeploymentId, EnvironmentName, Observed, Root, Surroundings, Window, nacks,
    observed, rollout,
};
use overlay_sqlite::{AuditIndex, DatabaseKind, Performance};
use overlay_store::Store;

use super::refusal::{deploy_error, store_error};
use super::watch::Watch;
use crate::environment::{Environment, now_us, rfc3339};
use crate::exit::{Exit, refusal};

/// Which deployment root, and for which environment.
#[derive(Args, Clone, Debug)]
pub(crate) struct RootArguments {
    /// The deployment root; else FUSION_ROOT
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The environment; else RESON_ENV, else that of the last deployment here, else `development`
    #[arg(long, global = true, value_name = "NAME")]
    env: Option<EnvironmentName>,
}

impl RootArguments {
    /// The root in `dir`.
    pub(crate) fn at(dir: PathBuf) -> Self {
        Self { root: Some(dir), env: None }
    }

    /// The folder of the root.
    pub(crate) fn dir(&self, environment: &Environment) -> anyhow::Result<PathBuf> {
        let dir = self.root.clone().or_else(|| environment.path("FUSION_ROOT"));
        dir.ok_or_else(|| refusal(Exit::USAGE, "which deployment root? give --root DIR"))
    }

    /// The root as it is.
    pub(crate) fn open(&self, environment: &Environment) -> anyhow::Result<Store> {
        Store::open(&self.dir(environment)?).map_err(store_error)
    }

    /// The root as it is, `None` where there is no folder yet.
    pub(crate) fn look(&self, environment: &Environment) -> anyhow::Result<Option<Store>> {
        if self.dir(environment)?.exists() { self.open(environment).map(Some) } else { Ok(None) }
    }

    /// The root, with somebody who acts on it.
    pub(crate) fn site(&self, store: Store, environment: &Environment) -> anyhow::Result<Site> {
        let name = self.environment(Some(&store), environment)?;
        let actor = environment.get("USER").or_else(|| environment.get("USERNAME"));
        Ok(Site {
            dir: self.dir(environment)?,
            environment: name,
            actor: actor.unwrap_or("unknown").to_owned(),
            host: host(environment),
            store,
        })
    }

    /// The root as it is, with somebody who acts on it.
    pub(crate) fn existing(&self, environment: &Environment) -> anyhow::Result<Site> {
        self.site(self.open(environment)?, environment)
    }

    /// The root, made where it is missing, with somebody who acts on it.
    pub(crate) fn made(&self, environment: &Environment) -> anyhow::Result<Site> {
        let store = Store::create(&self.dir(environment)?).map_err(store_error)?;
        self.site(store, environment)
    }

    /// Which environment is meant.
    pub(crate) fn environment(
        &self,
        store: Option<&Store>,
        environment: &Environment,
    ) -> anyhow::Result<EnvironmentName> {
        if let Some(name) = &self.env {
            return Ok(name.clone());
        }
        if let Some(name) = environment.get("RESON_ENV") {
            return name.parse().map_err(|err| refusal(Exit::USAGE, format!("RESON_ENV: {err}")));
        }
        match store.and_then(last_environment) {
            Some(name) => Ok(name),
            None => Ok("development".parse()?),
        }
    }
}

/// The environment of the deployment that the pointer names. What cannot be read here is
/// an error of whatever comes next.
pub(crate) fn last_environment(store: &Store) -> Option<EnvironmentName> {
    let deployment = store.current().ok()??.deployment?;
    Some(rollout(store, &deployment).ok()??.environment)
}

/// A deployment root, and who acts on it.
pub(crate) struct Site {
    dir: PathBuf,
    store: Store,
    environment: EnvironmentName,
    actor: String,
    host: String,
}

impl Site {
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn environment(&self) -> &EnvironmentName {
        &self.environment
    }

    /// Who acts.
    pub(crate) fn actor(&self) -> &str {
        &self.actor
    }

    /// On which machine.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Whose audit log it is, as checkpoints say it.
    pub(crate) fn origin(&self) -> String {
        format!("{}@{}", self.environment, self.host)
    }

    /// Gives an order, which `watch` is told about.
    pub(crate) fn act<R>(
        &self,
        watch: &Watch<'_>,
        order: impl FnOnce(&Root<'_>) -> Result<R, DeployError>,
    ) -> anyhow::Result<R> {
        let done = self.with(watch, order).map_err(deploy_error)?;
        self.index(watch);
        Ok(done)
    }

    /// Brings the index of the audit log up to date. It follows from the log, so what cannot
    /// be taken in now comes with a later order, and stops none.
    fn index(&self, watch: &Watch<'_>) {
        let path = self.dir.join(DatabaseKind::Audit.path());
        if let Err(err) = AuditIndex::open_updated(&path, &self.store.audit()) {
            let why = anyhow::Error::new(err);
            watch.line(&format!("the index of the audit log waits: {why:#}"));
        }
    }

    /// [`Self::act`], for orders with errors of their own.
    pub(crate) fn with<R>(&self, watch: &Watch<'_>, order: impl FnOnce(&Root<'_>) -> R) -> R {
        let around = Surroundings {
            actor: &self.actor,
            host: &self.host,
            pid: std::process::id(),
            environment: &self.environment,
            now_us: &now_us,
            sleep: &std::thread::sleep,
            observe: &|window| observe(&self.dir, window),
            report: &|progress| watch.tell(progress),
        };
        order(&Root { store: &self.store, around: &around })
    }
}

/// What the samples and the instances of a root say of a deployment.
fn observe(root: &Path, window: &Window<'_>) -> Result<Observed, String> {
    let database = root.join(DatabaseKind::Performance.path());
    let mut res = if database.exists() {
        let rows = Performance::open_read_only(&database).map_err(|err| err.to_string())?;
        observed(&rows, window).map_err(|err| err.to_string())?
    } else {
        Observed::default()
    };
    res.nacks = nacks(root, window.since_us).map_err(|err| err.to_string())?;
    Ok(res)
}

/// What the machine is called.
pub(crate) fn host(environment: &Environment) -> String {
    let named = environment.get("HOSTNAME").or_else(|| environment.get("COMPUTERNAME"));
    let of_file = |path: &str| fs::read_to_string(path).ok().map(|it| it.trim().to_owned());
    let files = || ["/proc/sys/kernel/hostname", "/etc/hostname"].into_iter().find_map(of_file);
    let name = named.map(str::to_owned).or_else(files).filter(|it| !it.is_empty());
    name.unwrap_or_else(|| "unknown".to_owned())
}

/// Random bytes, fit for keys.
pub(crate) fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    let provider = rustls::crypto::ring::default_provider();
    let filled = provider.secure_random.fill(&mut bytes);
    filled.map_err(|_| anyhow::anyhow!("the system gives no random bytes"))?;
    Ok(bytes)
}

/// An id that was not there before.
pub(crate) fn new_id() -> anyhow::Result<DeploymentId> {
    Ok(DeploymentId::new(now_us(), random()?))
}

/// Microseconds since 1970 as RFC 3339 has it, to the second.
pub(crate) fn moment(micros: i64) -> String {
    rfc3339(u64::try_from(micros / 1_000_000).unwrap_or_default())
}
