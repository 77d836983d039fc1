use super::seed::{Format, Seed};
use super::{Defect, migrations, overlays, recordings, tables};

/// Every defect of `seed`.
pub(super) fn of(seed: &Seed) -> Vec<Defect> {
    let mut defects = common(seed);
    defects.extend(match seed.format {
        Format::Overlay => overlays::defects(seed),
        Format::Prompt => overlays::prompt_defects(seed),
        Format::TypedOverlay => tables::typed_defects(seed),
        Format::Flags => tables::flag_defects(seed),
        Format::Scenarios => tables::scenario_defects(seed),
        Format::Providers => tables::provider_defects(seed),
        Format::Golden => recordings::golden_defects(seed),
        Format::Cassette => recordings::cassette_defects(seed),
        Format::Migration => migrations::defects(seed),
    });
    // An edit that found nothing to change is no defect.
    defects.retain(|it| it.bytes != seed.bytes);
    defects
}

/// What may happen to any file.
fn common(seed: &Seed) -> Vec<Defect> {
    if matches!(seed.format, Format::Prompt | Format::Migration) {
        return bytes(seed);
    }
    let mut defects = bytes(seed);
    let text = seed.text();
    let name = seed.format.name();
    let middle = text.lines().count() / 2;
    let with = |marker: &str| {
        let lines = text.lines().enumerate().map(|(number, line)| match number == middle {
            true => format!("{marker}\n{line}\n"),
            false => format!("{line}\n"),
        });
        lines.collect::<String>()
    };
    for marker in ["<<<<<<< HEAD", "=======", ">>>>>>> theirs"] {
        let class = format!("{name}: merge left open");
        defects.push(Defect::new(class, marker, with(marker)));
    }
    // A model table may be empty; what the overlays then miss is seen where they are.
    if seed.format != Format::Providers || seed.name.starts_with("configs/") {
        defects.push(Defect::new(format!("{name}: empty"), "no byte", ""));
    }
    defects.push(Defect::new(
        format!("{name}: another format"),
        "HTML",
        "<!DOCTYPE html>\n<p>Not found\n",
    ));
    // In the middle of a line: a file that ends with a line is a shorter file.
    let cut = seed.bytes.len() * 2 / 3;
    let at = (cut..seed.bytes.len()).find(|at| {
        let is_line = |at: usize| matches!(seed.bytes.get(at), Some(b'\n') | None);
        text.is_char_boundary(*at)
            && !is_line(*at)
            && at.checked_sub(1).is_some_and(|it| !is_line(it))
    });
    let json = matches!(seed.format, Format::Golden | Format::Cassette);
    if let Some(at) = at.filter(|_| json) {
        let cut = text.get(..at).unwrap_or_default();
        defects.push(Defect::new(format!("{name}: cut off"), format!("after {at} bytes"), cut));
    }
    defects
}

/// Bytes that no text has.
fn bytes(seed: &Seed) -> Vec<Defect> {
    let name = seed.format.name();
    let broken = |class: &str, what: &str, inserted: &[u8]| {
        let mut bytes = seed.bytes.clone();
        let middle = bytes.len() / 2;
        bytes.splice(middle..middle, inserted.iter().copied());
        Defect::new(format!("{name}: {class}"), what, bytes)
    };
    if seed.format == Format::Migration {
        return Vec::new();
    }
    let mut defects = vec![broken("invalid UTF-8", "0xff 0xfe", &[0xff, 0xfe])];
    if seed.format != Format::Prompt {
        defects.push(broken("control character", "NUL", &[0]));
    }
    defects
}

/// `text` with the first `from` as `to`.
pub(super) fn replaced(text: &str, from: &str, to: &str) -> String {
    text.replacen(from, to, 1)
}

/// Secrets as they are found in the wild, put together here so that no scanner takes this file
/// for a leak.
pub(super) fn secrets() -> Vec<(&'static str, String)> {
    let tail = "Zx81QmPw47RtLk90VbNc63YuEo52HsDa";
    vec![
        ("OpenAI key", format!("sk-{}{tail}", "proj-")),
        ("AWS key", format!("AK{}", "IAQ7WERTY3ZXCVB5MN")),
        ("GitHub token", format!("gh{}{tail}9aB7", "p_")),
        ("Slack token", format!("xo{}-2913847561-4839201745-{tail}", "xb")),
        ("private key", format!("-----BEGIN RSA {} KEY-----", "PRIVATE")),
        ("password in a URL", format!("https://admin:{tail}@db.internal.example.com/fusion")),
    ]
}
