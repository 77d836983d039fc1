use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use overlay_loader::Installation;
use overlay_model::Digest;
use serde::Serialize;

use super::unreadable_installation;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::output::{Output, Report};

/// List the overlays of an installation
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion overlay list --configs configs")]
pub(crate) struct List {
    /// The installation; else FUSION_CONFIGS, else `configs`
    #[arg(long, value_name = "DIR")]
    configs: Option<PathBuf>,
}

#[derive(Serialize)]
struct ListReport {
    overlays: Vec<ListedOverlay>,
}

#[derive(Serialize)]
struct ListedOverlay {
    name: String,
    version: Option<String>,
    path: String,
    digest: Digest,
    micro_overlay: Option<String>,
    description: Option<String>,
}

impl Report for ListReport {
    const SCHEMA: &'static str = "fusion/overlay-list/1";

    fn text(&self, _width: usize) -> String {
        let width = self.overlays.iter().map(|it| it.name.len()).max().unwrap_or_default();
        let mut res = String::new();
        for ListedOverlay { name, version, digest, description, .. } in &self.overlays {
            let (version, digest) = (version.as_deref().unwrap_or("-"), digest.short());
            let description = description.as_deref().unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = writeln!(res, "{name:width$}  {version:8}  {digest}  {description}");
        }
        res
    }
}

impl List {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let dir = environment.configs(self.configs.as_deref());
        let dir = dir.unwrap_or_else(|| PathBuf::from("configs"));
        let installation = Installation::read(&dir).map_err(|err| unreadable_installation(&err))?;
        let overlays = installation.overlays().iter().map(|(name, it)| {
            let text = |key| it.overlay.value(key).map(str::to_owned);
            ListedOverlay {
                name: name.to_string(),
                version: text("FUSION_OVERLAY_VERSION"),
                path: it.path.clone(),
                digest: overlay_schema::digest(&it.overlay),
                micro_overlay: it.micro.as_ref().map(|(path, _)| path.clone()),
                description: text("OVERLAY_DESCRIPTION"),
            }
        });
        let report = ListReport { overlays: overlays.collect() };
        output.show(&report)?;
        Ok(if report.overlays.is_empty() { Exit::NOTHING } else { Exit::DONE })
    }
}
