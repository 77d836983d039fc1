//! A release, from the checks to the tarball.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use fusion_cli::{Environment, Exit};
use fusion_golden::Suite;
use fusion_golden::budget::measure;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use overlay_model::Digest;
use semver::Version;

use crate::golden::Golden;
use crate::quality_gate::QualityGate;
use crate::release::budget::Accepted;
use crate::release::repository::Repository;
use crate::root::{cargo, root, run};

mod budget;
mod changelog;
mod manifest;
mod repository;

/// Where locked versions stand: the workspace, and those outside of it.
const LOCKED: [&str; 3] = ["", "fuzz", "benches/peers"];

/// Release a version: checks, record, changelog, versions, tag, tarball, notes
///
/// Refuses with every reason at once where the tree is not clean, the version is not the next
/// one, the changelog has nothing to say, or one of the goldens, the budget gate and the quality
/// gate does not pass. What the budget gate warns of, or knows too little of, takes --accept and a
/// reason. Pushing the tag is left to you.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask release --version 0.2.0 --dry-run
  cargo xtask release --version 0.2.0
  cargo xtask release --version 0.2.0 --accept 'the new refund prompt is worth its 14 %'

Ends with 1 where the release is refused.")]
pub(crate) struct Release {
    /// The version
    #[arg(long, value_name = "X.Y.Z")]
    version: Version,
    /// Check everything, print the steps, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Release with what the budget gate warns of or knows too little of, for this reason, which
    /// record and notes keep
    #[arg(long, value_name = "REASON", value_parser = reason)]
    accept: Option<String>,
}

/// A reason that says something.
fn reason(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("say why"),
        text => Ok(text.to_owned()),
    }
}

/// What a release writes.
struct Plan {
    version: Version,
    /// The day in the changelog: `2026-11-21`.
    date: String,
    /// The record of what was measured, `goldens/released/X.Y.Z.json`.
    record: String,
    /// What the budget gate left open.
    accepted: Option<Accepted>,
    /// The folder of the tarball.
    into: PathBuf,
}

impl Release {
    pub(crate) fn run(self, environment: Environment) -> anyhow::Result<Exit> {
        let repository = Repository::new(root());
        let mut reasons = refusals(&repository, &self.version)?;
        let (failed, open) = gates(&environment)?;
        reasons.extend(failed);
        reasons.extend(budget::refusals(&open, self.accept.as_deref()));
        if !reasons.is_empty() {
            eprintln!("{} is not released:", self.version);
            for reason in &reasons {
                eprintln!("  - {reason}");
            }
            return Ok(Exit::FINDINGS);
        }
        let accepted = self.accept.filter(|_| !open.is_empty());
        let accepted = accepted.map(|reason| Accepted { reason, checks: open });
        let plan = Plan::new(self.version, accepted, &environment)?;
        if self.dry_run {
            for (number, step) in (1..).zip(plan.steps()) {
                println!("{number}. {step}");
            }
            return Ok(Exit::DONE);
        }
        plan.write(root())?;
        lock(root())?;
        plan.seal(&repository)?;
        println!("released {}: push it with `git push --follow-tags`", plan.version);
        Ok(Exit::DONE)
    }
}

/// Why `version` cannot be released from the files as they are.
fn refusals(repository: &Repository<'_>, version: &Version) -> anyhow::Result<Vec<String>> {
    let mut reasons = Vec::new();
    let changed = repository.changed()?;
    if !changed.is_empty() {
        reasons.push(format!(
            "the tree is not clean: {} changed, the first is {}",
            changed.len(),
            changed.first().map_or("", String::as_str)
        ));
    }
    let text = repository.read("Cargo.toml")?;
    let current = manifest::version(&text)?;
    let is_first = *version == current && repository.tags()?.is_empty();
    if *version <= current && !is_first {
        reasons.push(format!("{version} is not above {current}, the version of the workspace"));
    } else if !is_first && !follows(&current, version) {
        let [patch, minor, major] = next(&current);
        reasons
            .push(format!("{version} does not follow {current}: {patch}, {minor} or {major} does"));
    }
    if repository.tags()?.contains(&tag(version)) {
        reasons.push(format!("there is a tag {} already", tag(version)));
    }
    if repository.path(&record_path(version)).exists() {
        reasons.push(format!("{} exists already", record_path(version)));
    }
    if let Err(err) = changelog::cut(&repository.read("CHANGELOG.md")?, version, "today") {
        reasons.push(format!("CHANGELOG.md: {err}"));
    }
    Ok(reasons)
}

/// The versions that follow `current`: its own release where it comes before one, else the
/// next patch, minor and major one.
fn next(current: &Version) -> [Version; 3] {
    let Version { major, minor, patch, .. } = *current;
    let patch = if current.pre.is_empty() { patch + 1 } else { patch };
    [(major, minor, patch), (major, minor + 1, 0), (major + 1, 0, 0)]
        .map(|(major, minor, patch)| Version::new(major, minor, patch))
}

/// Whether `version` is the next one, or comes before it (`0.2.0-rc.1`).
fn follows(current: &Version, version: &Version) -> bool {
    let released = Version::new(version.major, version.minor, version.patch);
    next(current).contains(&released)
}

/// Which of the gates do not pass, and what the budget gate leaves open.
fn gates(environment: &Environment) -> anyhow::Result<(Vec<String>, Vec<String>)> {
    let golden = Golden::default().run(environment.clone());
    let (budget, open) = budget::gate(environment)?;
    let results = [
        ("golden", golden),
        ("budget-gate", budget),
        ("quality-gate", QualityGate::of_corpus().run(environment.clone())?),
    ];
    let failed = results.into_iter().filter(|(_, exit)| *exit != Exit::DONE);
    let failed =
        failed.map(|(name, exit)| format!("`cargo xtask {name}` ends with {}", exit.code()));
    Ok((failed.collect(), open))
}

fn tag(version: &Version) -> String {
    format!("v{version}")
}

fn record_path(version: &Version) -> String {
    format!("goldens/released/{version}.json")
}

/// Writes the new versions into the lock files.
fn lock(root: &Path) -> anyhow::Result<()> {
    for folder in LOCKED.map(|it| root.join(it)) {
        if folder.join("Cargo.lock").is_file() {
            let mut update = cargo();
            update.args(["update", "--workspace", "--offline"]).current_dir(&folder);
            run(&mut update).context("the versions are written, nothing is committed yet")?;
        }
    }
    Ok(())
}

impl Plan {
    fn new(
        version: Version,
        accepted: Option<Accepted>,
        environment: &Environment,
    ) -> anyhow::Result<Self> {
        let suite = Suite::open(&root().join("goldens"))?;
        let measured = measure(&suite, &[], &version.to_string(), 0)?;
        let now = i64::try_from(environment.now())?;
        let date = Timestamp::from_second(now)?.to_zoned(TimeZone::UTC).date().to_string();
        Ok(Self {
            record: budget::record(&measured, accepted.as_ref())?,
            accepted,
            into: root().join("target/released").join(version.to_string()),
            date,
            version,
        })
    }

    /// What is done, in order.
    fn steps(&self) -> Vec<String> {
        let version = &self.version;
        let accepted = self.accepted.as_ref().map_or_else(String::new, |it| {
            format!(", with {} open checks accepted: {}", it.checks.len(), it.reason)
        });
        vec![
            format!("write {} ({} bytes){accepted}", record_path(version), self.record.len()),
            format!("move `Unreleased` of CHANGELOG.md under `{version}`, {}", self.date),
            format!(
                "set the version {version} in Cargo.toml, internal dependencies and lock files"
            ),
            format!("commit, and tag it {} with the notes", tag(version)),
            format!(
                "write {}.tar.gz, SHA256SUMS and notes.md to target/released/{version}",
                self.name()
            ),
        ]
    }

    fn name(&self) -> String {
        format!("resontinex-fusion-{}", self.version)
    }

    /// Writes record, changelog and versions.
    fn write(&self, root: &Path) -> anyhow::Result<()> {
        let read = |name: &str| {
            fs::read_to_string(root.join(name)).with_context(|| format!("reading {name}"))
        };
        let manifest = manifest::with_version(&read("Cargo.toml")?, &self.version)?;
        let cut = changelog::cut(&read("CHANGELOG.md")?, &self.version, &self.date)?;
        let record = root.join(record_path(&self.version));
        fs::create_dir_all(record.parent().context("no folder")?)?;
        fs::write(record, &self.record)?;
        fs::write(root.join("CHANGELOG.md"), cut)?;
        fs::write(root.join("Cargo.toml"), manifest)?;
        Ok(())
    }

    /// Commits, tags, and packs what is tagged.
    fn seal(&self, repository: &Repository<'_>) -> anyhow::Result<()> {
        let notes = changelog::section(&repository.read("CHANGELOG.md")?, &self.version)
            .context("the changelog lost its section")?;
        let notes = match &self.accepted {
            Some(accepted) => format!("{notes}\n{}", accepted.notes()),
            None => notes,
        };
        let tag = tag(&self.version);
        repository.git(&["add", "--all"])?;
        repository.git(&["commit", "--quiet", "-m", &format!("Release {}", self.version)])?;
        let message = format!("{}\n\n{notes}", self.version);
        repository.git(&["tag", "--annotate", "--cleanup=verbatim", &tag, "-m", &message])?;
        fs::create_dir_all(&self.into)?;
        let tarball = format!("{}.tar.gz", self.name());
        let path = self.into.join(&tarball);
        let output = format!("--output={}", path.display());
        let prefix = format!("--prefix={}/", self.name());
        repository.git(&["archive", "--format=tar.gz", &prefix, &output, &tag])?;
        let digest = Digest::of(&fs::read(&path)?).to_string();
        let sum = digest.trim_start_matches("sha256:");
        fs::write(self.into.join("SHA256SUMS"), format!("{sum}  {tarball}\n"))?;
        fs::write(self.into.join("notes.md"), notes)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[workspace.package]\nversion = \"0.1.0\"\n\n[workspace.dependencies]\n\
                            overlay-model = { path = \"crates/overlay-model\", version = \"0.1.0\" }\n";
    const CHANGELOG: &str = "# Changelog\n\n## Unreleased\n\n### Added\n- A thing.\n";

    /// A repository with a clean tree.
    fn repository() -> anyhow::Result<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("Cargo.toml"), MANIFEST)?;
        fs::write(folder.path().join("CHANGELOG.md"), CHANGELOG)?;
        let repository = Repository::new(folder.path());
        repository.git(&["init", "--quiet"])?;
        for (key, value) in [
            ("user.name", "A maintainer"),
            ("user.email", "maintainer@example.com"),
            ("core.hooksPath", "/dev/null"),
            ("tag.gpgSign", "false"),
            ("commit.gpgSign", "false"),
        ] {
            repository.git(&["config", key, value])?;
        }
        repository.git(&["add", "--all"])?;
        repository.git(&["commit", "--quiet", "-m", "First"])?;
        Ok(folder)
    }

    fn plan(folder: &Path) -> Plan {
        Plan {
            version: Version::new(0, 2, 0),
            date: "2026-11-21".to_owned(),
            record: "{}\n".to_owned(),
            accepted: None,
            into: folder.join("target"),
        }
    }

    #[test]
    fn every_reason_is_named_at_once() -> anyhow::Result<()> {
        let folder = repository()?;
        let repository = Repository::new(folder.path());
        assert_eq!(refusals(&repository, &Version::new(0, 2, 0))?, Vec::<String>::new());
        repository.git(&["tag", "v0.0.9"])?;
        fs::create_dir_all(folder.path().join("goldens/released"))?;
        fs::write(folder.path().join("goldens/released/0.0.9.json"), "{}")?;
        fs::write(folder.path().join("CHANGELOG.md"), "# Changelog\n\n## Unreleased\n")?;
        let reasons = refusals(&repository, &Version::new(0, 0, 9))?;
        assert_eq!(
            reasons,
            [
                "the tree is not clean: 2 changed, the first is CHANGELOG.md",
                "0.0.9 is not above 0.1.0, the version of the workspace",
                "there is a tag v0.0.9 already",
                "goldens/released/0.0.9.json exists already",
                "CHANGELOG.md: `Unreleased` says nothing",
            ]
        );
        Ok(())
    }

    #[test]
    fn no_version_is_left_out() {
        let check = |current: &str, version: &str, expect: bool| {
            let [current, version] =
                [current, version].map(|it| it.parse::<Version>().unwrap_or(Version::new(9, 9, 9)));
            assert_eq!(follows(&current, &version), expect, "{current} to {version}");
        };
        for next in ["0.1.1", "0.2.0", "1.0.0", "0.2.0-rc.1"] {
            check("0.1.0", next, true);
        }
        for later in ["0.1.2", "0.3.0", "0.2.1", "3.0.0", "1.1.0"] {
            check("0.1.0", later, false);
        }
        check("1.0.0-rc.1", "1.0.0", true);
        check("1.0.0-rc.1", "1.0.0-rc.2", true);
    }

    #[test]
    fn a_release_is_committed_tagged_and_packed() -> anyhow::Result<()> {
        let folder = repository()?;
        let repository = Repository::new(folder.path());
        let plan = plan(folder.path());
        plan.write(folder.path())?;
        plan.seal(&repository)?;
        assert_eq!(repository.tags()?, ["v0.2.0"]);
        assert_eq!(repository.git(&["cat-file", "-t", "v0.2.0"])?.trim(), "tag");
        assert!(
            repository.git(&["show", "v0.2.0:CHANGELOG.md"])?.contains("## 0.2.0 (2026-11-21)")
        );
        let read = |name: &str| fs::read_to_string(folder.path().join("target").join(name));
        assert_eq!(read("notes.md")?, "### Added\n- A thing.\n");
        let packed = fs::read(folder.path().join("target/resontinex-fusion-0.2.0.tar.gz"))?;
        let sum = Digest::of(&packed).to_string().replace("sha256:", "");
        assert_eq!(read("SHA256SUMS")?, format!("{sum}  resontinex-fusion-0.2.0.tar.gz\n"));
        Ok(())
    }

    #[test]
    fn the_notes_say_what_was_accepted() -> anyhow::Result<()> {
        let folder = repository()?;
        let accepted = Accepted { reason: "known".to_owned(), checks: vec!["warn".to_owned()] };
        let plan = Plan { accepted: Some(accepted), ..plan(folder.path()) };
        plan.write(folder.path())?;
        plan.seal(&Repository::new(folder.path()))?;
        let notes = "### Added\n- A thing.\n\n### Accepted\n\nknown\n\n- warn\n";
        assert_eq!(fs::read_to_string(folder.path().join("target/notes.md"))?, notes);
        let tag = Repository::new(folder.path()).git(&["cat-file", "tag", "v0.2.0"])?;
        assert!(tag.contains(notes), "{tag}");
        assert!(plan.steps()[0].ends_with("with 1 open checks accepted: known"));
        assert!(reason(" ").is_err() && reason(" why ").is_ok_and(|it| it == "why"));
        Ok(())
    }

    #[test]
    fn the_plan_names_every_step() -> anyhow::Result<()> {
        let folder = repository()?;
        let steps = plan(folder.path()).steps();
        assert_eq!(steps.len(), 5);
        assert!(steps.iter().all(|it| it.contains("0.2.0")), "{steps:?}");
        Ok(())
    }
}
