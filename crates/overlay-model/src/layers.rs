use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::key::ParamKey;

/// Where a value comes from.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "from")]
#[non_exhaustive]
pub enum Origin {
    /// The parameter's own default.
    Default,
    /// The overlay that is built into the program.
    Embedded,
    /// A file.
    File {
        /// The file, as it was named.
        path: String,
        /// The line, counted from 1.
        line: usize,
        /// The column of the value in characters, counted from 1.
        column: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// A template of the generator.
    Template {
        /// Its name.
        name: String,
    },
    /// A rule of the generator or of an optimizer strategy.
    Rule {
        /// Its stable identifier.
        id: String,
        /// Why it applied.
        because: String,
    },
    /// A trial of the tuner.
    Tuner {
        /// The run.
        run: String,
        /// The trial, counted from 1.
        trial: u32,
    },
    /// The scenario's own parameters.
    Scenario {
        /// The scenario.
        id: String,
    },
    /// An argument of the command line.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Embedded => f.write_str("embedded overlay"),
            Self::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Self::Environment { variable } => write!(f, "environment variable {variable}"),
            Self::Template { name } => write!(f, "template {name}"),
            Self::Rule { id, because } => write!(f, "rule {id}: {because}"),
            Self::Tuner { run, trial } => write!(f, "tuner run {run}, trial {trial}"),
            Self::Scenario { id } => write!(f, "scenario {id}"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

/// A value and where it comes from.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Setting {
    /// The value as written.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Some settings of one source, each key at most once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Layer(BTreeMap<ParamKey, Setting>);

impl Layer {
    /// Sets `key`; what it held goes.
    pub fn set(&mut self, key: ParamKey, value: impl Into<String>, origin: Origin) {
        self.0.insert(key, Setting { value: value.into(), origin });
    }

    /// The setting of `key`.
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.0.get(key)
    }

    /// All settings, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&ParamKey, &Setting)> {
        self.0.iter()
    }
}

impl FromIterator<(ParamKey, Setting)> for Layer {
    fn from_iter<T: IntoIterator<Item = (ParamKey, Setting)>>(iter: T) -> Self {
        Self(iter.into_iter().collect())
    }
}

/// A setting in force, and the ones it shadows.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct EffectiveSetting {
    /// The one in force.
    #[serde(flatten)]
    pub setting: Setting,
    /// The ones below it, strongest first.
    pub shadowed: Vec<Setting>,
}

/// What a stack of layers comes to.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Effective(BTreeMap<ParamKey, EffectiveSetting>);

impl Effective {
    /// The setting of `key` in force.
    pub fn get(&self, key: &str) -> Option<&EffectiveSetting> {
        self.0.get(key)
    }

    /// The value of `key` in force.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.get(key).map(|it| it.setting.value.as_str())
    }

    /// All settings in force, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&ParamKey, &EffectiveSetting)> {
        self.0.iter()
    }
}

/// Merges `layers`, weakest first. The only merge there is.
pub fn merge<'a>(layers: impl IntoIterator<Item = &'a Layer>) -> Effective {
    let mut res: BTreeMap<ParamKey, EffectiveSetting> = BTreeMap::new();
    for layer in layers {
        for (key, setting) in layer.iter() {
            match res.get_mut(key) {
                Some(below) => {
                    let shadowed = std::mem::replace(&mut below.setting, setting.clone());
                    below.shadowed.insert(0, shadowed);
                }
                None => {
                    let setting = setting.clone();
                    res.insert(key.clone(), EffectiveSetting { setting, shadowed: Vec::new() });
                }
            }
        }
    }
    Effective(res)
}
