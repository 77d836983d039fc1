//! What a change is compared with where nobody names a base.

use std::path::Path;

use fusion_golden::Suite;
use fusion_golden::budget::{Base, BudgetCheck};

use super::base::{Opened, existing, of_commit};
use super::git::Repository;
use super::released::{Records, name, record, records, shown};
use crate::environment::Environment;
use crate::exit::{Exit, refusal};

/// What is compared, as far as the choice of its base goes.
#[derive(Clone, Copy)]
pub(super) enum Judged<'a> {
    /// The suite in the working tree.
    WorkingTree(&'a Suite),
    /// A commit, and its suite.
    Commit(&'a str, &'a Suite),
    /// Files outside of the repository's history, and their suite.
    Elsewhere(&'a Suite),
    /// What is in force somewhere: it may well be what the main branch holds.
    Live,
}

impl Judged<'_> {
    /// Whether it may differ from the commit that is checked out.
    fn may_differ(self, repository: &Repository) -> bool {
        match self {
            Self::WorkingTree(suite) => {
                let read = [suite.dir(), suite.installation().root()].map(Path::to_path_buf);
                repository.has_changes(&read)
            }
            Self::Commit(..) => false,
            Self::Elsewhere(_) | Self::Live => true,
        }
    }
}

/// The variable that names what a push replaces.
const SINCE: &str = "FUSION_BUDGET_SINCE";

/// The commit that a pipeline says the change begins at.
pub(super) fn since(environment: &Environment) -> Option<&str> {
    environment.get(SINCE).filter(|it| !it.is_empty())
}

/// Bases, with what a reader should know about them.
#[derive(Default)]
pub(super) struct Bases {
    pub(super) opened: Vec<Opened>,
    /// What the change does to the records of releases.
    pub(super) rows: Vec<BudgetCheck>,
    pub(super) notes: Vec<String>,
}

/// The bases where none is given: where the candidate parted from the main branch (or
/// `since`, where a pipeline says so), and the newest released records of both.
pub(super) fn usual(judged: Judged<'_>, dir: &Path, since: Option<&str>) -> anyhow::Result<Bases> {
    let mut bases = Bases::default();
    let mut first = None;
    match Repository::of(&existing(dir)) {
        Some(repository) => match parting(&repository, judged, since, &mut bases.notes)? {
            Parting::At(commits) => {
                for (name, commit) in commits {
                    bases.opened.push(of_commit(name, &repository, &commit, dir)?);
                }
                bases.rows = rows(&repository, judged, dir, &bases.opened)?;
            }
            Parting::First(why) => first = Some(why),
            Parting::Unknown => (),
        },
        None => bases.notes.push("not in a git repository: there is no merge base".to_owned()),
    }
    let released = released(judged, dir, &bases.opened)?;
    if released.is_empty() {
        bases.notes.push("there is no released record to compare with".to_owned());
        let first = first.map(|why| Base::Nothing { why });
        bases.opened.extend(first.map(|side| Opened::of(side, Vec::new())));
    }
    bases.opened.extend(released);
    Ok(bases)
}

/// What the change does to the records of the commits it is compared with; each once.
fn rows(
    repository: &Repository,
    judged: Judged<'_>,
    dir: &Path,
    commits: &[Opened],
) -> anyhow::Result<Vec<BudgetCheck>> {
    let (Judged::WorkingTree(suite) | Judged::Commit(_, suite)) = judged else {
        return Ok(Vec::new());
    };
    let place = repository.place_of(&existing(dir))?;
    let is_released = |file: &str, bytes: &[u8]| {
        let version = file.trim_end_matches(".json");
        let tags = [format!("v{version}"), version.to_owned()];
        tags.iter().any(|tag| {
            let path = format!("{place}/released/{file}");
            repository.content(tag, path.trim_start_matches('/')).as_deref() == Some(bytes)
        })
    };
    let mut rows: Vec<BudgetCheck> = Vec::new();
    for (against, before) in commits.iter().filter_map(Opened::suite) {
        let records = Records { before: before.dir(), after: suite.dir(), against, shown: dir };
        let new = records.rows(is_released)?;
        let is_known = |row: &BudgetCheck| rows.iter().any(|it| it.message == row.message);
        let new: Vec<_> = new.into_iter().filter(|it| !is_known(it)).collect();
        rows.extend(new);
    }
    Ok(rows)
}

/// The newest record of the candidate, and those of `commits` that are others.
fn released(judged: Judged<'_>, dir: &Path, commits: &[Opened]) -> anyhow::Result<Vec<Opened>> {
    let own = match judged {
        Judged::WorkingTree(suite) | Judged::Commit(_, suite) | Judged::Elsewhere(suite) => {
            suite.dir()
        }
        Judged::Live => dir,
    };
    let mut res = Vec::new();
    if let Some(path) = records(own)?.pop() {
        res.push((name(&path), record(&path, &shown(dir, &path))?));
    }
    for (commit, suite) in commits.iter().filter_map(Opened::suite) {
        let Some(path) = records(suite.dir())?.pop() else { continue };
        let mut found = record(&path, &format!("{} of {commit}", shown(dir, &path)))?;
        if res.iter().any(|(_, it)| *it == found) {
            continue;
        }
        let file = name(&path);
        if res.iter().any(|(other, _)| *other == file) {
            found.name = format!("{} as in {commit}", found.name);
        }
        res.push((file, found));
    }
    Ok(res.into_iter().map(|it| Opened::of(Base::Record(it.1), Vec::new())).collect())
}

/// Where a change begins.
enum Parting {
    /// In these commits, and how reports call them; the worse counts.
    At(Vec<(String, String)>),
    /// Nowhere: there is nothing before it, and why.
    First(String),
    /// That cannot be told.
    Unknown,
}

/// The branches that a change is merged into, the first one that there is.
const MAIN: [&str; 5] = ["origin/main", "main", "origin/master", "master", "origin/HEAD"];

/// Where a change begins. What is compared with itself passes whatever it is, so that what
/// stands on the main branch itself is held to the commit before, too.
fn parting(
    repository: &Repository,
    judged: Judged<'_>,
    since: Option<&str>,
    notes: &mut Vec<String>,
) -> anyhow::Result<Parting> {
    let given = match judged {
        Judged::Commit(it, _) => repository.commit(it),
        _ => None,
    };
    let Some(tip) = given.or_else(|| repository.commit("HEAD")) else {
        notes.push("the repository has no commit: there is no merge base".to_owned());
        return Ok(Parting::Unknown);
    };
    if let Some(base) = pushed_onto(repository, &tip, since, notes)? {
        let name = format!("what the push replaces ({})", short(&base));
        return Ok(from(repository, judged, &tip, (name, base), "the pushed branch", notes));
    }
    for main in MAIN {
        let Some(commit) = repository.commit(main) else { continue };
        match repository.merge_base(&tip, &commit) {
            Some(base) => {
                let name = format!("merge base with {main} ({})", short(&base));
                return Ok(from(repository, judged, &tip, (name, base), main, notes));
            }
            None => notes.push(format!(
                "{main} has no commit in common with this one: in a shallow clone, fetch the history \
                 (`git fetch --unshallow`)"
            )),
        }
    }
    if matches!(judged, Judged::Elsewhere(_) | Judged::Live) {
        notes.push("no merge base with a main branch: the base is HEAD".to_owned());
        return Ok(Parting::At(vec![(format!("HEAD ({})", short(&tip)), tip)]));
    }
    notes.push(
        "no main branch (origin/main, main, origin/master, master): name the base with --base"
            .to_owned(),
    );
    Ok(Parting::Unknown)
}

/// The commit that stood where `tip` was pushed to; `None` where nobody says so, and where
/// nothing stood there.
///
/// # Errors
///
/// Where it is named and not there: what was pushed must not pass for one commit.
fn pushed_onto(
    repository: &Repository,
    tip: &str,
    since: Option<&str>,
    notes: &mut Vec<String>,
) -> anyhow::Result<Option<String>> {
    let Some(since) = since else { return Ok(None) };
    if since.bytes().all(|it| it == b'0') {
        notes.push(format!("{SINCE} is all zeros: the branch is new, and replaces nothing"));
        return Ok(None);
    }
    let Some(base) = repository.commit(since) else {
        let message = format!(
            "{SINCE}: there is no commit {since} in this clone: fetch it (`git fetch origin \
             {since}`), or the history (`git fetch --unshallow`)"
        );
        return Err(refusal(Exit::UNREADABLE, message));
    };
    if repository.merge_base(tip, &base).as_deref() != Some(base.as_str()) {
        notes.push(format!(
            "{SINCE} {} is not in the history of {}: the branch was rewritten, and is compared with \
             what it was",
            short(&base),
            short(tip)
        ));
    }
    Ok(Some(base))
}

/// What a change at `tip` that begins at `base` is compared with.
fn from(
    repository: &Repository,
    judged: Judged<'_>,
    tip: &str,
    base: (String, String),
    branch: &str,
    notes: &mut Vec<String>,
) -> Parting {
    if base.1 != tip || matches!(judged, Judged::Live) {
        return Parting::At(vec![base]);
    }
    let differs = judged.may_differ(repository);
    match repository.parent(tip) {
        Some(parent) => {
            let before = (format!("the commit before, on {branch} ({})", short(&parent)), parent);
            // A stray file is a difference, too, and says nothing of what was committed.
            Parting::At(if differs { vec![base, before] } else { vec![before] })
        }
        None if repository.is_shallow() => {
            notes.push(
                "the commit before is not in this shallow clone: fetch the history (`git fetch \
                 --unshallow`)"
                    .to_owned(),
            );
            Parting::Unknown
        }
        None if differs => Parting::At(vec![base]),
        None => Parting::First(format!("{} is the first commit: it replaces nothing", short(tip))),
    }
}

fn short(commit: &str) -> String {
    commit.chars().take(9).collect()
}
