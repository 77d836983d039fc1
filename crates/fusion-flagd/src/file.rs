use std::collections::BTreeMap;
use std::fmt;

use datalogic_rs::{Engine, Logic};
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::operators::engine;
use crate::rule::{MAX_DEPTH, MAX_STEPS};

/// Why a text is no file of flagd's.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FlagdError {
    /// It has another form.
    #[error("the text is no flagd configuration")]
    Form(#[source] serde_json::Error),
    /// Two flags of a list have the same key.
    #[error("the flag `{0}` stands here twice")]
    Twice(String),
}

/// Flags in flagd's form, with their rules compiled. A flag whose rule is broken does not
/// keep the others from working.
pub struct FlagdFile {
    pub(crate) engine: Engine,
    pub(crate) flags: BTreeMap<String, Flag>,
    metadata: Map<String, Value>,
}

pub(crate) struct Flag {
    pub(crate) enabled: bool,
    pub(crate) variants: BTreeMap<String, Value>,
    pub(crate) default: Option<String>,
    pub(crate) rule: Rule,
    pub(crate) metadata: Map<String, Value>,
}

pub(crate) enum Rule {
    None,
    Logic(Box<Logic>),
    /// Why it is none.
    Broken(String),
}

#[derive(Deserialize)]
struct Text {
    flags: FlagsText,
    #[serde(default, rename = "$evaluators")]
    evaluators: Map<String, Value>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum FlagsText {
    List(Vec<Keyed>),
    Map(BTreeMap<String, FlagText>),
}

#[derive(Deserialize)]
struct Keyed {
    key: String,
    #[serde(flatten)]
    flag: FlagText,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FlagText {
    state: StateText,
    variants: BTreeMap<String, Value>,
    default_variant: Option<String>,
    targeting: Option<Value>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum StateText {
    Enabled,
    Disabled,
}

impl FlagdFile {
    /// Reads flagd's JSON, flags as a map or as a list.
    ///
    /// # Errors
    ///
    /// Where the text has another form. A rule that is none is found when its flag is
    /// evaluated.
    pub fn parse(text: &str) -> Result<Self, FlagdError> {
        let text: Text = serde_json::from_str(text).map_err(FlagdError::Form)?;
        let engine = engine();
        let mut flags = BTreeMap::new();
        let listed: Vec<(String, FlagText)> = match text.flags {
            FlagsText::Map(map) => map.into_iter().collect(),
            FlagsText::List(list) => list.into_iter().map(|it| (it.key, it.flag)).collect(),
        };
        for (key, flag) in listed {
            let rule = rule(&engine, flag.targeting, &text.evaluators);
            let flag = Flag {
                enabled: flag.state == StateText::Enabled,
                variants: flag.variants,
                default: flag.default_variant.filter(|it| !it.is_empty()),
                rule,
                metadata: flag.metadata,
            };
            if flags.insert(key.clone(), flag).is_some() {
                return Err(FlagdError::Twice(key));
            }
        }
        Ok(Self { engine, flags, metadata: text.metadata })
    }

    /// The keys of all flags, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.flags.keys().map(String::as_str)
    }

    /// What is said of a flag: of the whole set, and over it of the flag.
    pub fn metadata(&self, key: &str) -> Map<String, Value> {
        let mut res = self.metadata.clone();
        let own = self.flags.get(key).map(|it| it.metadata.clone());
        res.extend(own.unwrap_or_default());
        res
    }
}

impl fmt::Debug for FlagdFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.flags.keys()).finish()
    }
}

fn rule(engine: &Engine, targeting: Option<Value>, shared: &Map<String, Value>) -> Rule {
    let Some(targeting) = targeting.filter(|it| !matches!(it, Value::Object(it) if it.is_empty()))
    else {
        return Rule::None;
    };
    let mut steps = 0;
    match resolve(&targeting, shared, 0, &mut steps) {
        Err(reason) => Rule::Broken(reason),
        Ok(rule) => match engine.compile(&rule) {
            Ok(logic) => Rule::Logic(Box::new(logic)),
            Err(err) => Rule::Broken(err.to_string()),
        },
    }
}

/// Puts the shared rules in the place of `{"$ref": "name"}`.
fn resolve(
    rule: &Value,
    shared: &Map<String, Value>,
    depth: usize,
    steps: &mut usize,
) -> Result<Value, String> {
    *steps += 1;
    if depth > MAX_DEPTH || *steps > MAX_STEPS {
        return Err("the shared rules refer to each other too often".to_owned());
    }
    Ok(match rule {
        Value::Object(entries) => {
            if let (1, Some(Value::String(name))) = (entries.len(), entries.get("$ref")) {
                let named = shared.get(name).ok_or_else(|| format!("there is no rule `{name}`"))?;
                return resolve(named, shared, depth + 1, steps);
            }
            let mut res = Map::new();
            for (name, value) in entries {
                res.insert(name.clone(), resolve(value, shared, depth, steps)?);
            }
            Value::Object(res)
        }
        Value::Array(items) => {
            let items: Result<Vec<Value>, String> =
                items.iter().map(|it| resolve(it, shared, depth, steps)).collect();
            Value::Array(items?)
        }
        other => other.clone(),
    })
}
