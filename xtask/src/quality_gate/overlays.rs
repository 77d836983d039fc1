use overlay_model::{Overlay, ParamKey};
use overlay_schema::{Kind, Required, param};

use super::Defect;
use super::defects::{replaced, secrets};
use super::seed::Seed;

/// What may be wrong in an overlay.
pub(super) fn defects(seed: &Seed) -> Vec<Defect> {
    let (overlay, _) = Overlay::parse(seed.text());
    let mut defects = Vec::new();
    for entry in overlay.entries() {
        let (key, value) = (entry.key, entry.value);
        let line = format!("{key}={value}");
        let with = |is: &str| replaced(seed.text(), &line, is);
        let mut add = |class: &str, is: String| {
            defects.push(Defect::new(format!("overlay: {class}"), is.clone(), with(&is)));
        };
        add("key misspelt", format!("{}={value}", misspelt(key)));
        add("key twice", format!("{line}\n{line}"));
        add("sign missing", format!("{key} {value}"));
        if param(key).is_some_and(|it| it.required != Required::No) {
            add("required key missing", format!("# {line}"));
        }
        for bad in param(key).map(|it| bad_values(it.kind)).unwrap_or_default() {
            add("value of no such kind", format!("{key}={bad}"));
        }
        for bad in param(key).map(|it| outside(it.kind)).unwrap_or_default() {
            add("value out of range", format!("{key}={bad}"));
        }
    }
    defects.extend(added(&overlay));
    defects
}

/// A key with two letters that changed places.
fn misspelt(key: &str) -> String {
    let mut letters: Vec<_> = key.chars().collect();
    let middle = letters.len() / 2;
    let at = (1..middle + 1).rev().find(|at| letters.get(at - 1) != letters.get(*at)).unwrap_or(1);
    if at < letters.len() {
        letters.swap(at - 1, at);
    }
    letters.into_iter().collect()
}

fn bad_values(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Number { .. } => &["high", "0,65", "NaN", "inf", "65%", ""],
        Kind::Integer { .. } | Kind::Millis { .. } => &["two", "2.5", "1e3x", "250ms", ""],
        Kind::Switch => &["yes", "1", "True", "enabled"],
        Kind::Word(_) => &["best_effort", "Adaptive Routing", ""],
        Kind::Models => &["gpt-9-ultra", "gpt-4o-mini;gpt-4o"],
        Kind::Voters => &["single", "single:-1", "oracle:1", "single:0"],
        Kind::Version => &["two", "3.0.0", "2.x"],
        Kind::Name => &["../etc/passwd", "Refund First", "a/b", ""],
        Kind::Keys => &["NO_SUCH_KEY"],
        Kind::Scenarios => &["no such kind!", "unheard_of_work"],
        Kind::Time => &["yesterday"],
        Kind::Token | Kind::Text => &[],
    }
}

fn outside(kind: Kind) -> Vec<String> {
    match kind {
        Kind::Number { min, max } => {
            let mut bad = vec![format!("{}", min - 0.01)];
            if max.is_finite() && max < 1e15 {
                bad.push(format!("{}", max + 0.01));
            }
            bad
        }
        Kind::Integer { min, max } | Kind::Millis { min, max, .. } => {
            [min.checked_sub(1), max.checked_add(1)]
                .into_iter()
                .flatten()
                .map(|it| it.to_string())
                .collect()
        }
        _ => Vec::new(),
    }
}

/// The overlay with a secret in a text, and with more than a text holds.
fn added(overlay: &Overlay) -> Vec<Defect> {
    let Ok(key) = "OVERLAY_DESCRIPTION".parse::<ParamKey>() else { return Vec::new() };
    let mut defects = Vec::new();
    for (what, secret) in secrets() {
        let mut overlay = overlay.clone();
        if overlay.set(&key, &format!("Refunds, with {secret}")).is_ok() {
            defects.push(Defect::new("overlay: secret", what, overlay.source()));
        }
    }
    let source = overlay.source();
    let padding = "# ".to_owned() + &"x".repeat(1 << 20) + "\n";
    defects.push(Defect::new("overlay: too large", "1 MiB", format!("{source}{padding}")));
    for (what, line) in [
        ("tab in a key", "TRUST\tFLOOR=0.5"),
        ("small letters", "trust_floor_low=0.5"),
        ("section", "[overlay]"),
        ("JSON", "{\"TRUST_FLOOR\": 0.5}"),
    ] {
        defects.push(Defect::new(
            "overlay: line of another kind",
            what,
            format!("{source}{line}\n"),
        ));
    }
    defects
}

/// What may be wrong in a prompt.
pub(super) fn prompt_defects(seed: &Seed) -> Vec<Defect> {
    let text = seed.text();
    let mut defects = Vec::new();
    for (what, secret) in secrets() {
        let broken = format!("{text}\nUse {secret} for the call.\n");
        defects.push(Defect::new("prompt: secret", what, broken));
    }
    for (what, data) in [
        ("mail address", "Write to jane.doe@acme-bank.com first."),
        ("card", "The card is 4111 1111 1111 1111."),
        ("IBAN", "The account is DE89 3704 0044 0532 0130 00."),
        ("social security number", "Her number is 536-22-8714."),
        ("telephone", "Call +49 170 5551234 at night."),
    ] {
        defects.push(Defect::new("prompt: personal data", what, format!("{text}\n{data}\n")));
    }
    for (from, to) in [
        ("[check: contains", "[check: includes"),
        ("[check: regex \"", "[check: regex \"(("),
        ("[check: not \"", "[check: not "),
    ] {
        defects.push(Defect::new("prompt: check of no kind", to, replaced(text, from, to)));
    }
    defects
}
