//! What a folder of older files needs: `plan DIR YYYY-MM-DD`.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::path::Path;

use overlay_migrate::{Decisions, Options, RETIRED_MODELS, Retired, Tree, plan};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().unwrap_or_else(|| "configs".to_owned());
    let today = args.next().unwrap_or_else(|| "2026-11-21".to_owned());
    let (decisions, retired) = (Decisions::default(), Retired::parse(RETIRED_MODELS)?);
    let options = Options { today: today.parse()?, decisions: &decisions, retired: &retired };
    let (plan, findings) = plan(&Tree::read(Path::new(&dir))?, options)?;
    println!("{} steps", plan.steps.len());
    for finding in &findings {
        println!("{finding}");
    }
    Ok(())
}
