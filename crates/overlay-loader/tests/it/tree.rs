//! Reading a tree, whole or broken.

use std::fs;
use std::path::Path;

use expect_test::{Expect, expect};
use overlay_loader::{CODES, Installation};
use tempfile::TempDir;

/// An installation of these files.
fn tree(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, text) in files {
        write(dir.path(), name, text);
    }
    dir
}

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn findings(installation: &Installation) -> String {
    let lines =
        installation.findings().iter().map(|it| format!("{}: {}\n", it.path, it.diagnostic));
    lines.collect()
}

#[track_caller]
fn check(files: &[(&str, &str)], expect: Expect) {
    let dir = tree(files);
    expect.assert_eq(&findings(&Installation::read(dir.path()).unwrap()));
}

/// An overlay without findings of its own.
pub(crate) fn overlay(name: &str, more: &str) -> String {
    format!(
        "FUSION_OVERLAY_VERSION=2.1.0\nOVERLAY_NAME={name}\nFUSION_MODE=baseline_only\n\
         MODEL=small\nENTROPY_REDUCTION_TARGET=0.3\nCONTINUITY_ENFORCEMENT=basic_thread\n\
         TRUST_SCORING_MODEL=simple_alignment\nTRUST_FLOOR=0.5\n{more}"
    )
}

pub(crate) const PROVIDERS: &str = r#"schema = "fusion/providers/1"
default_models = ["small"]
[[providers]]
name = "local"
endpoint = "http://127.0.0.1:8080/v1"
[[models]]
id = "small"
provider = "local"
encoding = "o200k_base"
context_tokens = 8192
input_usd_per_mtok = 0.1
output_usd_per_mtok = 0.1
"#;

const BASELINE: &str = "overlays/fusion_overlay.baseline.txt";

#[test]
fn the_shipped_installation_has_no_warning() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    let installation = Installation::read(&dir).unwrap();
    let warnings: Vec<_> = installation
        .findings()
        .iter()
        .filter(|it| it.diagnostic.severity > overlay_model::Severity::Note)
        .collect();
    assert_eq!(warnings, Vec::<&overlay_loader::FileFinding>::new());
    assert!(installation.overlays().len() >= 4);
    let rollback = &installation.overlays()["rollback_first"];
    assert_eq!(rollback.path, "overlays/fusion_overlay.rollback_first.txt");
    assert_eq!(rollback.micro.as_ref().unwrap().0, "micro_overlays/rollback_first.md");
    assert!(rollback.checked.is_deployable());
    assert!(rollback.targets().any(|it| it == "refund_processing"));
}

#[test]
fn names_that_clash_or_are_lost() {
    let first = overlay("refund", "OVERLAY_TARGET_SCENARIOS=refund\n");
    check(
        &[
            (BASELINE, &overlay("baseline", "")),
            ("overlays/fusion_overlay.a.txt", &first),
            ("overlays/fusion_overlay.b.txt", &overlay("refund", "")),
            ("overlays/notes.txt", "no overlay"),
            ("micro_overlays/refund.md", "Say what undoes it.\n"),
            ("micro_overlays/refund.txt", "Twice.\n"),
            ("micro_overlays/gone.md", "To nobody.\n"),
            ("micro_overlays/No Name.md", "To nobody.\n"),
            ("providers.toml", PROVIDERS),
            (
                "scenarios.yaml",
                "scenarios:\n  - {id: a, type: refund, prompt: p}\n  - {id: b, type: audit, prompt: p}\n",
            ),
        ],
        expect![[r#"
            micro_overlays/No Name.md: warning[OVL5207]: `No Name` is no overlay name
            micro_overlays/gone.md: warning[OVL5207]: no overlay has this name, so nothing sends the text
            micro_overlays/refund.txt: error[OVL5208]: micro_overlays/refund.md is the micro overlay of `refund` already
            overlays/fusion_overlay.a.txt: 2:14: warning[OVL3001]: the file is named `a`, the overlay `refund` (the name in the file is the one that counts; rename one of the two)
            overlays/fusion_overlay.b.txt: 2:14: warning[OVL3001]: the file is named `b`, the overlay `refund` (the name in the file is the one that counts; rename one of the two)
            overlays/fusion_overlay.b.txt: error[OVL5206]: overlays/fusion_overlay.a.txt holds the overlay `refund` already
            scenarios.yaml: note[OVL5209]: no overlay names the scenario type `audit`
        "#]],
    );
}

#[test]
fn files_that_are_not_of_their_form() {
    check(
        &[
            (BASELINE, &overlay("baseline", "TRUST_FLOOR_=1\n")),
            ("providers.toml", "models = 3\n"),
            ("scenarios.yaml", "scenarios: &a [*a]\n"),
            ("capability.jsonl", "{\"model\": \"small\", \"score\": 2, \"hours\": 0}\n\nno\n"),
        ],
        expect![[r#"
            capability.jsonl: 1:1: error[OVL5211]: score 2 is not from 0 to 1
            capability.jsonl: 3:1: error[OVL5211]: expected ident
            overlays/fusion_overlay.baseline.txt: 4:7: error[OVL4001]: no model `small` in `providers.toml` (add the model there, or name one that is)
            overlays/fusion_overlay.baseline.txt: 9:1: error[OVL2002]: unknown key `TRUST_FLOOR_` (`TRUST_FLOOR` is set on line 8 already)
            providers.toml: 1:10: error[OVL5211]: invalid type: integer `3`, expected a sequence
            scenarios.yaml: 1:15: error[OVL5211]: anchors (`&`) and aliases (`*`) are not taken: write the value where it belongs
        "#]],
    );
    check(
        &[
            (BASELINE, &overlay("baseline", "")),
            ("overlays/fusion_overlay.UPPER.txt", "TRUST_FLOOR=0.5\n"),
            ("micro_overlays/baseline.md", "## Quality Gates\n- short [check: brief \"x\"]\n"),
            ("providers.toml", PROVIDERS),
            (
                "scenarios.yaml",
                "scenarios:\n  - {id: a, prompt: p, parameters: {TRUST_FLOR: 0.5, MAX_TOKENS: many}}\n  - {id: a, prompt: q}\n",
            ),
        ],
        expect![[r#"
            micro_overlays/baseline.md: error[OVL5217]: `brief "x"` is no check (use contains "…", not "…" or regex "…")
            overlays/fusion_overlay.UPPER.txt: 2:1: error[OVL2001]: Missing required field: CONTINUITY_ENFORCEMENT (set it: one of `basic_thread`, `enhanced_thread`, `comprehensive_thread`, `aggressive_thread`)
            overlays/fusion_overlay.UPPER.txt: 2:1: error[OVL2001]: Missing required field: ENTROPY_REDUCTION_TARGET (set it: a number from 0 to 1)
            overlays/fusion_overlay.UPPER.txt: 2:1: error[OVL2001]: Missing required field: FUSION_MODE (set it: one of `baseline_only`, `adaptive_routing`, `speed_optimized`, `quality_first`, `efficiency_mode`)
            overlays/fusion_overlay.UPPER.txt: 2:1: error[OVL2001]: Missing required field: FUSION_OVERLAY_VERSION (set it: a version of three numbers, as `2.1.0`)
            overlays/fusion_overlay.UPPER.txt: 2:1: error[OVL2001]: Missing required field: OVERLAY_NAME (set it: 1 to 64 lower-case letters, digits, `_` and `-`, a letter or digit first)
            overlays/fusion_overlay.UPPER.txt: 2:1: error[OVL2001]: Missing required field: TRUST_SCORING_MODEL (set it: one of `simple_alignment`, `contextual_alignment`, `performance_weighted`, `quality_alignment`)
            overlays/fusion_overlay.UPPER.txt: error[OVL5205]: the overlay has no name (name it fusion_overlay.<name>.txt, or set OVERLAY_NAME)
            scenarios.yaml: 2:36: error[OVL5305]: scenario `a` sets `MAX_TOKENS`: `many`: not a number
            scenarios.yaml: 2:36: error[OVL5305]: scenario `a` sets `TRUST_FLOR`: there is no parameter `TRUST_FLOR`
            scenarios.yaml: 3:10: error[OVL5301]: the scenario `a` exists already (give one of the two another identifier)
            scenarios.yaml: note[OVL5209]: no overlay names the scenario type `a`
        "#]],
    );
}

#[test]
fn a_ledger_is_read() {
    let line =
        "{\"model\": \"small\", \"scenario_type\": \"refund\", \"score\": 0.5, \"hours\": 3}\n";
    let dir = tree(&[("capability.jsonl", line)]);
    let installation = Installation::read(dir.path()).unwrap();
    let [score] = installation.ledger() else { panic!() };
    assert_eq!((score.model.as_str(), score.scenario_type.as_str()), ("small", "refund"));
    assert_eq!((score.score, score.hours), (0.5, 3.0));
}

#[test]
fn an_empty_folder_is_an_empty_installation() {
    check(
        &[],
        expect![[r#"
        overlays: note[OVL5212]: there is no overlay `baseline` (overlays/fusion_overlay.baseline.txt is the layer below every other)
    "#]],
    );
    let err = Installation::read(Path::new("/nonexistent/configs")).unwrap_err();
    assert_eq!(err.to_string(), "cannot read /nonexistent/configs");
}

#[test]
fn files_that_are_too_large() {
    let dir = tree(&[(BASELINE, &overlay("baseline", ""))]);
    write(dir.path(), "overlays/fusion_overlay.large.txt", &"#\n".repeat(600_000));
    write(dir.path(), "slo.toml", &" ".repeat((8 << 20) + 1));
    let installation = Installation::read(dir.path()).unwrap();
    let found: Vec<_> = installation
        .findings()
        .iter()
        .filter(|it| it.diagnostic.code == "OVL5202")
        .map(|it| it.path.as_str())
        .collect();
    assert_eq!(found, ["overlays/fusion_overlay.large.txt", "slo.toml"]);
}

#[cfg(unix)]
#[test]
fn links_stay_in_the_tree() {
    use std::os::unix::fs::symlink;
    let outside = tree(&[("secret.txt", &overlay("secret", ""))]);
    let dir = tree(&[(BASELINE, &overlay("baseline", "")), ("providers.toml", PROVIDERS)]);
    let overlays = dir.path().join("overlays");
    symlink(outside.path().join("secret.txt"), overlays.join("fusion_overlay.out.txt")).unwrap();
    symlink("nowhere", overlays.join("fusion_overlay.lost.txt")).unwrap();
    write(dir.path(), "overlays/shared/within.txt", &overlay("within", ""));
    symlink("shared/within.txt", overlays.join("fusion_overlay.within.txt")).unwrap();
    symlink(outside.path(), dir.path().join("micro_overlays")).unwrap();
    let installation = Installation::read(dir.path()).unwrap();
    let names: Vec<_> = installation.overlays().keys().map(|it| it.as_str()).collect();
    assert_eq!(names, ["baseline", "within"]);
    let refused: Vec<_> = installation
        .findings()
        .iter()
        .filter(|it| it.diagnostic.code == "OVL5204")
        .map(|it| it.path.as_str())
        .collect();
    let expected =
        ["micro_overlays", "overlays/fusion_overlay.lost.txt", "overlays/fusion_overlay.out.txt"];
    assert_eq!(refused, expected);
}

#[test]
fn the_digest_covers_every_file_and_its_name() {
    let files = [
        (BASELINE, overlay("baseline", "")),
        ("micro_overlays/baseline.md", "Text.\n".to_owned()),
        ("providers.toml", PROVIDERS.to_owned()),
        ("slo.toml", "target = 0.99\n".to_owned()),
    ];
    let digest = |files: &[(&str, String)]| {
        let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        Installation::read(tree(&files).path()).unwrap().digest()
    };
    assert_eq!(digest(&files), digest(&files));
    for at in 0..files.len() {
        let mut changed = files.clone();
        changed[at].1.push('#');
        assert_ne!(digest(&changed), digest(&files), "{}", files[at].0);
        let mut renamed = files.clone();
        renamed[at].0 = "other.toml";
        assert_ne!(digest(&renamed), digest(&files), "{}", files[at].0);
    }
}

/// What lies beside the files of an installation is none of them.
#[test]
fn strays_are_no_part_of_it() {
    let files = [(BASELINE, overlay("baseline", "")), ("providers.toml", PROVIDERS.to_owned())];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let (clean, dir) = (tree(&files), tree(&files));
    for name in ["foo", "sedAbC", "notes.toml", "overlays.txt", "examples/x.yaml", "a/slo.toml"] {
        write(dir.path(), name, "stray");
    }
    let before = Installation::read(clean.path()).unwrap();
    let after = Installation::read(dir.path()).unwrap();
    assert_eq!((after.digest(), after.findings()), (before.digest(), before.findings()));
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let stray = [("foo", "stray"), ("overlays", "a file"), ("a/slo.toml", "stray")]
        .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let in_memory = Installation::from_files(dir.path(), files.into_iter().chain(stray), None);
    assert_eq!(in_memory.digest(), before.digest());
}

#[test]
fn many_files_are_read_on_several_threads_in_the_order_of_their_names() {
    let dir = tree(&[(BASELINE, &overlay("baseline", "")), ("providers.toml", PROVIDERS)]);
    for number in 0..400 {
        let name = format!("overlays/fusion_overlay.o{number:03}.txt");
        write(dir.path(), &name, &overlay(&format!("n{:03}", 399 - number / 2), ""));
    }
    let installation = Installation::read(dir.path()).unwrap();
    assert_eq!(installation.overlays().len(), 201);
    assert_eq!(installation.overlays()["n399"].path, "overlays/fusion_overlay.o000.txt");
    let twice = installation.findings().iter().filter(|it| it.diagnostic.code == "OVL5206");
    assert_eq!(twice.count(), 200);
}

#[test]
fn more_overlays_than_allowed() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("overlays")).unwrap();
    for number in 0..=10_000 {
        fs::write(dir.path().join(format!("overlays/fusion_overlay.o{number:05}.txt")), "")
            .unwrap();
    }
    let installation = Installation::read(dir.path()).unwrap();
    assert_eq!(installation.overlays().len(), 10_000);
    assert!(installation.findings().iter().any(|it| it.diagnostic.code == "OVL5203"));
}

#[test]
fn codes_are_sorted_and_each_stands_once() {
    assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
}

#[test]
fn files_in_memory_are_the_installation_that_they_are_on_disk() {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    let on_disk = Installation::read(&configs).unwrap();
    let mut files = Vec::new();
    for folder in ["", "overlays", "micro_overlays", "examples"] {
        for entry in std::fs::read_dir(configs.join(folder)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                let name = entry.file_name().into_string().unwrap();
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                files.push((path, std::fs::read(entry.path()).unwrap()));
            }
        }
    }
    let in_memory = Installation::from_files(&configs, files, None);
    assert_eq!(in_memory.digest(), on_disk.digest());
    assert_eq!(in_memory.findings(), on_disk.findings());
    assert_eq!(in_memory.overlays().len(), on_disk.overlays().len());
}

/// What others say of it is only its consequence.
#[test]
fn a_folder_that_cannot_be_read_comes_first() {
    let flags = "schema_version: 2\nfeatures:\n  a: {enabled_overlays: [refund]}\n";
    let files = [("overlay_feature_flags.yaml", flags), ("overlays", "no folder")];
    let dir = tree(&files);
    let read = Installation::read(dir.path()).unwrap();
    let codes: Vec<_> = read.findings().iter().map(|it| it.diagnostic.code).collect();
    assert_eq!(codes[0], "OVL5201");
    assert!(codes.contains(&"FLG4001"), "{codes:?}");
}
