//! Every row the original's design check and generator were asked, and how ours differs.

use std::collections::BTreeMap;

use expect_test::expect;
use overlay_gen::{Generated, Template, check_design, generate};
use overlay_model::{DesignSpec, Diagnostic};
use serde::Deserialize;

use crate::data;

#[derive(Deserialize)]
struct DesignRow {
    spec: DesignSpec,
    expect: DesignVerdict,
}

#[derive(Debug, Deserialize, PartialEq)]
struct DesignVerdict {
    valid: bool,
    issues: Vec<String>,
    recommendations: Vec<String>,
}

#[derive(Deserialize)]
struct GenerateRow {
    spec: DesignSpec,
    template: String,
    expect: Keys,
}

/// Keys with values. The order is no part of what an overlay says: ours is the order of
/// `fusion overlay fmt`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
struct Keys(BTreeMap<String, String>);

impl Keys {
    /// The keys of `overlay` that the original knows.
    fn of(overlay: &Generated) -> Self {
        let pairs = overlay.overlay.entries().map(|it| (it.key.to_owned(), it.value.to_owned()));
        Self(pairs.filter(|(key, _)| !EXTRA.contains(&key.as_str())).collect())
    }

    #[track_caller]
    fn replace(&mut self, key: &str, theirs: &str, ours: &str) {
        let value = self.0.get_mut(key).unwrap();
        assert_eq!(value, theirs, "{key}");
        ours.clone_into(value);
    }

    #[track_caller]
    fn remove(&mut self, key: &str, theirs: &str) {
        self.replace(key, theirs, "");
        self.0.remove(key);
    }
}

/// The keys we write and the original does not.
const EXTRA: &[&str] =
    &["OVERLAY_PINNED", "PRIMARY_MODEL_SELECTION", "VOTING_POWER_MAP", "MAX_ENERGY_UNITS"];

/// The one name of the data that the original takes for alphanumeric and we do not.
fn is_foreign(spec: &DesignSpec) -> bool {
    spec.name == "Ünïcode"
}

fn is_small(spec: &DesignSpec) -> bool {
    spec.resource_constraints.max_memory_mb.is_some_and(|it| it < 512.0)
}

fn codes(findings: &[Diagnostic]) -> Vec<&str> {
    findings.iter().map(|it| it.code).collect()
}

#[test]
fn the_design_check_differs_in_foreign_letters_only() {
    let Some(lines) = data::lines("oracle/design.jsonl") else { return };
    let mut foreign = 0;
    for line in &lines {
        let row: DesignRow = serde_json::from_str(line).unwrap();
        let mut expected = row.expect;
        if is_foreign(&row.spec) {
            foreign += 1;
            expected.valid = false;
            let issue = "Invalid overlay name: Ünïcode. Use alphanumeric with underscores/hyphens.";
            expected.issues.insert(0, issue.to_owned());
        }
        let report = check_design(&row.spec, None);
        let recommendations = report.recommendations;
        let ours = DesignVerdict { valid: report.valid, issues: report.issues, recommendations };
        assert_eq!(ours, expected, "{line}");
        let errors = report.diagnostics.iter().filter(|it| it.is_error()).count();
        assert_eq!(errors, expected.issues.len(), "a code for every issue: {line}");
    }
    expect!["600 rows, 63 with a foreign name"]
        .assert_eq(&format!("{} rows, {foreign} with a foreign name", lines.len()));
}

#[derive(Debug, Default)]
#[expect(dead_code, reason = "read by its Debug form")]
struct Seen {
    rows: usize,
    equal: usize,
    refused_for_memory: usize,
    refused_for_name: usize,
    aggressive_kept: usize,
    part_of_a_word: usize,
}

#[test]
fn the_generator_differs_where_it_says_so_only() {
    let Some(lines) = data::lines("oracle/generate.jsonl") else { return };
    let mut seen = Seen { rows: lines.len(), ..Seen::default() };
    for line in &lines {
        let row: GenerateRow = serde_json::from_str(line).unwrap();
        compare(row, line, &mut seen);
    }
    expect![[r#"
        Seen {
            rows: 600,
            equal: 202,
            refused_for_memory: 46,
            refused_for_name: 227,
            aggressive_kept: 57,
            part_of_a_word: 96,
        }
    "#]]
    .assert_debug_eq(&seen);
}

#[track_caller]
fn compare(row: GenerateRow, line: &str, seen: &mut Seen) {
    let spec = &row.spec;
    let bad_name = is_foreign(spec) || ["--", "../evil", "bad name"].contains(&&*spec.name);
    let template = Template::named(&row.template).unwrap();
    let made = generate(spec, &template);
    if bad_name || is_small(spec) {
        let findings = made.unwrap_err();
        let errors: Vec<_> = findings.into_iter().filter(Diagnostic::is_error).collect();
        let wanted = [(bad_name, "OVL6002"), (is_small(spec), "OVL6003")];
        let wanted: Vec<_> = wanted.iter().filter(|it| it.0).map(|it| it.1).collect();
        assert_eq!(codes(&errors), wanted, "{line}");
        seen.refused_for_name += usize::from(bad_name);
        seen.refused_for_memory += usize::from(is_small(spec));
        return;
    }
    let made = made.unwrap();
    let mut expected = row.expect.clone();
    let large = spec.resource_constraints.max_memory_mb.is_some_and(|it| it > 4096.0);
    let kept = large && spec.target_scenarios.iter().any(|it| it.contains("performance"));
    if kept {
        expected.replace("ADAPTIVE_CACHING", "true", "aggressive");
        seen.aggressive_kept += 1;
    }
    let part = ["paralegal support", "illegal content filter"].contains(&&*spec.purpose);
    if part {
        expected.remove("SECURITY_MODE", "enhanced");
        expected.remove("PII_DETECTION", "strict");
        seen.part_of_a_word += 1;
    }
    assert_eq!(Keys::of(&made), expected, "{line}");
    assert_eq!(codes(&made.diagnostics).contains(&"OVL6016"), kept, "{line}");
    assert_eq!(codes(&made.diagnostics).contains(&"OVL6017"), part, "{line}");
    assert!(codes(&made.diagnostics).contains(&"OVL6015"), "extra keys are named: {line}");
    seen.equal += usize::from(expected == row.expect);
}
