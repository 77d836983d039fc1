//! Suites made of files of others.

mod gsm8k;
mod origin;
mod yaml;

use serde::Serialize;

use crate::report::FileFinding;

pub use self::gsm8k::gsm8k;
pub use self::origin::origin;

/// What an import made.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ImportReport {
    /// Scenarios of the new suite.
    pub scenarios: usize,
    /// Recordings.
    pub recordings: usize,
    /// Goldens.
    pub goldens: usize,
    /// What is wrong with the files read, each known defect by name.
    pub findings: Vec<FileFinding>,
}

const SUITE_TOML: &str = "schema = \"fusion/suite/1\"\ninstallation = \"configs\"\n";
