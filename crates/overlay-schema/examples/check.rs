//! Every finding about an overlay file: `check FILE`.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;

use overlay_model::Overlay;
use overlay_schema::{Profile, Subject, check};

const FILE: &str = "FUSION_MOED=quality_first\nTRUST_FLOOR=1.2\n";

fn main() -> Result<(), Box<dyn Error>> {
    let bytes = std::env::args().nth(1);
    let bytes = bytes.map_or_else(|| Ok(FILE.as_bytes().to_vec()), std::fs::read)?;
    let (overlay, syntax) = Overlay::read(&bytes);
    let report = check(&overlay, syntax, Profile::Deploy, &Subject::default());
    for finding in &report.diagnostics {
        println!("{finding}");
    }
    Ok(())
}
