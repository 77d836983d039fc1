//! The session that `docs/migrate.md` shows.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use overlay_migrate::{History, PlanReport, Site, Tree, apply, rollback, validate};

use crate::planned;

const FILES: [(&str, u64, &str); 5] = [
    (
        "fusion_overlay.audit_v0.3.txt",
        0,
        "# Audits\nFUSION_OVERLAY_VERSION=0.3\nENTROPY_REDUCTION_TARGET=0.72\n\
         CONTINUITY_ENFORCEMENT=semantic_thread\nTRUST_SCORING_MODEL=simple_alignment\n\
         FUSION_MODE=quality_first\nVOTING_POWER_MAP=EntropyAuditor:2,TrustManager:1\nLOG_LEVEL=info\n",
    ),
    (
        "fusion_overlay.refund_v2.1.txt",
        60,
        "FUSION_OVERLAY_VERSION=v2.1.0\nDESCRIPTION=Refunds\nENTROPY_REDUCTION_TARGET=0.30\n\
         CONTINUITY_ENFORCEMENT=enhanced_thread\nTRUST_SCORING_MODEL=simple_alignment\nFUSION_MODE=baseline_only\n",
    ),
    (
        "fusion_overlay.refund_production_v2.1.txt",
        120,
        "FUSION_OVERLAY_VERSION=2.1.0\nOVERLAY_DESCRIPTION=Refunds\nENTROPY_REDUCTION_TARGET=0.45\n\
         CONTINUITY_ENFORCEMENT=enhanced_thread\nTRUST_SCORING_MODEL=simple_alignment\nFUSION_MODE=baseline_only\n",
    ),
    ("eval_scenarios.yaml", 0, "scenarios: []\n"),
    (
        "litellm.yaml",
        0,
        "model_list:\n  - model_name: chat\n    litellm_params:\n      model: openai/gpt-4-32k\n",
    ),
];

fn write(root: &Path) {
    let start = UNIX_EPOCH + Duration::from_secs(1_754_736_900);
    for (name, after, text) in FILES {
        fs::write(root.join(name), text).expect("a file");
        let file = File::options().write(true).open(root.join(name)).expect("a file");
        file.set_modified(start + Duration::from_secs(after)).expect("its time");
    }
}

/// What the session prints, part by part.
fn session(root: &Path) -> Vec<String> {
    let site = Site::new(root, &|| 0);
    let tree = Tree::read(root).expect("a tree");
    let report = |keep: &[&str], set: &[&str]| {
        let (plan, findings) = planned(&tree, keep, set);
        let report = PlanReport::new(&plan, &findings, &History::default());
        let text = report.clone().with_diffs(plan.diffs(&tree).expect("sound")).to_string();
        let short = report.to_string();
        (plan, short, text)
    };
    let (_, asked, _) = report(&[], &[]);
    let keep = "fusion_overlay.refund_production_v2.1.txt";
    let set = "fusion_overlay.audit.txt:CONTINUITY_ENFORCEMENT=enhanced_thread";
    let (plan, decided, diffs) = report(&[keep], &[set]);
    let applied = apply(site, &plan).expect("applied").to_string();
    let valid = validate(site).expect("read").to_string();
    let undone = rollback(site, None).expect("rolled back").to_string();
    vec![asked, decided, diffs, applied, valid, undone]
}

#[test]
fn the_page_shows_what_is_printed() {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path());
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/migrate.md");
    let page = fs::read_to_string(page).expect("the page");
    for part in session(dir.path()) {
        // How long a run takes differs, and what the loader notes is its own matter.
        for line in part.lines().filter(|it| !it.contains(" ms") && !it.contains("MIG1502")) {
            assert!(page.lines().any(|it| it == line), "not on the page: {line}\n\n{part}");
        }
    }
}
