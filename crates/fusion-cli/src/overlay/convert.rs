use std::path::PathBuf;

use clap::Args;
use overlay_model::TextFormat;
use serde::{Serialize, Serializer};

use super::document::Document;
use crate::exit::Exit;
use crate::output::{Output, Report};
use crate::replace::create;

/// Write an overlay in another format
///
/// What the overlay says stays, and with it the digest; comments and blank lines are lost on
/// the way to TOML, YAML and JSON.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion overlay convert configs/overlays/fusion_overlay.rollback_first.txt --to toml
  fusion overlay convert configs/overlays/fusion_overlay.rollback_first.txt --to json -o refund.json
  fusion overlay convert refund.json --to txt -o fusion_overlay.refund.txt")]
pub(crate) struct Convert {
    /// The overlay; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The format: txt, toml, yaml or json
    #[arg(long, value_name = "FORMAT")]
    to: TextFormat,
    /// Where the text goes; standard output without it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file of `--output` where there is one
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct ConvertReport {
    path: String,
    #[serde(serialize_with = "as_text")]
    from: TextFormat,
    #[serde(serialize_with = "as_text")]
    to: TextFormat,
    digest: overlay_model::Digest,
    text: String,
}

fn as_text<S: Serializer>(format: &TextFormat, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(format)
}

impl Report for ConvertReport {
    const SCHEMA: &'static str = "fusion/overlay-convert/1";

    fn text(&self, _width: usize) -> String {
        self.text.clone()
    }
}

impl Convert {
    pub(crate) fn run(self, output: &mut Output) -> anyhow::Result<Exit> {
        let document = Document::sound(&self.file, output)?;
        let text = if self.to == TextFormat::Overlay && document.format == TextFormat::Overlay {
            document.overlay.to_string()
        } else {
            overlay_model::write(self.to, &overlay_schema::typed(&document.overlay))
        };
        let report = ConvertReport {
            digest: overlay_schema::digest(&document.overlay),
            path: document.name,
            from: document.format,
            to: self.to,
            text,
        };
        match &self.output {
            Some(path) => {
                create(path, report.text.as_bytes(), self.force)?;
                if output.is_json() {
                    output.show(&report)?;
                }
            }
            None => output.show(&report)?,
        }
        Ok(Exit::DONE)
    }
}
