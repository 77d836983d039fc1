//! Tests of the public API, in one binary.

mod catalogue;
mod convert;
mod data;
mod diff;
mod digest;
mod edit;
mod format;
mod header;
mod hostile;
mod layers;
mod micro;
mod names;
mod nearest;
mod outline;
mod parse;
mod schema;
mod unquoted;
mod values;

use overlay_model::Diagnostic;
use proptest::prelude::*;

/// The findings, one a line.
fn listed(findings: &[Diagnostic]) -> String {
    findings.iter().map(|it| format!("{it}\n")).collect()
}

/// A parameter name of the file's grammar.
fn key() -> impl Strategy<Value = String> {
    "[A-Z0-9][A-Z0-9_-]{0,12}"
}

/// A value that a line can hold: anything printable, no blanks around it.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,20}",
        "[a-z0-9.:,+=>#\"'-]{0,12}",
        "[a-zäöüßéжд中文 \u{1f600}]{0,8}",
        Just("0.30".to_owned()),
        Just("none".to_owned()),
    ]
    .prop_map(|it| it.trim().to_owned())
}
