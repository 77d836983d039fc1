use overlay_model::{DesignSpec, Diagnostic, Location, OverlayName};
use overlay_schema::{MAX_FINDINGS, capped};
use serde::Serialize;

use crate::field::SpecPlaces;
use crate::requirement;
use crate::text::{is_one_line, visible};

/// What a design spec is found to be.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct DesignReport {
    /// Whether an overlay can be generated from it: there is no issue.
    pub valid: bool,
    /// What must be mended, in the original's words where the original has the rule.
    pub issues: Vec<String>,
    /// What should be thought over, in the original's words.
    pub recommendations: Vec<String>,
    /// Both of them and notes, with code, place and hint.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks `spec` and returns all findings, of very many the first ones. Where `source`, the
/// text it was read from, is given, findings say where in it.
pub fn check_design(spec: &DesignSpec, source: Option<&str>) -> DesignReport {
    let places = source.and_then(SpecPlaces::of);
    let mut check = Check { spec, places, report: DesignReport::default() };
    check.name();
    check.latency();
    check.memory();
    check.schema();
    check.numbers();
    check.texts();
    check.scenarios();
    check.requirements();
    let DesignReport { mut issues, recommendations, diagnostics, .. } = check.report;
    let valid = issues.is_empty();
    if let Some(more) = issues.len().checked_sub(MAX_FINDINGS).filter(|it| *it > 0) {
        issues.truncate(MAX_FINDINGS);
        issues.push(format!("and {more} more issues"));
    }
    DesignReport { valid, issues, recommendations, diagnostics: capped(diagnostics) }
}

/// One number of a spec: its field, the largest value it takes, and how to read it.
type NumberRow = (&'static str, f64, fn(&DesignSpec) -> Option<f64>);

/// The numbers of a spec; none of them may be negative.
const NUMBERS: &[NumberRow] = &[
    ("latency_ms", f64::MAX, |it| it.performance_goals.latency_ms),
    ("accuracy_score", 1.0, |it| it.performance_goals.accuracy_score),
    ("token_efficiency", 1.0, |it| it.performance_goals.token_efficiency),
    ("max_memory_mb", f64::MAX, |it| it.resource_constraints.max_memory_mb),
    ("max_cpu_percent", 100.0, |it| it.resource_constraints.max_cpu_percent),
    ("max_energy_units", f64::MAX, |it| it.resource_constraints.max_energy_units),
];

/// The version of the spec's format.
const SPEC_SCHEMA: &str = "overlay-design/1";

struct Check<'a> {
    spec: &'a DesignSpec,
    places: Option<SpecPlaces<'a>>,
    report: DesignReport,
}

impl Check<'_> {
    fn name(&mut self) {
        if self.spec.name.parse::<OverlayName>().is_ok() {
            return;
        }
        let shown = visible(&self.spec.name);
        let finding = Diagnostic::error("OVL6002", format!("`{shown}` is no overlay name"))
            .hint("use 1 to 64 lower-case letters, digits, `_` and `-`, a letter or digit first");
        self.push("name", finding);
        self.report.issues.push(format!(
            "Invalid overlay name: {shown}. Use alphanumeric with underscores/hyphens."
        ));
    }

    fn latency(&mut self) {
        if self.spec.performance_goals.latency_ms.is_some_and(|it| it < 50.0) {
            let finding = Diagnostic::warning("OVL6012", "the latency goal is under 50 ms")
                .hint("few models answer that fast: measure yours before you rely on it");
            self.push("latency_ms", finding);
            let text = "Latency goal under 50ms may require aggressive optimization";
            self.report.recommendations.push(text.to_owned());
        }
    }

    fn memory(&mut self) {
        if self.spec.resource_constraints.max_memory_mb.is_some_and(|it| it < 512.0) {
            let finding = Diagnostic::error("OVL6003", "the memory limit is under 512 MB")
                .hint("allow at least 512 MB, or leave `max_memory_mb` out");
            self.push("max_memory_mb", finding);
            let text = "Memory constraint under 512MB may limit overlay functionality";
            self.report.issues.push(text.to_owned());
        }
    }

    fn schema(&mut self) {
        if let Some(schema) = self.spec.schema.as_deref().filter(|it| *it != SPEC_SCHEMA) {
            let message = format!("the format `{}` is not known", visible(schema));
            let hint = format!("write `{SPEC_SCHEMA}`, or leave `schema` out");
            self.report("schema", Diagnostic::error("OVL6014", message).hint(hint));
        }
    }

    fn numbers(&mut self) {
        for (field, max, value) in NUMBERS {
            if let Some(finding) = value(self.spec).and_then(|it| doubtful(field, it, *max)) {
                self.report(field, finding);
            }
        }
    }

    fn texts(&mut self) {
        if self.spec.purpose.trim().is_empty() {
            let finding = Diagnostic::error("OVL6007", "the purpose is empty")
                .hint("say in one sentence what the overlay is for");
            self.report("purpose", finding);
        }
        let author = self.spec.author.as_deref().unwrap_or_default();
        for (field, text) in [("purpose", self.spec.purpose.as_str()), ("author", author)] {
            if let Some(finding) = not_one_line(field, text) {
                self.report(field, finding);
            }
        }
    }

    fn scenarios(&mut self) {
        for (idx, name) in self.spec.target_scenarios.iter().enumerate() {
            let findings = [not_one_line("the scenario name", name), not_one_name(name)];
            for finding in findings.into_iter().flatten() {
                self.report_element("target_scenarios", idx, finding);
            }
        }
    }

    fn requirements(&mut self) {
        for (idx, text) in self.spec.compatibility_requirements.iter().enumerate() {
            if let Some(finding) = requirement::finding(text) {
                self.report_element("compatibility_requirements", idx, finding);
            }
        }
    }

    /// A finding about `field`; its message is the issue.
    fn report(&mut self, field: &str, finding: Diagnostic) {
        self.issue(&finding);
        self.push(field, finding);
    }

    /// A finding about an element of the list `field`; its message is the issue.
    fn report_element(&mut self, field: &str, index: usize, finding: Diagnostic) {
        self.issue(&finding);
        let at = self.places.as_ref().and_then(|it| it.element(field, index));
        self.push_at(at, finding);
    }

    fn issue(&mut self, finding: &Diagnostic) {
        if finding.is_error() {
            self.report.issues.push(finding.message.clone());
        }
    }

    fn push(&mut self, field: &str, finding: Diagnostic) {
        let at = self.places.as_ref().and_then(|it| it.key(field));
        self.push_at(at, finding);
    }

    fn push_at(&mut self, at: Option<Location>, finding: Diagnostic) {
        self.report.diagnostics.push(Diagnostic { at, ..finding });
    }
}

/// What is wrong with a number that may be from 0 to `max`.
fn doubtful(field: &str, number: f64, max: f64) -> Option<Diagnostic> {
    let finding = match number {
        it if !it.is_finite() => {
            Diagnostic::error("OVL6004", format!("{field} is not a finite number"))
        }
        it if it < 0.0 => Diagnostic::error("OVL6005", format!("{field} is negative: {number}")),
        it if it > max => {
            let message = format!("{field} is {number}, and must be from 0 to {max}");
            Diagnostic::error("OVL6005", message)
        }
        _ => return None,
    };
    Some(finding.hint("correct the number, or leave the field out"))
}

/// What is wrong with a text that an overlay file cannot hold on one line.
fn not_one_line(what: &str, text: &str) -> Option<Diagnostic> {
    let message = format!("{what} is more than one line, or holds what cannot be seen");
    let hint = "write it on one line, without line breaks and control characters";
    (!is_one_line(text)).then(|| Diagnostic::error("OVL6006", message).hint(hint))
}

/// Why a scenario name would be another list of names in an overlay.
fn not_one_name(name: &str) -> Option<Diagnostic> {
    let what = match name.trim() {
        "" => "is empty",
        "none" => "means the empty list",
        it if it.contains(',') => "holds a comma, which ends a name",
        _ => return None,
    };
    let message = format!("the scenario name `{}` {what}", visible(name));
    Some(Diagnostic::error("OVL6008", message).hint("name one type of work: `contract_review`"))
}
