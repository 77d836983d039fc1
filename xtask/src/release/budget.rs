//! What the budget gate leaves open at a release, and why it is released nevertheless.

use std::fs;

use anyhow::Context as _;
use fusion_cli::{Environment, Exit};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::budget_gate::BudgetGate;

/// Checks that block no release, with the reason why they are accepted; kept in the record.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Accepted {
    /// Why.
    pub(super) reason: String,
    /// The checks that warn, or know too little.
    pub(super) checks: Vec<String>,
}

impl Accepted {
    /// The same for people, under the notes of the release.
    pub(super) fn notes(&self) -> String {
        let checks: String = self.checks.iter().map(|it| format!("- {it}\n")).collect();
        format!("### Accepted\n\n{}\n\n{checks}", self.reason)
    }
}

/// The record of a release, with what was accepted.
pub(super) fn record(
    measured: &impl Serialize,
    accepted: Option<&Accepted>,
) -> anyhow::Result<String> {
    let mut value = serde_json::to_value(measured)?;
    if let (Some(accepted), Value::Object(fields)) = (accepted, &mut value) {
        fields.insert("accepted".to_owned(), serde_json::to_value(accepted)?);
    }
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

/// A report of the gate, as far as a release looks at it.
#[derive(Deserialize)]
struct Report {
    checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    name: String,
    verdict: String,
    against: String,
    overlay: Option<String>,
    scenario: Option<String>,
    message: String,
}

/// How the gate ends, and the checks that warn or know too little where it blocks nothing.
pub(super) fn gate(environment: &Environment) -> anyhow::Result<(Exit, Vec<String>)> {
    let folder = tempfile::tempdir().context("making a temporary folder")?;
    let file = folder.path().join("budget.json");
    let exit = BudgetGate::reporting(&file).run(environment.clone())?;
    match exit {
        Exit::DONE => Ok((exit, open(&fs::read_to_string(&file)?)?)),
        exit => Ok((exit, Vec::new())),
    }
}

/// The checks of a report that warn or know too little.
fn open(report: &str) -> anyhow::Result<Vec<String>> {
    let Report { checks } = serde_json::from_str(report).context("reading the report")?;
    let open = checks.iter().filter(|it| it.verdict != "pass");
    Ok(open.map(Check::words).collect())
}

impl Check {
    fn words(&self) -> String {
        let Self { name, verdict, against, message, .. } = self;
        let of = self.scenario.as_ref().or(self.overlay.as_ref());
        let of = of.map_or_else(String::new, |it| format!(" of {it}"));
        let against = if against.is_empty() { String::new() } else { format!(" ({against})") };
        format!("{verdict}: {}{of}: {message}{against}", name.replace('_', " "))
    }
}

/// Why open checks keep a version from being released; none where they are accepted.
pub(super) fn refusals(open: &[String], reason: Option<&str>) -> Vec<String> {
    if open.is_empty() || reason.is_some() {
        return Vec::new();
    }
    let mut res: Vec<_> =
        open.iter().map(|it| format!("`cargo xtask budget-gate`: {it}")).collect();
    res.push(
        "what warns or knows too little is released with --accept \"REASON\", which the record and \
         the notes keep"
            .to_owned(),
    );
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"{"verdict": "warn", "checks": [
        {"name": "prompt_tokens", "verdict": "pass", "against": "a", "overlay": null,
         "scenario": null, "message": "same"},
        {"name": "output_tokens", "verdict": "insufficient", "against": "release 0.1.0",
         "overlay": "refund", "scenario": null, "message": "too few"},
        {"name": "limits", "verdict": "warn", "against": "", "overlay": null, "scenario": null,
         "message": "looser"}]}"#;

    #[test]
    fn what_is_open_needs_a_reason() -> anyhow::Result<()> {
        let open = open(REPORT)?;
        let expect = [
            "insufficient: output tokens of refund: too few (release 0.1.0)",
            "warn: limits: looser",
        ];
        assert_eq!(open, expect);
        let refused = refusals(&open, None);
        assert_eq!(refused.len(), 3);
        assert!(refused[2].contains("--accept \"REASON\""), "{refused:?}");
        assert_eq!(refusals(&open, Some("known")), Vec::<String>::new());
        assert_eq!(refusals(&[], None), Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn a_record_keeps_what_was_accepted() -> anyhow::Result<()> {
        let measured = serde_json::json!({"name": "0.2.0"});
        let accepted = Accepted {
            reason: "known".to_owned(),
            checks: vec!["warn: limits: looser".to_owned()],
        };
        let kept: Value = serde_json::from_str(&record(&measured, Some(&accepted))?)?;
        assert_eq!(kept["accepted"]["reason"], "known");
        assert_eq!(kept["accepted"]["checks"][0], "warn: limits: looser");
        assert_eq!(accepted.notes(), "### Accepted\n\nknown\n\n- warn: limits: looser\n");
        assert!(!record(&measured, None)?.contains("accepted"));
        Ok(())
    }
}
