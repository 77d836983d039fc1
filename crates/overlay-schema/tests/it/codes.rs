//! The table of codes, against the sources and against what is really found.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use overlay_model::{CATALOGUE_CODES, Diagnostic, Overlay};
use overlay_schema::{CODES, CodeInfo, Profile, Providers, References, Subject, check, code};

use crate::with_lines;

/// Every code that a source file of `folder` names.
fn named(folder: &Path, res: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            named(&path, res);
        } else if path.file_name().is_some_and(|it| it != "codes.rs") {
            let text = fs::read_to_string(path).unwrap();
            for (at, _) in text.match_indices("\"OVL") {
                res.extend(text.get(at + 1..at + 8).map(str::to_owned));
            }
        }
    }
}

#[test]
fn every_code_of_the_sources_is_in_the_table_and_the_other_way_round() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut used = BTreeSet::new();
    named(&own.join("src"), &mut used);
    named(&own.join("../overlay-model/src"), &mut used);
    let table: BTreeSet<_> = CODES.iter().map(|it| it.code.to_owned()).collect();
    assert_eq!(table.len(), CODES.len(), "a code stands in the table twice");
    let of_scenarios = CATALOGUE_CODES.iter().map(|(code, ..)| (*code).to_owned());
    assert_eq!(table.into_iter().chain(of_scenarios).collect::<BTreeSet<_>>(), used);
}

#[test]
fn codes_are_sorted_and_explained() {
    assert!(CODES.is_sorted_by(|a, b| a.code < b.code));
    for it in CODES {
        assert_eq!(code(it.code), Some(it));
        assert!(it.explanation.ends_with('.') && !it.title.ends_with('.'), "{}", it.code);
    }
    assert_eq!(code("OVL9999"), None);
}

const PROVIDERS: &str = r#"schema = "fusion/providers/1"
default_models = ["gpt-4o"]
[[providers]]
name = "openai"
endpoint = "https://api.example.com"
api_key = "${KEY}"
[[models]]
id = "gpt-4o"
provider = "openai"
encoding = "o200k_base"
context_tokens = 1000
input_usd_per_mtok = 1
output_usd_per_mtok = 1
retires = "2027-01-01"
"#;

const UNPRICED: &str = r#"
[[models]]
id = "unpriced"
provider = "openai"
encoding = "o200k_base"
context_tokens = 1000
"#;

/// What the example of `info` calls forth.
fn provoked(info: &CodeInfo) -> Vec<Diagnostic> {
    if info.code.starts_with("OVL41") || info.code == "OVL8003" {
        let key = info.example.split(" =").next().unwrap_or_default();
        let text = if info.example.starts_with("[[") {
            format!("{PROVIDERS}{}", info.example)
        } else if let Some(key) = info.example.strip_prefix("# without ") {
            PROVIDERS
                .lines()
                .filter(|it| !it.starts_with(key))
                .map(|it| format!("{it}\n"))
                .collect()
        } else {
            let line =
                |it| if str::starts_with(it, &format!("{key} =")) { info.example } else { it };
            PROVIDERS.lines().map(|it| format!("{}\n", line(it))).collect()
        };
        return Providers::parse(&text).unwrap().findings();
    }
    let providers = Providers::parse(&format!("{PROVIDERS}{UNPRICED}")).unwrap();
    let references = References {
        providers: &providers,
        scenario_types: ["refund_processing"].into(),
        micro_overlays: BTreeSet::new(),
    };
    let text = match info.example {
        "\u{feff}" => format!("\u{feff}{}", with_lines("SAMPLES=1")),
        example => with_lines(example),
    };
    let file_name = Some("fusion_overlay.embedded.txt");
    let subject = Subject { file_name, references: Some(&references) };
    let (overlay, syntax) = Overlay::parse(&text);
    check(&overlay, syntax, Profile::Deploy, &subject).diagnostics
}

#[test]
fn examples_call_their_code_forth() {
    for info in CODES.iter().filter(|it| !it.example.is_empty()) {
        let found = provoked(info);
        let is_it = |it: &Diagnostic| (it.code, it.severity) == (info.code, info.severity);
        assert!(found.iter().any(is_it), "{}: {found:?}", info.code);
        for it in found.iter().filter(|it| !it.code.starts_with("OVL1")) {
            assert!(it.hint.is_some(), "{it}");
        }
    }
    let without: Vec<_> =
        CODES.iter().filter(|it| it.example.is_empty()).map(|it| it.code).collect();
    assert_eq!(without, ["OVL1005", "OVL1006", "OVL1013", "OVL2001", "OVL2206"]);
}
