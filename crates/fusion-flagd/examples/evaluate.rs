//! What a flagd file says of a flag: `evaluate FILE FLAG CONTEXT`, the context as JSON.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;

use fusion_flagd::FlagdFile;

/// Half of all users, by their id.
const FILE: &str = r#"{"flags": {"greeting": {
    "state": "ENABLED",
    "variants": {"warm": "hello", "plain": "hi"},
    "defaultVariant": "plain",
    "targeting": {"fractional": [["warm", 50], ["plain", 50]]}
}}}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let text = args.next().map_or_else(|| Ok(FILE.to_owned()), std::fs::read_to_string)?;
    let flag = args.next().unwrap_or_else(|| "greeting".to_owned());
    let context = args.next().unwrap_or_else(|| r#"{"targetingKey": "user-1"}"#.to_owned());
    let file = FlagdFile::parse(&text)?;
    let found = file.evaluate(&flag, &serde_json::from_str(&context)?, 0)?;
    println!("{flag}: {:?}, because {:?}", found.value, found.reason);
    Ok(())
}
