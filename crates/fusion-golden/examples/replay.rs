//! What a suite comes to now: `replay DIR`, by default `goldens`.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::path::PathBuf;

use fusion_golden::{Suite, ValidateOptions, render, validate};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args().nth(1).map_or_else(|| PathBuf::from("goldens"), PathBuf::from);
    let report = validate(&Suite::open(&dir)?, &ValidateOptions::default())?;
    print!("{}", render::table(&report, 100, false));
    Ok(())
}
