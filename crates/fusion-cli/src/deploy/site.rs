use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use overlay_deploy::{
    DeployError, DeploymentId, EnvironmentName, Observed, Root, StatusReport, Surroundings, Window,
    bound_environment, nacks, note_other_environment, observed,
};
use overlay_sqlite::{AuditIndex, DatabaseKind, Indexed, Performance, faithfulness, schema_report};
use overlay_store::Store;

use super::account::Account;
use super::refusal::deploy_error;
use super::watch::Watch;
use crate::condition::{condition, in_force, wait_for_instances};
use crate::environment::{Environment, now_us, rfc3339};

/// How long an order waits for whoever writes to the index of the audit log: nobody needs
/// that to know how it ended.
const INDEX_WAIT: Duration = Duration::from_millis(250);

/// A deployment root, and who acts on it.
pub(crate) struct Site {
    pub(super) dir: PathBuf,
    pub(super) absolute: PathBuf,
    pub(super) store: Store,
    pub(super) environment: EnvironmentName,
    /// The environment that the root belongs to, where somebody acts by another's rules.
    pub(super) overridden: Option<EnvironmentName>,
    pub(super) account: Account,
    pub(super) host: String,
    /// What beats the options of what is in force.
    pub(super) variables: BTreeMap<String, String>,
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

    /// What is live and how it is, by the rules of the environment that the root belongs to:
    /// what `fusion deploy status` says of it. An instance may take a moment to follow.
    pub(crate) fn condition(&self) -> anyhow::Result<StatusReport> {
        wait_for_instances(&self.dir, &self.store);
        let bound = bound_environment(&self.store).ok().flatten();
        let environment = bound.as_ref().unwrap_or(&self.environment);
        condition(&self.dir, &self.store, environment, &self.variables)
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
        if !in_force(&self.store, &self.variables).keeps_rows() {
            return;
        }
        let path = self.dir.join(DatabaseKind::Audit.path());
        match AuditIndex::open_updated_within(&path, &self.store.audit(), INDEX_WAIT) {
            Ok((_, Indexed { put_aside: Some(aside), .. })) => watch.line(&format!(
                "the index of the audit log was damaged, and is built anew from the log; the \
                 damaged file is kept as {}",
                aside.display()
            )),
            Ok(_) => {}
            Err(err) => {
                let why = anyhow::Error::new(err);
                watch.line(&format!("the index of the audit log waits: {why:#}"));
            }
        }
    }

    /// Builds the index of the audit log anew where it is not what the log says, and says so.
    pub(super) fn mend_index(&self) -> Option<String> {
        if !in_force(&self.store, &self.variables).keeps_rows() {
            return None;
        }
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
