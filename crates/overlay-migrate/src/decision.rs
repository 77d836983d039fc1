use std::fmt;
use std::str::FromStr;

use overlay_model::{InvalidKey, ParamKey};
use overlay_schema::{Kind, param};
use thiserror::Error;

/// What a person has decided, where files alone do not say it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Decisions {
    /// Files that were live, by path or file name: `--keep`.
    pub keep: Vec<String>,
    /// Values for keys that are missing or have no counterpart: `--set`.
    pub set: Vec<Choice>,
}

/// A value that a person chose: `[FILE:]KEY=VALUE`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Choice {
    /// The overlay's path or file name; `None` for every overlay that asks.
    pub file: Option<String>,
    /// The key.
    pub key: ParamKey,
    /// The value.
    pub value: String,
}

impl Choice {
    /// Whether it is about the file at `path`, or one that stood there.
    pub(crate) fn fits(&self, paths: [&str; 2]) -> bool {
        self.file.as_deref().is_none_or(|file| paths.iter().any(|path| names(file, path)))
    }
}

/// Whether `word` is the path or the file name of `path`.
pub(crate) fn names(word: &str, path: &str) -> bool {
    word == path || path.rsplit('/').next() == Some(word)
}

impl FromStr for Choice {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (left, value) = text.split_once('=').ok_or(InvalidChoice::NoValue)?;
        let (file, key) = match left.rsplit_once(':') {
            Some((file, key)) => (Some(file.to_owned()), key),
            None => (None, left),
        };
        let (key, value): (ParamKey, _) = (key.trim().parse()?, value.trim().to_owned());
        match param(key.as_str()).map(|it| it.kind) {
            Some(Kind::Word(words)) if !words.contains(&value.as_str()) => {
                Err(InvalidChoice::Word { key, value, words })
            }
            _ => Ok(Self { file, key, value }),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
        }
        write!(f, "{}={}", self.key, self.value)
    }
}

/// A text that is no choice.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidChoice {
    /// No `=`.
    #[error("expected `[FILE:]KEY=VALUE`")]
    NoValue,
    /// No key.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// No word that the key takes: the overlay would not load.
    #[error("`{value}` is no word of {key}: choose one of {}", words.join(", "))]
    Word {
        /// The key.
        key: ParamKey,
        /// What was chosen.
        value: String,
        /// The words there are.
        words: &'static [&'static str],
    },
}
