use std::collections::BTreeSet;

use overlay_model::{Diagnostic, TextError};
use serde::{Deserialize, Serialize};

/// The vocabularies that tokens can be counted with.
pub(crate) const ENCODINGS: [&str; 2] = ["o200k_base", "cl100k_base"];

/// The version of the format.
const SCHEMA: &str = "fusion/providers/1";

/// The endpoints and models of an installation: `providers.toml`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Providers {
    /// The version of the format: `fusion/providers/1`.
    #[serde(default)]
    pub schema: String,
    /// The models of an overlay that names none, cheapest first.
    #[serde(default)]
    pub default_models: Vec<String>,
    /// The endpoints.
    #[serde(default)]
    pub providers: Vec<Provider>,
    /// The models.
    #[serde(default)]
    pub models: Vec<Model>,
}

/// An endpoint that speaks the OpenAI-compatible API.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Its name, which models give.
    pub name: String,
    /// The base URL: `https://api.example.com/v1`.
    pub endpoint: String,
    /// The secret, as `${VARIABLE}` or `file:PATH`; never in plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
}

/// A model and its prices.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its id, as the provider's API takes it.
    pub id: String,
    /// The provider's name.
    pub provider: String,
    /// The vocabulary that counts its tokens: `o200k_base` or `cl100k_base`.
    pub encoding: String,
    /// How many tokens prompt and answer may have together.
    pub context_tokens: u64,
    /// How many tokens an answer may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// Price of a million prompt tokens, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_usd_per_mtok: Option<f64>,
    /// Price of a million answer tokens, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_usd_per_mtok: Option<f64>,
    /// The day the vendor ends the model, as `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retires: Option<String>,
}

impl Providers {
    /// Reads the text of a `providers.toml`.
    ///
    /// # Errors
    ///
    /// Where it is no TOML of this form.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        overlay_model::from_toml(text)
    }

    /// What is wrong beyond the form, in the order of the file.
    ///
    /// A model without price is a warning here, and an error where an overlay names it.
    pub fn findings(&self) -> Vec<Diagnostic> {
        let mut res = Vec::new();
        if !matches!(self.schema.as_str(), "" | SCHEMA) {
            let message = format!("unknown format `{}`", self.schema);
            res.push(
                Diagnostic::warning("OVL4111", message)
                    .hint(format!("this program reads `{SCHEMA}`")),
            );
        }
        let ids = self.default_models.iter().filter(|it| self.model(it).is_none());
        res.extend(ids.map(|it| {
            Diagnostic::error("OVL4107", format!("`default_models` names no model: `{it}`"))
                .hint("name the id of a model of this file")
        }));
        let mut names = BTreeSet::new();
        for provider in &self.providers {
            if !names.insert(provider.name.as_str()) {
                res.push(duplicate("provider", &provider.name));
            }
            provider.findings(&mut res);
        }
        for (at, model) in self.models.iter().enumerate() {
            let earlier = self.models.iter().take(at);
            if earlier.into_iter().any(|it| same_model(&it.id, &model.id)) {
                res.push(duplicate("model", &model.id));
            }
            model.findings(&names, &mut res);
        }
        res
    }

    /// The model with this id; `local_gguf`, `local-gguf` and `LOCAL-GGUF` are one.
    pub fn model(&self, id: &str) -> Option<&Model> {
        self.models
            .iter()
            .find(|it| it.id == id)
            .or_else(|| self.models.iter().find(|it| same_model(&it.id, id)))
    }
}

impl Provider {
    fn findings(&self, res: &mut Vec<Diagnostic>) {
        let name = &self.name;
        let host = self.endpoint.strip_prefix("https://");
        let plain_host = self.endpoint.strip_prefix("http://");
        if host.or(plain_host).is_none_or(|it| it.is_empty() || it.starts_with('/')) {
            let message = format!("the endpoint of `{name}` is no http or https address");
            res.push(
                Diagnostic::error("OVL4106", message)
                    .hint("write the base URL, as `https://api.example.com/v1`"),
            );
        }
        let Some(key) = &self.api_key else { return };
        if !is_reference(key) {
            let message = format!("the api_key of `{name}` stands in plain text");
            res.push(
                Diagnostic::error("OVL8003", message)
                    .hint("write `${VARIABLE}` or `file:PATH`, and revoke this key"),
            );
        }
        if plain_host.is_some_and(|it| !is_local(it)) {
            let message = format!("the api_key of `{name}` is sent without encryption");
            res.push(Diagnostic::warning("OVL4112", message).hint("use https"));
        }
    }
}

/// Whether `text` names a secret instead of being one.
fn is_reference(text: &str) -> bool {
    let variable = text.strip_prefix("${").and_then(|it| it.strip_suffix('}'));
    let is_name = |it: &str| {
        it.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && it.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    variable.is_some_and(is_name) || text.strip_prefix("file:").is_some_and(|it| !it.is_empty())
}

/// Whether the address stays on this machine.
fn is_local(address: &str) -> bool {
    let host = address.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host == "::1" || host.starts_with("127.")
}

fn duplicate(what: &str, name: &str) -> Diagnostic {
    Diagnostic::error("OVL4101", format!("two {what}s are named `{name}`"))
        .hint("case, `-` and `_` make no difference between models")
}

impl Model {
    fn findings(&self, providers: &BTreeSet<&str>, res: &mut Vec<Diagnostic>) {
        let id = &self.id;
        if !providers.contains(self.provider.as_str()) {
            let message = format!("the provider `{}` of model `{id}` is unknown", self.provider);
            res.push(Diagnostic::error("OVL4102", message).hint("add it under `[[providers]]`"));
        }
        if !ENCODINGS.contains(&self.encoding.as_str()) {
            let message = format!("the encoding `{}` of model `{id}` is unknown", self.encoding);
            let hint = format!("write {}", ENCODINGS.map(|it| format!("`{it}`")).join(" or "));
            res.push(Diagnostic::error("OVL4105", message).hint(hint));
        }
        if !self.has_price() {
            let message = format!("model `{id}` has no price");
            res.push(
                Diagnostic::warning("OVL4103", message)
                    .hint("an overlay that names it does not load: an unknown price is never 0"),
            );
        }
        let prices = [self.input_usd_per_mtok, self.output_usd_per_mtok];
        if prices.into_iter().flatten().any(|it| !it.is_finite() || it < 0.0) {
            let message = format!("a price of model `{id}` is below zero or no number");
            res.push(
                Diagnostic::error("OVL4104", message).hint("write US dollars a million tokens"),
            );
        }
        if self.context_tokens == 0 || self.max_output_tokens == Some(0) {
            let message = format!("model `{id}` has a size of zero tokens");
            res.push(
                Diagnostic::error("OVL4108", message).hint("write what the vendor's page says"),
            );
        } else if self.max_output_tokens > Some(self.context_tokens) {
            let message = format!("model `{id}` answers with more tokens than its context holds");
            res.push(
                Diagnostic::warning("OVL4108", message).hint("compare with the vendor's page"),
            );
        }
        if self.retires.as_ref().is_some_and(|it| !is_day(it)) {
            let message = format!("the day model `{id}` retires is no date");
            res.push(Diagnostic::error("OVL4109", message).hint("write `YYYY-MM-DD`"));
        }
    }

    /// Whether both prices are known.
    pub fn has_price(&self) -> bool {
        self.input_usd_per_mtok.is_some() && self.output_usd_per_mtok.is_some()
    }
}

/// Whether two ids name one model: letters and digits agree, case aside.
pub fn same_model(a: &str, b: &str) -> bool {
    fn plain(text: &str) -> impl Iterator<Item = u8> {
        text.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase())
    }
    plain(a).eq(plain(b))
}

/// Whether `text` is a day, as `2026-11-21`.
fn is_day(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    let number = |text: &str, len: usize| {
        let is_number = text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| is_number)
    };
    let [year, month, day] = groups.as_slice() else { return false };
    number(year, 4).is_some()
        && number(month, 2).is_some_and(|it| (1..=12).contains(&it))
        && number(day, 2).is_some_and(|it| (1..=31).contains(&it))
}

/// The cost of `tokens` at `usd_per_mtok` dollars a million, in units of 10 µ$.
pub fn energy_units(tokens: u64, usd_per_mtok: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^53")]
    let tokens = tokens as f64;
    tokens * usd_per_mtok / 10.0
}
