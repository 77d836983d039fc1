//! An overlay from a design spec, each key with its reason: `generate SPEC.toml [TEMPLATE]`.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;

use overlay_gen::{Template, generate};
use overlay_model::DesignSpec;

const SPEC: &str = r#"
name = "contracts"
purpose = "Reviews legal documents"
performance_goals = { accuracy_score = 0.92 }
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let text = args.next().map_or_else(|| Ok(SPEC.to_owned()), std::fs::read_to_string)?;
    let template = args.next().unwrap_or_else(|| "balanced".to_owned());
    let spec: DesignSpec = overlay_model::from_toml(&text)?;
    let made = generate(&spec, &Template::named(&template)?)
        .map_err(|found| found.first().map(ToString::to_string).unwrap_or_default())?;
    for entry in made.overlay.entries() {
        let because = made.origins.get(entry.key).map_or("", |it| it.because.as_str());
        println!("{}={}  # {because}", entry.key, entry.value);
    }
    Ok(())
}
