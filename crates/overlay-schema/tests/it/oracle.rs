//! Against the original's validator, row by row.

use std::collections::{BTreeMap, BTreeSet};

use overlay_schema::Profile;
use serde::Deserialize;

use crate::{checked, data};

#[derive(Deserialize)]
struct Row {
    config: BTreeMap<String, String>,
    expect: Expected,
}

#[derive(Deserialize)]
struct Expected {
    valid: bool,
    errors: Vec<String>,
}

/// Where we are stricter on purpose: names outside the rule.
const STRICTER: [&str; 1] = ["OVL2205"];

#[test]
fn errors_are_those_of_the_original() {
    let Some(folder) = data::folder() else { return };
    let text = std::fs::read_to_string(folder.join("oracle/validate.jsonl")).unwrap();
    let (mut rows, mut differing, mut beside) = (0, 0, BTreeSet::new());
    for line in text.lines() {
        let row: Row = serde_json::from_str(line).unwrap();
        let file: String =
            row.config.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
        let report = checked(&file, Profile::Seed);
        let (ours, theirs): (Vec<_>, Vec<_>) = report
            .diagnostics
            .iter()
            .filter(|it| it.is_error())
            .partition(|it| STRICTER.contains(&it.code));
        let mut messages: Vec<_> = theirs.iter().map(|it| it.message.clone()).collect();
        let mut expected = row.expect.errors;
        messages.sort();
        expected.sort();
        assert_eq!(messages, expected, "{line}");
        assert_eq!(theirs.is_empty(), row.expect.valid);
        beside.extend(report.diagnostics.iter().filter(|it| !it.is_error()).map(|it| it.code));
        rows += 1;
        differing += usize::from(!ours.is_empty());
    }
    assert_eq!((rows, differing), (600, 223));
    // `TRUST_FLOOR=1` is within range, and out of reach.
    assert_eq!(beside, BTreeSet::from(["OVL3003"]));
}
