//! Which overlay answers, and why: `route FILE SCENARIO_TYPE UNIT`.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;

use fusion_flags::{BreakerSet, Context, FlagFile, Flags, Route, Snapshot};

const FILE: &str = "\
schema_version: 2
features:
  refunds:
    enabled_overlays: [rollback_first]
    rollout_percentage: 25
    conditions: {scenario_types: [refund_processing]}
";

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let text = args.next().map_or_else(|| Ok(FILE.to_owned()), std::fs::read_to_string)?;
    let kind = args.next().unwrap_or_else(|| "refund_processing".to_owned());
    let unit = args.next().unwrap_or_else(|| "user-7".to_owned());
    let snapshot = Snapshot::compile(&FlagFile::parse(&text)?, None)
        .map_err(|found| found.first().map(ToString::to_string).unwrap_or_default())?;
    let flags = Flags::new(snapshot, BreakerSet::default());
    let context = Context {
        scenario_type: &kind,
        unit: Some(&unit),
        confidence: Some(1.0),
        ..Context::default()
    };
    let (view, mut route) = (flags.view(), Route::default());
    view.route(&context, &mut route);
    let report = view.report_route(&kind, &route);
    println!("offered to {unit}: {:?}", report.overlay_candidates);
    for it in &report.rejected {
        println!("not by {}: {}", it.feature, it.reason.code());
    }
    Ok(())
}
