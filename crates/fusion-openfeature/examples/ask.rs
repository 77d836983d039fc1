//! An OpenFeature client that asks whether a flag is on, and which overlay answers.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::sync::Arc;

use fusion_flags::{BreakerSet, FlagFile, Flags, Snapshot};
use fusion_openfeature::{OverlayProvider, ROUTE};
use open_feature::{EvaluationContext, OpenFeature};

const FILE: &str = "\
schema_version: 2
features:
  refunds:
    enabled_overlays: [rollback_first]
    conditions: {scenario_types: [refund_processing]}
";

fn main() -> Result<(), Box<dyn Error>> {
    let snapshot = Snapshot::compile(&FlagFile::parse(FILE)?, None)
        .map_err(|found| found.first().map(ToString::to_string).unwrap_or_default())?;
    let flags = Arc::new(Flags::new(snapshot, BreakerSet::default()));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let mut api = OpenFeature::singleton_mut().await;
        api.set_provider(OverlayProvider::new(flags, || 1_790_000_000_000)).await;
        let client = api.create_client();
        let context = EvaluationContext::default()
            .with_targeting_key("user-1")
            .with_custom_field("scenario_type", "refund_processing");
        println!("refunds: {:?}", client.get_bool_value("refunds", Some(&context), None).await);
        println!("overlay: {:?}", client.get_string_value(ROUTE, Some(&context), None).await);
    });
    Ok(())
}
