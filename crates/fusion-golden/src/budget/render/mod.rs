//! Reports of the budget gate for people and machines, all of them written from one
//! [`BudgetReport`].
//!
//! What holds for the reports of [`crate::render`] holds here: no text of a file reaches a
//! terminal, a web page, an XML reader or a workflow runner as anything but text, and equal
//! reports give equal bytes.

mod bars;
mod figures;
mod forest;
mod github;
mod html;
mod junit;
mod latency;
mod markdown;
mod patch;
mod scale;
mod slopes;
mod style;
mod table;

pub use self::github::github_annotations;
pub use self::html::html;
pub use self::junit::junit;
pub use self::markdown::markdown;
pub use self::patch::patch;
pub use self::table::table;

use super::report::BudgetReport;

/// The report as JSON with its `schema`, indented by two blanks, with a final newline.
pub fn json(report: &BudgetReport) -> String {
    crate::render::json::shown(report.schema, report)
}
