//! Sets a key of an overlay and leaves all else as it is: `edit FILE KEY VALUE`.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;

use overlay_model::Overlay;

const FILE: &str = "# Refunds\nOVERLAY_NAME=refund\nTRUST_FLOOR=0.60   \n";

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let bytes = args.next().map_or_else(|| Ok(FILE.as_bytes().to_vec()), std::fs::read)?;
    let key = args.next().unwrap_or_else(|| "TRUST_FLOOR".to_owned());
    let value = args.next().unwrap_or_else(|| "0.65".to_owned());
    let (mut overlay, findings) = Overlay::read(&bytes);
    for finding in &findings {
        println!("{finding}");
    }
    overlay.set(&key.parse()?, &value)?;
    print!("{}", overlay.source());
    Ok(())
}
