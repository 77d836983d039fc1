use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::Scene;
use super::outcome::{Found, Outcome};
use crate::environment::Environment;

/// Whether the secrets that `providers.toml` names are there. None of them is ever shown.
pub(super) fn secrets(scene: &Scene<'_>) -> Outcome {
    let Some(Ok(installation)) = &scene.site.installation else {
        return Outcome::skip("there is no installation to read");
    };
    let providers = &installation.providers().providers;
    let named = providers.iter().filter_map(|it| Some((&it.name, it.api_key.as_deref()?)));
    let mut found = Vec::new();
    let mut count = 0;
    for (name, reference) in named {
        count += 1;
        found.extend(missing(scene, name, reference));
    }
    if count == 0 {
        return Outcome::skip("providers.toml names none");
    }
    let what = if count == 1 { "secret is" } else { "secrets are" };
    Outcome::of(found, format!("{count} {what} set"))
}

/// What is wrong with the secret of a provider.
fn missing(scene: &Scene<'_>, provider: &str, reference: &str) -> Option<Found> {
    // Who writes overlays need not be able to ask a model.
    let is_bad = scene.inputs.environment != Environment::Development;
    if let Some(variable) = reference.strip_prefix("${").and_then(|it| it.strip_suffix('}')) {
        let value = scene.inputs.variables.get(variable);
        if value.is_some_and(|it| !it.trim().is_empty()) {
            return None;
        }
        let state = if value.is_some() { "is empty" } else { "is not set" };
        let text = format!("the variable {variable} of provider `{provider}` {state}");
        return Some(Found::fail_if(is_bad, text).hint(format!("set {variable}")));
    }
    if let Some(path) = reference.strip_prefix("file:") {
        return in_file(provider, Path::new(path), is_bad);
    }
    let text = format!("the api_key of provider `{provider}` stands in plain text");
    Some(Found::fail(text).hint("write `${VARIABLE}` or `file:PATH`, and revoke this key"))
}

fn in_file(provider: &str, path: &Path, is_bad: bool) -> Option<Found> {
    let shown = path.display();
    match fs::metadata(path) {
        Err(err) => {
            let text = format!("the file {shown} of provider `{provider}` cannot be read: {err}");
            Some(Found::fail_if(is_bad, text).hint(format!("write the secret to {shown}")))
        }
        Ok(meta) if !meta.is_file() || meta.len() == 0 => {
            let text = format!("the file {shown} of provider `{provider}` holds no secret");
            Some(Found::fail_if(is_bad, text).hint(format!("write the secret to {shown}")))
        }
        Ok(_) if fs::File::open(path).is_err() => {
            let text = format!("this user may not read {shown} of provider `{provider}`");
            Some(Found::fail_if(is_bad, text).hint("give it to the user of the service"))
        }
        Ok(meta) if meta.permissions().mode() & 0o077 != 0 => {
            let text = format!("others may read or write {shown}, the secret of `{provider}`");
            Some(Found::warn(text).hint(format!("chmod 600 {shown}")))
        }
        Ok(_) => None,
    }
}
