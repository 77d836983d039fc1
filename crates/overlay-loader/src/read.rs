//! From files to an installation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use fusion_flags::{Conditions, Feature, FlagFile, FlagReferences, Ordered};
use overlay_model::{Catalogue, Diagnostic, Digest, MicroOverlay, Overlay, OverlayName, TextError};
use overlay_schema::{PiiDetection, Profile, Providers, References, Subject, check, scan_prompt};

use crate::code;
use crate::installation::{FileFinding, Installation, LoadedOverlay, ReadError};
use crate::kill_switch::kill_switch;
use crate::ledger;
use crate::settings::{ground, parameter};
use crate::tree::{Tree, TreeFile};

/// The file of feature flags.
pub(crate) const FLAG_FILE: &str = "overlay_feature_flags.yaml";

/// Below this number of files a second thread costs more than it saves.
const FILES_A_THREAD: usize = 64;

/// Reads the installation in `root`. What stands there as it does in `known`, which has no
/// errors, is not parsed again where that takes long.
pub(crate) fn installation(
    root: &Path,
    environment: Option<&str>,
    known: Option<&Installation>,
) -> Result<Installation, ReadError> {
    Ok(of_tree(Tree::list(root)?, root, environment, known))
}

/// The installation that `tree` is; `root` is only kept. `known` as for [`installation`].
pub(crate) fn of_tree(
    tree: Tree,
    root: &Path,
    environment: Option<&str>,
    known: Option<&Installation>,
) -> Installation {
    let Tree { top, overlays, micro, findings } = tree;
    let mut reading = Reading { findings, ..Reading::default() };
    let texts = reading.top_level(&top);
    let text = texts.get("scenarios.yaml").map(String::as_str);
    let text_before = |it: &&Installation| text.is_some_and(|text| text == it.catalogue_text);
    let known = known.filter(|it| !it.catalogue_text.is_empty()).filter(text_before);
    let catalogue =
        known.map_or_else(|| Arc::new(reading.catalogue(text)), |it| Arc::clone(&it.catalogue));
    let providers = reading.providers(texts.get("providers.toml").map(String::as_str));
    let ledger = texts.get("capability.jsonl").map(|text| {
        let (scores, found) = ledger::read(text);
        reading.find("capability.jsonl", found);
        scores
    });
    let mut micros = reading.micro_overlays(&micro);
    let references = References {
        providers: &providers,
        scenario_types: catalogue.scenarios.iter().map(|it| it.kind()).collect(),
        micro_overlays: micros.keys().map(OverlayName::as_str).collect(),
    };
    let mut loaded = reading.overlays(&overlays, &references);
    let pii = |overlay: &LoadedOverlay| overlay.overlay.value("PII_DETECTION").map(str::to_owned);
    let base_pii = loaded.get("baseline").and_then(pii);
    for (name, overlay) in &mut loaded {
        overlay.micro = micros.remove(name);
        if let Some((path, micro)) = &overlay.micro {
            let word = pii(overlay).or_else(|| base_pii.clone());
            let word = word.as_deref().and_then(PiiDetection::from_word);
            reading.find(path, scan_prompt(micro.text(), word.unwrap_or(PiiDetection::Off)));
        }
    }
    for (path, _) in micros.values() {
        let message = "no overlay has this name, so nothing sends the text";
        reading.find(path, vec![Diagnostic::warning(code::LONE_MICRO, message)]);
    }
    reading.unserved(&catalogue, &loaded);
    let flag_text = texts.get(FLAG_FILE).map(String::as_str);
    let (flag_file, flags) = reading.flags(flag_text, environment, &catalogue, &loaded);
    // What could not be read is why names that others use are not there.
    let is_cause = |it: &FileFinding| code::CAUSES.contains(&it.diagnostic.code);
    reading.findings.sort_by(|a, b| (!is_cause(a), &a.path).cmp(&(!is_cause(b), &b.path)));
    let digest = tree_digest(&mut reading.digests);
    Installation {
        root: root.to_owned(),
        overlays: loaded,
        catalogue,
        catalogue_text: texts.get("scenarios.yaml").cloned().unwrap_or_default(),
        providers,
        ledger: ledger.unwrap_or_default(),
        unknown_environment: environment
            .and_then(|name| unknown_environment(flag_file.as_ref()?, name)),
        kill_switch: reading.kill_switch,
        flag_file,
        flags,
        findings: reading.findings,
        digest,
        ground: ground(),
    }
}

/// What has been found so far.
#[derive(Default)]
struct Reading {
    findings: Vec<FileFinding>,
    /// The name and content of every file, for the digest of the tree.
    digests: Vec<(String, Digest)>,
    /// What the flag file says of its kill switch, where that is sure.
    kill_switch: Option<bool>,
}

/// An overlay file once it is read, before names are compared.
struct ReadOverlay {
    name: Option<OverlayName>,
    loaded: LoadedOverlay,
    digest: Digest,
}

impl Reading {
    fn find(&mut self, path: &str, found: Vec<Diagnostic>) {
        let path = || path.to_owned();
        self.findings
            .extend(found.into_iter().map(|diagnostic| FileFinding { path: path(), diagnostic }));
    }

    /// The bytes of a file, noted for the digest.
    fn bytes(&mut self, file: &TreeFile) -> Option<Vec<u8>> {
        match file.read() {
            Ok(bytes) => {
                self.digests.push((file.path.clone(), Digest::of(&bytes)));
                Some(bytes)
            }
            Err(finding) => {
                self.find(&file.path, vec![*finding]);
                None
            }
        }
    }

    fn text(&mut self, file: &TreeFile) -> Option<String> {
        match String::from_utf8(self.bytes(file)?) {
            Ok(text) => Some(text),
            Err(err) => {
                let at = err.utf8_error().valid_up_to();
                let message = format!("invalid UTF-8 after {at} bytes");
                self.find(&file.path, vec![Diagnostic::error(code::FORM, message)]);
                if file.path == FLAG_FILE {
                    self.kill_switch = kill_switch(&String::from_utf8_lossy(err.as_bytes()));
                }
                None
            }
        }
    }

    /// The texts of the files that this crate reads; the others only count in the digest.
    fn top_level(&mut self, files: &[TreeFile]) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for file in files {
            match file.name.as_str() {
                "scenarios.yaml" | "providers.toml" | "capability.jsonl" | FLAG_FILE => {
                    texts.extend(self.text(file).map(|text| (file.name.clone(), text)));
                }
                _ => drop(self.bytes(file)),
            }
        }
        texts
    }

    fn catalogue(&mut self, text: Option<&str>) -> Catalogue {
        let Some(text) = text else { return Catalogue::default() };
        let mut catalogue: Catalogue = match overlay_model::from_yaml(text) {
            Ok(catalogue) => catalogue,
            Err(err) => {
                self.find("scenarios.yaml", vec![form(text, &err)]);
                return Catalogue::default();
            }
        };
        let found = catalogue.findings_by(text, |key, value| parameter(key, value).err());
        let mut ids = BTreeSet::new();
        catalogue.scenarios.retain(|it| ids.insert(it.id.clone()));
        self.find("scenarios.yaml", found);
        catalogue
    }

    fn flags(
        &mut self,
        text: Option<&str>,
        environment: Option<&str>,
        catalogue: &Catalogue,
        overlays: &BTreeMap<OverlayName, LoadedOverlay>,
    ) -> (Option<FlagFile>, Arc<fusion_flags::Snapshot>) {
        let empty = || Arc::new(fusion_flags::Snapshot::empty());
        let Some(text) = text else {
            let broken = self.findings.iter().any(|it| it.path == FLAG_FILE);
            return (None, if broken { empty() } else { by_targets(overlays) });
        };
        let references = FlagReferences {
            overlays: Some(overlays.keys().map(ToString::to_string).collect()),
            scenario_types: Some(catalogue.scenarios.iter().map(|it| it.kind().into()).collect()),
            ..FlagReferences::default()
        };
        let (file, found) = fusion_flags::check(text, Some(&references));
        self.find(FLAG_FILE, found);
        self.kill_switch = match &file {
            Some(file) => Some(file.global.kill_switch),
            None => kill_switch(text),
        };
        let compiled =
            file.as_ref().and_then(|it| fusion_flags::Snapshot::compile(it, environment).ok());
        (file, compiled.map_or_else(empty, Arc::new))
    }

    fn providers(&mut self, text: Option<&str>) -> Providers {
        let Some(text) = text else { return Providers::default() };
        match Providers::parse(text) {
            Ok(providers) => {
                self.find("providers.toml", providers.findings());
                providers
            }
            Err(err) => {
                self.find("providers.toml", vec![form(text, &err)]);
                Providers::default()
            }
        }
    }

    fn micro_overlays(
        &mut self,
        files: &[TreeFile],
    ) -> BTreeMap<OverlayName, (String, MicroOverlay)> {
        let mut micros: BTreeMap<OverlayName, (String, MicroOverlay)> = BTreeMap::new();
        for file in files {
            let Some(text) = self.text(file) else { continue };
            let stem = file.name.rsplit_once('.').map_or(file.name.as_str(), |(stem, _)| stem);
            let Ok(name) = stem.parse::<OverlayName>() else {
                let message = format!("`{stem}` is no overlay name");
                self.find(&file.path, vec![Diagnostic::warning(code::LONE_MICRO, message)]);
                continue;
            };
            if let Some((first, _)) = micros.get(&name) {
                let message = format!("{first} is the micro overlay of `{name}` already");
                self.find(&file.path, vec![Diagnostic::error(code::TWO_MICROS, message)]);
                continue;
            }
            let micro = MicroOverlay::parse(&text);
            let gates = micro.checks().into_iter().filter_map(Result::err).map(|check| {
                Diagnostic::error(code::GATE, format!("`{check}` is no check"))
                    .hint("use contains \"…\", not \"…\" or regex \"…\"")
            });
            self.find(&file.path, gates.collect());
            micros.insert(name, (file.path.clone(), micro));
        }
        micros
    }

    fn overlays(
        &mut self,
        files: &[TreeFile],
        references: &References<'_>,
    ) -> BTreeMap<OverlayName, LoadedOverlay> {
        let mut overlays: BTreeMap<OverlayName, LoadedOverlay> = BTreeMap::new();
        for read in in_threads(files, |file| read_overlay(file, references)) {
            let ReadOverlay { name, loaded, digest } = match read {
                Ok(read) => read,
                Err(finding) => {
                    self.findings.push(*finding);
                    continue;
                }
            };
            let path = loaded.path.clone();
            self.find(&path, loaded.checked.diagnostics.clone());
            self.digests.push((path.clone(), digest));
            let Some(name) = name else {
                let hint = "name it fusion_overlay.<name>.txt, or set OVERLAY_NAME";
                let finding = Diagnostic::error(code::NAME, "the overlay has no name").hint(hint);
                self.find(&path, vec![finding]);
                continue;
            };
            match overlays.get(&name) {
                Some(first) => {
                    let message = format!("{} holds the overlay `{name}` already", first.path);
                    self.find(&path, vec![Diagnostic::error(code::DUPLICATE_NAME, message)]);
                }
                None => drop(overlays.insert(name, loaded)),
            }
        }
        if !overlays.contains_key("baseline") {
            let finding = Diagnostic::note(code::NO_BASE, "there is no overlay `baseline`")
                .hint("overlays/fusion_overlay.baseline.txt is the layer below every other");
            self.find("overlays", vec![finding]);
        }
        overlays
    }

    /// Notes scenario types that no overlay names.
    fn unserved(&mut self, catalogue: &Catalogue, overlays: &BTreeMap<OverlayName, LoadedOverlay>) {
        let served: BTreeSet<_> = overlays.values().flat_map(LoadedOverlay::targets).collect();
        let kinds: BTreeSet<_> = catalogue.scenarios.iter().map(|it| it.kind()).collect();
        let notes = kinds.into_iter().filter(|it| !served.contains(it)).map(|kind| {
            let message = format!("no overlay names the scenario type `{kind}`");
            Diagnostic::note(code::UNSERVED_TYPE, message)
        });
        self.find("scenarios.yaml", notes.collect());
    }
}

/// What is in force without a flag file: each overlay but the base layer answers the
/// scenario types that it names itself, in the order of their names.
fn by_targets(overlays: &BTreeMap<OverlayName, LoadedOverlay>) -> Arc<fusion_flags::Snapshot> {
    let features = overlays.iter().filter(|(name, _)| name.as_str() != "baseline");
    let features = features.filter_map(|(name, it)| {
        let scenario_types: Vec<_> = it.targets().map(str::to_owned).collect();
        let conditions = Conditions { scenario_types, ..Conditions::default() };
        let enabled_overlays = vec![name.to_string()];
        let feature = Feature { enabled_overlays, conditions, ..Feature::default() };
        (!feature.conditions.scenario_types.is_empty()).then(|| (name.to_string(), feature))
    });
    let features = Ordered(features.collect());
    let file = FlagFile { schema_version: Some(2), features, ..FlagFile::default() };
    let compiled = fusion_flags::Snapshot::compile(&file, None);
    Arc::new(compiled.unwrap_or_else(|_| fusion_flags::Snapshot::empty()))
}

/// Why `name` is none of the environments of `file`, where it has any.
fn unknown_environment(file: &FlagFile, name: &str) -> Option<String> {
    if file.environments.is_empty() || file.environments.contains_key(name) {
        return None;
    }
    let known: Vec<_> = file.environments.keys().map(String::as_str).collect();
    Some(format!(
        "the flag file has no environment `{name}`, only {}: its settings do not hold",
        known.join(", ")
    ))
}

/// The digest of a tree: of the names and digests of its files.
pub(crate) fn tree_digest(files: &mut [(String, Digest)]) -> Digest {
    files.sort();
    let lines = files.iter().map(|(path, digest)| format!("{digest} {path}\n"));
    Digest::of(lines.collect::<String>().as_bytes())
}

impl LoadedOverlay {
    /// The scenario types of `OVERLAY_TARGET_SCENARIOS`.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        let list = self.overlay.value("OVERLAY_TARGET_SCENARIOS").unwrap_or_default();
        list.split(',').map(str::trim).filter(|it| !it.is_empty() && *it != "none")
    }
}

fn read_overlay(
    file: &TreeFile,
    references: &References<'_>,
) -> Result<ReadOverlay, Box<FileFinding>> {
    let bytes = file.read().map_err(|finding| {
        Box::new(FileFinding { path: file.path.clone(), diagnostic: *finding })
    })?;
    let (overlay, syntax) = Overlay::read(&bytes);
    let subject = Subject { file_name: Some(&file.name), references: Some(references) };
    let checked = check(&overlay, syntax, Profile::Deploy, &subject);
    let name = match overlay.value("OVERLAY_NAME") {
        Some(name) => name.parse().ok(),
        None => OverlayName::from_file_name(&file.name),
    };
    let loaded = LoadedOverlay { path: file.path.clone(), overlay, checked, micro: None };
    Ok(ReadOverlay { name, loaded, digest: Digest::of(&bytes) })
}

/// `work` on every file, in order, on as many threads as there is work for.
fn in_threads<T: Send>(files: &[TreeFile], work: impl Fn(&TreeFile) -> T + Sync) -> Vec<T> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = (files.len() / FILES_A_THREAD).clamp(1, cores);
    if threads == 1 {
        return files.iter().map(work).collect();
    }
    let work = &work;
    thread::scope(|scope| {
        let parts: Vec<_> = files
            .chunks(files.len().div_ceil(threads))
            .map(|part| scope.spawn(move || part.iter().map(work).collect::<Vec<_>>()))
            .collect();
        let join = |part: thread::ScopedJoinHandle<'_, Vec<T>>| match part.join() {
            Ok(results) => results,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        parts.into_iter().flat_map(join).collect()
    })
}

/// A finding about a text that is not of its form.
fn form(text: &str, err: &TextError) -> Diagnostic {
    let line_start: usize =
        text.split_inclusive('\n').take(err.line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(line_start..).unwrap_or_default();
    let column: usize = rest.chars().take(err.column.saturating_sub(1)).map(char::len_utf8).sum();
    let at = line_start + column;
    Diagnostic::error(code::FORM, err.message.clone()).at(text, at..at)
}
