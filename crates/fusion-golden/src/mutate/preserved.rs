use overlay_loader::{Installation, LoadedOverlay};
use overlay_model::Overlay;
use overlay_schema::{Kind, param};

use super::mutant::FileChange;
use super::{configuration, flags, shuffle};
use crate::statistics::random::Random;

/// Edits of a class that change nothing in meaning.
pub(super) fn edits(
    class: &str,
    installation: &Installation,
    random: &mut Random,
) -> Vec<FileChange> {
    let each = |edit: &mut dyn FnMut(&LoadedOverlay) -> String| -> Vec<FileChange> {
        let overlays = installation.overlays().values();
        overlays.map(|it| same(&it.path, edit(it))).collect()
    };
    match class {
        "same.comments" => each(&mut |it| commented(it.overlay.source())),
        "same.order" => each(&mut |it| reordered(&it.overlay, random)),
        "same.whitespace" => each(&mut |it| spaced(&it.overlay)),
        "same.numbers" => each(&mut |it| renumbered(&it.overlay)),
        "same.line_ends" => {
            let micros = installation.overlays().values().filter_map(|it| it.micro.as_ref());
            let micros = micros.map(|(path, it)| same(path, carriage_returns(it.text())));
            let mut all = each(&mut |it| carriage_returns(it.overlay.source()));
            all.extend(micros);
            all
        }
        _ => rewritten(installation),
    }
}

fn same(path: &str, text: String) -> FileChange {
    FileChange { path: path.to_owned(), text, key: None, is_equivalent: true }
}

fn commented(text: &str) -> String {
    let lines = text.lines().map(|it| format!("# noted by somebody\n{it}\n"));
    lines.collect()
}

/// The lines of entries in another order, in the places that entries have.
fn reordered(overlay: &Overlay, random: &mut Random) -> String {
    let written = |it: &overlay_model::Entry<'_>| format!("{}={}\n", it.key, it.value);
    let mut entries: Vec<_> = overlay.entries().map(|it| written(&it)).collect();
    shuffle(&mut entries, random);
    entries.concat()
}

fn spaced(overlay: &Overlay) -> String {
    let lines = overlay.entries().map(|it| format!("  {}  =\t{} \n\n", it.key, it.value));
    lines.collect()
}

/// `0.30` as `0.3`, `0.65` as `0.650`.
fn renumbered(overlay: &Overlay) -> String {
    let lines = overlay.entries().map(|it| {
        let is_number = param(it.key).is_some_and(|it| matches!(it.kind, Kind::Number { .. }));
        let value = match (is_number, it.value.strip_suffix('0')) {
            (true, Some(shorter)) if it.value.contains('.') && !shorter.ends_with('.') => {
                shorter.to_owned()
            }
            (true, _) if it.value.contains('.') => format!("{}0", it.value),
            _ => it.value.to_owned(),
        };
        format!("{}={value}\n", it.key)
    });
    lines.collect()
}

fn carriage_returns(text: &str) -> String {
    format!("\u{feff}{}", text.replace('\n', "\r\n"))
}

fn rewritten(installation: &Installation) -> Vec<FileChange> {
    let flags = installation.flag_file().map(|it| same(flags::FLAG_FILE, flags::text_of(it)));
    let table = configuration::text_of(installation.providers());
    let table = table.map(|it| same(configuration::PROVIDERS, it));
    flags.into_iter().chain(table).collect()
}
