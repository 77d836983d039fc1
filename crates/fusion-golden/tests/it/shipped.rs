//! A copy of the shipped suite, recorded and accepted anew, to be broken.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fusion_golden::{
    Check, ScenarioReport, Suite, SuiteReport, UpdateOptions, ValidateOptions, record_authored,
    update, validate,
};
use tempfile::TempDir;

/// The folder of a copied repository: `configs/` and `goldens/` side by side.
pub(crate) struct Shipped(TempDir);

/// The shipped files with cassettes and goldens written by this version.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<TempDir> = OnceLock::new();
    let dir = TEMPLATE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        copy(&root.join("configs"), &dir.path().join("configs"));
        copy(&root.join("goldens/authored"), &dir.path().join("goldens/authored"));
        let at = dir.path().join("goldens");
        let manifest = "schema = \"fusion/suite/1\"\ninstallation = \"../configs\"\n";
        fs::write(at.join("suite.toml"), manifest).unwrap();
        let suite = Suite::open(&at).unwrap();
        let answers = fs::read_to_string(at.join("authored/answers.jsonl")).unwrap();
        let bound = record_authored(&suite, &[], &answers, "RESONTINEX Fusion").unwrap();
        assert_eq!(bound.refused, Vec::<String>::new());
        let accepted = update(&suite, &reason("first")).unwrap();
        assert_eq!(accepted.refused, []);
        dir
    });
    dir.path()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

pub(crate) fn reason(reason: &str) -> UpdateOptions {
    UpdateOptions {
        reason: reason.to_owned(),
        author: "a reviewer".to_owned(),
        ..UpdateOptions::default()
    }
}

impl Shipped {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(template(), dir.path());
        Self(dir)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Replaces the first `from` of a file, which must be there.
    #[track_caller]
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} holds no {from:?}");
        self.write(name, &text.replacen(from, to, 1));
    }

    #[track_caller]
    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    #[track_caller]
    pub(crate) fn suite(&self) -> Suite {
        Suite::open(&self.path("goldens")).unwrap()
    }

    /// The report with tokens.
    #[track_caller]
    pub(crate) fn validate(&self) -> SuiteReport {
        let options = ValidateOptions { tokens: true, ..ValidateOptions::default() };
        validate(&self.suite(), &options).unwrap()
    }
}

#[track_caller]
pub(crate) fn scenario<'r>(report: &'r SuiteReport, id: &str) -> &'r ScenarioReport {
    report.scenarios.iter().find(|it| it.id == id).unwrap()
}

/// One line a check: code, verdict, file, key, message.
pub(crate) fn written(check: &Check) -> String {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    format!(
        "{} {} {} {} {}",
        check.code,
        check.verdict.as_str(),
        or_dash(&check.file),
        or_dash(&check.key),
        check.message
    )
}

/// The checks of a scenario that are no pass, one a line.
pub(crate) fn open(report: &ScenarioReport) -> Vec<String> {
    let open = report.checks.iter().filter(|it| it.verdict != fusion_golden::Verdict::Pass);
    open.map(written).collect()
}
