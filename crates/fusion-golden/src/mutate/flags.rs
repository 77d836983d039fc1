use fusion_flags::FlagFile;
use overlay_loader::Installation;

use super::mutant::{Change, FileChange, Mutant};

/// The file of feature flags.
pub(super) const FLAG_FILE: &str = "overlay_feature_flags.yaml";

/// The flag file, changed as `class` says.
pub(super) fn mutants(class: &'static str, installation: &Installation) -> Vec<Mutant> {
    let Some(file) = installation.flag_file() else { return Vec::new() };
    let edited = match class {
        "flag.percentage" => percentages(file),
        "flag.scenario_types" => scenario_types(file),
        "flag.order" => order(file, installation),
        _ => switches(file),
    };
    let mutants = edited.into_iter().map(|(place, edited)| Mutant {
        class,
        place,
        change: Change::File(FileChange {
            path: FLAG_FILE.to_owned(),
            text: text_of(&edited),
            key: None,
            is_equivalent: edited == *file,
        }),
    });
    mutants.collect()
}

/// A flag file as JSON, which is one of its forms.
pub(super) fn text_of(file: &FlagFile) -> String {
    // A struct of texts, numbers and lists always has a JSON form.
    serde_json::to_string(file).unwrap_or_default()
}

/// The file with an edit of the feature with this number.
fn edited(
    file: &FlagFile,
    number: usize,
    edit: impl FnOnce(&mut fusion_flags::Feature),
) -> FlagFile {
    let mut file = file.clone();
    if let Some((_, feature)) = file.features.0.get_mut(number) {
        edit(feature);
    }
    file
}

fn percentages(file: &FlagFile) -> Vec<(String, FlagFile)> {
    let mut res = Vec::new();
    for (number, (name, feature)) in file.features.0.iter().enumerate() {
        let was = feature.rollout_percentage.unwrap_or(100.0);
        for is in [0.0, 10.0, 50.0].into_iter().filter(|it| *it < was) {
            let file = edited(file, number, |it| it.rollout_percentage = Some(is));
            res.push((format!("{name}: {was} % → {is} %"), file));
        }
    }
    res
}

fn scenario_types(file: &FlagFile) -> Vec<(String, FlagFile)> {
    let mut res = Vec::new();
    for (number, (name, feature)) in file.features.0.iter().enumerate() {
        let types = &feature.conditions.scenario_types;
        for (at, kind) in types.iter().enumerate().filter(|_| types.len() > 1) {
            let file = edited(file, number, |it| drop(it.conditions.scenario_types.remove(at)));
            res.push((format!("{name}: without {kind}"), file));
        }
        let later = file.features.0.iter().skip(number + 1);
        for kind in later.filter_map(|(_, it)| it.conditions.scenario_types.first()) {
            let file = edited(file, number, |it| it.conditions.scenario_types.push(kind.clone()));
            res.push((format!("{name}: also {kind}"), file));
        }
    }
    res
}

fn order(file: &FlagFile, installation: &Installation) -> Vec<(String, FlagFile)> {
    let mut res = Vec::new();
    let names: Vec<_> = installation.overlays().keys().map(ToString::to_string).collect();
    for (number, (name, feature)) in file.features.0.iter().enumerate() {
        let others = names.iter().filter(|it| !feature.enabled_overlays.contains(it));
        for other in others.filter(|it| *it != "baseline") {
            let file = edited(file, number, |it| it.enabled_overlays.insert(0, other.clone()));
            res.push((format!("{name}: {other} first"), file));
        }
        let mut swapped = file.clone();
        if number + 1 < swapped.features.0.len() {
            swapped.features.0.swap(number, number + 1);
            res.push((format!("{name} after the next flag"), swapped));
        }
    }
    res
}

fn switches(file: &FlagFile) -> Vec<(String, FlagFile)> {
    let mut killed = file.clone();
    killed.global.kill_switch = true;
    let off = file.features.0.iter().enumerate().map(|(number, (name, _))| {
        (format!("{name}: off"), edited(file, number, |it| it.enabled = Some(false)))
    });
    std::iter::once(("kill_switch: true".to_owned(), killed)).chain(off).collect()
}
