use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use overlay_model::Digest;
use serde::Serialize;

use super::document::Document;
use crate::exit::Exit;
use crate::output::{Output, Report};

/// Print the digest of overlays
///
/// The digest covers what the overlay says, not how it is written: order, comments, line ends
/// and the form of numbers leave no trace, and timestamps are left out. `sha256:` over the
/// canonical bytes `ovl-canon/1`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion overlay hash configs/overlays/fusion_overlay.rollback_first.txt
  fusion overlay hash configs/overlays/*.txt --json")]
pub(crate) struct Hash {
    /// The overlays; `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Serialize)]
struct HashReport {
    files: Vec<HashedFile>,
}

#[derive(Serialize)]
struct HashedFile {
    path: String,
    digest: Digest,
}

impl Report for HashReport {
    const SCHEMA: &'static str = "fusion/overlay-hash/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        for HashedFile { path, digest } in &self.files {
            // Writing to a string cannot fail.
            let _ = writeln!(res, "{digest}  {path}");
        }
        res
    }
}

impl Hash {
    pub(crate) fn run(self, output: &mut Output) -> anyhow::Result<Exit> {
        let mut files = Vec::new();
        for path in &self.files {
            let document = Document::sound(path, output)?;
            files.push(HashedFile {
                digest: overlay_schema::digest(&document.overlay),
                path: document.name,
            });
        }
        output.show(&HashReport { files })?;
        Ok(Exit::DONE)
    }
}
