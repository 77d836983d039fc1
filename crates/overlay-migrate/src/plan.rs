use std::collections::BTreeMap;
use std::fmt;

use overlay_model::{Digest, plural};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::order::{OrderError, order};
use crate::step::{Step, Unsound};
use crate::tree::Tree;

/// The version of the format.
pub(crate) const SCHEMA: &str = "fusion/migration-plan/1";

/// The folder of a tree in which runs keep their backups and journals.
pub const FOLDER: &str = ".fusion-migrate";

/// Steps in the order in which they are taken.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Plan {
    /// The version of the format.
    pub schema: String,
    /// The digest of the steps.
    pub digest: Digest,
    /// The steps.
    pub steps: Vec<Step>,
}

/// A plan that is not as it was made.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidPlan {
    /// Another format.
    #[error("unknown format `{0}`: this program reads `{SCHEMA}`")]
    Schema(String),
    /// The digest is another one.
    #[error("the plan was changed after it was made: its steps have not the digest it names")]
    Digest,
    /// The steps have no order, or not this one.
    #[error("the steps are not in an order in which they can be taken")]
    Order(#[source] Option<OrderError>),
    /// A file outside the tree.
    #[error("step `{step}` is about `{file}`, which is no path inside the tree")]
    Path {
        /// The step.
        step: String,
        /// What it names.
        file: String,
    },
    /// The steps about one file do not follow each other.
    #[error(transparent)]
    Unsound(#[from] Unsound),
}

impl Plan {
    /// A plan of these steps.
    ///
    /// # Errors
    ///
    /// Where they cannot be put in an order.
    pub fn new(steps: Vec<Step>) -> Result<Self, OrderError> {
        let steps = order(steps)?;
        Ok(Self { schema: SCHEMA.to_owned(), digest: digest(&steps), steps })
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The files the plan changes, each with its digest before and after all steps.
    pub fn files(&self) -> BTreeMap<&str, (Option<Digest>, Option<Digest>)> {
        let mut files: BTreeMap<&str, (Option<Digest>, Option<Digest>)> = BTreeMap::new();
        for step in &self.steps {
            files.entry(&step.file).or_insert((step.pre, step.post)).1 = step.post;
        }
        files
    }

    /// Whether the plan is as it was made, in order, and about files inside the tree.
    ///
    /// # Errors
    ///
    /// Where it is not, with the reason.
    pub fn verify(&self) -> Result<(), InvalidPlan> {
        if self.schema != SCHEMA {
            return Err(InvalidPlan::Schema(self.schema.clone()));
        }
        if digest(&self.steps) != self.digest {
            return Err(InvalidPlan::Digest);
        }
        match order(self.steps.clone()) {
            Ok(ordered) if ordered == self.steps => (),
            Ok(_) => return Err(InvalidPlan::Order(None)),
            Err(err) => return Err(InvalidPlan::Order(Some(err))),
        }
        let mut state = BTreeMap::new();
        for step in &self.steps {
            let like = step.like.as_ref();
            if let Some(file) = [&step.file].into_iter().chain(like).find(|it| !is_inside(it)) {
                return Err(InvalidPlan::Path { step: step.id.clone(), file: file.clone() });
            }
            if state.insert(&step.file, step.post).is_some_and(|it| it != step.pre) {
                return Err(Unsound(step.id.clone()).into());
            }
        }
        Ok(())
    }

    /// The tree as it is once all steps are taken.
    ///
    /// # Errors
    ///
    /// Where a file of the tree is not what the plan starts from.
    pub fn outcome(&self, tree: &Tree) -> Result<Tree, Unsound> {
        let mut res = tree.clone();
        for step in &self.steps {
            let before = res.files().get(&step.file).map(|it| it.bytes.as_slice());
            let after = step.outcome(before)?;
            res.put(&step.file, after);
        }
        Ok(res)
    }

    /// What each step changes, as a unified diff; `tree` is the one the plan was made of.
    ///
    /// # Errors
    ///
    /// Where a file of the tree is not what the plan starts from.
    pub fn diffs(&self, tree: &Tree) -> Result<Vec<StepDiff>, Unsound> {
        let mut files: BTreeMap<&str, Option<Vec<u8>>> = BTreeMap::new();
        let mut res = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let file = files
                .entry(&step.file)
                .or_insert_with(|| tree.files().get(&step.file).map(|it| it.bytes.clone()));
            let after = step.outcome(file.as_deref())?;
            let text = unified(&step.file, file.as_deref(), after.as_deref());
            res.push(StepDiff { step: step.id.clone(), text });
            *file = after;
        }
        Ok(res)
    }
}

/// What one step changes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct StepDiff {
    /// The step.
    pub step: String,
    /// The unified diff.
    pub text: String,
}

fn unified(file: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> String {
    let text =
        |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let name = |side: &str, bytes: Option<&[u8]>| match bytes {
        Some(_) => format!("{side}/{file}"),
        None => "/dev/null".to_owned(),
    };
    let (old, new) = (text(before), text(after));
    similar::TextDiff::from_lines(&old, &new)
        .unified_diff()
        .context_radius(1)
        .header(&name("a", before), &name("b", after))
        .to_string()
}

fn digest(steps: &[Step]) -> Digest {
    // Steps hold only texts, numbers and lists: nothing that JSON cannot say.
    Digest::of(&serde_json::to_vec(steps).unwrap_or_default())
}

/// Whether `path` names a file of the tree itself, and none of a run.
fn is_inside(path: &str) -> bool {
    let is_part = |it: &str| !it.is_empty() && !it.starts_with('.') && !it.contains(['\\', '\0']);
    path.split('/').all(is_part)
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            return writeln!(f, "nothing to migrate");
        }
        let steps = plural(self.steps.len(), "step");
        writeln!(f, "plan {} ({steps})", self.digest.short())?;
        for (at, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:>3}. {:13} {}", at + 1, step.kind, step.summary)?;
        }
        Ok(())
    }
}
