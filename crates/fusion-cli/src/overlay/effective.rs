use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use overlay_loader::{Installation, environment_layer};
use overlay_model::{
    Diagnostic, Effective, EffectiveSetting, Layer, Origin, OverlayName, ParamKey, Scenario,
    Setting,
};
use overlay_schema::{nearest_key, param};
use serde::Serialize;

use super::assignment::Assignment;
use super::document::Document;
use super::unreadable_installation;
use crate::environment::Environment;
use crate::exit::{Exit, refusal};
use crate::findings::{Finding, are_fatal, views};
use crate::output::{Output, Report};

/// Show the settings in force, where each comes from and what it shadows
///
/// Layers, weakest first: defaults, the built-in overlay, the base layer of the installation
/// (`baseline`), the files in their order, the parameters of the scenario, the environment
/// (RESONTINEX_FUSION_<KEY>), the command line (`--set`).
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion overlay effective configs/overlays/fusion_overlay.rollback_first.txt
  fusion overlay effective configs/overlays/fusion_overlay.rollback_first.txt --configs configs \\
    --why TRUST_FLOOR
  fusion overlay effective configs/overlays/fusion_overlay.rollback_first.txt --set SAMPLES=3 --json")]
pub(crate) struct EffectiveArguments {
    /// The overlays, weakest first
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only this key, with everything it shadows
    #[arg(long, value_name = "KEY")]
    why: Option<ParamKey>,
    /// The installation the overlays are read over
    #[arg(long, value_name = "DIR")]
    configs: Option<PathBuf>,
    /// The scenario of the installation whose parameters count
    #[arg(long, value_name = "ID")]
    scenario: Option<String>,
    /// A setting above all others; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Assignment>,
}

#[derive(Serialize)]
struct EffectiveReport {
    settings: BTreeMap<String, EffectiveSetting>,
    diagnostics: Vec<Finding>,
    #[serde(skip)]
    with_shadowed: bool,
}

/// What stands in front of a value that has no effect.
const SHADOWS: &str = "  shadows";

impl Report for EffectiveReport {
    const SCHEMA: &'static str = "fusion/overlay-effective/1";

    fn text(&self, _width: usize) -> String {
        let key_width = self.settings.keys().map(String::len).max().unwrap_or_default();
        let key_width = key_width.max(SHADOWS.len());
        let values = self.settings.values().flat_map(|it| {
            let shadowed = it.shadowed.iter().filter(|_| self.with_shadowed);
            [&it.setting].into_iter().chain(shadowed).map(|it| it.value.chars().count())
        });
        let value_width = values.max().unwrap_or_default().min(40);
        let mut res = String::new();
        // Writing to a string cannot fail.
        for (key, EffectiveSetting { setting, shadowed }) in &self.settings {
            let Setting { value, origin } = setting;
            let _ = writeln!(res, "{key:key_width$}  {value:value_width$}  {origin}");
            for Setting { value, origin } in shadowed.iter().filter(|_| self.with_shadowed) {
                let _ = writeln!(res, "{SHADOWS:key_width$}  {value:value_width$}  {origin}");
            }
        }
        res
    }
}

impl EffectiveArguments {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let installation = match environment.configs(self.configs.as_deref()) {
            Some(dir) => Installation::read(&dir).map_err(|err| unreadable_installation(&err))?,
            None => Installation::embedded(),
        };
        let scenario = self.scenario(&installation)?;
        let (variables, mut findings) = environment_layer(
            environment.variables().map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let above = [variables, self.command_line()];
        let effective = match self.of_installation(&installation) {
            Some(name) => {
                findings.extend(installation.refused(Some(&name), scenario, &above));
                installation.settings(Some(&name), scenario, &above)
            }
            None => {
                let mut layers = self.layers(output)?;
                layers.extend(scenario.map(scenario_layer));
                let (effective, settings, refused) = installation.settings_of(&layers, &above);
                findings.extend(refused);
                (effective, settings)
            }
        };
        let (effective, settings) = effective;
        if let Err(err) = settings {
            findings.push(Diagnostic::error("OVL5218", err.to_string()));
        }
        self.show(&effective, &installation, &findings, output)
    }

    fn show(
        &self,
        effective: &Effective,
        installation: &Installation,
        findings: &[Diagnostic],
        output: &mut Output,
    ) -> anyhow::Result<Exit> {
        let mut settings = self.wanted(effective)?;
        for EffectiveSetting { setting, shadowed } in settings.values_mut() {
            [setting].into_iter().chain(shadowed).for_each(|it| locate(it, installation));
        }
        let report = EffectiveReport {
            settings,
            diagnostics: views(findings),
            with_shadowed: self.why.is_some(),
        };
        if !output.is_json() {
            for finding in findings {
                output.remark(&format!("{finding}\n"))?;
            }
        }
        output.show(&report)?;
        Ok(if are_fatal(findings, output.strict) { Exit::FINDINGS } else { Exit::DONE })
    }

    /// All settings in force, or the one that was asked for.
    fn wanted(&self, effective: &Effective) -> anyhow::Result<BTreeMap<String, EffectiveSetting>> {
        let all = effective.iter().map(|(key, setting)| (key.to_string(), setting.clone()));
        let Some(key) = &self.why else { return Ok(all.collect()) };
        if let Some(setting) = effective.get(key.as_str()) {
            return Ok([(key.to_string(), setting.clone())].into());
        }
        let message = match nearest_key(key.as_str()) {
            _ if param(key.as_str()).is_some() => {
                format!("no layer sets {key}, and it has no default")
            }
            Some(nearest) => format!("there is no parameter {key}, did you mean {nearest}?"),
            None => format!("there is no parameter {key}"),
        };
        Err(refusal(Exit::NOTHING, message))
    }

    /// The overlay of the installation that the only file is.
    fn of_installation(&self, installation: &Installation) -> Option<OverlayName> {
        let [file] = self.files.as_slice() else { return None };
        let file = file.canonicalize().ok()?;
        let is_it =
            |path: &str| installation.root().join(path).canonicalize().is_ok_and(|it| it == file);
        let overlays = installation.overlays().iter();
        overlays.filter(|(_, it)| is_it(&it.path)).map(|(name, _)| name.clone()).next()
    }

    fn layers(&self, output: &mut Output) -> anyhow::Result<Vec<Layer>> {
        let layer = |path: &PathBuf| {
            let document = Document::sound(path, output)?;
            Ok(document.layer())
        };
        self.files.iter().map(layer).collect()
    }

    fn command_line(&self) -> Layer {
        let mut layer = Layer::default();
        for Assignment { key, value } in &self.set {
            layer.set(key.clone(), value, Origin::CommandLine);
        }
        layer
    }

    fn scenario<'a>(&self, installation: &'a Installation) -> anyhow::Result<Option<&'a Scenario>> {
        let Some(id) = &self.scenario else { return Ok(None) };
        let scenarios = &installation.catalogue().scenarios;
        let found = scenarios.iter().find(|it| it.id.as_str() == id);
        let missing = || refusal(Exit::NOTHING, format!("the installation has no scenario `{id}`"));
        found.map(Some).ok_or_else(missing)
    }
}

/// Names the file of a setting as seen from the current folder, where the installation
/// names it as seen from its own.
fn locate(setting: &mut Setting, installation: &Installation) {
    if let Origin::File { path, .. } = &mut setting.origin
        && installation.overlays().values().any(|it| it.path == *path)
    {
        *path = installation.root().join(&*path).display().to_string();
    }
}

fn scenario_layer(scenario: &Scenario) -> Layer {
    let mut layer = Layer::default();
    for (key, value) in &scenario.parameters {
        if let Ok(key) = key.parse() {
            layer.set(key, value.to_text(), Origin::Scenario { id: scenario.id.to_string() });
        }
    }
    layer
}
