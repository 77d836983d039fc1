//! The files of the installation, and what they name.

use overlay_loader::{FileFinding, Generation, Installation, Source};
use overlay_model::{Diagnostic, Severity, plural};
use toml::de::DeTable;

use super::outcome::{Found, Outcome};
use super::{CheckStatus, Scene};
use crate::options::{FILE, OptionOrigin};

/// What the loader reads itself, and what the options are read from.
const READ_ELSEWHERE: [&str; 2] = ["providers.toml", FILE];

pub(super) fn options(scene: &Scene<'_>) -> Outcome {
    let mut found: Vec<Found> =
        scene.option_findings.iter().filter_map(|it| found_in(of_options(it), it)).collect();
    let file = scene.site.tomls.get(FILE);
    if let Some(Err(why)) = file {
        let hint = "it has to be a text file of at most 1 MiB that this user may read";
        found.push(Found::fail(format!("{FILE}: {why}")).hint(hint));
    }
    let count = |wanted: fn(&OptionOrigin) -> bool| {
        scene.options.iter().filter(|it| wanted(&it.origin)).count()
    };
    let of_file = count(|it| matches!(it, OptionOrigin::File { .. }));
    let of_variables = count(|it| matches!(it, OptionOrigin::Variable(_)));
    let place = if file.is_some() { "" } else { " (there is none)" };
    Outcome::of(
        found,
        format!("{of_file} set by {FILE}{place}, {of_variables} by variables, the rest by default"),
    )
}

/// The file, for findings that have a place in it.
fn of_options(diagnostic: &Diagnostic) -> &'static str {
    if diagnostic.at.is_some() { FILE } else { "" }
}

pub(super) fn variables(scene: &Scene<'_>) -> Outcome {
    let environment = scene.inputs.environment.name();
    let mut found: Vec<Found> = scene.layer_findings.iter().filter_map(of_variable).collect();
    let named = scene.inputs.variables.get("RESON_ENV").filter(|it| !it.is_empty());
    if let Some(other) = named.filter(|it| *it != environment) {
        found.push(
            Found::warn(format!("RESON_ENV={other}, and this is a check for {environment}"))
                .hint(format!("set RESON_ENV={environment}, or check with --env {other}")),
        );
    }
    let shadowed = match &scene.site.installation {
        Some(Ok(it)) => compiled(scene, it, &mut found),
        _ => Vec::new(),
    };
    if !shadowed.is_empty() {
        let text = format!("variables beat every overlay in {}", shadowed.join(", "));
        let hint = "what is deployed has no say in these; unset RESONTINEX_FUSION_<KEY> if that \
                    is not meant";
        found.push(Found::warn(text).hint(hint));
    }
    Outcome::of(found, "none beats an overlay")
}

/// What is wrong with a variable. One that names a parameter was meant for it, so that a value
/// the parameter does not take is more than a slip of its name.
fn of_variable(it: &Diagnostic) -> Option<Found> {
    let mut found = found_in("", it)?;
    if it.code == "OVL5224" {
        found.status = CheckStatus::Fail;
    }
    Some(found)
}

/// The keys that variables set over overlays; what does not compile is found.
fn compiled(scene: &Scene<'_>, it: &Installation, found: &mut Vec<Found>) -> Vec<String> {
    let layers = std::slice::from_ref(&scene.layer);
    found.extend(it.refused(None, None, layers).iter().filter_map(|it| found_in("", it)));
    match Generation::compile(it.clone(), layers, Source::Files) {
        Ok(generation) => generation.shadowed().to_vec(),
        Err(findings) => {
            let more = findings.iter().filter(|finding| !it.findings().contains(finding));
            found.extend(more.filter_map(|it| found_in(&it.path, &it.diagnostic)));
            Vec::new()
        }
    }
}

pub(super) fn files(scene: &Scene<'_>) -> Outcome {
    let installation = match &scene.site.installation {
        None => return Outcome::skip("no installation is named, and none is deployed"),
        Some(Err(why)) => {
            return Found::fail(why.clone()).hint("name the folder with --configs DIR").into();
        }
        Some(Ok(installation)) => installation,
    };
    let own = installation.findings().iter().filter(|it| !is_reference(it));
    let mut found: Vec<Found> = own.filter_map(|it| found_in(&it.path, &it.diagnostic)).collect();
    found.extend(tomls(scene));
    let overlays = plural(installation.overlays().len(), "overlay");
    let scenarios = plural(installation.catalogue().scenarios.len(), "scenario");
    let flags = plural(installation.flags().names().count(), "flag");
    Outcome::of(found, format!("{overlays}, {scenarios}, {flags}"))
}

/// What is wrong with the files that others read: what their readers find, of the rest what is
/// no TOML.
fn tomls(scene: &Scene<'_>) -> Vec<Found> {
    let others =
        scene.site.tomls.iter().filter(|(name, _)| !READ_ELSEWHERE.contains(&name.as_str()));
    let mut res = Vec::new();
    for (name, text) in others {
        match text {
            Err(why) => {
                let hint = "it has to be a text file of at most 1 MiB that this user may read";
                res.push(Found::fail(format!("{name}: {why}")).hint(hint));
            }
            Ok(text) => {
                let own = (scene.inputs.readers)(name, text);
                if own.iter().any(Diagnostic::is_error) {
                    res.extend(own.iter().filter_map(|it| found_in(name, it)));
                    continue;
                }
                let (_, errors) = DeTable::parse_recoverable(text);
                res.extend(errors.iter().map(|err| {
                    let at = overlay_model::Location::of(text, err.span().unwrap_or_default());
                    let message = err.message();
                    let text = format!("{name}:{}:{}: error: {message}", at.line, at.column);
                    Found::fail(text).hint("mend the TOML; the message is the parser's")
                }));
            }
        }
    }
    res
}

pub(super) fn references(scene: &Scene<'_>) -> Outcome {
    let Some(Ok(installation)) = &scene.site.installation else {
        return Outcome::skip("there is no installation to read");
    };
    let about = installation.findings().iter().filter(|it| is_reference(it));
    let found = about.filter_map(|it| {
        let mut found = found_in(&it.path, &it.diagnostic)?;
        // A flag that leads nowhere is a request that silently gets the baseline.
        if it.diagnostic.code == "FLG4001" {
            found.status = CheckStatus::Fail;
        }
        Some(found)
    });
    Outcome::of(found.collect(), "every flag, overlay, scenario and model that is named is there")
}

/// Whether the finding is about something that a file names and another should have.
fn is_reference(it: &FileFinding) -> bool {
    let code = it.diagnostic.code;
    code.starts_with("FLG4") || code.starts_with("OVL4") || code == "OVL5207"
}

/// A finding for people; nothing for a mere note.
fn found_in(path: &str, it: &Diagnostic) -> Option<Found> {
    let at = it.at.as_ref().map(|at| format!("{}:{}", at.line, at.column));
    let place: Vec<String> =
        [Some(path.to_owned()), at].into_iter().flatten().filter(|it| !it.is_empty()).collect();
    let place = if place.is_empty() { String::new() } else { place.join(":") + ": " };
    let text = format!("{place}{}[{}]: {}", it.severity, it.code, it.message);
    let found = match it.severity {
        Severity::Note => return None,
        Severity::Warning => Found::warn(text),
        Severity::Error => Found::fail(text),
    };
    let explained = || format!("`fusion overlay explain {}` says more", it.code);
    Some(found.hint(it.hint.clone().unwrap_or_else(explained)))
}
