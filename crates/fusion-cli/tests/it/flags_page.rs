//! The examples of docs/flags.md, run as a reader runs them.

use std::path::Path;

use crate::binary::{finish, folder, fusion, read, write};

/// A part of the page: prose, or a block with its language.
enum Part<'a> {
    Prose(&'a str),
    Block { language: &'a str, text: &'a str },
}

fn parts(page: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for (idx, part) in page.split("```").enumerate() {
        if idx % 2 == 0 {
            parts.push(Part::Prose(part));
        } else {
            let (language, text) = part.split_once('\n').unwrap();
            parts.push(Part::Block { language, text });
        }
    }
    parts
}

/// The file that prose ends with: `and `new.yaml``; else `flags.yaml`.
fn file_name(prose: &str) -> &str {
    let name = prose.trim_end().strip_suffix(".yaml`").and_then(|it| it.rsplit('`').next());
    match name {
        Some("old") => "old.yaml",
        Some("new") => "new.yaml",
        _ => "flags.yaml",
    }
}

/// Runs the commands of a block in `dir`, each with its output.
fn ran(dir: &Path, block: &str) -> String {
    let mut res = String::new();
    for line in block.lines() {
        let Some(words) = line.strip_prefix("$ ") else { continue };
        let mut words = words.split_whitespace().peekable();
        let mut command = fusion(dir);
        while let Some((name, value)) = words.peek().and_then(|it| it.split_once('=')) {
            command.env(name, value);
            words.next();
        }
        assert_eq!(words.next(), Some("fusion"), "{line}");
        let ran = finish(command.args(words), b"");
        for text in [line, "\n", &ran.stdout, &ran.stderr] {
            res.push_str(text);
        }
    }
    res
}

#[test]
fn the_examples_answer_as_the_page_says() {
    let page = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/flags.md"));
    let dir = folder(&[]);
    let (mut before, mut count) = ("", 0);
    for part in parts(&page) {
        match part {
            Part::Prose(text) => before = text,
            Part::Block { language: "yaml", text } => {
                write(&dir.path().join(file_name(before)), text);
            }
            Part::Block { language: "console", text }
                if text.contains(" flags.yaml") || text.contains(" new.yaml ") =>
            {
                assert_eq!(ran(dir.path(), text), text);
                count += 1;
            }
            Part::Block { .. } => {}
        }
    }
    assert_eq!(count, 11, "examples were found");
}
