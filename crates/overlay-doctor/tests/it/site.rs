//! A small installation, and a deployment root with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use overlay_doctor::{
    Check, CheckStatus, DoctorReport, Environment, Host, Inputs, VendorEnd, doctor,
};
use overlay_model::Diagnostic;
use overlay_schema::EMBEDDED_OVERLAY;
use overlay_sqlite::{AuditIndex, DatabaseKind, Performance};
use overlay_store::audit::Entry;
use overlay_store::vfs::RealFs;
use overlay_store::{Change, Holder, Origin, Phase, Pointer, Store, Tree, Writer};
use tempfile::TempDir;

/// 2026-09-21.
pub(crate) const NOW_US: i64 = 1_790_000_000_000_000;

pub(crate) const ADAPTERS: &[&str] = &["file", "null", "prometheus", "sqlite"];

const FILES: &[(&str, &str)] = &[
    (
        "overlays/fusion_overlay.baseline.txt",
        "FUSION_OVERLAY_VERSION=2.1.0\nOVERLAY_NAME=baseline\nFUSION_MODE=baseline_only\n\
         ENTROPY_REDUCTION_TARGET=0.3\nCONTINUITY_ENFORCEMENT=basic_thread\n\
         TRUST_SCORING_MODEL=simple_alignment\nTRUST_FLOOR=0.5\n",
    ),
    (
        "overlays/fusion_overlay.refund.txt",
        "FUSION_OVERLAY_VERSION=2.1.0\nOVERLAY_NAME=refund\nFUSION_MODE=speed_optimized\n\
         ENTROPY_REDUCTION_TARGET=0.3\nCONTINUITY_ENFORCEMENT=basic_thread\n\
         TRUST_SCORING_MODEL=simple_alignment\nTRUST_FLOOR=0.6\nMODEL=small\n",
    ),
    (
        "overlay_feature_flags.yaml",
        "schema_version: 2\ndefaults: {match: exact, missing_confidence: deny}\nfeatures:\n  \
         refunds:\n    description: Refunds\n    enabled_overlays: [refund]\n",
    ),
    (
        "providers.toml",
        "schema = \"fusion/providers/1\"\ndefault_models = [\"small\"]\n[[providers]]\n\
         name = \"local\"\nendpoint = \"http://127.0.0.1:1/v1\"\n[[models]]\nid = \"small\"\n\
         provider = \"local\"\nencoding = \"o200k_base\"\ncontext_tokens = 8192\n\
         input_usd_per_mtok = 0.5\noutput_usd_per_mtok = 1.5\n",
    ),
];

/// A folder with `configs/`, and room for a root beside it.
pub(crate) struct Site {
    dir: TempDir,
    pub(crate) environment: Environment,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) host: Host,
    pub(crate) now_us: i64,
    with_root: bool,
}

impl Site {
    pub(crate) fn new() -> Self {
        let site = Self {
            dir: tempfile::tempdir().expect("a folder"),
            environment: Environment::Production,
            variables: BTreeMap::new(),
            host: Host { inotify_watches: Some(8192), open_files: Some(1024), ..Host::read() },
            now_us: NOW_US,
            with_root: false,
        };
        for (name, text) in FILES {
            site.write(&format!("configs/{name}"), text);
        }
        site.variable("RESON__SERVICE__LISTEN", "127.0.0.1:0")
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same with the installation deployed to `root`, and its databases.
    pub(crate) fn deployed(mut self) -> Self {
        self.with_root = true;
        let store = Store::create(&self.root()).expect("a root");
        let holder = Holder { pid: 1, host: "test".into(), started_us: NOW_US, deployment: None };
        let mut writer = store.lock(&holder).expect("the lock");
        let mut tree = Tree::new();
        for (name, _) in FILES {
            let bytes = std::fs::read(self.path("configs").join(name)).expect("a file");
            tree.insert(name, bytes).expect("a file of a tree");
        }
        let first = writer.publish(&tree, Origin::default(), "d-1", NOW_US).expect("published");
        writer.switch(Some(0), Change::to(first), entry()).expect("deployed");
        drop(writer);
        let path = |kind: DatabaseKind| self.root().join(kind.path());
        let mut index = AuditIndex::open(&path(DatabaseKind::Audit)).expect("an index");
        index.rebuild(store.audit().records(1).expect("records")).expect("rebuilt");
        Performance::open(&path(DatabaseKind::Performance)).expect("rows");
        self
    }

    /// Moves the pointer of the root on.
    pub(crate) fn switch(&self, change: impl FnOnce(&mut Writer<'_, RealFs>) -> Change) -> Pointer {
        let holder = Holder { pid: 1, host: "test".into(), started_us: NOW_US, deployment: None };
        let store = Store::open(&self.root()).expect("a root");
        let mut writer = store.lock(&holder).expect("the lock");
        let change = change(&mut writer);
        writer.switch(None, change, entry()).expect("moved")
    }

    /// The same with a rollout under way, the candidate at 5 %, and no process driving it.
    pub(crate) fn left_alone(self) -> Self {
        self.switch(|writer| {
            let stable = writer.current().expect("a pointer").stable;
            let deployment = Some("d-1".to_owned());
            let (phase, weight) = (Phase::Canary, 5_000);
            Change { phase, weight, deployment, candidate: Some(stable), ..Change::to(stable) }
        });
        self
    }

    /// The same with the built-in minimum in force, because of the token budget.
    pub(crate) fn fallen(self) -> Self {
        let mut tree = Tree::new();
        let since =
            "BUDGET_DOWNGRADE_ACTIVE=true\nBUDGET_DOWNGRADE_TIMESTAMP=2026-09-21T14:00:00Z\n";
        let text = format!("{EMBEDDED_OVERLAY}\n{since}");
        tree.insert("overlays/fusion_overlay.embedded.txt", text).expect("a file of a tree");
        let providers = std::fs::read(self.path("configs/providers.toml")).expect("a file");
        tree.insert("providers.toml", providers).expect("a file of a tree");
        self.switch(|writer| {
            let made = writer.publish(&tree, Origin::default(), "budget", NOW_US);
            Change::to(made.expect("published"))
        });
        self
    }

    /// What stands in the folder of the databases.
    pub(crate) fn databases(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.root().join("db")).expect("a folder");
        let names = entries.map(|it| it.expect("an entry").file_name().into_string());
        let mut names: Vec<_> = names.map(|it| it.expect("a name")).collect();
        names.sort();
        names
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.path("root")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    /// What the doctor says: of the root where there is one, else of the installation.
    pub(crate) fn report(&self) -> DoctorReport {
        let (root, configs) = (self.root(), self.path("configs"));
        self.report_of(
            self.with_root.then_some(root.as_path()),
            (!self.with_root).then_some(configs.as_path()),
        )
    }

    pub(crate) fn report_of(&self, root: Option<&Path>, configs: Option<&Path>) -> DoctorReport {
        doctor(&Inputs {
            environment: self.environment,
            root,
            configs,
            variables: &self.variables,
            adapters: ADAPTERS,
            readers: &|name, text| match (name, text.find("banana")) {
                ("deploy.toml", Some(at)) => {
                    let message = "no such mode: banana";
                    let wrong = Diagnostic::error("DEP1001", message);
                    vec![wrong.at(text, at..at + 6).hint("direct or staged")]
                }
                _ => Vec::new(),
            },
            ends: &ended,
            version: "0.1.0",
            host: &self.host,
            now_us: self.now_us,
            not_before_us: 1_735_689_600_000_000,
        })
    }

    /// Only the check `id` is other than fine: `status`, with `message` in what it says.
    #[track_caller]
    pub(crate) fn check(&self, id: &str, status: CheckStatus, message: &str) -> Check {
        let report = self.report();
        let bad: Vec<_> =
            report.checks.iter().filter(|it| it.status > CheckStatus::Ok && it.id != id).collect();
        assert!(bad.is_empty(), "{bad:#?}");
        let check = report.checks.into_iter().find(|it| it.id == id).expect("a check of that name");
        assert_eq!(check.status, status, "{check:#?}");
        assert!(check.message.contains(message), "{check:#?}");
        assert!(status <= CheckStatus::Ok || check.hint.is_some(), "no hint: {check:#?}");
        check
    }
}

/// Vendors end one model.
fn ended(host: &str, model: &str) -> Option<VendorEnd> {
    let on = "2025-06-06".parse().ok()?;
    let ended = VendorEnd { on, successor: Some("gpt-4o".to_owned()) };
    ((host, model) == ("api.openai.com", "gpt-4-32k")).then_some(ended)
}

fn entry() -> Entry {
    Entry {
        at_us: NOW_US,
        actor: "mara".to_owned(),
        host: "test".to_owned(),
        action: "deploy".to_owned(),
        env: "production".to_owned(),
        deployment: None,
        generation: None,
        base: None,
        manifest_sha256: None,
        detail: serde_json::Value::Null,
    }
}
