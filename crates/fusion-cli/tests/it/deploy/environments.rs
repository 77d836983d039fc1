//! The same digest from one environment to the next, once the golden tests passed for it.

use std::path::Path;

use crate::binary::{Ran, run, write};
use crate::suite::{accepted, golden};

const RULES: &str = "\
[environments.staging]
mode = \"blue-green\"
bake = \"0s\"
checks = [\"golden\"]

[environments.production]
mode = \"direct\"
bake = \"0s\"
checks = [\"golden\"]
after = \"staging\"
";

#[track_caller]
fn apply(dir: &Path, root: &str, args: &[&str]) -> Ran {
    run(dir, &[&["deploy", "apply", "--from", "configs", "--root", root], args].concat())
}

#[test]
fn a_tree_passes_the_golden_tests_then_staging_then_production() {
    let dir = accepted();
    write(&dir.path().join("configs/deploy.toml"), RULES);
    let ran = apply(dir.path(), "staging", &["--env", "staging"]).ends_with(1);
    assert!(ran.stdout.contains("no golden verdict is recorded"), "{ran:#?}");

    for root in ["staging", "production"] {
        let ran = golden(dir.path(), &["--record-verdict", root]).ends_with(0);
        assert!(ran.stderr.contains(&format!("recorded in {root}: sha256:")), "{ran:#?}");
    }
    let ran = apply(dir.path(), "production", &["--env", "production"]).ends_with(1);
    assert!(ran.stdout.contains("did not pass in staging"), "{ran:#?}");
    apply(dir.path(), "staging", &["--env", "staging"]).ends_with(0);
    let promote = ["deploy", "promote", "--root", "production", "--env", "production"];
    run(dir.path(), &[&promote[..], &["--from-root", "staging"]].concat()).ends_with(0);

    let digest = |root: &str| {
        let status = run(dir.path(), &["deploy", "status", "--root", root, "--json"]).json();
        status["stable"]["digest"].clone()
    };
    assert_eq!(digest("staging"), digest("production"));
    assert!(digest("staging").is_string());
    // A service says the same number, so that its receipts lead to the generation.
    let served = run(dir.path(), &["overlay", "status", "--root", "production", "--json"]).json();
    assert_eq!(served["digest"], digest("production"));
}

#[test]
fn a_part_of_the_suite_is_no_verdict() {
    let dir = accepted();
    let ran = golden(dir.path(), &["--tag", "refund", "--record-verdict", "prod"]).ends_with(64);
    assert!(ran.stderr.contains("all scenarios"), "{ran:#?}");
    assert!(!dir.path().join("prod").exists());
}
