//! The original's v0.3 overlay.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use overlay_loader::Installation;
use overlay_migrate::{Fate, ORIGIN_KEYS, Site, Tree, apply, rollback, validate};
use overlay_model::Overlay;

use crate::{after, data, lines, planned};

/// What a person has to decide about the original's overlay.
const DECIDED: [&str; 4] = [
    "fusion_overlay.v0.3.txt:OVERLAY_NAME=thermodynamic",
    "CONTINUITY_ENFORCEMENT=enhanced_thread",
    "TRUST_SCORING_MODEL=contextual_alignment",
    "FUSION_MODE=quality_first",
];

const PROVIDERS: &str = r#"schema = "fusion/providers/1"
default_models = ["gpt-4o"]
providers = [{ name = "local", endpoint = "http://127.0.0.1:8080/v1" }]
models = [
    { id = "gpt-4o", provider = "local", encoding = "o200k_base", context_tokens = 128000, input_usd_per_mtok = 1, output_usd_per_mtok = 1 },
    { id = "claude-3.5", provider = "local", encoding = "cl100k_base", context_tokens = 200000, input_usd_per_mtok = 1, output_usd_per_mtok = 1 },
    { id = "grok", provider = "local", encoding = "cl100k_base", context_tokens = 131072, input_usd_per_mtok = 1, output_usd_per_mtok = 1 },
    { id = "gemini", provider = "local", encoding = "cl100k_base", context_tokens = 1000000, input_usd_per_mtok = 1, output_usd_per_mtok = 1 },
    { id = "local_gguf", provider = "local", encoding = "cl100k_base", context_tokens = 8192, input_usd_per_mtok = 1, output_usd_per_mtok = 1 },
]
"#;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::write(to, fs::read(entry.path()).expect("a file")).expect("a file");
        }
    }
}

#[test]
fn the_table_has_each_of_the_96_keys_once() {
    let sorted = ORIGIN_KEYS.windows(2).all(|it| it[0].key < it[1].key);
    assert!(sorted && ORIGIN_KEYS.len() == 96 && ORIGIN_KEYS.iter().all(|it| !it.why.is_empty()));
    let Some(root) = data::origin() else { return };
    let text = fs::read_to_string(root.join("fusion_overlay.v0.3.txt")).expect("a file");
    let (overlay, _) = Overlay::parse(&text);
    let keys: BTreeSet<_> = overlay.entries().map(|it| it.key).collect();
    assert_eq!(keys, ORIGIN_KEYS.iter().map(|it| it.key).collect());
}

#[test]
fn the_originals_tree_migrates_loads_and_comes_back() {
    let Some(origin) = data::origin() else { return };
    let dir = tempfile::tempdir().expect("a folder");
    copy(&origin, dir.path());
    fs::write(dir.path().join("providers.toml"), PROVIDERS).expect("a file");
    let before = fs::read(dir.path().join("fusion_overlay.v0.3.txt")).expect("a file");

    let tree = Tree::read(dir.path()).expect("a tree");
    let (plan, findings) = planned(&tree, &[], &DECIDED);
    let manual: Vec<_> = findings.iter().filter(|it| it.is_manual()).collect();
    assert!(manual.is_empty(), "{manual:#?}");

    let site = Site::new(dir.path(), &|| 1);
    apply(site, &plan).expect("applied");
    let read = Installation::read(dir.path()).expect("an installation");
    let overlay = &read.overlays()["thermodynamic"];
    assert!(overlay.checked.is_deployable(), "{:#?}", overlay.checked.diagnostics);
    let value = |key| overlay.overlay.value(key);
    assert_eq!(value("VOTING_POWER_MAP"), Some("entropy:2,trust:2,continuity:1,insight:1"));
    assert_eq!(value("GPT-4O_MAX_CONTEXT_TOKENS"), Some("128000"));
    assert_eq!(value("CLAUDE-3-5_MAX_CONTEXT_TOKENS"), Some("200000"));
    assert_eq!(value("LOCAL-GGUF_MAX_CONTEXT_TOKENS"), Some("4096"));
    let text = overlay.overlay.source();
    let old = String::from_utf8(before.clone()).expect("text");
    for row in ORIGIN_KEYS.iter().filter(|it| it.fate == Fate::Comment) {
        let line = old.lines().find(|it| it.starts_with(&format!("{}=", row.key))).expect("a line");
        assert!(text.contains(&format!("# v0.3, not read here: {line}\n")), "{line}");
    }
    for comment in old.lines().filter(|it| it.starts_with('#')) {
        assert!(text.contains(comment), "{comment}");
    }

    let validation = validate(site).expect("read");
    assert_eq!(validation.files_as_left, plan.files().len());
    rollback(site, None).expect("rolled back");
    assert_eq!(fs::read(dir.path().join("fusion_overlay.v0.3.txt")).expect("a file"), before);
    assert!(!dir.path().join("overlays").exists() && !dir.path().join("scenarios.yaml").exists());
}

#[test]
fn what_has_no_counterpart_is_left_to_a_person() {
    let Some(origin) = data::origin() else { return };
    let (_, findings) = planned(&Tree::read(&origin).expect("a tree"), &[], &[]);
    let manual: Vec<_> = findings.into_iter().filter(|it| it.is_manual()).collect();
    expect_test::expect![[r#"
        fusion_overlay.v0.3.txt:9:24: error[MIG1103]: no rule says which word of CONTINUITY_ENFORCEMENT `semantic_thread` is (choose: --set fusion_overlay.v0.3.txt:CONTINUITY_ENFORCEMENT=…, one of basic_thread, enhanced_thread, comprehensive_thread, aggressive_thread)
        fusion_overlay.v0.3.txt:10:21: error[MIG1103]: no rule says which word of TRUST_SCORING_MODEL `alignment_score+inflation_delta` is (choose: --set fusion_overlay.v0.3.txt:TRUST_SCORING_MODEL=…, one of simple_alignment, contextual_alignment, performance_weighted, quality_alignment)
        fusion_overlay.v0.3.txt:19:13: error[MIG1103]: no rule says which word of FUSION_MODE `hybrid_orchestration` is (choose: --set fusion_overlay.v0.3.txt:FUSION_MODE=…, one of baseline_only, adaptive_routing, speed_optimized, quality_first, efficiency_mode)
        fusion_overlay.v0.3.txt:40:1: error[MIG1105]: OVL4002: no model `GPT4O` in `providers.toml` (add the model there, or name one that is)
        fusion_overlay.v0.3.txt:46:1: error[MIG1105]: OVL4002: no model `CLAUDE35` in `providers.toml` (add the model there, or name one that is)
        fusion_overlay.v0.3.txt:52:1: error[MIG1105]: OVL4002: no model `GROK` in `providers.toml` (add the model there, or name one that is)
        fusion_overlay.v0.3.txt:58:1: error[MIG1105]: OVL4002: no model `GEMINI` in `providers.toml` (add the model there, or name one that is)
        fusion_overlay.v0.3.txt:64:1: error[MIG1105]: OVL4002: no model `LOCAL-GGUF` in `providers.toml` (add the model there, or name one that is)
        fusion_overlay.v0.3.txt: error[MIG1202]: the overlay has no name, and its file name holds none (say it: --set fusion_overlay.v0.3.txt:OVERLAY_NAME=…)
    "#]]
    .assert_eq(&lines(&manual));
}

const MODERN: &str = "FUSION_OVERLAY_VERSION=v2.1.0\nDESCRIPTION=Refunds\nAUTHOR=a\nOVERLAY_AUTHOR=b\n\
    # kept\nENTROPY_REDUCTION_TARGET = 0.30\nCONTINUITY_ENFORCEMENT=strict_memory\n\
    TRUST_SCORING_MODEL=simple_alignment\nFUSION_MODE=enhanced_overlay\n";

#[test]
fn older_names_and_loose_versions_change_nothing_else() {
    let tree = Tree::of([("overlays/fusion_overlay.refund.txt", MODERN)]);
    let (plan, findings) = planned(&tree, &[], &["FUSION_MODE=quality_first"]);
    expect_test::expect![[r#"
        FUSION_OVERLAY_VERSION=2.1.0
        OVERLAY_DESCRIPTION=Refunds
        OVERLAY_AUTHOR=b
        # kept
        ENTROPY_REDUCTION_TARGET = 0.30
        CONTINUITY_ENFORCEMENT=strict_memory
        TRUST_SCORING_MODEL=simple_alignment
        FUSION_MODE=quality_first
        OVERLAY_NAME=refund
    "#]]
    .assert_eq(&after(&tree, &plan, "overlays/fusion_overlay.refund.txt").expect("a text"));
    let manual: Vec<_> = findings.iter().filter(|it| it.is_manual()).collect();
    assert_eq!(manual.len(), 1, "{manual:#?}");
    assert_eq!(manual[0].diagnostic.code, "MIG1103");
}

#[test]
fn a_voter_that_is_no_agent_of_the_original_is_not_guessed() {
    let text = "FUSION_OVERLAY_VERSION=0.3\nVOTING_POWER_MAP=EntropyAuditor:2,Oracle:1\n";
    let tree = Tree::of([("overlays/fusion_overlay.x.txt", text)]);
    let (plan, findings) = planned(&tree, &[], &[]);
    let text = after(&tree, &plan, "overlays/fusion_overlay.x.txt").expect("a text");
    assert!(text.contains("VOTING_POWER_MAP=EntropyAuditor:2,Oracle:1\n"));
    assert!(lines(&findings).contains("OVL3"), "{}", lines(&findings));
}
