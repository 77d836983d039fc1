//! Small installations in a folder of their own.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub(crate) const FLAGS: &str = "\
schema_version: 2
defaults: {match: exact, missing_confidence: deny}
features:
  refunds:
    enabled_overlays: [rollback_first]
    conditions: {scenario_types: [refund_processing], confidence_threshold: 0.7}
  half:
    enabled_overlays: [concise_support]
    rollout_percentage: 50
    conditions: {scenario_types: [customer_support]}
  everywhere:
    enabled_overlays: [concise_support]
    conditions: {scenario_types: [account_access]}
  dark:
    enabled: false
    enabled_overlays: [concise_support]
global:
  default_strategy: baseline_only
  kill_switch: false
";

/// A folder with `configs/` in it, and room beside it.
pub(crate) struct Tree(TempDir);

impl Tree {
    /// An installation with two overlays and `flags`.
    pub(crate) fn with_flags(flags: &str) -> Self {
        let tree = Self(tempfile::tempdir().expect("a folder"));
        for name in ["baseline", "rollback_first", "concise_support"] {
            tree.write(&format!("configs/overlays/fusion_overlay.{name}.txt"), &overlay(name));
        }
        tree.write("configs/overlay_feature_flags.yaml", flags);
        tree
    }

    /// The same with [`FLAGS`].
    pub(crate) fn new() -> Self {
        Self::with_flags(FLAGS)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn configs(&self) -> PathBuf {
        self.path("configs")
    }

    /// Puts a file in place by a rename, as a careful writer does.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        let parent = path.parent().expect("a folder");
        std::fs::create_dir_all(parent).expect("a folder");
        let beside = self.0.path().join("beside");
        std::fs::write(&beside, text).expect("a file");
        std::fs::rename(beside, &path).expect("a file");
    }

    /// Takes a file away.
    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(name)).expect("there was a file");
    }
}

/// [`FLAGS`] with one text in place of another, which must be there.
#[track_caller]
pub(crate) fn flags_with(from: &str, to: &str) -> String {
    assert!(FLAGS.contains(from), "{from}");
    FLAGS.replace(from, to)
}

fn overlay(name: &str) -> String {
    format!(
        "FUSION_OVERLAY_VERSION=2.1.0\nOVERLAY_NAME={name}\nFUSION_MODE=adaptive_routing\n\
         ENTROPY_REDUCTION_TARGET=0.70\nENTROPY_FLOOR=0.25\nTRUST_FLOOR=0.60\nTRUST_SCORING_MODEL=contextual_alignment\n\
         CONTINUITY_ENFORCEMENT=basic_thread\nENERGY_FLOOR=0.05\nVOTING_POWER_MAP=single:1\n\
         ARBITRATION_TIMEOUT_MS=250\n"
    )
}

/// The folder of the installation that this repository ships.
pub(crate) fn shipped() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs"))
}
