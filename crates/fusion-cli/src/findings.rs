pub(crate) use overlay_model::plural;
use overlay_model::{Diagnostic, Fix, Location, Severity};
use serde::Serialize;

/// A finding in its JSON form.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    code: &'static str,
    severity: Severity,
    message: String,
    line: Option<usize>,
    column: Option<usize>,
    hint: Option<String>,
    fix: Option<Fix>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<Related>,
}

/// Another place that belongs to a finding.
#[derive(Clone, Debug, Serialize)]
struct Related {
    line: usize,
    column: usize,
    message: String,
}

impl From<&Diagnostic> for Finding {
    fn from(it: &Diagnostic) -> Self {
        let related = |(at, message): &(Location, String)| Related {
            line: at.line,
            column: at.column,
            message: message.clone(),
        };
        Self {
            code: it.code,
            severity: it.severity,
            message: it.message.clone(),
            line: it.at.as_ref().map(|at| at.line),
            column: it.at.as_ref().map(|at| at.column),
            hint: it.hint.clone(),
            fix: it.fix.clone(),
            related: it.related.iter().map(related).collect(),
        }
    }
}

/// The findings in their JSON form.
pub(crate) fn views(findings: &[Diagnostic]) -> Vec<Finding> {
    findings.iter().map(Finding::from).collect()
}

/// Whether the input must not be used; under `strict`, warnings count too.
pub(crate) fn are_fatal(findings: &[Diagnostic], strict: bool) -> bool {
    let least = if strict { Severity::Warning } else { Severity::Error };
    findings.iter().any(|it| it.severity >= least)
}

/// `2 errors, 1 warning`; empty where there is nothing to say.
pub(crate) fn tally<'a>(findings: impl IntoIterator<Item = &'a Diagnostic>) -> String {
    let mut counts = [0_usize; 3];
    for finding in findings {
        let at = match finding.severity {
            Severity::Error => 0,
            Severity::Warning => 1,
            Severity::Note => 2,
        };
        if let Some(count) = counts.get_mut(at) {
            *count += 1;
        }
    }
    let parts = counts.iter().zip(["error", "warning", "note"]).filter(|(count, _)| **count > 0);
    parts.map(|(count, what)| plural(*count, what)).collect::<Vec<_>>().join(", ")
}
