//! From flat files to the tree of an installation.

use std::collections::{BTreeMap, BTreeSet};

use overlay_model::{Diagnostic, Overlay, OverlayName};

use crate::codes;
use crate::decision::{Decisions, names};
use crate::draft::{Deed, Draft};
use crate::finding::Finding;
use crate::kind::Kind;
use crate::rules::{OVERLAYS, file_name, is_overlay};
use crate::tree::Tree;

/// The folders in which the original kept its files flat, beside the root itself.
const FLAT: [&str; 2] = ["", "fusion/"];

/// The stages that the original wrote into the names of overlay files.
const STAGES: [&str; 3] = ["_production", "_staging", "_development"];

/// Files with one place in an installation: the original's name, and ours.
const PLACES: [(&str, &str); 4] = [
    ("eval_scenarios.yaml", "scenarios.yaml"),
    ("fusion/eval_scenarios.yaml", "scenarios.yaml"),
    ("config/overlay_feature_flags.yaml", "overlay_feature_flags.yaml"),
    ("fusion/overlay_feature_flags.yaml", "overlay_feature_flags.yaml"),
];

/// Files of the original that nothing here reads, and where their contents belong.
const HOMELESS: [(&str, &str); 2] = [
    (
        "overlay_params.yaml",
        "write the values under `parameters` of each scenario in `scenarios.yaml`",
    ),
    ("slo.yaml", "write the objectives to `slo.toml`"),
];

/// Moves what stands flat to its place. Gives the overlays that are open questions, which
/// no other rule touches.
pub(crate) fn place(
    draft: &mut Draft<'_>,
    tree: &Tree,
    decisions: &Decisions,
    used: &mut Used,
    findings: &mut Vec<Finding>,
) -> BTreeSet<String> {
    for (from, to) in PLACES {
        place_one(draft, from, to, Kind::CONFIGURATION, findings);
    }
    for path in draft.paths() {
        if let Some(name) = path.strip_prefix("fusion/micro_overlays/") {
            let to = format!("micro_overlays/{name}");
            place_one(draft, &path, &to, Kind::CONFIGURATION | Kind::PROMPT, findings);
        }
    }
    for (name, hint) in HOMELESS {
        for path in FLAT.map(|it| format!("{it}{name}")).iter().filter(|it| draft.exists(it)) {
            let finding = Diagnostic::warning(codes::NO_PLACE, "no part of an installation");
            findings.push(Finding::new(path, finding.hint(hint)));
        }
    }
    place_overlays(draft, tree, decisions, used, findings)
}

/// Which decisions an open question took.
#[derive(Default)]
pub(crate) struct Used {
    pub(crate) keep: BTreeSet<usize>,
    pub(crate) set: BTreeSet<usize>,
}

fn place_one(draft: &mut Draft<'_>, from: &str, to: &str, kind: Kind, findings: &mut Vec<Finding>) {
    let Some(text) = draft.text(from) else { return };
    if !draft.exists(to) {
        draft.moved(from, to, deed(kind, format!("move {from} to {to}")));
        return;
    }
    let message = if draft.text(to) == Some(text) {
        format!("{to} has the same bytes")
    } else {
        format!("belongs at {to}, where another file stands")
    };
    let finding = Diagnostic::error(codes::OCCUPIED, message).hint("compare the two, delete one");
    findings.push(Finding::new(from, finding));
}

fn deed(kind: Kind, summary: String) -> Deed<'static> {
    Deed { rule: "place", kind, priority: 20, summary }
}

fn place_overlays(
    draft: &mut Draft<'_>,
    tree: &Tree,
    decisions: &Decisions,
    used: &mut Used,
    findings: &mut Vec<Finding>,
) -> BTreeSet<String> {
    let mut groups: BTreeMap<OverlayName, Vec<String>> = BTreeMap::new();
    let mut open = BTreeSet::new();
    for path in draft.paths().into_iter().filter(|it| is_overlay(it)) {
        let is_flat = FLAT.iter().any(|it| path.strip_prefix(it) == Some(file_name(&path)));
        let is_placed = path.strip_prefix(OVERLAYS) == Some(file_name(&path));
        if !is_flat && !is_placed {
            continue;
        }
        let Some(text) = draft.text(&path) else {
            let finding = Diagnostic::error(codes::NO_TEXT, "the overlay is no UTF-8");
            findings.push(Finding::new(&path, finding.hint("write it as UTF-8")));
            open.insert(path);
            continue;
        };
        match name(&path, text, decisions, used) {
            Some(name) => groups.entry(name).or_default().push(path),
            None if is_flat => findings.push(nameless(path)),
            None => (),
        }
    }
    for (name, paths) in groups {
        match live(draft, &paths, decisions, used) {
            Some(live) => settle(draft, &name, &paths, &live, findings),
            None => {
                findings.push(two_candidates(tree, &name, &paths));
                open.extend(paths);
            }
        }
    }
    open
}

/// The overlay's name: what it says, what a person says, or what its file is called
/// without version and stage.
fn name(path: &str, text: &str, decisions: &Decisions, used: &mut Used) -> Option<OverlayName> {
    let (overlay, _) = Overlay::parse(text);
    if let Some(name) = overlay.value("OVERLAY_NAME").and_then(|it| it.parse().ok()) {
        return Some(name);
    }
    let is_fit =
        |it: &crate::decision::Choice| it.key.as_str() == "OVERLAY_NAME" && it.fits([path, path]);
    if let Some(at) = decisions.set.iter().position(is_fit) {
        used.set.insert(at);
        return decisions.set.get(at)?.value.parse().ok();
    }
    let name = OverlayName::from_file_name(file_name(path))?;
    let stem = STAGES.iter().find_map(|it| name.as_str().strip_suffix(it));
    stem.map_or(Some(name.clone()), |it| it.parse().ok())
}

fn nameless(path: String) -> Finding {
    let message = "the overlay has no name, and its file name holds none";
    let hint = format!("say it: --set {}:OVERLAY_NAME=…", file_name(&path));
    Finding::new(path, Diagnostic::error(codes::NO_NAME, message).hint(hint))
}

/// The file of a group that counts; `None` where that is a person's question.
fn live(
    draft: &Draft<'_>,
    paths: &[String],
    decisions: &Decisions,
    used: &mut Used,
) -> Option<String> {
    let kept = decisions.keep.iter().enumerate().find_map(|(at, word)| {
        let exact = paths.iter().find(|path| *path == word);
        let mut named = paths.iter().filter(|path| names(word, path));
        let only = named.next().filter(|_| named.next().is_none());
        Some((at, exact.or(only)?.clone()))
    });
    let texts: BTreeSet<_> = paths.iter().map(|it| draft.text(it)).collect();
    if let Some((at, path)) = kept.filter(|_| paths.len() > 1) {
        used.keep.insert(at);
        return Some(path);
    }
    let placed = paths.iter().find(|it| it.starts_with(OVERLAYS));
    (texts.len() == 1).then(|| placed.or(paths.first()).cloned()).flatten()
}

fn two_candidates(tree: &Tree, name: &OverlayName, paths: &[String]) -> Finding {
    let modified = |path: &String| tree.files().get(path).and_then(|it| it.modified);
    let newest = paths.iter().max_by_key(|it| modified(it));
    let lines = paths.iter().map(|path| match modified(path) {
        Some(at) => format!("{path} (written {})", at.strftime("%Y-%m-%dT%H:%M:%SZ")),
        None => path.clone(),
    });
    let lines: Vec<_> = lines.collect();
    let message = format!("{} files hold overlay `{name}`: {}", paths.len(), lines.join(", "));
    let taken = newest.filter(|it| modified(it).is_some()).map_or_else(String::new, |it| {
        format!("; by its time the original took {it}, which copies and checkouts change")
    });
    let first = paths.first().map_or("", String::as_str);
    let hint = format!("say which one was live, as --keep {first}{taken}");
    Finding::new("", Diagnostic::error(codes::TWO_CANDIDATES, message).hint(hint))
}

/// Puts the live file in its place and deletes the others of the group.
fn settle(
    draft: &mut Draft<'_>,
    name: &OverlayName,
    paths: &[String],
    live: &str,
    findings: &mut Vec<Finding>,
) {
    let to = format!("{OVERLAYS}fusion_overlay.{name}.txt");
    let kind = Kind::CONFIGURATION;
    for path in paths.iter().filter(|it| *it != live && **it != to) {
        let why = if draft.text(path) == draft.text(live) { "a copy of" } else { "replaced by" };
        if why == "a copy of" {
            let message = format!("the same bytes as {live}");
            findings.push(Finding::new(path, Diagnostic::note(codes::SAME_BYTES, message)));
        }
        draft.remove(path, deed(kind, format!("delete {path}, {why} {live}")), None);
    }
    if !live.starts_with(OVERLAYS) {
        draft.moved(live, &to, deed(kind, format!("move {live} to {to}")));
    }
}
