use jiff::civil::Date;
use overlay_model::{Diagnostic, TextError, from_toml, plural};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use thiserror::Error;

use crate::codes;

/// The table this crate comes with, as TOML.
pub const RETIRED_MODELS: &str = include_str!("retired.toml");

/// The version of the format.
const SCHEMA: &str = "fusion/retired-models/1";

/// Models that their vendors have ended, or will.
#[derive(Clone, Debug, Default)]
pub struct Retired {
    vendors: Vec<Vendor>,
    models: Vec<Row>,
}

/// One retired model.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retirement<'a> {
    /// The model's name, as the vendor's API takes it.
    pub name: &'a str,
    /// From this day on requests fail.
    pub on: Date,
    /// What the vendor recommends, where it is one name.
    pub successor: Option<&'a str>,
    /// The vendor's page.
    pub source: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    #[serde(rename = "noted", deserialize_with = "day")]
    _noted: Date,
    vendors: Vec<Vendor>,
    models: Vec<Row>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vendor {
    name: String,
    platforms: Vec<String>,
    source: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    vendor: String,
    #[serde(deserialize_with = "day")]
    retired: Date,
    #[serde(default)]
    successor: Option<String>,
    names: Vec<String>,
}

fn day<'de, D: Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

/// A table of retired models that is none.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RetiredError {
    /// No TOML of this form.
    #[error(transparent)]
    Form(#[from] TextError),
    /// Another format.
    #[error("unknown format `{0}`: this program reads `{SCHEMA}`")]
    Schema(String),
    /// A model of a vendor that the table does not name.
    #[error("no vendor `{0}` in the table")]
    Vendor(String),
}

impl Retired {
    /// Reads a table in the form of [`RETIRED_MODELS`].
    ///
    /// # Errors
    ///
    /// Where it is no such table.
    pub fn parse(text: &str) -> Result<Self, RetiredError> {
        let File { schema, vendors, models, .. } = from_toml(text)?;
        if schema != SCHEMA {
            return Err(RetiredError::Schema(schema));
        }
        let is_unknown = |row: &&Row| !vendors.iter().any(|it| it.name == row.vendor);
        match models.iter().find(is_unknown) {
            Some(row) => Err(RetiredError::Vendor(row.vendor.clone())),
            None => Ok(Self { vendors, models }),
        }
    }

    /// The retirement of the model `name`, where it is asked for at its vendor's own
    /// endpoint: `platform` is how another tool calls the endpoint, `None` where it says
    /// nothing.
    pub fn find(&self, platform: Option<&str>, name: &str) -> Option<Retirement<'_>> {
        self.models.iter().find_map(|row| {
            let name = row.names.iter().find(|it| it.as_str() == name)?;
            let vendor = self.vendors.iter().find(|it| it.name == row.vendor)?;
            let is_own = platform.is_none_or(|it| vendor.platforms.iter().any(|own| own == it));
            is_own.then_some(Retirement {
                name,
                on: row.retired,
                successor: row.successor.as_deref(),
                source: &vendor.source,
            })
        })
    }
}

impl Retirement<'_> {
    /// The finding about it on the day `today`: an error once it has come.
    pub(crate) fn finding(&self, today: Date) -> Diagnostic {
        let Self { name, on, successor, source } = self;
        let hint = match successor {
            Some(successor) => format!("the vendor recommends `{successor}`: {source}"),
            None => format!("see {source}"),
        };
        if *on <= today {
            let message = format!("model `{name}` was retired on {on}");
            return Diagnostic::error(codes::RETIRED, message).hint(hint);
        }
        let days = (*on - today).get_days();
        let message = format!("model `{name}` retires on {on}, in {}", plural(days, "day"));
        Diagnostic::warning(codes::RETIRES, message).hint(hint)
    }
}
