use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};
use overlay_loader::Installation;
use overlay_model::OverlayName;
use overlay_schema::{Settings, Voter};

use super::Scene;
use super::outcome::{Found, Outcome};

/// Whether the models that overlays ask are there, and for how long.
pub(super) fn models(scene: &Scene<'_>) -> Outcome {
    let Some(Ok(installation)) = &scene.site.installation else {
        return Outcome::skip("there is no installation to read");
    };
    let named = named(scene, installation);
    let today = today(scene.inputs.now_us);
    let warn_days = scene.options.count("doctor", "retire_warn_days");
    let mut found = Vec::new();
    for (id, users) in &named {
        let users = users.iter().cloned().collect::<Vec<_>>().join(", ");
        let Some(model) = installation.providers().model(id) else {
            let text = format!("{users}: there is no model `{id}` in providers.toml");
            found.push(Found::fail(text).hint("add it there, or name another one"));
            continue;
        };
        let Some(retires) = model.retires.as_deref().and_then(|it| it.parse::<Date>().ok()) else {
            continue;
        };
        let Some(days) = today.and_then(|it| days_between(it, retires)) else { continue };
        let hint = "name another model before that day";
        if days <= 0 {
            let text = format!("{users}: model `{id}` retired on {retires}");
            found.push(Found::fail(text).hint("name another model"));
        } else if days.unsigned_abs() <= warn_days {
            let text = format!("{users}: model `{id}` retires on {retires}, in {days} days");
            found.push(Found::warn(text).hint(hint));
        }
    }
    let what = if named.len() == 1 { "model is" } else { "models are" };
    Outcome::of(found, format!("{} {what} asked, none of them retired", named.len()))
}

/// The models that are asked, each with who asks it.
fn named(scene: &Scene<'_>, installation: &Installation) -> BTreeMap<String, BTreeSet<String>> {
    let mut res: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut note = |who: &str, ids: Vec<String>| {
        for id in ids {
            res.entry(id).or_default().insert(who.to_owned());
        }
    };
    note("default_models", installation.providers().default_models.clone());
    let names: Vec<Option<&OverlayName>> = installation.overlays().keys().map(Some).collect();
    for name in names {
        let layers = std::slice::from_ref(&scene.layer);
        let (_, settings) = installation.settings(name, None, layers);
        if let (Some(name), Ok(settings)) = (name, settings) {
            note(name.as_str(), asked(&settings));
        }
    }
    res
}

/// The models that settings name.
fn asked(settings: &Settings) -> Vec<String> {
    let voters = settings.voters.iter().filter_map(|(voter, _)| match voter {
        Voter::Model(id) => Some(id.clone()),
        _ => None,
    });
    settings.models.iter().cloned().chain(voters).collect()
}

fn today(now_us: i64) -> Option<Date> {
    let now = Timestamp::from_microsecond(now_us).ok()?;
    Some(now.to_zoned(TimeZone::UTC).date())
}

fn days_between(from: Date, to: Date) -> Option<i64> {
    Some(from.until((Unit::Day, to)).ok()?.get_days().into())
}
