use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use overlay_deploy::{
    DeployError, DeploymentId, EnvironmentName, Observed, Root, Surroundings, Window,
    bound_environment, nacks, note_other_environment, observed,
};
use overlay_sqlite::{AuditIndex, DatabaseKind, Performance, faithfulness, schema_report};
use overlay_store::Store;

use super::account::Account;
use super::refusal::{deploy_error, exit_of, store_error};
use super::watch::Watch;
use crate::environment::{Environment, now_us, rfc3339};
use crate::exit::{Exit, refusal};

/// Which deployment root, and for which environment.
#[derive(Args, Clone, Debug)]
pub(crate) struct RootArguments {
    /// The deployment root; else FUSION_ROOT
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The environment of a root without a deployment; else RESON_ENV, else `development`. From
    /// its first deployment on a root belongs to one environment, and no other is taken
    #[arg(long, global = true, value_name = "NAME")]
    env: Option<EnvironmentName>,
    /// Act by the rules of `--env` though the root belongs to another environment, this once; the
    /// audit log says so
    #[arg(long, global = true, requires = "env")]
    override_env: bool,
}

impl RootArguments {
    /// The root in `dir`.
    pub(crate) fn at(dir: PathBuf) -> Self {
        Self { root: Some(dir), env: None, override_env: false }
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
        check_place(&self.dir(environment)?)?;
        if self.dir(environment)?.exists() { self.open(environment).map(Some) } else { Ok(None) }
    }

    /// The root with somebody who acts on it, `None` where nobody has begun to use one.
    pub(crate) fn begun(&self, environment: &Environment) -> anyhow::Result<Option<Site>> {
        let dir = self.dir(environment)?;
        check_place(&dir)?;
        let is_begun = ["LOCK", "CURRENT", "gen", "audit"].iter().any(|it| dir.join(it).exists());
        if is_begun { self.existing(environment).map(Some) } else { Ok(None) }
    }

    /// The root, with somebody who acts on it.
    pub(crate) fn site(&self, store: Store, environment: &Environment) -> anyhow::Result<Site> {
        let name = self.environment(Some(&store), environment)?;
        let bound = self.override_env.then(|| bound_environment(&store).ok().flatten()).flatten();
        let dir = self.dir(environment)?;
        Ok(Site {
            absolute: std::path::absolute(&dir).context("the folder of the root")?,
            dir,
            overridden: bound.filter(|it| *it != name),
            environment: name,
            account: Account::of(environment),
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
        let dir = self.dir(environment)?;
        check_place(&dir)?;
        let store = Store::create(&dir).map_err(store_error)?;
        self.site(store, environment)
    }

    /// Whether the rules of another environment may be gone by.
    pub(crate) fn is_overridden(&self) -> bool {
        self.override_env
    }

    /// Refuses a backup of the environment `of` where another one is named.
    pub(crate) fn check_backup(
        &self,
        of: &EnvironmentName,
        environment: &Environment,
    ) -> anyhow::Result<()> {
        match self.given(environment)? {
            Some((by, name)) if name != *of && !self.override_env => {
                let message = format!(
                    "the backup is of {of}, and {by} says {name}: --env {name} --override-env \
                     brings it all the same"
                );
                Err(refusal(Exit::USAGE, message))
            }
            _ => Ok(()),
        }
    }

    /// The environment that is named, and by what.
    fn given(
        &self,
        environment: &Environment,
    ) -> anyhow::Result<Option<(&'static str, EnvironmentName)>> {
        Ok(match (&self.env, environment.get("RESON_ENV")) {
            (Some(name), _) => Some(("--env", name.clone())),
            (None, Some(name)) => Some(("RESON_ENV", reson_env(name)?)),
            (None, None) => None,
        })
    }

    /// Which environment is meant: that of the root, and no other but by `--override-env`.
    ///
    /// # Errors
    ///
    /// Where another is named, or the audit log does not tell the root's.
    pub(crate) fn environment(
        &self,
        store: Option<&Store>,
        environment: &Environment,
    ) -> anyhow::Result<EnvironmentName> {
        let given = self.given(environment)?;
        if let (Some((_, name)), true) = (&given, self.override_env) {
            return Ok(name.clone());
        }
        match (bound(store)?, given) {
            (Some(bound), Some((by, name))) if bound != name => Err(another(&bound, by, &name)),
            (Some(bound), _) => Ok(bound),
            (None, Some((_, name))) => Ok(name),
            (None, None) => Ok("development".parse()?),
        }
    }

    /// As [`Self::environment`], for a command that only looks: the root's own counts whatever
    /// the shell says, and the strictest rules where the audit log does not tell it.
    pub(crate) fn shown_environment(&self, store: &Store) -> anyhow::Result<EnvironmentName> {
        match (bound_environment(store), &self.env) {
            (Ok(Some(bound)), Some(name)) if bound != *name && !self.override_env => {
                Err(another(&bound, "--env", name))
            }
            (Ok(bound), None) => Ok(bound.map_or_else(|| "development".parse(), Ok)?),
            (_, Some(name)) => Ok(name.clone()),
            (Err(_), None) => Ok("production".parse()?),
        }
    }
}

/// What a deployment root consists of.
const PARTS: [&str; 9] =
    ["CURRENT", "LOCK", "audit", "db", "gen", "pins", "rollouts", "state", "tmp"];

/// Refuses a folder that holds something else than a root: the two would be mixed.
fn check_place(dir: &Path) -> anyhow::Result<()> {
    // One that cannot be listed is said to be so by whoever opens it.
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    let names = entries.filter_map(Result::ok).map(|it| it.file_name());
    let names = names.map(|it| it.to_string_lossy().into_owned());
    let names: Vec<String> =
        names.filter(|it| !it.starts_with('.') && it != "lost+found").collect();
    if names.is_empty() || names.iter().any(|it| PARTS.contains(&it.as_str())) {
        return Ok(());
    }
    let message = format!(
        "{} is no deployment root, and not empty: name one, an empty folder, or one that is not \
         there yet",
        dir.display()
    );
    Err(refusal(Exit::USAGE, message))
}

fn reson_env(name: &str) -> anyhow::Result<EnvironmentName> {
    name.parse().map_err(|err| refusal(Exit::USAGE, format!("RESON_ENV: {err}")))
}

/// The environment that the root belongs to; `None` where nothing was deployed yet.
pub(crate) fn bound(store: Option<&Store>) -> anyhow::Result<Option<EnvironmentName>> {
    let bound = store.map(bound_environment).transpose().map_err(|err| {
        let exit = exit_of(err.exit_code());
        let why = format!("{:#}", anyhow::Error::new(err));
        let hint = "give --env NAME --override-env where it is known";
        refusal(
            exit,
            format!("whose root this is cannot be read from its audit log: {why}: {hint}"),
        )
    })?;
    Ok(bound.flatten())
}

fn another(bound: &EnvironmentName, by: &str, name: &EnvironmentName) -> anyhow::Error {
    let message = format!(
        "this root belongs to {bound}, and {by} says {name}: a root is of one environment; give \
         --env {bound}, or --env {name} --override-env to go by the rules of {name} this once"
    );
    refusal(Exit::USAGE, message)
}

/// A deployment root, and who acts on it.
pub(crate) struct Site {
    dir: PathBuf,
    absolute: PathBuf,
    store: Store,
    environment: EnvironmentName,
    /// The environment that the root belongs to, where somebody acts by another's rules.
    overridden: Option<EnvironmentName>,
    account: Account,
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
        &self.account.name
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
        self.note_override(watch)?;
        self.warn_of_log(watch);
        let done = self.with(watch, order).map_err(deploy_error)?;
        self.index(watch);
        Ok(done)
    }

    /// Leaves a record where somebody acts by the rules of another environment.
    pub(crate) fn note_override(&self, watch: &Watch<'_>) -> anyhow::Result<()> {
        let Some(bound) = &self.overridden else { return Ok(()) };
        self.with(watch, |root| note_other_environment(root, bound)).map_err(deploy_error)
    }

    /// Says so where the audit log is not as it was written. A writer looks at its end alone,
    /// so that the way back stays open.
    fn warn_of_log(&self, watch: &Watch<'_>) {
        let Ok(pointer) = self.store.current() else { return };
        if let Err(err) = self.store.audit().verify(pointer.map(|it| it.audit)) {
            let why = anyhow::Error::new(err);
            let hint = "`fusion audit verify` says more";
            watch.line(&format!("warning: {why:#}: {hint}"));
        }
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

    /// Builds the index of the audit log anew where it is not what the log says, and says so.
    pub(super) fn mend_index(&self) -> Option<String> {
        let (path, log) = (self.dir.join(DatabaseKind::Audit.path()), self.store.audit());
        let is_whole = schema_report(DatabaseKind::Audit, &path).ok()?.is_empty();
        if is_whole && faithfulness(&path, &log).ok()?.differs.is_none() {
            return None;
        }
        let rebuilt = AuditIndex::open(&path).and_then(|mut it| it.rebuild(log.records(1)?));
        let done = match rebuilt {
            Ok(_) => "it was built anew".to_owned(),
            Err(err) => format!("it cannot be built anew: {:#}", anyhow::Error::new(err)),
        };
        Some(format!("the index of the audit log was not what the log says: {done}"))
    }

    /// [`Self::act`], for orders with errors of their own.
    pub(crate) fn with<R>(&self, watch: &Watch<'_>, order: impl FnOnce(&Root<'_>) -> R) -> R {
        let around = Surroundings {
            root: Some(&self.absolute),
            actor: &self.account.name,
            uid: self.account.uid,
            user: self.account.user.as_deref(),
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
        match Performance::look(&database, |rows| observed(rows, window)) {
            // Whoever brings the first sample is about to make it.
            Err(_) if is_being_made(&database) => Observed::default(),
            seen => seen.map_err(|err| err.to_string())?,
        }
    } else {
        Observed::default()
    };
    res.nacks = nacks(root, window.since_us).map_err(|err| err.to_string())?;
    Ok(res)
}

/// Whether the file of the performance rows has none of its tables yet.
fn is_being_made(database: &Path) -> bool {
    overlay_sqlite::is_empty(database).unwrap_or_default()
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
