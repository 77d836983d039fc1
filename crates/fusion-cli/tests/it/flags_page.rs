//! The examples of docs/flags.md, run as a reader runs them, in one folder from the top of the
//! page to its end.

#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use crate::binary::{finish, folder, fusion, read, write};
use crate::service_page::{CONFIGS, copy};

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
    let name = prose.trim_end().trim_end_matches(':').strip_suffix('`');
    let name = name.and_then(|it| it.rsplit('`').next());
    name.filter(|it| it.ends_with(".yaml") || it.ends_with(".json")).unwrap_or("flags.yaml")
}

/// Runs the commands of a block in `dir`, as a shell does, each with its output.
fn ran(dir: &Path, block: &str) -> String {
    let program = fusion(dir).get_program().to_os_string();
    let folder = Path::new(&program).parent().unwrap().to_string_lossy().into_owned();
    let mut res = String::new();
    for line in block.lines() {
        let Some(typed) = line.strip_prefix("$ ") else { continue };
        let mut command = Command::new("sh");
        command.current_dir(dir).env_clear().env("PATH", format!("{folder}:/usr/bin:/bin"));
        let ran = finish(command.args(["-c", typed]), b"");
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
    copy(Path::new(CONFIGS), &dir.path().join("configs"));
    let (mut before, mut count) = ("", 0);
    for part in parts(&page) {
        match part {
            Part::Prose(text) => before = text,
            Part::Block { language: "yaml" | "json", text } => {
                write(&dir.path().join(file_name(before)), text);
            }
            Part::Block { language: "console", text } => {
                assert_eq!(ran(dir.path(), text), text);
                count += 1;
            }
            Part::Block { language, .. } => panic!("`{language}` is not run"),
        }
    }
    assert_eq!(count, page.matches("```console").count(), "every example was run");
}
