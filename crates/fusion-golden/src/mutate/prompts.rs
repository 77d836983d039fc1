use std::ops::Range;

use overlay_loader::Installation;
use overlay_model::MicroOverlay;

use super::mutant::{Change, FileChange, Mutant};
use super::wording::{negated, sentences};

/// Every prompt, changed as `class` says.
pub(super) fn mutants(class: &'static str, installation: &Installation) -> Vec<Mutant> {
    let micros = installation.overlays().values().filter_map(|it| it.micro.as_ref());
    let mutants = micros.flat_map(|(path, micro)| {
        let edited = match class {
            "prompt.sentence" => each_sentence(micro, |_| Some(String::new())),
            "prompt.negation" => each_sentence(micro, |it| negated(it, 1)),
            "prompt.section" => removed(micro),
            _ => exchanged(micro),
        };
        edited.into_iter().map(move |(what, text)| Mutant {
            class,
            place: format!("{path}: {what}"),
            change: Change::File(FileChange {
                path: path.clone(),
                is_equivalent: text == micro.text(),
                text,
                key: None,
            }),
        })
    });
    mutants.collect()
}

/// `micro` with each of its sentences as `edit` has it; headings are none.
fn each_sentence(
    micro: &MicroOverlay,
    edit: impl Fn(&str) -> Option<String>,
) -> Vec<(String, String)> {
    let text = micro.text();
    let edited = sentences(text).into_iter().filter_map(|span| {
        let sentence = text.get(span.clone()).filter(|it| !it.trim_start().starts_with('#'))?;
        let edited = edit(sentence)?;
        let (before, after) = (text.get(..span.start)?, text.get(span.end..)?);
        Some((short(sentence), format!("{before}{edited}{after}")))
    });
    edited.collect()
}

/// The bytes of the sections with their headings, by name.
fn sections(micro: &MicroOverlay) -> Vec<(&'static str, Range<usize>)> {
    let text = micro.text();
    let starts: Vec<_> = micro
        .sections()
        .filter_map(|(name, _)| {
            let heading = format!("## {name}");
            let at = text.match_indices(&heading).map(|(at, _)| at);
            let mut at = at.filter(|at| *at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n'));
            Some((name, at.next()?))
        })
        .collect();
    let ends = starts.iter().skip(1).map(|(_, at)| *at).chain([text.len()]);
    starts.iter().zip(ends).map(|((name, at), end)| (*name, *at..end)).collect()
}

fn removed(micro: &MicroOverlay) -> Vec<(String, String)> {
    let text = micro.text();
    let removed = sections(micro).into_iter().filter_map(|(name, span)| {
        let (before, after) = (text.get(..span.start)?, text.get(span.end..)?);
        Some((name.to_owned(), format!("{before}{after}")))
    });
    removed.collect()
}

/// Each section before the one in front of it.
fn exchanged(micro: &MicroOverlay) -> Vec<(String, String)> {
    let text = micro.text();
    let sections = sections(micro);
    let pairs = sections.iter().zip(sections.iter().skip(1));
    let exchanged = pairs.filter_map(|((one, a), (two, b))| {
        let part = |span: &Range<usize>| text.get(span.clone());
        let (before, after) = (text.get(..a.start)?, text.get(b.end..)?);
        let (first, second) = (part(a)?.trim_end(), part(b)?.trim_end());
        let text = format!(
            "{before}{second}\n\n{first}\n{}{after}",
            if after.is_empty() { "" } else { "\n" }
        );
        Some((format!("{two} before {one}"), text))
    });
    exchanged.collect()
}

/// The first words of a sentence.
fn short(sentence: &str) -> String {
    let words: Vec<_> = sentence.split_whitespace().take(7).collect();
    words.join(" ")
}
