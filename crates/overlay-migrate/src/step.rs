use overlay_model::Digest;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::kind::Kind;

/// One replacement in the text of a file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Replace {
    /// Where the bytes that go start.
    pub start: usize,
    /// Where they end.
    pub end: usize,
    /// What stands there afterwards.
    pub text: String,
}

/// One change of one file.
///
/// A step without `pre` makes the file, one without `post` deletes it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Step {
    /// Its name in the plan.
    pub id: String,
    /// What it is about.
    pub kind: Kind,
    /// Smaller ones come first where dependencies leave the choice.
    pub priority: u8,
    /// The file, relative to the tree, with `/`.
    pub file: String,
    /// The ids of the steps that come before.
    pub depends_on: Vec<String>,
    /// What it does, for people.
    pub summary: String,
    /// The digest of the file before; `None` where there is none.
    pub pre: Option<Digest>,
    /// The digest of the file after; `None` where it is gone.
    pub post: Option<Digest>,
    /// A file whose permission bits a new one takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
    /// The replacements, in the order of the file; they do not overlap.
    pub edits: Vec<Replace>,
}

/// A step that does not lead where its plan says.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("step `{0}` does not lead to the digest that the plan names")]
pub struct Unsound(pub String);

impl Step {
    /// The file after the step, from the text before; `None` where it is gone.
    ///
    /// # Errors
    ///
    /// Where `before` is not what the step starts from, or the edits lead elsewhere.
    pub fn outcome(&self, before: Option<&[u8]>) -> Result<Option<Vec<u8>>, Unsound> {
        let unsound = || Unsound(self.id.clone());
        if before.map(Digest::of) != self.pre {
            return Err(unsound());
        }
        let Some(post) = self.post else { return Ok(None) };
        let after = replaced(before.unwrap_or_default(), &self.edits).ok_or_else(unsound)?;
        if Digest::of(&after) == post { Ok(Some(after)) } else { Err(unsound()) }
    }
}

/// `bytes` with the replacements; `None` where they overlap or lie outside.
pub(crate) fn replaced(bytes: &[u8], edits: &[Replace]) -> Option<Vec<u8>> {
    let (mut res, mut at) = (Vec::with_capacity(bytes.len()), 0);
    for edit in edits {
        res.extend_from_slice(bytes.get(at..edit.start)?);
        bytes.get(edit.start..edit.end)?;
        res.extend_from_slice(edit.text.as_bytes());
        at = edit.end;
    }
    res.extend_from_slice(bytes.get(at..)?);
    Some(res)
}
