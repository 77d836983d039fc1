use clap::Args;
use overlay_deploy::backup::{BackupError, verify};
use serde::Serialize;

use super::Told;
use super::create::Summary;
use super::folder::backup_error;
use crate::exit::Exit;
use crate::output::{Output, Report};

/// Compare every file of a backup with its list, and look at the copy as the root that it is
///
/// Its generations are held against their manifests, its audit log is verified, and what the list
/// says of both against them.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion backup verify --root prod
  fusion backup verify 019aa9c2-7d1e-7c3a-9f00-5a0b7d0c1e2f --root prod --json

Ends with 8 where a file was changed, is missing, or does not belong there, or the copy is no whole
root; with 65 where it, or the newest one where none is named, is no whole backup.")]
pub(super) struct Verify {
    /// Its id; else the newest one
    #[arg(value_name = "ID")]
    id: Option<String>,
}

#[derive(Serialize)]
struct VerifyReport {
    path: String,
    valid: bool,
    #[serde(flatten)]
    summary: Option<Summary>,
    problems: Vec<String>,
}

impl Report for VerifyReport {
    const SCHEMA: &'static str = "fusion/backup-verify/1";

    fn text(&self, _width: usize) -> String {
        let mut res = match &self.summary {
            Some(summary) => format!("{}: as it was made, {}", self.path, summary.text()),
            None => format!("{}: not as it was made", self.path),
        };
        for problem in &self.problems {
            res.push_str("\n  ");
            res.push_str(problem);
        }
        res + "\n"
    }
}

impl Verify {
    pub(super) fn run(self, told: Told<'_>, output: &mut Output) -> anyhow::Result<Exit> {
        let dir = told.backup(self.id.as_deref())?;
        let path = dir.display().to_string();
        let report = match verify(&dir) {
            Ok(manifest) => {
                let summary = Some(Summary::from(&manifest));
                VerifyReport { path, valid: true, summary, problems: Vec::new() }
            }
            Err(BackupError::Tampered { problems, .. }) => {
                VerifyReport { path, valid: false, summary: None, problems }
            }
            Err(err) => return Err(backup_error(err)),
        };
        output.show(&report)?;
        Ok(if report.valid { Exit::DONE } else { Exit::INTEGRITY })
    }
}
