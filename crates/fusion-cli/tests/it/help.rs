use std::collections::BTreeSet;
use std::path::Path;

use fusion_cli::{EXIT_CODES, VARIABLES, exit_codes_md};

use crate::binary::{folder, run};
use crate::optimize::{NOW, measured};

/// Every command, as words.
const COMMANDS: &[&str] = &[
    "overlay",
    "overlay generate",
    "overlay check",
    "overlay fmt",
    "overlay diff",
    "overlay hash",
    "overlay convert",
    "overlay set",
    "overlay unpin",
    "overlay optimize",
    "overlay profile",
    "overlay tune",
    "overlay explain",
    "overlay effective",
    "overlay list",
    "overlay status",
    "design",
    "design check",
    "doctor",
    "health",
    "flags",
    "flags check",
    "flags decide",
    "flags route",
    "flags explain",
    "flags diff",
    "flags export",
    "flags import",
    "flags kill",
    "golden",
    "golden validate",
    "golden record",
    "golden update",
    "golden review",
    "golden import",
    "golden prune",
    "golden mutate",
    "golden compare",
    "golden calibrate",
    "golden power",
    "budget",
    "budget gate",
    "budget check",
    "deploy",
    "deploy plan",
    "deploy apply",
    "deploy status",
    "deploy list",
    "deploy show",
    "deploy diff",
    "deploy promote",
    "deploy pause",
    "deploy resume",
    "deploy abort",
    "deploy rollback",
    "deploy verify",
    "deploy recover",
    "deploy gc",
    "deploy pin",
    "deploy unpin",
    "deploy sample",
    "audit",
    "audit log",
    "audit verify",
    "audit export",
    "audit checkpoint",
    "backup",
    "backup create",
    "backup list",
    "backup verify",
    "backup restore",
    "backup prune",
    "migrate",
    "migrate plan",
    "migrate apply",
    "migrate validate",
    "migrate rollback",
    "serve",
    "completions",
];

/// The commands that the help of `of` lists.
fn listed(of: &str) -> Vec<String> {
    let dir = folder(&[]);
    let args: Vec<_> = of.split_whitespace().chain(["--help"]).collect();
    let help = run(dir.path(), &args).ends_with(0).stdout;
    let section = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let lines = section.lines().take_while(|it| !it.is_empty());
    // What a long line goes on with stands further in.
    let lines = lines.filter(|it| !it.starts_with("   "));
    let names = lines.filter_map(|it| it.split_whitespace().next());
    let names = names.filter(|it| *it != "help");
    names.map(|it| format!("{of} {it}").trim().to_owned()).collect()
}

#[test]
fn the_table_of_commands_is_complete() {
    let mut found: Vec<String> = listed("");
    let below: Vec<String> = found.iter().flat_map(|it| listed(it)).collect();
    found.extend(below);
    let known: BTreeSet<_> = COMMANDS.iter().map(|it| (*it).to_owned()).collect();
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), known);
}

#[test]
fn every_command_has_examples() {
    let dir = folder(&[]);
    for command in COMMANDS {
        let args: Vec<_> = command.split(' ').chain(["--help"]).collect();
        let help = run(dir.path(), &args).ends_with(0).stdout;
        let examples = help.split("\nExamples:\n").nth(1).unwrap_or_default();
        let first = examples.lines().next().unwrap_or_default();
        assert!(first.contains("fusion "), "{command}: {help}");
    }
}

/// The examples in the help of `command`, one a line, lines that go on joined.
fn examples(command: &str) -> Vec<String> {
    let dir = folder(&[]);
    let args: Vec<_> = command.split(' ').chain(["--help"]).collect();
    let help = run(dir.path(), &args).ends_with(0).stdout;
    let text = help.split("\nExamples:\n").nth(1).unwrap_or_default();
    let text = text.split("\n\n").next().unwrap_or_default().replace("\\\n", " ");
    text.lines().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
}

/// What a fresh clone holds, as far as these commands read it, with one commit.
fn clone() -> tempfile::TempDir {
    let dir = folder(&[]);
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let script = format!(
        "cp -R {root}/configs {root}/goldens {root}/schemas . && git init -q && git add -A \
         && git -c user.name=a -c user.email=a@example.com commit -q -m a"
    );
    assert!(shell(dir.path(), &script).success(), "{script}");
    dir
}

/// Runs `script` with `fusion` on the path.
fn shell(dir: &Path, script: &str) -> std::process::ExitStatus {
    let binary = snapbox::cmd::cargo_bin!("fusion");
    let folder = binary.parent().expect("a folder").display();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script]).current_dir(dir).env_clear();
    command.env("PATH", format!("{folder}:/usr/local/bin:/usr/bin:/bin"));
    command.env("SOURCE_DATE_EPOCH", NOW.to_string());
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    command.stderr(std::process::Stdio::null()).status().expect("a shell")
}

/// Types the examples in the help of `command`, one after the other, in a clone beside a
/// deployment that measured its answers; each ends with `most` at most.
#[track_caller]
fn type_examples(command: &str, most: i32) {
    let dir = clone();
    measured(&dir.path().join("prod"));
    let examples = examples(command);
    assert!(!examples.is_empty(), "{command}");
    for example in examples {
        let code = shell(dir.path(), &example).code();
        assert!(code.is_some_and(|it| it <= most), "{command}: `{example}` ends with {code:?}");
    }
}

/// Those that change settings by rule or by search, which takes its time.
const SETTINGS: [&str; 3] = ["overlay optimize", "overlay profile", "overlay tune"];

#[test]
fn the_examples_of_overlays_and_specs_can_be_typed() {
    let wanted = |it: &&&str| it.starts_with("overlay") || it.starts_with("design");
    for command in COMMANDS.iter().filter(wanted).filter(|it| !SETTINGS.contains(it)) {
        type_examples(command, 63);
    }
}

#[test]
fn the_examples_of_better_settings_come_to_something() {
    for command in SETTINGS {
        // Where changes are only shown it is 2.
        type_examples(command, 2);
    }
}

#[test]
fn a_wrong_command_line_ends_with_64() {
    let dir = folder(&[]);
    for args in [&["brew"][..], &[], &["overlay", "check"], &["golden", "record"]] {
        run(dir.path(), args).ends_with(64);
    }
    let ran = run(dir.path(), &["overlay", "chek", "--json"]).ends_with(64);
    assert_eq!(ran.json()["schema"], "fusion/error/1");
    assert_eq!(ran.json()["exit_code"], 64);
}

#[test]
fn the_version_is_printed() {
    let dir = folder(&[]);
    let version = concat!("fusion ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(run(dir.path(), &["--version"]).ends_with(0).stdout, version);
}

#[test]
fn completions_name_the_commands() {
    let dir = folder(&[]);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = run(dir.path(), &["completions", shell]).ends_with(0).stdout;
        assert!(text.contains("effective"), "{shell}");
    }
}

#[test]
fn colour_is_for_terminals_and_those_who_ask() {
    let dir = folder(&[("a.txt", "TRUST_FLOOR=2\n")]);
    let plain = run(dir.path(), &["overlay", "check", "a.txt"]).ends_with(1);
    assert!(!plain.stdout.contains('\u{1b}'));
    let styled = run(dir.path(), &["overlay", "check", "a.txt", "--color", "always"]).ends_with(1);
    assert!(styled.stdout.contains('\u{1b}'));
}

#[test]
fn the_reference_has_every_row() {
    let page = exit_codes_md();
    for row in EXIT_CODES {
        assert!(page.contains(&format!("| {} | `{}` |", row.exit.code(), row.name)));
        assert!(!row.example.is_empty());
    }
    let page = fusion_cli::environment_md();
    assert!(VARIABLES.iter().all(|it| page.contains(&format!("| `{}` |", it.name))));
    assert!(fusion_cli::diagnostics_md().contains("OVL1010"));
}
