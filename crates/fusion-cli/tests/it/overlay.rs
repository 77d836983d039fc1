use std::path::Path;

use expect_test::{Expect, expect};
use serde_json::json;

use crate::binary::{folder, read, run, run_with};

/// An overlay that passes `deploy`.
pub(crate) const REFUND: &str = "\
# Refunds
FUSION_OVERLAY_VERSION=2.1.0
OVERLAY_NAME=refund
FUSION_MODE=baseline_only
ENTROPY_REDUCTION_TARGET=0.30
CONTINUITY_ENFORCEMENT=basic_thread
TRUST_SCORING_MODEL=contextual_alignment
TRUST_FLOOR=0.60
";

const SPEC: &str = "\
name = \"refund\"
purpose = \"Duplicate charges go back once\"
target_scenarios = [\"refund_processing\"]
performance_goals = { accuracy_score = 0.92 }
";

/// Runs in a folder with `fusion_overlay.refund.txt` and compares what is printed.
#[track_caller]
fn check(args: &[&str], code: i32, expect: Expect) {
    let dir = folder(&[("fusion_overlay.refund.txt", REFUND), ("spec.toml", SPEC)]);
    let ran = run(dir.path(), args).ends_with(code);
    expect.assert_eq(&ran.stdout);
}

#[test]
fn check_says_that_a_file_is_valid() {
    check(
        &["overlay", "check", "."],
        0,
        expect![[r#"
            ./fusion_overlay.refund.txt: valid, 2e75582bcbc6
        "#]],
    );
}

#[test]
fn check_shows_the_line_of_each_finding() {
    let text = REFUND.replace("0.60", "1.60");
    let dir = folder(&[("bad.txt", &text)]);
    let ran = run(dir.path(), &["overlay", "check", "bad.txt"]).ends_with(1);
    expect![[r#"
        error[OVL2102]: TRUST_FLOOR value 1.6 outside valid range [0.0, 1.0]
         --> bad.txt:8:13
          |
        8 | TRUST_FLOOR=1.60
          |             ^^^^
          |
        help: it takes a number from 0 to 1

        bad.txt: not valid, ad94e9a99383 (1 error)
    "#]]
    .assert_eq(&ran.stdout);
}

#[test]
fn check_answers_as_json() {
    let dir = folder(&[("a.txt", REFUND), ("b.txt", "TRUST_FLOOR=2\n")]);
    let ran = run(dir.path(), &["overlay", "check", "a.txt", "b.txt", "missing.txt", "--json"]);
    let report = ran.ends_with(65).json();
    assert_eq!(report["schema"], "fusion/overlay-check/1");
    assert_eq!(report["files"][0]["valid"], true);
    assert!(report["files"][0]["digest"].as_str().unwrap().starts_with("sha256:"));
    let finding = &report["files"][1]["diagnostics"][0];
    assert_eq!(finding["code"], "OVL2102");
    assert_eq!(finding["severity"], "error");
    assert_eq!((&finding["line"], &finding["column"]), (&json!(1), &json!(13)));
    for field in ["message", "hint", "fix"] {
        assert!(finding.get(field).is_some(), "{field}: {finding}");
    }
    assert_eq!(report["files"][2]["path"], "missing.txt");
    assert_eq!(report["files"][2]["diagnostics"][0]["code"], "OVL1010");
}

#[test]
fn check_answers_as_sarif() {
    let dir = folder(&[("a b.txt", "TRUST_FLOOR=2\n")]);
    let ran = run(dir.path(), &["overlay", "check", "a b.txt", "--format", "sarif"]).ends_with(1);
    let log = ran.json();
    assert_eq!(log["version"], "2.1.0");
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "OVL2102");
    assert_eq!(result["level"], "error");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "a%20b.txt");
    assert_eq!(place["region"]["startColumn"], 13);
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(rules.iter().any(|it| it["id"] == "OVL2102"));
}

#[test]
fn sarif_goes_with_check_only() {
    let dir = folder(&[("a.txt", REFUND)]);
    run(dir.path(), &["overlay", "hash", "a.txt", "--format", "sarif"]).ends_with(64);
}

#[test]
fn check_takes_structured_formats_and_says_where() {
    let text = "FUSION_OVERLAY_VERSION = \"2.1.0\"\nTRUST_FLOOR = 1.5\nSAMPLES = \"2\"\n";
    let dir = folder(&[("a.toml", text)]);
    let ran = run(dir.path(), &["overlay", "check", "a.toml", "--profile", "seed", "--json"]);
    let report = ran.ends_with(1).json();
    let findings = report["files"][0]["diagnostics"].as_array().unwrap();
    let line_of = |key: &str| {
        let about = |it: &&serde_json::Value| it["message"].as_str().unwrap().contains(key);
        findings.iter().find(about).map(|it| it["line"].clone())
    };
    assert_eq!(line_of("TRUST_FLOOR"), Some(json!(2)), "{findings:#?}");
    assert_eq!(line_of("SAMPLES"), Some(json!(3)), "{findings:#?}");
}

#[test]
fn check_fixes_until_nothing_changes() {
    let text = format!("\u{feff}{}", REFUND.replace("TRUST_FLOOR", "TRUST_FLOR"));
    let dir = folder(&[("fusion_overlay.refund.txt", &text)]);
    let args = ["overlay", "check", ".", "--fix", "--dry-run"];
    let ran = run(dir.path(), &args).ends_with(2);
    assert!(ran.stdout.contains("-TRUST_FLOR=0.60\n+TRUST_FLOOR=0.60\n"), "{ran:#?}");
    let path = dir.path().join("fusion_overlay.refund.txt");
    assert_eq!(read(&path), text);

    run(dir.path(), &["overlay", "check", ".", "--fix"]).ends_with(0);
    assert_eq!(read(&path), REFUND);
}

#[test]
fn warnings_are_errors_under_strict() {
    let text = REFUND.to_owned() + "ARBITRATION_TIMEOUT_MS=1500\n";
    let dir = folder(&[("fusion_overlay.refund.txt", &text)]);
    run(dir.path(), &["overlay", "check", "."]).ends_with(0);
    run(dir.path(), &["overlay", "check", ".", "--strict"]).ends_with(1);
    run(dir.path(), &["overlay", "check", ".", "--profile", "seed"]).ends_with(1);
}

#[test]
fn a_folder_without_overlays_selects_nothing() {
    let dir = folder(&[("notes.txt", "")]);
    run(dir.path(), &["overlay", "check", "."]).ends_with(5);
}

#[test]
fn fmt_lays_out_and_keeps_the_digest() {
    let dir = folder(&[("a.txt", REFUND)]);
    let digest = |name: &str| run(dir.path(), &["overlay", "hash", name]).ends_with(0).stdout;
    let before = digest("a.txt");
    run(dir.path(), &["overlay", "fmt", "a.txt", "--check"]).ends_with(2);
    assert_eq!(read(&dir.path().join("a.txt")), REFUND);
    let ran = run(dir.path(), &["overlay", "fmt", "a.txt", "--json"]).ends_with(0).json();
    assert_eq!(ran["schema"], "fusion/overlay-fmt/1");
    assert_eq!(ran["files"][0]["changed"], true);
    assert_ne!(read(&dir.path().join("a.txt")), REFUND);
    assert_eq!(digest("a.txt"), before);
    run(dir.path(), &["overlay", "fmt", "a.txt", "--check"]).ends_with(0);
}

#[test]
fn fmt_leaves_a_broken_file_alone_and_goes_on() {
    let dir = folder(&[("bad.txt", "x\n"), ("good.txt", REFUND)]);
    run(dir.path(), &["overlay", "fmt", "bad.txt", "good.txt"]).ends_with(1);
    assert_eq!(read(&dir.path().join("bad.txt")), "x\n");
    assert_ne!(read(&dir.path().join("good.txt")), REFUND);
}

#[test]
fn diff_compares_what_overlays_say() {
    let after = REFUND.replace("0.30", "0.3").replace("TRUST_FLOOR=0.60", "SAMPLES=3");
    let dir = folder(&[("a.txt", REFUND), ("b.txt", &after)]);
    let ran = run(dir.path(), &["overlay", "diff", "a.txt", "b.txt"]).ends_with(2);
    expect![[r#"
        + SAMPLES      3
        - TRUST_FLOOR  0.60
    "#]]
    .assert_eq(&ran.stdout);
    let report = run(dir.path(), &["overlay", "diff", "a.txt", "b.txt", "--json"]).json();
    assert_eq!(report["schema"], "fusion/overlay-diff/1");
    assert_eq!(report["changes"][0]["key"], "SAMPLES");
    assert_eq!(report["changes"][1]["from_line"], 8);
    run(dir.path(), &["overlay", "diff", "a.txt", "a.txt"]).ends_with(0);
}

#[test]
fn hash_is_the_same_in_every_format() {
    let dir = folder(&[("a.txt", REFUND)]);
    for format in ["toml", "yaml", "json", "txt"] {
        let name = format!("b.{format}");
        run(dir.path(), &["overlay", "convert", "a.txt", "--to", format, "-o", &name]).ends_with(0);
        let ran = run(dir.path(), &["overlay", "hash", "a.txt", &name, "--json"]).ends_with(0);
        let report = ran.json();
        assert_eq!(report["schema"], "fusion/overlay-hash/1");
        assert_eq!(report["files"][0]["digest"], report["files"][1]["digest"], "{format}");
        run(dir.path(), &["overlay", "check", &name]).ends_with(0);
    }
}

#[test]
fn convert_prints_and_never_overwrites() {
    let dir = folder(&[("a.txt", REFUND), ("b.json", "")]);
    let ran = run(dir.path(), &["overlay", "convert", "a.txt", "--to", "toml"]).ends_with(0);
    assert!(ran.stdout.contains("TRUST_FLOOR = 0.6"), "{ran:#?}");
    let args = ["overlay", "convert", "a.txt", "--to", "json", "-o", "b.json"];
    run(dir.path(), &args).ends_with(64);
    let args = ["overlay", "convert", "a.txt", "--to", "yaml", "--json"];
    assert_eq!(run(dir.path(), &args).json()["schema"], "fusion/overlay-convert/1");
}

#[test]
fn set_checks_pins_and_keeps_comments() {
    let dir = folder(&[("fusion_overlay.refund.txt", REFUND)]);
    let set = |args: &[&str]| {
        run(dir.path(), &[&["overlay", "set", "fusion_overlay.refund.txt"], args].concat())
    };
    let path = dir.path().join("fusion_overlay.refund.txt");

    let refused = set(&["TRUST_FLOOR=1.5"]).ends_with(1);
    assert!(refused.stderr.contains("OVL2102"), "{refused:#?}");
    assert_eq!(read(&path), REFUND);

    let shown = set(&["TRUST_FLOOR=0.65", "--dry-run"]).ends_with(2);
    assert!(shown.stdout.contains("+TRUST_FLOOR=0.65"), "{shown:#?}");
    assert_eq!(read(&path), REFUND);

    let report = set(&["TRUST_FLOOR=0.65", "SAMPLES=3", "--json"]).ends_with(0).json();
    assert_eq!(report["schema"], "fusion/overlay-set/1");
    assert_eq!(report["pinned"], json!(["TRUST_FLOOR", "SAMPLES"]));
    let expected =
        REFUND.replace("0.60", "0.65") + "SAMPLES=3\nOVERLAY_PINNED=TRUST_FLOOR,SAMPLES\n";
    assert_eq!(read(&path), expected);

    run(dir.path(), &["overlay", "unpin", "fusion_overlay.refund.txt", "SAMPLES"]).ends_with(0);
    assert!(read(&path).ends_with("OVERLAY_PINNED=TRUST_FLOOR\n"));
    run(dir.path(), &["overlay", "unpin", "fusion_overlay.refund.txt", "SAMPLES"]).ends_with(1);
}

/// Whoever sets a key in a file that `fmt` is content with need not call it again.
#[test]
fn set_leaves_a_laid_out_file_laid_out() {
    let name = "fusion_overlay.refund.txt";
    let dir = folder(&[(name, REFUND)]);
    let overlay = |args: &[&str]| run(dir.path(), &[&["overlay"], args].concat());
    overlay(&["fmt", name]).ends_with(0);
    overlay(&["set", name, "TRUST_FLOOR=0.65", "SAMPLES=3"]).ends_with(0);
    overlay(&["fmt", "--check", name]).ends_with(0);
    let text = read(&dir.path().join(name));
    assert!(text.contains("OVERLAY_PINNED=TRUST_FLOOR,SAMPLES\n"), "{text}");
    overlay(&["unpin", name, "TRUST_FLOOR", "SAMPLES"]).ends_with(0);
    overlay(&["fmt", "--check", name]).ends_with(0);
}

#[test]
fn set_refuses_what_no_file_can_hold() {
    let dir = folder(&[("fusion_overlay.refund.txt", REFUND)]);
    let args = ["overlay", "set", "fusion_overlay.refund.txt", "OVERLAY_DESCRIPTION=a\nb"];
    run(dir.path(), &args).ends_with(1);
    let args = ["overlay", "set", "fusion_overlay.refund.txt", "trust floor=1"];
    run(dir.path(), &args).ends_with(64);
    assert_eq!(read(&dir.path().join("fusion_overlay.refund.txt")), REFUND);
}

#[test]
fn explain_knows_parameters_codes_and_exit_codes() {
    check(
        &["overlay", "explain", "trust_floor"],
        0,
        expect![[r#"
            TRUST_FLOOR: The least trust at which an answer is accepted.

              takes     a number from 0 to 1
              default   0.60
              changes   gate of every step: below it the next step of the mode is taken (shown by replay)
              section   Thresholds
              since     2.1.0
        "#]],
    );
    check(
        &["overlay", "explain", "8"],
        0,
        expect![[r#"
            8   integrity     A golden, a recording or an audit log is not as it was written.
        "#]],
    );
    let dir = folder(&[]);
    for (subject, kind) in [
        ("OVL2102", "code"),
        ("GLD2005", "code"),
        ("GPT-4O_MAX_TOKENS", "parameter"),
        ("exit-codes", "exit_codes"),
    ] {
        let report =
            run(dir.path(), &["overlay", "explain", subject, "--json"]).ends_with(0).json();
        assert_eq!(report["schema"], "fusion/overlay-explain/1");
        assert_eq!(report["kind"], kind);
    }
    let unknown = run(dir.path(), &["overlay", "explain", "TRUST_FLOR"]).ends_with(5);
    assert!(unknown.stderr.contains("did you mean TRUST_FLOOR?"), "{unknown:#?}");
}

#[test]
fn effective_names_winner_and_shadowed() {
    let dir = folder(&[("a.txt", REFUND), ("b.txt", "TRUST_FLOOR=0.7\n")]);
    let args = ["overlay", "effective", "a.txt", "b.txt", "--set", "SAMPLES=2", "--why"];
    let why = |key: &str| run(dir.path(), &[&args[..], &[key]].concat()).ends_with(0).stdout;
    expect![[r#"
        TRUST_FLOOR  0.7   b.txt:1:13
          shadows    0.60  a.txt:8:13
          shadows    0.60  embedded overlay
          shadows    0.60  default
    "#]]
    .assert_eq(&why("TRUST_FLOOR"));
    assert!(why("SAMPLES").starts_with("SAMPLES    2  command line\n"));
}

#[test]
fn the_environment_stands_above_files() {
    let dir = folder(&[("a.txt", REFUND)]);
    let args = ["overlay", "effective", "a.txt", "--json"];
    let mut command = crate::binary::fusion(dir.path());
    command.args(args).env("RESONTINEX_FUSION_TRUST_FLOOR", "0.9");
    command.env("RESONTINEX_FUSION_TRUST_FLOR", "0.9");
    let report = crate::binary::finish(&mut command, b"").ends_with(0).json();
    assert_eq!(report["schema"], "fusion/overlay-effective/1");
    assert_eq!(report["settings"]["TRUST_FLOOR"]["value"], "0.9");
    assert_eq!(report["settings"]["TRUST_FLOOR"]["origin"]["from"], "environment");
    assert_eq!(report["diagnostics"][0]["code"], "OVL5216");
}

#[test]
fn the_environment_does_not_lower_a_floor_of_a_file_that_forbids_it() {
    let dir = folder(&[("a.txt", &format!("{REFUND}SECURITY_MODE=enhanced\n"))]);
    let mut command = crate::binary::fusion(dir.path());
    command.args(["overlay", "effective", "a.txt", "--json"]);
    command.env("RESONTINEX_FUSION_TRUST_FLOOR", "0.1");
    let report = crate::binary::finish(&mut command, b"").ends_with(1).json();
    assert_eq!(report["settings"]["TRUST_FLOOR"]["value"], "0.60");
    assert_eq!(report["diagnostics"][0]["code"], "OVL5215");
}

#[test]
fn generate_prints_the_overlay_with_reasons() {
    let dir = folder(&[("spec.toml", SPEC)]);
    let args = ["overlay", "generate", "--spec", "spec.toml", "--template", "balanced"];
    let ran = run(dir.path(), &args).ends_with(0);
    assert!(ran.stdout.contains("OVERLAY_NAME=refund\n"), "{ran:#?}");

    let report = run(dir.path(), &[&args[..], &["--json"]].concat()).ends_with(0).json();
    assert_eq!(report["schema"], "fusion/overlay-generate/1");
    assert_eq!(report["overlay"]["OVERLAY_NAME"], "refund");
    let origin = &report["origins"]["TRUST_FLOOR"];
    assert!(origin["rule"].is_string() && origin["because"].is_string(), "{origin}");

    let out = [&args[..], &["-o", "fusion_overlay.refund.txt"]].concat();
    run(dir.path(), &out).ends_with(0);
    assert_eq!(read(&dir.path().join("fusion_overlay.refund.txt")), ran.stdout);
    run(dir.path(), &out).ends_with(64);
    run(dir.path(), &[&out[..], &["--force"]].concat()).ends_with(0);
    run(dir.path(), &["overlay", "check", "."]).ends_with(0);
}

#[test]
fn generate_reads_standard_input_and_templates_of_ones_own() {
    let dir = folder(&[("templates/house.txt", "TRUST_FLOOR=0.77\n")]);
    let args = ["overlay", "generate", "--spec", "-", "--template", "house", "--template-dir"];
    let args = [&args[..], &["templates"]].concat();
    for spec in [
        "name = 'x'\npurpose = 'y'\n",
        "# YAML\nname: x\npurpose: y\n",
        "{\"name\": \"x\", \"purpose\": \"y\"}",
    ] {
        let ran = run_with(dir.path(), &args, spec.as_bytes()).ends_with(0);
        assert!(ran.stdout.contains("TRUST_FLOOR=0.77\n"), "{ran:#?}");
    }
    let args = ["overlay", "generate", "--spec", "-", "--template", "hous", "--json"];
    let report = run_with(dir.path(), &args, SPEC.as_bytes()).ends_with(1).json();
    assert_eq!(report["diagnostics"][0]["code"], "OVL6001");
}

#[test]
fn list_names_the_overlays_of_an_installation() {
    let dir = folder(&[("configs/overlays/fusion_overlay.refund.txt", REFUND)]);
    let report = run(dir.path(), &["overlay", "list", "--json"]).ends_with(0).json();
    assert_eq!(report["schema"], "fusion/overlay-list/1");
    assert_eq!(report["overlays"][0]["name"], "refund");
    run(dir.path(), &["overlay", "list", "--configs", "nowhere"]).ends_with(65);
}

#[test]
fn shipped_overlays_are_valid_with_their_installation() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let args = ["overlay", "check", "configs/overlays", "--configs", "configs", "--strict"];
    run(&root, &args).ends_with(0);
}

#[test]
fn shipped_overlays_are_laid_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for folder in ["configs/overlays", "configs/examples"] {
        for entry in root.join(folder).read_dir().expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|it| it == "txt") {
                let path = path.to_str().expect("UTF-8");
                run(&root, &["overlay", "fmt", "--check", path]).ends_with(0);
            }
        }
    }
}
