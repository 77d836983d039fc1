//! What a flag file names outside itself.

use overlay_model::nearest;

use crate::file::FlagFile;
use crate::file::Matching;
use crate::lint::{Findings, FlagReferences, finding, with_nearest};
use crate::place::Step::{At, Key};
use crate::rules::{day_ms, named};

pub(crate) fn check<'a>(
    file: &'a FlagFile,
    references: &FlagReferences,
    findings: &mut Findings<'a>,
) {
    overlays(file, references, findings);
    scenario_types(file, references, findings);
    let Some(now_ms) = references.now_ms else { return };
    for (name, flag) in &file.features.0 {
        let day = flag.expires.as_deref().and_then(|it| Some((it, day_ms(it)?)));
        if let Some((day, _)) = day.filter(|(_, it)| *it <= now_ms) {
            let path = [Key("features"), Key(name), Key("expires")];
            findings.add(&path, "FLG5001", format!("`{name}` should be gone since {day}"));
        }
    }
}

fn overlays<'a>(file: &'a FlagFile, references: &FlagReferences, findings: &mut Findings<'a>) {
    let Some(known) = &references.overlays else { return };
    for (name, flag) in &file.features.0 {
        for (path, overlay) in named(flag).filter(|(_, it)| !known.contains(*it)) {
            let said = format!("`{name}` names the overlay `{overlay}`, which there is not");
            let found = finding("FLG4001", said);
            let found = with_nearest(found, overlay, known.iter().map(String::as_str));
            findings.push(&[&[Key("features"), Key(name)][..], &path].concat(), found);
        }
    }
}

fn scenario_types<'a>(
    file: &'a FlagFile,
    references: &FlagReferences,
    findings: &mut Findings<'a>,
) {
    let Some(known) = &references.scenario_types else { return };
    let exact = file.matching() == Matching::Exact;
    let is_known = |wanted: &str| match exact {
        true => known.contains(wanted),
        false => known.iter().any(|it| it.contains(wanted)),
    };
    for (name, flag) in &file.features.0 {
        for (idx, scenario) in flag.conditions.scenario_types.iter().enumerate() {
            if !is_known(scenario) {
                let path =
                    [Key("features"), Key(name), Key("conditions"), Key("scenario_types"), At(idx)];
                let said = format!("`{name}` is for `{scenario}`, and no scenario is of that type");
                let found = finding("FLG4002", said);
                let near = nearest(scenario, known.iter().map(String::as_str));
                let near = near.map(|it| format!("did you mean `{it}`?"));
                findings.push(
                    &path,
                    match near {
                        Some(near) => found.hint(near),
                        None => found,
                    },
                );
            }
        }
    }
}
