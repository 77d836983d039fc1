//! The text of a design spec, as TOML and as YAML: check and generate.
#![no_main]

use libfuzzer_sys::fuzz_target;
use overlay_gen::Template;
use overlay_model::DesignSpec;

fuzz_target!(|text: &str| {
    let specs = [
        overlay_model::from_toml::<DesignSpec>(text),
        overlay_model::from_yaml::<DesignSpec>(text),
    ];
    for spec in specs.into_iter().flatten() {
        let template = Template::named("balanced").unwrap();
        let _ = overlay_gen::generate(&spec, &template);
    }
});
