//! Is each key known, and each value one of it?

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use overlay_model::{Data, Diagnostic, Edit, Entry, Overlay};
use semver::Version;

use crate::check::found::{Found, Row};
use crate::check::{Findings, Profile, keys, refused};
use crate::params::{Kind, PARAMS, Param, Required, model_param};
use crate::refusal::{Refusal, float, whole_millis};
use crate::wording;

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
    keys::older_names(&found, findings);
    keys::unfamiliar(&found, &missing, findings);
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
        Some((_, param)) => {
            value(overlay, &entry, param, findings);
        }
        None => unknown.push(entry),
    }
}

/// Whether `param` takes the value of `entry`; where it does not, with a finding.
fn value(overlay: &Overlay, entry: &Entry<'_>, param: &Param, findings: &mut Findings) -> bool {
    let kind = kind_for(findings.profile, param.kind);
    let refusal = match &Data::parse(kind.shape(), entry.value) {
        Ok(data) => match kind.refuses(entry.value, data) {
            None => {
                doubtful(overlay, entry, param, data, findings);
                return true;
            }
            Some(refusal) => refusal,
        },
        Err(err) => kind.refusal(entry.value, err),
    };
    let at = overlay.location(entry.value_span());
    let finding = refused::finding(entry.key, kind, entry.value, &refusal).located(at);
    let finding = mend(finding, entry, refused::mended(kind, entry.value));
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
            let range = format!("[{min}, {advised}]");
            let message = wording::outside_advised(param.key, float(whole_millis(*time)), &range);
            let finding = Diagnostic::warning("OVL2104", message)
                .located(at())
                .hint("callers wait that long for late candidates");
            findings.push_ours(finding);
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
                    .hint(format!("it takes {}", wording::takes(param.kind)));
            findings.push_ours(finding);
        }
        _ => (),
    }
}

/// The kind as `profile` has it: for the original's generator what is advised ends a range.
fn kind_for(profile: Profile, kind: Kind) -> Kind {
    match (profile, kind) {
        (Profile::Seed, Kind::Millis { min, advised, .. }) => {
            Kind::Millis { min, max: advised, advised }
        }
        _ => kind,
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
