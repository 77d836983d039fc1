//! A small suite to record, accept and break.

use std::path::Path;

use tempfile::TempDir;

use crate::binary::{Ran, folder, run};
use crate::overlay::REFUND;

const SCENARIOS: &str = "\
schema_version: \"2.0.0\"
scenarios:
  - id: duplicate_charge
    type: refund_processing
    prompt: Decide on this refund request of INV-88214.
    tags: [refund]
    expect:
      - id: names_invoice
        contains: INV-88214
      - id: answers
        refusal: false
";

const PROVIDERS: &str = "\
schema = \"fusion/providers/1\"
default_models = [\"small\"]

[[providers]]
name = \"local\"
endpoint = \"http://127.0.0.1:8080/v1\"

[[models]]
id = \"small\"
provider = \"local\"
encoding = \"o200k_base\"
context_tokens = 8192
max_output_tokens = 2048
input_usd_per_mtok = 0.1
output_usd_per_mtok = 0.4
";

const MICRO: &str = "\
## Core Directive
Every step comes with its way back.

## Quality Gates
- The invoice is named. [check: contains \"INV-88214\"]
";

const ANSWERS: &str = r#"{"scenario": "duplicate_charge", "side": "baseline", "model": "small", "sample": 0, "text": "Refund the second charge of INV-88214."}
{"scenario": "duplicate_charge", "side": "overlay", "model": "small", "sample": 0, "text": "Refund the second charge of INV-88214, which can be taken back for 30 minutes."}
"#;

/// The suite `goldens` with its installation `configs`, nothing recorded yet.
pub(crate) fn fresh() -> TempDir {
    let overlay = REFUND.replace("baseline_only", "efficiency_mode")
        + "SAMPLES=1\nOVERLAY_TARGET_SCENARIOS=refund_processing\n";
    let baseline = REFUND.replace("=refund", "=baseline");
    folder(&[
        ("goldens/suite.toml", "schema = \"fusion/suite/1\"\n"),
        ("goldens/authored/answers.jsonl", ANSWERS),
        ("configs/overlays/fusion_overlay.baseline.txt", &baseline),
        ("configs/overlays/fusion_overlay.refund.txt", &overlay),
        ("configs/micro_overlays/refund.md", MICRO),
        ("configs/scenarios.yaml", SCENARIOS),
        ("configs/providers.toml", PROVIDERS),
    ])
}

/// The suite with authored answers, as accepted.
#[track_caller]
pub(crate) fn accepted() -> TempDir {
    let dir = fresh();
    golden(dir.path(), &["record", "--authored", "goldens/authored/answers.jsonl"]).ends_with(0);
    golden(dir.path(), &["update", "--reason", "first version"]).ends_with(0);
    dir
}

/// Runs `fusion golden` in the folder of a suite.
#[track_caller]
pub(crate) fn golden(dir: &Path, args: &[&str]) -> Ran {
    run(dir, &[&["golden"], args].concat())
}
