//! What is in force for an overlay, and where each value comes from: `effective DIR OVERLAY`.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::path::Path;

use overlay_loader::Installation;
use overlay_model::OverlayName;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let installation = match args.next() {
        Some(dir) => Installation::read(Path::new(&dir))?,
        None => Installation::embedded(),
    };
    for it in installation.findings() {
        println!("{}: {}", it.path, it.diagnostic);
    }
    let name: Option<OverlayName> = args.next().map(|it| it.parse()).transpose()?;
    let (effective, settings) = installation.settings(name.as_ref(), None, &[]);
    for (key, it) in effective.iter() {
        println!("{key}={}  # {:?}", it.setting.value, it.setting.origin);
    }
    println!("mode {}", settings?.mode);
    Ok(())
}
