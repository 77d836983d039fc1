use overlay_loader::{Installation, LoadedOverlay};
use overlay_model::{Overlay, ParamKey};
use overlay_schema::{Kind, digest, param};

use super::mutant::{Change, FileChange, Mutant};

/// Every key that an overlay sets, changed as `class` says.
pub(super) fn mutants(class: &'static str, installation: &Installation) -> Vec<Mutant> {
    let overlays = installation.overlays().iter();
    let mutants = overlays.flat_map(|(name, loaded)| {
        let keys: Vec<_> = loaded.overlay.entries().map(|it| it.key.to_owned()).collect();
        keys.into_iter().filter_map(move |key| {
            let was = loaded.overlay.value(&key)?.to_owned();
            let (overlay, is) = match class {
                "overlay.delete" => (without(&loaded.overlay, &key), "gone".to_owned()),
                "overlay.perturb" => {
                    let value = perturbed(&key, &was, installation)?;
                    (with(&loaded.overlay, &key, &value)?, value)
                }
                _ => {
                    let value = of_another(&key, &was, name.as_str(), installation)?;
                    (with(&loaded.overlay, &key, &value)?, value)
                }
            };
            let place = format!("{name} {key}: {was} → {is}");
            Some(Mutant { class, place, change: change(loaded, &overlay, key) })
        })
    });
    mutants.collect()
}

fn change(loaded: &LoadedOverlay, overlay: &Overlay, key: String) -> Change {
    Change::File(FileChange {
        path: loaded.path.clone(),
        text: overlay.source().to_owned(),
        is_equivalent: digest(overlay) == digest(&loaded.overlay),
        key: Some(key),
    })
}

fn without(overlay: &Overlay, key: &str) -> Overlay {
    let mut overlay = overlay.clone();
    overlay.remove(key);
    overlay
}

fn with(overlay: &Overlay, key: &str, value: &str) -> Option<Overlay> {
    let mut overlay = overlay.clone();
    let key: ParamKey = key.parse().ok()?;
    overlay.set(&key, value).ok()?;
    Some(overlay)
}

/// The first other value that another overlay has for `key`.
fn of_another(key: &str, was: &str, name: &str, installation: &Installation) -> Option<String> {
    let others = installation.overlays().iter().filter(|(it, _)| it.as_str() != name);
    let mut values = others.filter_map(|(_, it)| it.overlay.value(key));
    values.find(|it| *it != was).map(str::to_owned)
}

/// Another value of the same kind, inside its range where that has another one.
fn perturbed(key: &str, was: &str, installation: &Installation) -> Option<String> {
    Some(match param(key).map_or(Kind::Text, |it| it.kind) {
        Kind::Number { min, max } => number(was.parse().ok()?, min, max),
        Kind::Integer { min, max } => integer(was.parse().ok()?, min, max),
        Kind::Millis { min, advised, .. } => integer(was.parse().ok()?, min, advised),
        Kind::Switch => if was == "true" { "false" } else { "true" }.to_owned(),
        Kind::Word(words) => (*words.iter().find(|it| **it != was)?).to_owned(),
        Kind::Models => models(was, installation)?,
        Kind::Scenarios | Kind::Keys => match was.rsplit_once(',') {
            Some((kept, _)) => kept.to_owned(),
            None => format!("{was}_other"),
        },
        Kind::Voters => match was.rsplit_once(':') {
            Some((voters, weight)) => format!("{voters}:{}", weight.parse::<u32>().ok()? + 1),
            None => return None,
        },
        Kind::Version => {
            let (front, patch) = was.rsplit_once('.')?;
            format!("{front}.{}", patch.parse::<u32>().ok()? + 1)
        }
        Kind::Name => format!("{was}_other"),
        Kind::Token => format!("{was}0"),
        Kind::Time => return None,
        Kind::Text => format!("{was}, or another"),
    })
}

fn number(was: f64, min: f64, max: f64) -> String {
    let step = if (max - min).is_finite() && max - min <= 10.0 { (max - min) / 10.0 } else { 1.0 };
    let is = if was + step <= max { was + step } else { was - step };
    format!("{}", (is * 10_000.0).round() / 10_000.0)
}

fn integer(was: i64, min: i64, max: i64) -> String {
    let step = (was / 4).max(1);
    let is = if was.saturating_add(step) <= max { was.saturating_add(step) } else { was - step };
    is.max(min).to_string()
}

/// The other way round, or another model.
fn models(was: &str, installation: &Installation) -> Option<String> {
    let mut models: Vec<_> = was.split(',').map(str::trim).collect();
    if models.len() > 1 {
        models.reverse();
        return Some(models.join(","));
    }
    let all = &installation.providers().models;
    all.iter().find(|it| !models.contains(&it.id.as_str())).map(|it| it.id.clone())
}
