use std::collections::BTreeSet;

use fusion_cli::{EXIT_CODES, VARIABLES, exit_codes_md};

use crate::binary::{folder, run};

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
