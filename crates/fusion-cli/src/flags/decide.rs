use std::fmt::Write as _;

use clap::Args;
use fusion_flags::{BUCKETS, FlagReport, View};
use overlay_model::nearest;
use serde::Serialize;

use super::question::Question;
use crate::environment::Environment;
use crate::exit::{Exit, refusal};
use crate::output::{Output, Report};

/// Say whether a flag is on, and why
///
/// On and off are both answers: the command ends with 0. A flag that is not there ends with 5.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion flags decide refund_lot_switch --scenario refund_processing --confidence 0.9
  fusion flags decide refund_lot_switch --unit user-7 --attr tenant=acme --env staging --json
  RESON_FEATURES=-refund_lot_switch fusion flags decide refund_lot_switch")]
pub(crate) struct Decide {
    /// The flag
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    question: Question,
}

#[derive(Serialize)]
struct DecideReport {
    #[serde(flatten)]
    flag: FlagReport,
}

impl Report for DecideReport {
    const SCHEMA: &'static str = "fusion/flags-decide/1";

    fn text(&self, _width: usize) -> String {
        let FlagReport { feature, enabled, reason, bucket, threshold, variant, would_need, .. } =
            &self.flag;
        let state = if *enabled { "on" } else { "off" };
        let mut res = format!("{feature}: {state} ({})\n", reason.code());
        // Writing to a string cannot fail.
        if let (Some(bucket), Some(threshold)) = (bucket, threshold) {
            let _ = writeln!(res, "  bucket    {bucket} of {BUCKETS}; below {threshold} is in");
        }
        if let Some(variant) = variant {
            let _ = writeln!(res, "  variant   {variant}");
        }
        if let Some(needed) = would_need {
            let _ = writeln!(res, "  it needs  {needed}");
        }
        res
    }
}

impl Decide {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let asked = self.question.ask(output, environment)?;
        let attributes = self.question.attributes();
        let context = self.question.context(&attributes, environment);
        let flag = asked.view.explain(&self.name, &context);
        let flag = flag.ok_or_else(|| unknown(&self.name, &asked.view))?;
        output.show(&DecideReport { flag })?;
        asked.finish(output)
    }
}

/// The error for a flag that is not there.
pub(super) fn unknown(name: &str, view: &View) -> anyhow::Error {
    let near = nearest(name, view.snapshot().names());
    let hint = near.map(|it| format!(", did you mean `{it}`?")).unwrap_or_default();
    refusal(Exit::NOTHING, format!("there is no flag `{name}`{hint}"))
}
