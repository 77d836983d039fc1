use std::fmt::Write as _;

use clap::Args;
use fusion_flags::RouteReport;
use serde::Serialize;

use super::question::Question;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::output::{Output, Report};

/// Say which overlays may answer a request, best first, and why the others may not
///
/// Whether the overlays exist is not looked at: `flags check --configs` does that. Where no
/// flag offers one, the fallback answers; that is an answer too, and the command ends with 0.
#[derive(Args, Debug)]
#[command(
    mut_arg("scenario", |it| it.required(true)),
    after_help = "\
Examples:
  fusion flags route --scenario refund_processing --confidence 0.9 --unit user-7
  fusion flags route --scenario refund_processing --flags flags.yaml --env staging --json
  RESON_FEATURES= fusion flags route --scenario refund_processing

Ends with 1 under --strict where a switch names no flag and no overlay, or where no flag names the
kind of work and one names a kind with nearly the same letters."
)]
pub(crate) struct RouteArguments {
    #[command(flatten)]
    question: Question,
}

#[derive(Serialize)]
struct Routed {
    #[serde(flatten)]
    route: RouteReport,
}

impl Report for Routed {
    const SCHEMA: &'static str = "fusion/flags-route/1";

    fn text(&self, _width: usize) -> String {
        let route = &self.route;
        let answers = route.primary_overlay.as_ref().unwrap_or(&route.fallback_strategy);
        let mut res = format!("{}: {answers}\n", route.scenario_type);
        let lists =
            [("flags on", &route.enabled_features), ("candidates", &route.overlay_candidates)];
        // Writing to a string cannot fail.
        for (what, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
            let _ = writeln!(res, "  {what:10}  {}", list.join(", "));
        }
        let _ = writeln!(res, "  {:10}  {}", "fallback", route.fallback_strategy);
        for it in &route.rejected {
            let overlay = it.overlay.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
            let _ = writeln!(res, "  {:10}  {}{overlay}: {}", "not", it.feature, it.reason.code());
        }
        if route.env_overrides_active {
            res.push_str("  switches are in force\n");
        }
        res
    }
}

impl RouteArguments {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let asked = self.question.ask(output, environment)?;
        let attributes = self.question.attributes();
        let context = self.question.context(&attributes, environment);
        output.show(&Routed { route: asked.view.explain_route(&context) })?;
        asked.finish(output)
    }
}
