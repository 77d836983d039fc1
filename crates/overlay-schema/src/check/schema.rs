//! Is each key known, and each value one of it?

use std::cmp::Ordering;
use std::ops::{Range, RangeInclusive};

use overlay_model::{Data, Diagnostic, Edit, Entry, Location, Overlay, Severity};
use semver::Version;

use crate::check::found::{Found, Row, rows};
use crate::check::{Findings, Profile, refused};
use crate::nearest::nearest_key;
use crate::params::{Kind, PARAMS, Param, Required, model_param};
use crate::refusal::{Refusal, float, whole_millis};
use crate::{FORMAT_VERSION, wording};

/// The keys that the original's loader asks for.
const ORIGIN_REQUIRED: [&str; 8] = [
    "ARBITRATION_TIMEOUT_MS",
    "CONTINUITY_ENFORCEMENT",
    "ENTROPY_REDUCTION_TARGET",
    "FUSION_MODE",
    "FUSION_OVERLAY_VERSION",
    "PRIMARY_MODEL_SELECTION",
    "TRUST_SCORING_MODEL",
    "VOTING_POWER_MAP",
];

/// Goes through entries and table side by side, both sorted by key.
pub(super) fn check<'a>(
    overlay: &'a Overlay,
    file_name: Option<&'a str>,
    findings: &mut Findings,
) -> Found<'a> {
    let rows = [const { None }; PARAMS.len()];
    let mut found = Found { overlay, file_name, rows, unknown: Vec::new() };
    let mut missing = Vec::new();
    let mut entries = overlay.sorted();
    let mut next = entries.next();
    for (param, row) in PARAMS.iter().zip(&mut found.rows) {
        let entry = loop {
            let Some(entry) = next else { break None };
            match entry.key.cmp(param.key) {
                Ordering::Greater => break None,
                Ordering::Equal => {
                    next = entries.next();
                    break Some(entry);
                }
                Ordering::Less => {
                    other(overlay, entry, &mut found.unknown, findings);
                    next = entries.next();
                }
            }
        };
        match entry {
            Some(entry) => {
                let is_taken = value(overlay, &entry, param, findings);
                *row = Some(Row { entry, param, is_taken });
            }
            None if is_required(param, findings.profile) => missing.push(param),
            None => (),
        }
    }
    next.into_iter().chain(entries).for_each(|it| other(overlay, it, &mut found.unknown, findings));
    older_names(&found, findings);
    unfamiliar(&found, &missing, findings);
    found
}

/// Whether `profile` asks for `param`.
fn is_required(param: &Param, profile: Profile) -> bool {
    match profile {
        Profile::Seed => param.required == Required::Seed,
        Profile::Deploy => param.required != Required::No,
        Profile::Origin => ORIGIN_REQUIRED.contains(&param.key),
    }
}

/// A key that no row of the table has: of one model, or unknown.
fn other<'a>(
    overlay: &Overlay,
    entry: Entry<'a>,
    unknown: &mut Vec<Entry<'a>>,
    findings: &mut Findings,
) {
    match model_param(entry.key) {
        Some((_, param)) => drop(value(overlay, &entry, param, findings)),
        None => unknown.push(entry),
    }
}

/// Whether `param` takes the value of `entry`; where it does not, with a finding.
fn value(overlay: &Overlay, entry: &Entry<'_>, param: &Param, findings: &mut Findings) -> bool {
    let refusal = match Data::parse(param.kind.shape(), entry.value) {
        Ok(data) => match param.kind.refuses(entry.value, &data) {
            None => {
                doubtful(overlay, entry, param, &data, findings);
                return true;
            }
            Some(refusal) => refusal,
        },
        Err(err) => param.kind.refusal(entry.value, &err),
    };
    let at = overlay.location(entry.value_span());
    let finding = refused::finding(entry.key, param, entry.value, &refusal).located(at);
    let finding = mend(finding, entry, refused::mended(param.kind, entry.value));
    let open = findings.profile == Profile::Origin && !origin_refuses(param, &refusal);
    findings.push(if open { refused::for_origin(finding, entry.value) } else { finding });
    false
}

fn mend(finding: Diagnostic, entry: &Entry<'_>, text: Option<String>) -> Diagnostic {
    match text {
        Some(text) => {
            finding.fix(format!("write `{text}`"), vec![Edit { span: entry.value_span(), text }])
        }
        None => finding,
    }
}

/// The original's loader wants a share, and a whole number of milliseconds above zero.
fn origin_refuses(param: &Param, refusal: &Refusal) -> bool {
    match param.key {
        "ENTROPY_REDUCTION_TARGET" => true,
        "ARBITRATION_TIMEOUT_MS" => {
            !matches!(refusal, Refusal::OutOfRange(number) if *number > 0.0 && number.fract() == 0.0)
        }
        _ => false,
    }
}

/// Values that are read, and not quite as they should be written.
fn doubtful(
    overlay: &Overlay,
    entry: &Entry<'_>,
    param: &Param,
    data: &Data,
    findings: &mut Findings,
) {
    let at = || overlay.location(entry.value_span());
    match (param.kind, data) {
        (Kind::Millis { min, advised, .. }, Data::Millis(time))
            if whole_millis(*time) > advised =>
        {
            let millis = float(whole_millis(*time));
            let finding = long(param.key, millis, &format!("[{min}, {advised}]"), findings.profile);
            findings.push(finding.located(at()));
        }
        (Kind::Version, Data::Version(version)) if Version::parse(entry.value).is_err() => {
            let finding = Diagnostic::warning("OVL2301", loose_version(entry.value, version));
            let finding = finding.located(at()).hint("write three numbers, as semver has them");
            findings.push_ours(mend(finding, entry, Some(version.clone())));
        }
        (Kind::Time, _) if !is_moment(entry.value) => {
            let text = wording::shorten(entry.value);
            let finding =
                Diagnostic::warning("OVL2401", format!("Invalid time for {}: {text}", param.key))
                    .located(at())
                    .hint(format!("it takes {}", wording::takes(param)));
            findings.push_ours(finding);
        }
        _ => (),
    }
}

/// A time above what is advised: past the end for the original's generator.
fn long(key: &str, millis: f64, range: &str, profile: Profile) -> Diagnostic {
    match profile {
        Profile::Seed => Diagnostic::error("OVL2102", wording::outside_range(key, millis, range))
            .hint("the original's generator ends here; profile `deploy` warns"),
        Profile::Deploy | Profile::Origin => Diagnostic::new(
            "OVL2104",
            if profile == Profile::Deploy { Severity::Warning } else { Severity::Note },
            wording::outside_advised(key, millis, range),
        )
        .hint("callers wait that long for late candidates"),
    }
}

fn loose_version(text: &str, version: &str) -> String {
    format!("`{}` is no strict version, and is read as `{version}`", wording::shorten(text))
}

/// Whether `text` is a moment as RFC 3339 writes it.
pub(super) fn is_moment(text: &str) -> bool {
    let like = |text: &str, form: &str| {
        let fits = |(a, b): (u8, u8)| if b == b'0' { a.is_ascii_digit() } else { a == b };
        text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
    };
    let within = |at: usize, range: RangeInclusive<u8>| {
        let number = text.get(at..at + 2).and_then(|it| it.parse().ok());
        number.is_some_and(|it| range.contains(&it))
    };
    let Some((moment, rest)) = text.split_at_checked(19) else { return false };
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => match fraction.split_at_checked(digits(fraction)) {
            Some(("", _)) | None => return false,
            Some((_, zone)) => zone,
        },
        None => rest,
    };
    ["0000-00-00T00:00:00", "0000-00-00t00:00:00", "0000-00-00 00:00:00"]
        .iter()
        .any(|form| like(moment, form))
        && ["Z", "z", "+00:00", "-00:00"].iter().any(|form| like(zone, form))
        && within(5, 1..=12)
        && within(8, 1..=31)
        && within(11, 0..=23)
        && within(14, 0..=59)
        && within(17, 0..=60)
}

/// Keys that have a newer name.
fn older_names(found: &Found<'_>, findings: &mut Findings) {
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
fn unfamiliar(found: &Found<'_>, missing: &[&Param], findings: &mut Findings) {
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
        Kind::Name => found
            .file_name
            .and_then(overlay_model::OverlayName::from_file_name)
            .map(|it| it.to_string()),
        _ => param.default.map(str::to_owned),
    };
    let Some(value) = value else {
        return finding.hint(format!("set it: {}", wording::takes(param)));
    };
    let key = param.key;
    let line = if text.is_empty() || text.ends_with('\n') {
        format!("{key}={value}\n")
    } else {
        format!("\n{key}={value}")
    };
    finding
        .hint(format!("set it: {}", wording::takes(param)))
        .fix(format!("add `{key}={value}`"), vec![Edit { span: end, text: line }])
}
