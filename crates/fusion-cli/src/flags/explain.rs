use std::fmt::Write as _;

use clap::Args;
use fusion_flags::FlagReport;
use serde::Serialize;

use super::decide::unknown;
use super::question::Question;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::input::name_of;
use crate::output::{Output, Report};

/// Say of every flag whether it is on, why, and what it would need
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion flags explain --scenario refund_processing --confidence 0.9 --unit user-7
  fusion flags explain refund_lot_switch --now 2026-12-01T09:00:00Z --json")]
pub(crate) struct Explain {
    /// Only this flag
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    question: Question,
}

#[derive(Serialize)]
struct ExplainReport {
    flags: String,
    /// Whether every overlay is off.
    emergency: bool,
    features: Vec<FlagReport>,
}

impl Report for ExplainReport {
    const SCHEMA: &'static str = "fusion/flags-explain/1";

    fn text(&self, _width: usize) -> String {
        let mut res = String::new();
        if self.emergency {
            res.push_str("every overlay is off\n");
        }
        let width = self.features.iter().map(|it| it.feature.chars().count()).max();
        let width = width.unwrap_or_default();
        for FlagReport { feature, enabled, reason, would_need, .. } in &self.features {
            let state = if *enabled { "on" } else { "off" };
            let needed = would_need.as_ref().map(|it| format!("  needs {it}"));
            let needed = needed.unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = writeln!(res, "{feature:width$}  {state:3}  {}{needed}", reason.code());
        }
        res
    }
}

impl Explain {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let asked = self.question.ask(output, environment)?;
        let attributes = self.question.attributes();
        let context = self.question.context(&attributes, environment);
        let view = &asked.view;
        let features = match &self.name {
            None => view.explain_all(&context),
            Some(name) => {
                vec![view.explain(name, &context).ok_or_else(|| unknown(name, view))?]
            }
        };
        let (flags, emergency) = (name_of(&asked.path), view.is_emergency());
        output.show(&ExplainReport { flags, emergency, features })?;
        asked.finish(output)
    }
}
