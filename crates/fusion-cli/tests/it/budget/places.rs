//! The same verdicts and places, whatever folder the gate is run from.

use std::path::Path;

use fusion_golden::Suite;
use fusion_golden::budget::measure;
use serde_json::Value;
use tempfile::TempDir;

use super::{commit_all, gate};
use crate::binary::{read, write};
use crate::suite::{fresh, golden};

const OVERLAY: &str = "svc/configs/overlays/fusion_overlay.refund.txt";

/// A repository with the suite in its folder `svc`, recorded before `edit` and accepted after
/// it.
fn below(edit: impl FnOnce(&Path)) -> TempDir {
    let dir = fresh();
    let svc = dir.path().join("svc");
    std::fs::create_dir(&svc).expect("a folder");
    for folder in ["configs", "goldens"] {
        std::fs::rename(dir.path().join(folder), svc.join(folder)).expect("moved");
    }
    record(&svc);
    edit(dir.path());
    golden(&svc, &["update", "--reason", "first version"]).ends_with(0);
    dir
}

#[track_caller]
fn record(suite: &Path) {
    golden(suite, &["record", "--authored", "goldens/authored/answers.jsonl"]).ends_with(0);
}

/// The reports of the gate in `svc` and in the folder above, where files have a `svc/` more.
#[track_caller]
fn both(dir: &Path) -> [Value; 2] {
    let inside = gate(&dir.join("svc"), &["--json", "-"]).ends_with(0).json();
    let above = gate(dir, &["--suite", "svc/goldens", "--json", "-"]).ends_with(0).json();
    [inside, above]
}

/// The file of every change that is named for `key`, without repetition.
fn files(report: &Value, key: &str) -> Vec<String> {
    let all = report["explanations"].as_array().expect("explanations").iter();
    let changes = all.flat_map(|it| it["changes"].as_array().expect("changes"));
    let of_key = changes.filter(|it| it["key"] == key);
    let mut files: Vec<_> =
        of_key.map(|it| it["file"].as_str().unwrap_or("none").to_owned()).collect();
    files.sort();
    files.dedup();
    files
}

/// What stands in the base layer is no cap of the overlay, whatever its file is called.
#[test]
fn the_cap_of_a_new_overlay_is_its_own() {
    let mut overlay = String::new();
    let dir = below(|dir| {
        overlay = read(&dir.join(OVERLAY));
        std::fs::remove_file(dir.join(OVERLAY)).expect("removed");
        let base_layer = dir.join("svc/configs/overlays/fusion_overlay.baseline.txt");
        write(&base_layer, read(&base_layer) + "BASELINE_TOKEN_CAP_PCT=0\n");
    });
    commit_all(dir.path());
    write(&dir.path().join(OVERLAY), overlay);
    let key = "BASELINE_TOKEN_CAP_PCT";
    let [inside, above] = both(dir.path());
    for report in [&inside, &above] {
        let rows = report["checks"].as_array().expect("checks").iter();
        let capped: Vec<_> = rows.filter(|it| it["keys"][0] == key).collect();
        let is_undeclared = |it: &&Value| {
            let said = it["message"].as_str().expect("a message");
            it["verdict"] == "warn" && said.contains("declare BASELINE_TOKEN_CAP_PCT")
        };
        assert!(capped.len() == 2 && capped.iter().all(is_undeclared), "{report:#}");
    }
    assert_eq!(files(&inside, key), [OVERLAY.trim_start_matches("svc/")]);
    assert_eq!(files(&above, key), [OVERLAY]);
}

/// A key that is gone is named by the file that the candidate has, as the base knows it by
/// the name that it had elsewhere.
#[test]
fn a_key_that_is_gone_is_placed_in_the_candidates_file() {
    let line = "TEMPERATURE=0.4\n";
    let dir = below(|dir| {
        write(&dir.join(OVERLAY), read(&dir.join(OVERLAY)) + line);
        record(&dir.join("svc"));
    });
    let suite = Suite::open(&dir.path().join("svc/goldens")).expect("a suite");
    let released = measure(&suite, &[], "1.0.0", 1).expect("a record");
    let text = serde_json::to_string(&released).expect("JSON");
    write(&dir.path().join("svc/goldens/released/1.0.0.json"), text);
    commit_all(dir.path());
    write(&dir.path().join(OVERLAY), read(&dir.path().join(OVERLAY)).replace(line, ""));
    let [inside, above] = both(dir.path());
    assert_eq!(above["bases"].as_array().map(Vec::len), Some(2), "{above:#}");
    assert_eq!(files(&inside, "TEMPERATURE"), [OVERLAY.trim_start_matches("svc/")]);
    assert_eq!(files(&above, "TEMPERATURE"), [OVERLAY]);
}
