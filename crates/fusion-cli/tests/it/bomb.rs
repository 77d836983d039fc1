//! Input that breaks programs: each a coded finding, soon, in little memory, no panic.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;

use crate::binary::{Ran, finish, folder, fusion, run, run_with, write};
use crate::overlay::REFUND;

/// The address space a run may use: 100 MB for data, the rest for code and stacks.
const ADDRESS_SPACE_KB: u64 = 300_000;
/// Seconds of processor time that a run may use, in a build without optimisation: however
/// busy the machine is, the system ends what takes more.
const PROCESSOR_TIME_S: u64 = 60;

/// Runs `fusion` under limits of memory and of time; a run that is ended by them fails.
#[track_caller]
pub(crate) fn bounded(dir: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new("sh");
    let limits =
        format!("ulimit -v {ADDRESS_SPACE_KB}; ulimit -t {PROCESSOR_TIME_S}; exec \"$0\" \"$@\"");
    command.args(["-c", &limits]).arg(fusion(dir).get_program()).args(args).current_dir(dir);
    finish(&mut command, b"")
}

/// Checks the overlay `text` and expects `code` among the findings.
#[track_caller]
fn check(text: impl AsRef<[u8]>, code: &str) {
    let dir = folder(&[]);
    write(&dir.path().join("fusion_overlay.bad.txt"), text);
    let ran = bounded(dir.path(), &["overlay", "check", ".", "--json"]);
    assert_code(&ran, code);
    // The form for people must cope with the same text.
    bounded(dir.path(), &["overlay", "check", "."]);
}

#[track_caller]
fn assert_code(ran: &Ran, code: &str) {
    let report = ran.json();
    let files = report["files"].as_array().expect("files");
    let codes: Vec<_> = files
        .iter()
        .flat_map(|it| it["diagnostics"].as_array().expect("diagnostics"))
        .map(|it| it["code"].as_str().expect("a code"))
        .collect();
    assert!(codes.contains(&code), "{code} is not among {codes:?}");
}

#[test]
fn texts_that_are_none() {
    check("\u{feff}A=1\n", "OVL1007");
    check("TRUST_FLOOR=0.6\0\n", "OVL1004");
    check("OVERLAY_DESCRIPTION=\u{1b}[31mred\n", "OVL1004");
    check("OVERLAY_DESCRIPTION=\u{202e}gnp.exe\n", "OVL1004");
    check(b"TRUST_FLOOR=0.6\nOVERLAY_DESCRIPTION=\xff\xfe\n", "OVL1005");
    check([0x80; 4096], "OVL1005");
}

#[test]
fn line_ends_of_windows_are_fine() {
    let dir = folder(&[("fusion_overlay.refund.txt", &REFUND.replace('\n', "\r\n"))]);
    run(dir.path(), &["overlay", "check", "."]).ends_with(0);
}

#[test]
fn numbers_that_are_none() {
    check("TRUST_FLOOR=nan\n", "OVL2105");
    check("TRUST_FLOOR=٠.٥\n", "OVL2106");
    check("TRUST_FLOOR=1_0e-1\n", "OVL2106");
    check("TRUST_FLOOR=1e999\n", "OVL2105");
    check("SAMPLES=99999999999999999999\n", "OVL2102");
}

#[test]
fn keys_and_names_that_are_none() {
    check("TRUST_FLOOR=0.5\nTRUST_FLOOR=0.6\n", "OVL2003");
    check("OVERLAY_NAME=../x\n", "OVL2205");
}

#[test]
fn a_hundred_megabytes_in_one_line() {
    let dir = folder(&[]);
    let file = File::create(dir.path().join("fusion_overlay.big.txt")).expect("a file");
    let mut file = BufWriter::new(file);
    for _ in 0..100 {
        file.write_all(&vec![b'x'; 1 << 20]).expect("a disk");
    }
    file.flush().expect("a disk");
    assert_code(&bounded(dir.path(), &["overlay", "check", ".", "--json"]), "OVL1006");
}

#[test]
fn sixty_megabytes_in_one_line() {
    let dir = folder(&[]);
    write(&dir.path().join("fusion_overlay.big.txt"), vec![b'x'; 60 << 20]);
    assert_code(&bounded(dir.path(), &["overlay", "check", ".", "--json"]), "OVL1006");
}

#[test]
fn five_million_lines() {
    let dir = folder(&[]);
    let text = "A=1\n".repeat(5_000_000);
    write(&dir.path().join("fusion_overlay.long.txt"), text);
    assert_code(&bounded(dir.path(), &["overlay", "check", ".", "--json"]), "OVL1006");
}

#[test]
fn as_many_broken_lines_as_fit() {
    check("x\n".repeat(200_000), "OVL1001");
    check("=".repeat(1 << 19), "OVL1002");
}

#[test]
fn yaml_bombs() {
    let aliases = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b]\n";
    let nested = "a: &a x\n".to_owned() + &"b: *a\n".repeat(1000);
    for text in [aliases.to_owned(), nested, "[".repeat(100_000), "{a: ".repeat(100_000)] {
        let dir = folder(&[("spec.yaml", &text), ("overlay.yaml", &text)]);
        let ran = bounded(dir.path(), &["design", "check", "spec.yaml", "--json"]).ends_with(1);
        assert_eq!(ran.json()["diagnostics"][0]["code"], "OVL6009");
        assert_code(
            &bounded(dir.path(), &["overlay", "check", "overlay.yaml", "--json"]),
            "OVL1011",
        );
    }
}

#[test]
fn json_and_toml_bombs() {
    for (name, text) in [
        ("a.json", "{\"a\":".repeat(100_000)),
        ("b.json", "{\"A\": 1, \"A\": 2}".to_owned()),
        ("c.json", "{\"TRUST_FLOOR\": 1e999}".to_owned()),
        ("d.toml", format!("A = {}", "[".repeat(100_000))),
        ("e.toml", "A = 1\nA = 2\n".to_owned()),
        ("f.toml", "TRUST_FLOOR = nan\n".to_owned()),
    ] {
        let dir = folder(&[(name, &text)]);
        assert_code(&bounded(dir.path(), &["overlay", "check", name, "--json"]), "OVL1011");
    }
}

#[test]
fn as_many_unknown_keys_as_fit() {
    let keys = |line: fn(usize) -> String| (0..80_000).map(line).collect::<String>();
    let json = keys(|it| format!(",\"K{it:06}\":1"));
    let json = format!("{{{}}}", json.strip_prefix(',').expect("keys"));
    for (name, text) in [
        ("a.json", json),
        ("a.toml", keys(|it| format!("K{it:06}=1\n"))),
        // A build without optimisation reads YAML slowly: a quarter of them will do.
        ("a.yaml", keys(|it| format!("K{it:06}: 1\n")).split_at(11 * 20_000).0.to_owned()),
    ] {
        let dir = folder(&[(name, &text)]);
        let ran = bounded(dir.path(), &["overlay", "check", name, "--json"]).ends_with(1);
        assert_capped(&ran.json()["files"][0]["diagnostics"]);
        bounded(dir.path(), &["overlay", "check", name]).ends_with(1);
    }
}

#[test]
fn as_many_findings_about_a_spec_as_fit() {
    let names: String = (0..20_000).map(|it| format!("- \"a,b{it:05}\"\n")).collect();
    let subjects: Vec<_> = (0..50_000).map(|it| format!("\"p{it:05}>=1.0\"")).collect();
    let subjects = subjects.join(",");
    for (name, text, code) in [
        ("a.yaml", format!("name: x\npurpose: y\ntarget_scenarios:\n{names}"), 1),
        (
            "a.toml",
            format!("name = 'x'\npurpose = 'y'\ncompatibility_requirements = [{subjects}]\n"),
            0,
        ),
    ] {
        let dir = folder(&[(name, &text)]);
        let ran = bounded(dir.path(), &["design", "check", name, "--json"]).ends_with(code);
        assert_capped(&ran.json()["diagnostics"]);
    }
}

/// A thousand findings with a place, and one that says how many more there are.
#[track_caller]
fn assert_capped(findings: &serde_json::Value) {
    let findings = findings.as_array().expect("findings");
    assert_eq!(findings.len(), 1001);
    let (last, listed) = findings.split_last().expect("findings");
    assert_eq!(last["code"], "OVL1013");
    assert!(listed.iter().all(|it| it["line"].is_u64()), "{listed:#?}");
}

#[test]
fn specs_that_are_none() {
    let dir = folder(&[]);
    let codes = |spec: &str| {
        let ran = run_with(dir.path(), &["design", "check", "-", "--json"], spec.as_bytes());
        ran.ends_with(1).json()["diagnostics"][0]["code"].as_str().map(str::to_owned)
    };
    assert_eq!(codes("name: ../x\npurpose: y\n").as_deref(), Some("OVL6002"));
    assert_eq!(codes("name: x\npurpose: \"two\\nlines\"\n").as_deref(), Some("OVL6006"));
    assert_eq!(
        codes("name: x\npurpose: y\nperformance_goals: {latency_ms: .nan}\n").as_deref(),
        Some("OVL6004")
    );
    assert_eq!(codes("").as_deref(), Some("OVL6009"));
}

#[test]
fn standard_input_is_bounded_too() {
    let dir = folder(&[]);
    let args = ["overlay", "check", "-", "--json"];
    let ran = run_with(dir.path(), &args, &vec![b'x'; 2 << 20]).ends_with(1);
    assert_code(&ran, "OVL1006");
}
