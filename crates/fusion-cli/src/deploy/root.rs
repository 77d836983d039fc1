use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use overlay_deploy::{EnvironmentName, bound_environment};
use overlay_store::Store;

use super::account::Account;
use super::refusal::{exit_of, store_error};
use super::site::{Site, host};
use crate::doctor::variables;
use crate::environment::Environment;
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
            variables: variables(environment),
            store,
        })
    }

    /// The root as it is, with somebody who acts on it.
    pub(crate) fn existing(&self, environment: &Environment) -> anyhow::Result<Site> {
        let (dir, store) = (self.dir(environment)?, self.open(environment)?);
        // Whoever acts on it would lay out a root in it.
        if is_foreign(&dir) {
            let message = format!("{} is no deployment root: it holds other files", dir.display());
            return Err(refusal(Exit::UNREADABLE, message));
        }
        self.site(store, environment)
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

/// Whether a folder holds something else than a root.
fn is_foreign(dir: &Path) -> bool {
    // One that cannot be listed is said to be so by whoever opens it.
    let Ok(entries) = fs::read_dir(dir) else { return false };
    let names = entries.filter_map(Result::ok).map(|it| it.file_name());
    let names = names.map(|it| it.to_string_lossy().into_owned());
    let names: Vec<String> =
        names.filter(|it| !it.starts_with('.') && it != "lost+found").collect();
    !names.is_empty() && !names.iter().any(|it| PARTS.contains(&it.as_str()))
}

/// Refuses to make a root among other files: the two would be mixed.
fn check_place(dir: &Path) -> anyhow::Result<()> {
    if !is_foreign(dir) {
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
fn bound(store: Option<&Store>) -> anyhow::Result<Option<EnvironmentName>> {
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
