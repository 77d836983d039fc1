use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use fusion_flags::FlagReferences;
use fusion_golden::{read_cassette, read_golden};
use fusion_plan::Checks;
use overlay_loader::Installation;
use overlay_model::{Catalogue, Diagnostic, MicroOverlay, Overlay, Severity};
use overlay_schema::{PiiDetection, Profile, References, Subject, check, check_typed, scan_prompt};
use serde_json::Value;

use super::migrations;
use crate::root::root;

/// A format that we read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Format {
    Overlay,
    TypedOverlay,
    Prompt,
    Flags,
    Scenarios,
    Providers,
    Golden,
    Cassette,
    Migration,
}

impl Format {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Overlay => "overlay",
            Self::TypedOverlay => "typed overlay",
            Self::Prompt => "prompt",
            Self::Flags => "flags",
            Self::Scenarios => "scenarios",
            Self::Providers => "providers",
            Self::Golden => "golden",
            Self::Cassette => "recordings",
            Self::Migration => "migration",
        }
    }
}

/// A valid file.
pub(super) struct Seed {
    /// Its path in the repository.
    pub(super) name: String,
    pub(super) format: Format,
    pub(super) bytes: Vec<u8>,
}

impl Seed {
    /// The text; every seed is UTF-8.
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }
}

/// What a reader says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Said {
    pub(super) message: String,
    pub(super) is_error: bool,
}

/// The folders of seeds: configuration, goldens, samples, migrations. The samples of goldens
/// and recordings show the form alone: their digests are those of nothing.
const FOLDERS: &[(&str, Format)] = &[
    ("configs/overlays", Format::Overlay),
    ("configs/micro_overlays", Format::Prompt),
    ("goldens", Format::Golden),
    ("goldens/cassettes", Format::Cassette),
    ("schemas/samples/valid/overlay", Format::TypedOverlay),
    ("schemas/samples/valid/flags", Format::Flags),
    ("schemas/samples/valid/scenarios", Format::Scenarios),
    ("schemas/samples/valid/providers", Format::Providers),
    ("crates/overlay-sqlite/migrations/audit", Format::Migration),
    ("crates/overlay-sqlite/migrations/performance", Format::Migration),
];
/// Files of folders that hold others too.
const FILES: &[(&str, Format)] = &[
    ("configs/overlay_feature_flags.yaml", Format::Flags),
    ("configs/scenarios.yaml", Format::Scenarios),
    ("configs/providers.toml", Format::Providers),
];

/// The valid files that there are.
pub(super) fn seeds() -> anyhow::Result<Vec<Seed>> {
    let mut seeds = Vec::new();
    for (folder, format) in FOLDERS {
        let entries =
            fs::read_dir(root().join(folder)).with_context(|| format!("reading {folder}"))?;
        let mut names: Vec<_> =
            entries.flatten().map(|it| it.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        let is_seed = |name: &&String| match format {
            Format::Golden => name.ends_with(".json"),
            _ => root().join(folder).join(name).is_file() && !name.starts_with('.'),
        };
        for name in names.iter().filter(is_seed) {
            seeds.push(read(&format!("{folder}/{name}"), *format)?);
        }
    }
    for (path, format) in FILES {
        seeds.push(read(path, *format)?);
    }
    Ok(seeds)
}

fn read(name: &str, format: Format) -> anyhow::Result<Seed> {
    let bytes = fs::read(root().join(name)).with_context(|| format!("reading {name}"))?;
    Ok(Seed { name: name.to_owned(), format, bytes })
}

/// Our readers, beside the shipped installation.
pub(super) struct Readers {
    installation: Installation,
    flags: FlagReferences,
}

impl Readers {
    pub(super) fn new() -> anyhow::Result<Self> {
        let installation = Installation::read(&root().join("configs"))?;
        let names = installation.overlays().keys().map(ToString::to_string).collect();
        let kinds = installation.catalogue().scenarios.iter().map(|it| it.kind().to_owned());
        let flags = FlagReferences {
            overlays: Some(names),
            scenario_types: Some(kinds.collect()),
            now_ms: None,
        };
        Ok(Self { installation, flags })
    }

    /// The errors and warnings about `bytes` in place of `seed`.
    pub(super) fn read(&self, seed: &Seed, bytes: &[u8]) -> anyhow::Result<Vec<Said>> {
        let is_shipped = seed.name.starts_with("configs/");
        let found = match seed.format {
            Format::Overlay => self.overlay(&seed.name, bytes),
            Format::TypedOverlay => return Ok(typed(&seed.name, bytes)),
            Format::Prompt => prompt(bytes),
            Format::Flags => {
                let Ok(text) = std::str::from_utf8(bytes) else { return Ok(vec![no_text()]) };
                let text = text.strip_prefix('\u{feff}').unwrap_or(text);
                fusion_flags::check(text, is_shipped.then_some(&self.flags)).1
            }
            Format::Scenarios => scenarios(bytes),
            Format::Providers if is_shipped => self.providers(bytes),
            Format::Providers => top_level("providers.toml", [], bytes),
            Format::Golden => return Ok(golden(&seed.name, bytes)),
            Format::Cassette => {
                let (interactions, found) = read_cassette(bytes);
                if interactions.is_empty() && found.is_empty() {
                    return Ok(vec![Said {
                        message: "nothing is recorded".into(),
                        is_error: true,
                    }]);
                }
                found
            }
            Format::Migration => return migrations::read(&seed.name, bytes),
        };
        Ok(said(found))
    }

    /// What is said of the model table and of the overlays that name its models.
    fn providers(&self, bytes: &[u8]) -> Vec<Diagnostic> {
        let overlays = self.installation.overlays().values();
        let overlays =
            overlays.map(|it| (it.path.clone(), it.overlay.source().as_bytes().to_vec()));
        top_level("providers.toml", overlays, bytes)
    }

    fn overlay(&self, name: &str, bytes: &[u8]) -> Vec<Diagnostic> {
        let installation = &self.installation;
        let micros = installation.overlays().iter().filter(|(_, it)| it.micro.is_some());
        let references = References {
            providers: installation.providers(),
            scenario_types: installation.catalogue().scenarios.iter().map(|it| it.kind()).collect(),
            micro_overlays: micros.map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>(),
        };
        let (overlay, syntax) = Overlay::read(bytes);
        let file_name = name.rsplit('/').next();
        let subject = Subject { file_name, references: Some(&references) };
        check(&overlay, syntax, Profile::Deploy, &subject).diagnostics
    }
}

fn said(found: Vec<Diagnostic>) -> Vec<Said> {
    let said = found.into_iter().filter(|it| it.severity != Severity::Note).map(|it| Said {
        is_error: it.is_error(),
        message: format!("{}: {}", it.code, it.message),
    });
    said.collect()
}

fn no_text() -> Said {
    Said { message: "invalid UTF-8".to_owned(), is_error: true }
}

/// An overlay as TOML, YAML or JSON.
fn typed(name: &str, bytes: &[u8]) -> Vec<Said> {
    let Ok(text) = std::str::from_utf8(bytes) else { return vec![no_text()] };
    let value: Result<Value, _> = match name.ends_with(".toml") {
        true => overlay_model::from_toml(text),
        false => overlay_model::from_yaml(text),
    };
    match value {
        Ok(Value::Object(table)) => said(check_typed(&table)),
        Ok(_) => vec![Said { message: "no table".to_owned(), is_error: true }],
        Err(err) => vec![Said { message: err.to_string(), is_error: true }],
    }
}

fn prompt(bytes: &[u8]) -> Vec<Diagnostic> {
    let (micro, mut found) = MicroOverlay::read(bytes);
    found.extend(scan_prompt(micro.text(), PiiDetection::Off));
    let (rules, others): (Vec<_>, Vec<_>) = micro.checks().into_iter().partition(Result::is_ok);
    let others = others.into_iter().filter_map(Result::err);
    found.extend(others.map(|it| Diagnostic::error("CHECK", format!("`{it}` is no check"))));
    let rules: Vec<_> = rules.into_iter().flatten().collect();
    found.extend(Checks::compile(&rules).1);
    found
}

/// What the loader says of the scenarios, and the compiler of their rules.
fn scenarios(bytes: &[u8]) -> Vec<Diagnostic> {
    let mut found = top_level("scenarios.yaml", [], bytes);
    let text = String::from_utf8_lossy(bytes);
    if let Ok(catalogue) = overlay_model::from_yaml::<Catalogue>(&text) {
        found.extend(catalogue.scenarios.iter().flat_map(|it| Checks::compile(&it.expect).1));
    }
    found
}

/// What the loader says of a file at the top of an installation, with `others` beside it.
fn top_level(
    name: &str,
    others: impl IntoIterator<Item = (String, Vec<u8>)>,
    bytes: &[u8],
) -> Vec<Diagnostic> {
    let file = (name.to_owned(), bytes.to_vec());
    let files = others.into_iter().chain([file]);
    let read = Installation::from_files(Path::new(""), files, None);
    // What the others are only warned of is about files that are not here.
    let found = read.findings().iter().filter(|it| it.path == name || it.diagnostic.is_error());
    found.map(|it| it.diagnostic.clone()).collect()
}

/// What is said of a golden, whose name says its scenario where it lies in a suite.
fn golden(name: &str, bytes: &[u8]) -> Vec<Said> {
    let Ok(text) = std::str::from_utf8(bytes) else { return vec![no_text()] };
    let (golden, found) = read_golden(text);
    let mut found = said(found);
    let file = name.rsplit('/').next().and_then(|it| it.strip_suffix("_golden.json"));
    if let Some((id, golden)) = file.zip(golden)
        && golden.scenario_id != id
    {
        found.push(Said { message: "a golden of another scenario".to_owned(), is_error: true });
    }
    found
}
