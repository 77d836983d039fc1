use std::path::{Path, PathBuf};

use clap::Args;
use overlay_deploy::{
    Base, CheckName, EnvironmentName, Mode, NamedFile, OverlayFile, Planned, Request, Span, Stages,
    minimal_tree, plan, plan_tree, rules_of,
};
use overlay_loader::FileFinding;
use overlay_model::{Overlay, OverlayName};
use overlay_sqlite::{DatabaseKind, Performance};
use overlay_store::{Store, Tree, WriteError};

use super::fit::unfit;
use super::installation::{check_apart, tree};
use super::refusal::{deploy_error, store_error};
use crate::environment::now_us;
use crate::exit::{Exit, refusal};
use crate::input;

/// What is to be deployed.
#[derive(Args, Debug)]
pub(super) struct Wanted {
    /// Overlays that are new or change; each brings the micro overlay of its name, where there is
    /// one in `micro_overlays` beside its folder
    #[arg(value_name = "OVERLAY_FILE", required_unless_present_any = ["from", "with"])]
    overlays: Vec<PathBuf>,
    /// A whole installation without its hidden files: what an empty root begins with, or without
    /// other files the tree to deploy. Else an empty root begins with the built-in overlay, and the
    /// `providers.toml` of the installation that the overlay lies in
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Another file of an installation, as `scenarios.yaml`; may be given several times
    #[arg(long, value_name = "FILE")]
    with: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) how: How,
}

/// How it is deployed.
#[derive(Args, Debug)]
pub(super) struct How {
    /// direct, staged or blue-green; else as `deploy.toml` says
    #[arg(long, value_name = "MODE")]
    pub(super) mode: Option<Mode>,
    /// The shares of a staged rollout in percent: `1,5,25,50,100`
    #[arg(long, value_name = "LIST")]
    pub(super) stages: Option<Stages>,
    /// For how long each stage, or the new generation, is watched at least: `5m`
    #[arg(long, value_name = "SPAN")]
    pub(super) bake: Option<Span>,
    /// After this time a stage of a staged rollout that has no verdict pauses and waits for a
    /// person: `6h`; never less than the stage bakes
    #[arg(long, value_name = "SPAN")]
    pub(super) max_stage: Option<Span>,
    /// Another check of `deploy.toml`; may be given several times
    #[arg(long = "check", value_name = "NAME")]
    pub(super) checks: Vec<CheckName>,
    /// Only where the root is at this epoch, 0 for nothing deployed
    #[arg(long, value_name = "N")]
    pub(super) base_epoch: Option<u64>,
}

/// A plan, or why there is none.
pub(super) type Findings = (Option<Planned>, Vec<FileFinding>);

impl Wanted {
    /// Plans it for the root `store`, in the folder `dir`; `None` for one that is not there yet.
    pub(super) fn plan(
        &self,
        store: Option<&Store>,
        dir: &Path,
        environment: EnvironmentName,
    ) -> anyhow::Result<Findings> {
        self.how.check()?;
        let installations = self.overlays.iter().filter_map(|it| installation_of(it));
        for installation in self.from.iter().cloned().chain(installations) {
            check_apart(&installation, dir)?;
        }
        let base = self.base(store)?;
        let request = Request {
            overlays: self.overlays.iter().map(|it| overlay(it)).collect::<anyhow::Result<_>>()?,
            with: self.with.iter().map(|it| named(it)).collect::<anyhow::Result<_>>()?,
            ..self.how.request(environment, dir)
        };
        let (rules, mut findings) = rules_of(&base.tree);
        let whole = self.from.as_deref().filter(|_| base.pointer.is_some());
        let (planned, found) = match whole {
            Some(from) => plan_tree(&base, &request, &rules, &tree(from)?),
            None => plan(&base, &request, &rules),
        };
        self.how.check_base(planned.as_ref())?;
        findings.extend(found);
        findings.extend(planned.iter().flat_map(unfit));
        let is_sound = !findings.iter().any(|it| it.diagnostic.is_error());
        Ok((planned.filter(|_| is_sound), findings))
    }

    /// What is in force, or what to begin with.
    fn base(&self, store: Option<&Store>) -> anyhow::Result<Base> {
        let current = store.map(|it| Base::read(it, Tree::new())).transpose();
        let current = current.map_err(store_error)?.filter(|it| it.pointer.is_some());
        if let Some(base) = current {
            if self.from.is_some() && !(self.overlays.is_empty() && self.with.is_empty()) {
                let message = "something is deployed: --from takes a whole installation, and no \
                               other files beside it";
                return Err(refusal(Exit::USAGE, message));
            }
            return Ok(base);
        }
        let tree = match &self.from {
            Some(from) => tree(from)?,
            None => self.beginning()?,
        };
        Ok(Base { pointer: None, tree })
    }

    /// What an empty root begins with: the built-in overlay, and the models of the
    /// installation that the overlays come from, since they name them.
    fn beginning(&self) -> anyhow::Result<Tree> {
        let mut tree = minimal_tree();
        let beside = |it: &PathBuf| Some(it.parent()?.join("../providers.toml"));
        let models = self.overlays.iter().filter_map(beside).find(|it| it.is_file());
        if let Some(models) = models {
            tree.insert("providers.toml", input::read(&models)?.bytes)?;
        }
        Ok(tree)
    }

    /// The overlays as they were named, for a report about none that was planned.
    pub(super) fn names(&self) -> String {
        let names: Vec<String> = self.overlays.iter().map(|it| input::name_of(it)).collect();
        names.join(",")
    }
}

impl How {
    /// A request for nothing yet.
    pub(super) fn request(&self, environment: EnvironmentName, dir: &Path) -> Request {
        Request {
            mode: self.mode,
            stages: self.stages.clone(),
            bake: self.bake,
            max_stage: self.max_stage,
            checks: self.checks.clone(),
            requests_per_hour: requests_per_hour(dir, &environment),
            ..Request::to(environment)
        }
    }

    /// Refuses what says two things at once.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let message = match (self.mode, self.bake, self.max_stage) {
            (Some(mode), ..) if mode != Mode::Staged && self.stages.is_some() => {
                format!("--stages are those of --mode staged, and not of {mode}")
            }
            (Some(mode), _, Some(_)) if mode != Mode::Staged => {
                format!("--max-stage is one of --mode staged, and not of {mode}")
            }
            (_, Some(bake), Some(most)) if most < bake => {
                format!("--max-stage {most} is shorter than --bake {bake}")
            }
            _ => return Ok(()),
        };
        Err(refusal(Exit::USAGE, message))
    }

    /// Whether the root is where the caller believes it to be.
    pub(super) fn check_base(&self, planned: Option<&Planned>) -> anyhow::Result<()> {
        match (self.base_epoch, planned.map(|it| it.plan.base_epoch)) {
            (Some(expected), Some(found)) if expected != found => {
                Err(deploy_error(WriteError::BaseMoved { expected, found }.into()))
            }
            _ => Ok(()),
        }
    }
}

/// How many answers the root knows of the last hour; unknown where it has no database.
fn requests_per_hour(dir: &Path, environment: &EnvironmentName) -> Option<f64> {
    let path = dir.join(DatabaseKind::Performance.path());
    let hour = overlay_sqlite::Span::last_hour(now_us());
    let seen = Performance::look(&path, |rows| rows.latency(Some(environment.as_str()), hour));
    Some(seen.ok()??.count as f64)
}

/// The installation that an overlay lies in: what holds its folder `overlays`.
fn installation_of(overlay: &Path) -> Option<PathBuf> {
    let folder = std::path::absolute(overlay).ok()?.parent()?.canonicalize().ok()?;
    let is_one = folder.file_name().is_some_and(|it| it == "overlays");
    folder.parent().filter(|_| is_one).map(Path::to_owned)
}

/// A file under its name without folders.
fn named(path: &Path) -> anyhow::Result<NamedFile> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(NamedFile { name, bytes: input::read(path)?.bytes })
}

/// An overlay, with the micro overlay that lies beside it.
fn overlay(path: &Path) -> anyhow::Result<OverlayFile> {
    let file = named(path)?;
    let micro = micro(path, &file).map(|it| named(&it)).transpose()?;
    Ok(OverlayFile { file, micro })
}

fn micro(path: &Path, file: &NamedFile) -> Option<PathBuf> {
    let (overlay, _) = Overlay::read(&file.bytes);
    let name: OverlayName = match overlay.value("OVERLAY_NAME") {
        Some(name) => name.parse().ok()?,
        None => OverlayName::from_file_name(&file.name)?,
    };
    let folder = path.parent()?;
    let places = [folder.join("../micro_overlays"), folder.join("micro_overlays")];
    let files =
        places.iter().flat_map(|it| ["md", "txt"].map(|end| it.join(format!("{name}.{end}"))));
    files.into_iter().find(|it| it.is_file())
}
