//! The requests that an overlay's settings and a question come to.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;

use fusion_plan::{Models, Request, body, compile};
use overlay_model::MicroOverlay;
use overlay_schema::{FusionMode, Providers, Settings};

const PROVIDERS: &str = r#"
default_models = ["small"]
[[models]]
id = "small"
provider = "local"
encoding = "o200k_base"
context_tokens = 8192
input_usd_per_mtok = 0.5
output_usd_per_mtok = 1.5
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let question = std::env::args().nth(1).unwrap_or_else(|| "Refund order 4521?".to_owned());
    let providers = Providers::parse(PROVIDERS)?;
    let settings = Settings { mode: FusionMode::SpeedOptimized, ..Settings::defaults() };
    let prompt = MicroOverlay::parse("## Core Directive\nName the way back.\n");
    let models = Models { providers: &providers, ledger: &[] };
    let request = Request { question: &question, ..Request::default() };
    let plan = compile(&settings, Some(&prompt), &models, &request)?;
    for call in plan.steps.iter().flat_map(|it| &it.calls) {
        println!("{:#?}", body(&call.request));
    }
    Ok(())
}
