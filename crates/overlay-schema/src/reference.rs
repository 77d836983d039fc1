//! The pages of `docs/reference` that are read off our tables.

use std::fmt::Write as _;

use crate::codes::{CODES, CodeInfo};
use crate::params::{ALIASES, Acts, Group, MODEL_PARAMS, PARAMS, Param, Required, VOLATILE};
use crate::wording::takes;

const GROUPS: [Group; 7] = [
    Group::Metadata,
    Group::Core,
    Group::Fusion,
    Group::Thresholds,
    Group::Sampling,
    Group::Operation,
    Group::Models,
];

/// The reference of parameters, in Markdown.
pub fn parameters_md() -> String {
    let mut res = String::from(
        "# Parameters\n\n\
         Every key an overlay may set: what it takes, its default, and what it changes. \
         A key that no layer sets has its default.\n\n\
         Profile `seed` asks for the keys marked *seed*, `deploy` for these and the ones \
         marked *deploy*.\n",
    );
    for group in GROUPS {
        // Writing to a string cannot fail.
        let _ = write!(res, "\n## {}\n", group.heading());
        let params = PARAMS.iter().chain(MODEL_PARAMS);
        params.filter(|it| it.group == group).for_each(|it| parameter(&mut res, it));
    }
    res.push_str("\n## Older names\n\n| key | newer name |\n|---|---|\n");
    for (older, newer) in ALIASES {
        let _ = writeln!(res, "| `{older}` | `{newer}` |");
    }
    let volatile: Vec<_> = VOLATILE.iter().map(|it| format!("`{it}`")).collect();
    let _ = write!(res, "\nTimestamps, which no digest covers: {}.\n", volatile.join(", "));
    res
}

fn parameter(res: &mut String, param: &Param) {
    let model = if param.group == Group::Models { "<MODEL>" } else { "" };
    let _ = write!(res, "\n### `{model}{}`\n\n{}\n\n", param.key, param.doc);
    let _ = writeln!(res, "- takes {}", takes(param.kind));
    if let Some(default) = param.default {
        let _ = writeln!(res, "- default `{default}`");
    }
    match param.required {
        Required::Seed => res.push_str("- required: *seed*, *deploy*\n"),
        Required::Deploy => res.push_str("- required: *deploy*\n"),
        Required::No => (),
    }
    let changes = param.lowers_to;
    let _ = match param.acts {
        Acts::Replay => writeln!(res, "- changes {changes}"),
        Acts::Time => writeln!(res, "- changes {changes} (in time, not in a replay)"),
        Acts::Description => writeln!(res, "- changes nothing: it says what the overlay is"),
    };
    let _ = writeln!(res, "- since {}", param.since);
}

/// The reference of codes, in Markdown.
pub fn diagnostics_md() -> String {
    let head = "# Diagnostics\n\n\
        What `fusion overlay check` and the loader find in overlays, prompts and \
        `providers.toml`. Codes are stable; `fusion overlay explain CODE` prints one.\n\n\
        1xxx the text · 2xxx keys and values · 3xxx values together · 4xxx what they name \
        (41xx `providers.toml`) · 8xxx secrets and personal data\n";
    format!("{head}{}", codes_md(CODES))
}

/// A section a code, in Markdown, for pages that hold codes of several crates.
pub fn codes_md(codes: &[CodeInfo]) -> String {
    let mut res = String::new();
    for it in codes {
        // Writing to a string cannot fail.
        let _ =
            write!(res, "\n## {} {}\n\n*{}.* {}\n", it.code, it.title, it.severity, it.explanation);
        if !it.example.is_empty() && !it.example.starts_with('\u{feff}') {
            let example: String = it.example.chars().map(visible).collect();
            let _ = write!(res, "\n```text\n{example}\n```\n");
        }
    }
    res
}

/// The picture of a control character: an example must not hide what it shows.
fn visible(c: char) -> char {
    match u32::from(c) {
        code if c != '\n' && code < 0x20 => char::from_u32(0x2400 + code).unwrap_or(c),
        _ => c,
    }
}
