use std::str::FromStr;

use overlay_model::{InvalidKey, ParamKey};

/// `KEY=VALUE` of a command line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Assignment {
    /// The key.
    pub(crate) key: ParamKey,
    /// The value, blanks around it trimmed.
    pub(crate) value: String,
}

impl FromStr for Assignment {
    type Err = InvalidAssignment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = text.split_once('=').ok_or(InvalidAssignment::NoEquals)?;
        Ok(Self { key: key.trim().parse()?, value: value.trim().to_owned() })
    }
}

/// Why a text is no assignment.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InvalidAssignment {
    /// There is no `=`.
    #[error("expected `KEY=VALUE`")]
    NoEquals,
    /// What stands in front of it is no key.
    #[error(transparent)]
    Key(#[from] InvalidKey),
}
