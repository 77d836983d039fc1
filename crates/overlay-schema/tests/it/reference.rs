//! The pages read off the tables.

use overlay_schema::{CODES, MODEL_PARAMS, PARAMS, diagnostics_md, parameters_md};

#[test]
fn every_parameter_has_a_section() {
    let page = parameters_md();
    for it in PARAMS {
        assert!(page.contains(&format!("\n### `{}`\n\n{}\n", it.key, it.doc)), "{}", it.key);
    }
    for it in MODEL_PARAMS {
        assert!(page.contains(&format!("\n### `<MODEL>{}`\n", it.key)), "{}", it.key);
    }
    assert!(page.contains("### `TRUST_FLOOR`\n\nThe least trust at which an answer is accepted.\n\n- takes a number from 0 to 1\n- default `0.60`\n"));
}

#[test]
fn every_code_has_a_section() {
    let page = diagnostics_md();
    for it in CODES {
        assert!(page.contains(&format!("\n## {} {}\n", it.code, it.title)), "{}", it.code);
    }
    let hidden = |c: char| c.is_control() && c != '\n';
    assert!(!page.contains(hidden), "an example must not hide what it shows");
}
