use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use overlay_model::{
    Catalogue, Diagnostic, MAX_TEXT_BYTES, Overlay, ParameterText, Value, canonical_number,
};
use overlay_schema::{Group, Kind, PARAMS, Param, Profile, Subject, check};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::code;
use crate::files::{self, Content, Draft};
use crate::golden::{Golden, read_golden};
use crate::import::yaml::yaml;
use crate::import::{ImportReport, SUITE_TOML};
use crate::ladder;
use crate::record::{Side, authored, planned_calls, write_cassette};
use crate::report::FileFinding;
use crate::sides::Sides;
use crate::suite::{Suite, SuiteError};
use crate::update::{UpdateOptions, update};

/// Which overlay the original's router takes for a category.
const ROUTES: [(&str, &str); 3] = [
    ("financial_operations", "rollback_first"),
    ("security_operations", "observability_first"),
    ("compliance_management", "state_model_first"),
];

const PROVIDERS: &str = "\
# Written by the import. The original's goldens name no model and no price.
schema = \"fusion/providers/1\"
default_models = [\"unnamed\"]

[[providers]]
name = \"imported\"
endpoint = \"http://127.0.0.1:8080/v1\"

[[models]]
id = \"unnamed\"
provider = \"imported\"
encoding = \"o200k_base\"
context_tokens = 128000
input_usd_per_mtok = 0.01
output_usd_per_mtok = 0.01
";

/// `overlay_params.yaml`, as far as it means something here.
#[derive(Default, Deserialize)]
struct Parameters {
    #[serde(default)]
    defaults: BTreeMap<String, ParameterText>,
    #[serde(default)]
    overrides: BTreeMap<String, BTreeMap<String, ParameterText>>,
    #[serde(default)]
    constraints: BTreeMap<String, Constraint>,
}

#[derive(Deserialize)]
struct Constraint {
    min: f64,
    max: f64,
    step: f64,
}

/// `overlay_feature_flags.yaml`, as far as it means something here.
#[derive(Default, Deserialize)]
struct Flags {
    #[serde(default)]
    features: BTreeMap<String, Feature>,
}

#[derive(Deserialize)]
struct Feature {
    #[serde(default)]
    enabled_overlays: Vec<String>,
    #[serde(default)]
    conditions: Conditions,
}

#[derive(Default, Deserialize)]
struct Conditions {
    #[serde(default)]
    scenario_types: Vec<String>,
}

/// Makes a suite of the original's files in `dir`: `eval_scenarios.yaml`,
/// `*_golden.json`, `micro_overlays/`, `fusion_overlay.v0.3.txt`, `overlay_params.yaml`,
/// `overlay_feature_flags.yaml`; all but the first may be missing.
///
/// Each known defect of them is a finding. The outputs of the goldens become authored
/// recordings, since nobody says which model wrote them; a golden with a key that stands
/// twice is refused. Scenarios without golden have no recording, and are stale until they
/// are recorded. `into` is there when it is whole, and only then.
///
/// # Errors
///
/// Where `dir` has no readable `eval_scenarios.yaml`, `into` is not empty, or a file
/// cannot be written.
pub fn origin(dir: &Path, into: &Path) -> Result<ImportReport, SuiteError> {
    let mut import = Import { dir, findings: Vec::new() };
    let mut catalogue: Catalogue = import.required("eval_scenarios.yaml")?;
    let parameters: Parameters = import.optional("overlay_params.yaml")?;
    let flags: Flags = import.optional("overlay_feature_flags.yaml")?;
    let micros = import.micro_overlays()?;
    let settings = import.overlay()?;
    let goldens = import.goldens()?;
    import.set_parameters(&mut catalogue, &parameters);
    import.check_flags(&flags, &catalogue, &micros);

    let draft = Draft::of(into)?;
    let write = |name: &str, text: &str| draft.write(name, text);
    write("suite.toml", SUITE_TOML)?;
    write("configs/providers.toml", PROVIDERS)?;
    // The catalogue was read from such a text, so it has one.
    let tree = serde_json::to_value(&catalogue).unwrap_or_default();
    write("configs/scenarios.yaml", &yaml(&tree))?;
    let baseline = baseline(&settings, &parameters);
    write("configs/overlays/fusion_overlay.baseline.txt", &baseline)?;
    for (name, text) in &micros {
        write(&format!("configs/micro_overlays/{name}.txt"), text)?;
        let overlay = overlay(name, &settings, &catalogue);
        write(&format!("configs/overlays/fusion_overlay.{name}.txt"), &overlay)?;
    }
    let suite = Suite::open(draft.dir())?;
    let mut report = ImportReport { scenarios: catalogue.scenarios.len(), ..Default::default() };
    for golden in goldens {
        report.recordings += import.accept(&suite, &golden)?;
        report.goldens += 1;
    }
    draft.finish()?;
    report.findings = import.findings;
    Ok(report)
}

struct Import<'a> {
    dir: &'a Path,
    findings: Vec<FileFinding>,
}

impl Import<'_> {
    fn find(&mut self, path: &str, diagnostic: Diagnostic) {
        self.findings.push(FileFinding { path: path.to_owned(), diagnostic });
    }

    fn required<T: DeserializeOwned>(&self, name: &str) -> Result<T, SuiteError> {
        let path = self.dir.join(name);
        let text = files::read_text(&path, MAX_TEXT_BYTES)?;
        overlay_model::from_yaml(&text).map_err(|err| SuiteError::text(&path, err))
    }

    fn optional<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T, SuiteError> {
        if self.dir.join(name).is_file() { self.required(name) } else { Ok(T::default()) }
    }

    /// The paths of the files of a folder, by name.
    fn files(&self, folder: &str, suffix: &str) -> Vec<(String, PathBuf)> {
        let entries = fs::read_dir(self.dir.join(folder)).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries
            .filter_map(|it| Some((it.file_name().into_string().ok()?, it.path())))
            .filter(|(name, path)| name.ends_with(suffix) && path.is_file())
            .collect();
        files.sort();
        files
    }

    fn micro_overlays(&self) -> Result<BTreeMap<String, String>, SuiteError> {
        let mut micros = BTreeMap::new();
        for (name, path) in self.files("micro_overlays", ".txt") {
            let text = files::read_text(&path, MAX_TEXT_BYTES)?;
            micros.insert(name.trim_end_matches(".txt").to_owned(), text);
        }
        Ok(micros)
    }

    /// The settings of the original's overlay that mean the same here.
    fn overlay(&mut self) -> Result<BTreeMap<String, String>, SuiteError> {
        const NAME: &str = "fusion_overlay.v0.3.txt";
        let Content::Bytes(bytes) = files::read(&self.dir.join(NAME), MAX_TEXT_BYTES)? else {
            return Ok(BTreeMap::new());
        };
        let (overlay, syntax) = Overlay::read(&bytes);
        let subject = Subject { file_name: Some(NAME), references: None };
        for finding in check(&overlay, syntax, Profile::Origin, &subject).diagnostics {
            self.find(NAME, finding);
        }
        let (kept, dropped): (Vec<_>, Vec<_>) =
            overlay.entries().partition(|it| means_the_same(it.key, it.value));
        if !dropped.is_empty() {
            let message = format!(
                "{} of {} settings have no counterpart here and are left out",
                dropped.len(),
                overlay.len()
            );
            self.find(NAME, Diagnostic::note(code::DROPPED, message));
        }
        Ok(kept.into_iter().map(|it| (it.key.to_owned(), it.value.to_owned())).collect())
    }

    /// The goldens that can be read, each with its findings.
    fn goldens(&mut self) -> Result<Vec<Golden>, SuiteError> {
        let mut goldens = Vec::new();
        for (name, path) in self.files("", "_golden.json") {
            let (golden, findings) = read_golden(&files::read_text(&path, MAX_TEXT_BYTES)?);
            for finding in findings {
                self.find(&name, finding);
            }
            goldens.extend(golden);
        }
        Ok(goldens)
    }

    /// Gives the scenarios their parameters, and names the ones that break the file's own
    /// constraints.
    fn set_parameters(&mut self, catalogue: &mut Catalogue, parameters: &Parameters) {
        const NAME: &str = "overlay_params.yaml";
        let sets = parameters.overrides.iter().map(|(id, set)| (id.as_str(), set));
        for (id, set) in sets.chain([("defaults", &parameters.defaults)]) {
            for (key, value) in set {
                let constraint = parameters.constraints.get(key);
                let broken = constraint.and_then(|it| it.broken(value));
                if let Some(how) = broken {
                    let message = format!("`{key}` of {id}: {how}");
                    self.find(NAME, Diagnostic::warning(code::OFF_STEP, message));
                }
            }
        }
        for (id, set) in &parameters.overrides {
            let Some(scenario) = catalogue.scenarios.iter_mut().find(|it| it.id.as_str() == id)
            else {
                let message = format!("there is no scenario `{id}`");
                self.find(NAME, Diagnostic::warning(code::NO_PARAMETERS, message));
                continue;
            };
            let known = set.iter().filter_map(|(key, value)| {
                let key = key.to_ascii_uppercase();
                means_the_same(&key, &value.to_text()).then(|| (key, value.clone()))
            });
            scenario.parameters.extend(known);
        }
    }

    fn check_flags(
        &mut self,
        flags: &Flags,
        catalogue: &Catalogue,
        micros: &BTreeMap<String, String>,
    ) {
        const NAME: &str = "overlay_feature_flags.yaml";
        let kinds: BTreeSet<_> = catalogue.scenarios.iter().map(|it| it.kind()).collect();
        for (flag, feature) in &flags.features {
            let lost = feature.enabled_overlays.iter().filter(|it| !micros.contains_key(*it));
            for overlay in lost {
                let message = format!("`{flag}` enables `{overlay}`, which does not exist");
                self.find(NAME, Diagnostic::warning(code::NO_OVERLAY, message));
            }
            let types = &feature.conditions.scenario_types;
            for kind in types.iter().filter(|it| !kinds.contains(it.as_str())) {
                let message = format!("`{flag}` is for `{kind}`, which no scenario is");
                self.find(NAME, Diagnostic::note(code::UNMATCHED_TYPE, message));
            }
        }
    }

    /// Records the outputs of a golden and accepts them; says how many were recorded.
    fn accept(&mut self, suite: &Suite, golden: &Golden) -> Result<usize, SuiteError> {
        let id = golden.scenario_id.as_str();
        let file = format!("{id}_golden.json");
        let Ok(scenario) = suite.scenario(id) else {
            let message = format!("there is no scenario `{id}`");
            self.find(&file, Diagnostic::error(code::NO_SCENARIO, message));
            return Ok(0);
        };
        let message = "no model is named: both outputs are kept as authored recordings";
        self.find(&file, Diagnostic::note(code::UNNAMED_MODEL, message));
        let lines: Vec<_> = planned_calls(&Sides::new(suite, &[scenario]), scenario)
            .iter()
            .map(|call| {
                let text = match call.side {
                    Side::Baseline => &golden.baseline_output,
                    Side::Overlay => &golden.overlay_output,
                };
                authored(suite, call, text, "the original's golden")
            })
            .collect();
        write_cassette(suite, id, &lines.iter().collect::<Vec<_>>())?;
        update(
            suite,
            &UpdateOptions {
                scenarios: vec![id.to_owned()],
                reason: "imported from the original's golden".to_owned(),
                author: "golden import".to_owned(),
                at: golden.timestamp.clone(),
                dry_run: false,
            },
        )?;
        if let (Some(written), _) = ladder::golden(suite, id)? {
            let written = Golden { legacy: golden.legacy.clone(), ..written };
            files::write(&suite.golden_path(id), written.to_text().as_bytes())?;
        }
        Ok(lines.len())
    }
}

impl Constraint {
    /// How `value` breaks it; a value that is no number does not.
    fn broken(&self, value: &ParameterText) -> Option<String> {
        let number: f64 = value.to_text().parse().ok()?;
        let shown = canonical_number(number);
        if number < self.min || number > self.max {
            return Some(format!("{shown} is not from {} to {}", self.min, self.max));
        }
        let steps = (number - self.min) / self.step;
        let is_off = (steps - steps.round()).abs() > 1e-6;
        is_off.then(|| format!("{shown} is off the step {} from {}", self.step, self.min))
    }
}

/// Whether a setting is one of ours with one of its values.
fn means_the_same(key: &str, value: &str) -> bool {
    let row = PARAMS.iter().find(|it| it.key == key && it.group != Group::Metadata);
    row.is_some_and(|it: &Param| match it.kind {
        Kind::Word(words) => words.contains(&value),
        Kind::Models | Kind::Voters => false,
        kind => Value::parse(kind.shape(), value).is_ok(),
    })
}

/// The base layer: the parameters that hold for every scenario.
fn baseline(settings: &BTreeMap<String, String>, parameters: &Parameters) -> String {
    let mut text = head("baseline", "The original's defaults, one call of an unnamed model", None);
    let defaults = parameters.defaults.iter().filter_map(|(key, value)| {
        let (key, value) = (key.to_ascii_uppercase(), value.to_text());
        means_the_same(&key, &value).then(|| format!("{key}={value}\n"))
    });
    text.push_str("FUSION_MODE=baseline_only\nMODEL=unnamed\nSAMPLES=1\n");
    text.extend(defaults);
    text.push_str(&rest(settings));
    text
}

/// An overlay for a micro overlay of the original.
fn overlay(name: &str, settings: &BTreeMap<String, String>, catalogue: &Catalogue) -> String {
    let category = ROUTES.iter().find(|(_, overlay)| *overlay == name).map(|(it, _)| *it);
    let targets: Vec<_> = catalogue
        .scenarios
        .iter()
        .filter(|it| Some(it.category.as_str()) == category)
        .map(|it| it.kind())
        .collect();
    let targets = (!targets.is_empty()).then(|| targets.join(","));
    let mut text = head(name, "A micro overlay of the original", targets.as_deref());
    text.push_str("FUSION_MODE=speed_optimized\nMODEL=unnamed\nSAMPLES=1\n");
    text.push_str(&rest(settings));
    text
}

fn head(name: &str, description: &str, targets: Option<&str>) -> String {
    let targets = targets.map(|it| format!("OVERLAY_TARGET_SCENARIOS={it}\n")).unwrap_or_default();
    format!(
        "# Written by the import.\nFUSION_OVERLAY_VERSION=2.1.0\nOVERLAY_NAME={name}\n\
         OVERLAY_DESCRIPTION={description}\nOVERLAY_AUTHOR=golden import\n{targets}\n"
    )
}

/// The settings of the original's overlay, and the required ones it has no value for.
fn rest(settings: &BTreeMap<String, String>) -> String {
    const REQUIRED: [(&str, &str); 4] = [
        ("CONTINUITY_ENFORCEMENT", "basic_thread"),
        ("ENTROPY_REDUCTION_TARGET", "0.30"),
        ("TRUST_SCORING_MODEL", "simple_alignment"),
        ("PRIMARY_MODEL_SELECTION", "single_model"),
    ];
    let mut all: BTreeMap<_, _> = REQUIRED.into_iter().collect();
    let settings = settings.iter().filter(|(key, _)| *key != "FUSION_MODE");
    all.extend(settings.map(|(key, value)| (key.as_str(), value.as_str())));
    all.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
}
