//! One flag of flagd's, read and checked.

use std::collections::BTreeMap;
use std::ops::Range;

use overlay_model::OverlayName;
use serde_json::Value;

use crate::choice::{Meaning, Variants};
use crate::codes::{NO_FLAG, NOT_KEPT};
use crate::gate::{Refusal, refuse};
use crate::rule::{Node, RuleReader};
use crate::spot::{Findings, Spot};

/// A flag of flagd's.
pub(crate) struct Incoming<'t> {
    pub(crate) span: Range<usize>,
    pub(crate) enabled: bool,
    variants: Vec<(String, Spot<'t>)>,
    pub(crate) default: Option<String>,
    pub(crate) rule: Option<Node>,
    pub(crate) metadata: Vec<(String, Spot<'t>)>,
}

impl<'t> Incoming<'t> {
    /// The flag `key` at `spot`; `None` where it is none, with the reasons among the
    /// findings.
    pub(crate) fn read(
        key: &str,
        spot: Spot<'t>,
        shared: &BTreeMap<String, Spot<'t>>,
        findings: &mut Findings,
    ) -> Option<Self> {
        let before = findings.errors();
        let mut reader = FlagReader { key, findings };
        let fields = reader.members(spot, "the flag")?;
        let enabled = reader.enabled(spot, &fields);
        let variants = reader.variants(spot, &fields);
        let default = reader.default(&fields, &variants);
        let metadata = fields.get("metadata").map(|it| reader.metadata(*it)).unwrap_or_default();
        reader.strangers(&fields);
        let rule = reader.rule(&fields, shared);
        (findings.errors() == before).then_some(Self {
            span: spot.span(),
            enabled,
            variants,
            default,
            rule,
            metadata,
        })
    }

    /// What its variants mean here.
    pub(crate) fn meanings(&self) -> Result<Variants, Refusal> {
        let meanings: Result<BTreeMap<String, Meaning>, Refusal> =
            self.variants.iter().map(|(name, it)| Ok((name.clone(), meaning(*it)?))).collect();
        let switches = self.variants.iter().all(|(_, it)| it.value().is_boolean());
        Ok(Variants { meanings: meanings?, switches, default: self.default.clone() })
    }

    /// The metadata that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.noted(name)?.as_str().map(str::to_owned)
    }

    /// The metadata that is a whole number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.noted(name)?.as_u64()
    }

    fn noted(&self, name: &str) -> Option<Value> {
        self.metadata.iter().find(|(it, _)| it == name).map(|(_, it)| it.value())
    }
}

fn meaning(spot: Spot<'_>) -> Result<Meaning, Refusal> {
    match spot.value() {
        Value::Bool(true) => Ok(Meaning::On),
        Value::Bool(false) => Ok(Meaning::Off),
        Value::String(text) if text.is_empty() => Ok(Meaning::Off),
        Value::String(text) if text.parse::<OverlayName>().is_ok() => Ok(Meaning::Overlay(text)),
        Value::String(text) => {
            refuse(&spot.span(), format!("gives `{text}`, which is no name of an overlay"))
        }
        Value::Number(_) => refuse(&spot.span(), "gives numbers"),
        _ => refuse(&spot.span(), "gives objects"),
    }
}

type Fields<'t> = BTreeMap<String, Spot<'t>>;

/// Reads one flag; what is wrong with it goes to the findings.
struct FlagReader<'r> {
    key: &'r str,
    findings: &'r mut Findings,
}

impl FlagReader<'_> {
    fn wrong(&mut self, span: Range<usize>, said: &str, hint: &str) {
        self.findings.advise(NO_FLAG, span, format!("`{}`: {said}", self.key), hint);
    }

    fn members<'t>(&mut self, spot: Spot<'t>, what: &str) -> Option<Fields<'t>> {
        match spot.members() {
            Some(Ok(members)) => Some(members.into_iter().collect()),
            Some(Err(err)) => {
                self.wrong(spot.span(), &crate::document::plain(&err), "name each once");
                None
            }
            None => {
                self.wrong(spot.span(), &format!("{what} is no object"), "write an object");
                None
            }
        }
    }

    fn enabled(&mut self, spot: Spot<'_>, fields: &Fields<'_>) -> bool {
        let hint = "write ENABLED or DISABLED";
        match fields.get("state").map(|it| (it, it.value())) {
            Some((_, Value::String(state))) if state == "ENABLED" => return true,
            Some((_, Value::String(state))) if state == "DISABLED" => {}
            Some((it, state)) => {
                self.wrong(it.span(), &format!("there is no state {state}"), hint);
            }
            None => self.wrong(spot.span(), "`state` is missing", hint),
        }
        false
    }

    /// The variants, in the order of the text.
    fn variants<'t>(&mut self, spot: Spot<'t>, fields: &Fields<'t>) -> Vec<(String, Spot<'t>)> {
        let hint = "give each variant a name and a value";
        let Some(all) = fields.get("variants") else {
            self.wrong(spot.span(), "`variants` are missing", hint);
            return Vec::new();
        };
        let Some(Ok(variants)) = all.members() else {
            self.wrong(all.span(), "`variants` are no object of different names", hint);
            return Vec::new();
        };
        let kinds: Vec<Option<u8>> = variants.iter().map(|(_, it)| kind(&it.value())).collect();
        match kinds.split_first() {
            None => self.wrong(all.span(), "there are no variants", hint),
            Some((first, rest)) => {
                let other = (first.is_none()).then_some(0);
                let other =
                    other.or_else(|| rest.iter().position(|it| it != first).map(|it| it + 1));
                if let Some((_, it)) = other.and_then(|it| variants.get(it)) {
                    let hint = "all are switches, texts, numbers or objects";
                    self.wrong(it.span(), "the variant is of another type", hint);
                }
            }
        }
        variants
    }

    fn default(&mut self, fields: &Fields<'_>, variants: &[(String, Spot<'_>)]) -> Option<String> {
        let it = fields.get("defaultVariant")?;
        match it.value() {
            Value::Null => None,
            // flagd takes an empty name for none.
            Value::String(name) if name.is_empty() => None,
            Value::String(name) if variants.iter().any(|(it, _)| *it == name) => Some(name),
            other => {
                let hint = "name a variant, or write null";
                self.wrong(it.span(), &format!("there is no variant {other}"), hint);
                None
            }
        }
    }

    fn metadata<'t>(&mut self, spot: Spot<'t>) -> Vec<(String, Spot<'t>)> {
        let Some(entries) = self.members(spot, "`metadata`") else { return Vec::new() };
        for (name, it) in &entries {
            if !is_plain(&it.value()) {
                let said = format!("the metadata `{name}` is no text, number or switch");
                self.wrong(it.span(), &said, "write a text, a number or a switch");
            }
        }
        entries.into_iter().collect()
    }

    fn strangers(&mut self, fields: &Fields<'_>) {
        let known = ["key", "state", "variants", "defaultVariant", "targeting", "metadata"];
        let strangers = fields.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        for (name, it) in strangers.filter(|(name, _)| !name.starts_with('$')) {
            let said = format!("`{}`: flagd knows no field `{name}`", self.key);
            self.findings.add(NOT_KEPT, it.span(), said);
        }
    }

    fn rule<'t>(
        &mut self,
        fields: &Fields<'t>,
        shared: &BTreeMap<String, Spot<'t>>,
    ) -> Option<Node> {
        let spot = fields.get("targeting")?;
        match spot.members() {
            Some(Ok(members)) if members.is_empty() => None,
            Some(_) => RuleReader::new(shared, self.findings).read(*spot),
            None if spot.value().is_null() => None,
            None => {
                self.wrong(spot.span(), "`targeting` is no rule", "write JsonLogic, or {}");
                None
            }
        }
    }
}

/// Whether metadata may be this.
pub(crate) fn is_plain(value: &Value) -> bool {
    value.is_string() || value.is_number() || value.is_boolean()
}

/// The types that variants may have.
fn kind(value: &Value) -> Option<u8> {
    match value {
        Value::Bool(_) => Some(0),
        Value::String(_) => Some(1),
        Value::Number(_) => Some(2),
        Value::Object(_) => Some(3),
        _ => None,
    }
}
