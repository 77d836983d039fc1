use overlay_loader::Installation;
use overlay_schema::Providers;

use super::mutant::{Change, FileChange, Mutant, ScenarioEdit};
use super::wording::numbers;
use crate::statistics::random::Random;

/// The file of providers and models.
pub(super) const PROVIDERS: &str = "providers.toml";

/// Model table and scenarios, changed as `class` says.
pub(super) fn mutants(
    class: &'static str,
    installation: &Installation,
    random: &mut Random,
) -> Vec<Mutant> {
    match class {
        "config.price" => of_table(class, installation, prices(installation.providers())),
        "config.model" => of_table(class, installation, models(installation.providers())),
        "config.fact" => facts(class, installation, random),
        _ => rules(class, installation),
    }
}

/// The model table as TOML.
pub(super) fn text_of(providers: &Providers) -> Option<String> {
    toml::to_string(providers).ok()
}

fn of_table(
    class: &'static str,
    installation: &Installation,
    edited: Vec<(String, Providers)>,
) -> Vec<Mutant> {
    let mutants = edited.into_iter().filter_map(|(place, providers)| {
        let change = Change::File(FileChange {
            path: PROVIDERS.to_owned(),
            text: text_of(&providers)?,
            key: None,
            is_equivalent: providers == *installation.providers(),
        });
        Some(Mutant { class, place, change })
    });
    mutants.collect()
}

fn prices(table: &Providers) -> Vec<(String, Providers)> {
    let mut res = Vec::new();
    for number in 0..table.models.len() {
        for (factor, word) in [(2.0, "doubled"), (0.5, "halved")] {
            for side in ["input", "output"] {
                let mut table = table.clone();
                let Some(model) = table.models.get_mut(number) else { continue };
                let price = match side {
                    "input" => &mut model.input_usd_per_mtok,
                    _ => &mut model.output_usd_per_mtok,
                };
                *price = price.map(|it| it * factor);
                res.push((format!("{} {side} price {word}", model.id), table));
            }
        }
    }
    res
}

fn models(table: &Providers) -> Vec<(String, Providers)> {
    let mut res = Vec::new();
    for (number, model) in table.models.iter().enumerate() {
        if let Some(next) = table.models.get(number + 1) {
            let mut swapped = table.clone();
            let place = format!("{} and {} change places", model.id, next.id);
            if let [.., one, two] = swapped.models.get_mut(..number + 2).unwrap_or_default() {
                std::mem::swap(&mut one.id, &mut two.id);
            }
            res.push((place, swapped));
        }
        for other in table.providers.iter().filter(|it| it.name != model.provider) {
            let mut moved = table.clone();
            if let Some(model) = moved.models.get_mut(number) {
                model.provider.clone_from(&other.name);
            }
            res.push((format!("{} of provider {}", model.id, other.name), moved));
        }
    }
    res
}

fn facts(class: &'static str, installation: &Installation, random: &mut Random) -> Vec<Mutant> {
    let scenarios = installation.catalogue().scenarios.iter().enumerate();
    let with_numbers = scenarios
        .filter(|(_, it)| !numbers(&it.context).is_empty() || !numbers(&it.prompt).is_empty());
    let mutants = with_numbers.map(|(number, scenario)| Mutant {
        class,
        place: scenario.id.to_string(),
        change: Change::Scenario(number, ScenarioEdit::Fact(random.fork())),
    });
    mutants.collect()
}

fn rules(class: &'static str, installation: &Installation) -> Vec<Mutant> {
    let scenarios = installation.catalogue().scenarios.iter().enumerate();
    let mutants = scenarios.flat_map(|(number, scenario)| {
        (0..scenario.expect.len()).map(move |rule| Mutant {
            class,
            place: format!("{} rule {}", scenario.id, rule + 1),
            change: Change::Scenario(number, ScenarioEdit::Rule(rule)),
        })
    });
    mutants.collect()
}
