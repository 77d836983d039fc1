//! Keys that are older, unknown or missing.

use std::ops::Range;

use overlay_model::{Diagnostic, Edit, Entry, Location, Overlay, OverlayName};

use crate::check::found::{Found, rows};
use crate::check::{Findings, Profile};
use crate::nearest::nearest_key;
use crate::params::{Kind, PARAMS, Param};
use crate::{FORMAT_VERSION, wording};

/// Keys that have a newer name.
pub(super) fn older_names(found: &Found<'_>, findings: &mut Findings) {
    for (older, newer) in rows::OLDER {
        let Some(entry) = found.row(older).map(|it| &it.entry) else { continue };
        let finding = match found.row(newer) {
            Some(winner) => shadowed(found, entry, &winner.entry),
            None => older_name(entry, PARAMS.get(newer).map_or("", |it| it.key)),
        };
        findings.push_ours(finding.located(found.key_at(entry)));
    }
}

fn older_name(entry: &Entry<'_>, newer: &str) -> Diagnostic {
    let message = format!("`{}` is the older name of `{newer}`", entry.key);
    let edit = Edit { span: entry.key_span(), text: newer.to_owned() };
    Diagnostic::note("OVL2004", message)
        .hint(format!("write `{newer}`"))
        .fix("write the newer name", vec![edit])
}

fn shadowed(found: &Found<'_>, entry: &Entry<'_>, winner: &Entry<'_>) -> Diagnostic {
    let message = format!("`{}` is left out: `{}` is set too", entry.key, winner.key);
    let edit = Edit { span: line_span(found.overlay, entry), text: String::new() };
    Diagnostic::warning("OVL2005", message)
        .hint("remove the line")
        .related(found.key_at(winner), "in force")
        .fix("remove the line", vec![edit])
}

/// The bytes of the line of `entry` with its line end.
fn line_span(overlay: &Overlay, entry: &Entry<'_>) -> Range<usize> {
    let text = overlay.source();
    let start = text.get(..entry.key_start).and_then(|it| it.rfind('\n')).map_or(0, |at| at + 1);
    let end = entry.value_span().end;
    let rest = text.get(end..).and_then(|it| it.find('\n')).map_or(text.len(), |at| end + at + 1);
    start..rest
}

/// Keys that are missing, and keys that are unknown, which may be the same ones misspelt.
pub(super) fn unfamiliar(found: &Found<'_>, missing: &[&Param], findings: &mut Findings) {
    let mut claimed: Vec<(String, usize)> = Vec::new();
    for finding in findings.list.iter().filter(|it| it.code == "OVL1003") {
        if let (Some(fix), Some(at)) = (&finding.fix, &finding.at) {
            claimed.extend(fix.edits.iter().map(|it| (it.text.clone(), at.line)));
        }
    }
    for entry in &found.unknown {
        let finding = match findings.profile {
            Profile::Origin => unknown_to_us(entry),
            Profile::Seed | Profile::Deploy => unknown_key(found, entry, &mut claimed),
        };
        findings.push(finding.located(found.key_at(entry)));
    }
    for param in missing {
        let misspelt = claimed.iter().find(|(key, _)| key == param.key).map(|(_, line)| *line);
        findings.push(missing_key(found, param, misspelt));
    }
}

fn unknown_to_us(entry: &Entry<'_>) -> Diagnostic {
    let message = format!("unknown key `{}`", wording::shorten(entry.key));
    Diagnostic::note("OVL2002", message).hint("a key of the original without meaning here")
}

fn unknown_key(
    found: &Found<'_>,
    entry: &Entry<'_>,
    claimed: &mut Vec<(String, usize)>,
) -> Diagnostic {
    let message = format!("unknown key `{}`", wording::shorten(entry.key));
    let finding = Diagnostic::error("OVL2002", message);
    let Some(known) = nearest_key(entry.key) else {
        return finding.hint("remove the line; `fusion overlay explain` lists the keys there are");
    };
    let other = found.overlay.get(&known).map(|it| it.line);
    let other =
        other.or_else(|| claimed.iter().find(|(it, _)| *it == known).map(|(_, line)| *line));
    match other {
        Some(line) => finding.hint(format!("`{known}` is set on line {line} already")),
        None => {
            claimed.push((known.clone(), entry.line));
            finding.hint(format!("did you mean `{known}`?")).fix(
                format!("rename to `{known}`"),
                vec![Edit { span: entry.key_span(), text: known }],
            )
        }
    }
}

fn missing_key(found: &Found<'_>, param: &Param, misspelt: Option<usize>) -> Diagnostic {
    let text = found.overlay.source();
    let end = text.len()..text.len();
    let finding = Diagnostic::error("OVL2001", wording::missing(param.key))
        .located(Location::of(text, end.clone()));
    if let Some(line) = misspelt {
        return finding.hint(format!("line {line} seems to mean it"));
    }
    let value = match param.kind {
        Kind::Version => Some(FORMAT_VERSION.to_owned()),
        Kind::Name => {
            found.file_name.and_then(OverlayName::from_file_name).map(|it| it.to_string())
        }
        _ => param.default.map(str::to_owned),
    };
    let Some(value) = value else {
        return finding.hint(format!("set it: {}", wording::takes(param.kind)));
    };
    let key = param.key;
    let line = if text.is_empty() || text.ends_with('\n') {
        format!("{key}={value}\n")
    } else {
        format!("\n{key}={value}")
    };
    finding
        .hint(format!("set it: {}", wording::takes(param.kind)))
        .fix(format!("add `{key}={value}`"), vec![Edit { span: end, text: line }])
}
