use std::fmt::Write as _;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use clap::Args;
use overlay_model::{Change, Digest};
use serde::Serialize;

use super::document::Document;
use crate::exit::Exit;
use crate::output::{Output, Report};

/// Say what changes from one overlay to another
///
/// Compares what the overlays say: order, comments, older names and the way a number is written
/// make no difference, and the four formats may be mixed.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion overlay diff configs/overlays/fusion_overlay.baseline.txt \\
    configs/overlays/fusion_overlay.rollback_first.txt
  git show HEAD:configs/overlays/fusion_overlay.rollback_first.txt \\
    | fusion overlay diff - configs/overlays/fusion_overlay.rollback_first.txt

Ends with 2 where they differ.")]
pub(crate) struct Diff {
    /// The overlay before; `-` for standard input
    #[arg(value_name = "A")]
    before: PathBuf,
    /// The overlay after
    #[arg(value_name = "B")]
    after: PathBuf,
}

#[derive(Serialize)]
struct DiffReport {
    before: Compared,
    after: Compared,
    changes: Vec<PlacedChange>,
}

#[derive(Serialize)]
struct Compared {
    path: String,
    digest: Digest,
}

/// A change with the lines it is about.
#[derive(Serialize)]
struct PlacedChange {
    #[serde(flatten)]
    change: Change,
    from_line: Option<usize>,
    to_line: Option<usize>,
}

impl Report for DiffReport {
    const SCHEMA: &'static str = "fusion/overlay-diff/1";

    fn text(&self, _width: usize) -> String {
        let width = self.changes.iter().map(|it| it.change.key.len()).max().unwrap_or_default();
        self.changes.iter().map(|it| line(&it.change, width)).collect()
    }
}

fn line(change: &Change, width: usize) -> String {
    let Change { key, from, to } = change;
    let (sign, color, what) = match (from, to) {
        (None, Some(to)) => ('+', AnsiColor::Green, to.clone()),
        (Some(from), None) => ('-', AnsiColor::Red, from.clone()),
        (from, to) => {
            let text = |it: &Option<String>| it.clone().unwrap_or_default();
            ('~', AnsiColor::Yellow, format!("{} → {}", text(from), text(to)))
        }
    };
    let style: Style = color.on_default();
    let mut res = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(res, "{style}{sign} {key:width$}{style:#}  {what}");
    res
}

impl Diff {
    pub(crate) fn run(self, output: &mut Output) -> anyhow::Result<Exit> {
        let before = Document::sound(&self.before, output)?;
        let after = Document::sound(&self.after, output)?;
        let (a, b) =
            (overlay_schema::typed(&before.overlay), overlay_schema::typed(&after.overlay));
        let changes = overlay_model::diff(&a, &b);
        let report = DiffReport {
            changes: changes
                .into_iter()
                .map(|change| PlacedChange {
                    from_line: before.line_of(&change.key),
                    to_line: after.line_of(&change.key),
                    change,
                })
                .collect(),
            before: compared(&before),
            after: compared(&after),
        };
        output.show(&report)?;
        Ok(if report.changes.is_empty() { Exit::DONE } else { Exit::PENDING })
    }
}

fn compared(document: &Document) -> Compared {
    Compared { path: document.name.clone(), digest: overlay_schema::digest(&document.overlay) }
}
