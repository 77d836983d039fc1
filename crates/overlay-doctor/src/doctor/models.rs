use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};
use overlay_loader::Installation;
use overlay_model::{OverlayName, plural};
use overlay_schema::{Model, Providers, Settings, Voter};

use super::Scene;
use super::outcome::{Found, Outcome};

/// The end of a model, as its vendor says it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VendorEnd {
    /// From this day on requests fail.
    pub on: Date,
    /// What the vendor recommends instead, where it is one name.
    pub successor: Option<String>,
}

/// The end of a model by the host of its endpoint and its name; `None` for one that has none.
pub type VendorEnds<'a> = &'a dyn Fn(&str, &str) -> Option<VendorEnd>;

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
        let Some(VendorEnd { on: retires, successor }) =
            end(scene, installation.providers(), model)
        else {
            continue;
        };
        let Some(days) = today.and_then(|it| days_between(it, retires)) else { continue };
        let another = match successor {
            Some(name) => format!("name another model, its vendor recommends `{name}`"),
            None => "name another model".to_owned(),
        };
        let hint = format!("{another}, before that day");
        if days <= 0 {
            let text = format!("{users}: model `{id}` retired on {retires}");
            found.push(Found::fail(text).hint(another));
        } else if days.unsigned_abs() <= warn_days {
            let text =
                format!("{users}: model `{id}` retires on {retires}, in {}", plural(days, "day"));
            found.push(Found::warn(text).hint(hint));
        }
    }
    Outcome::of(found, format!("{} asked, none retired", plural(named.len(), "model")))
}

/// When a model ends: the day that its row says, else the one that its vendor does.
fn end(scene: &Scene<'_>, providers: &Providers, model: &Model) -> Option<VendorEnd> {
    let of_row = model.retires.as_deref().and_then(|it| it.parse::<Date>().ok());
    if let Some(on) = of_row {
        return Some(VendorEnd { on, successor: None });
    }
    let provider = providers.providers.iter().find(|it| it.name == model.provider)?;
    let host = provider.endpoint.split("://").nth(1)?.split(['/', ':']).next()?;
    (scene.inputs.ends)(host, &model.id)
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
