//! Whether this machine may serve the installation in a folder: `check DIR`.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use overlay_doctor::{Environment, Host, Inputs, doctor};

fn main() {
    let configs = std::env::args().nth(1).map_or_else(|| PathBuf::from("configs"), PathBuf::from);
    let report = doctor(&Inputs {
        environment: Environment::Development,
        root: None,
        configs: Some(&configs),
        variables: &BTreeMap::new(),
        adapters: &["file", "null", "prometheus", "sqlite"],
        readers: &|_name, _text| Vec::new(),
        ends: &|_host, _model| None,
        version: env!("CARGO_PKG_VERSION"),
        host: &Host::read(),
        now_us: 1_790_000_000_000_000,
        not_before_us: 1_735_689_600_000_000,
    });
    print!("{}", report.text());
}
