use overlay_model::TextError;
use serde::{Deserialize, Serialize};

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

    /// The model with this id; `local_gguf`, `local-gguf` and `LOCAL-GGUF` are one.
    pub fn model(&self, id: &str) -> Option<&Model> {
        self.models
            .iter()
            .find(|it| it.id == id)
            .or_else(|| self.models.iter().find(|it| same_model(&it.id, id)))
    }
}

/// Whether two ids name one model: letters and digits agree, case aside.
pub fn same_model(a: &str, b: &str) -> bool {
    let plain = |text: &'_ str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    plain(a) == plain(b)
}

/// The cost of `tokens` at `usd_per_mtok` dollars a million, in units of 10 µ$.
pub fn energy_units(tokens: u64, usd_per_mtok: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^53")]
    let tokens = tokens as f64;
    tokens * usd_per_mtok / 10.0
}
