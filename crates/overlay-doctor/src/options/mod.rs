//! `fusion.toml`: the options of a service.

mod read;
mod reference;
mod schema;
mod table;
mod value;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use fusion_metrics::{InvalidLimits, Limits};
use serde::Serialize;

pub use self::reference::options_md;
pub use self::schema::options_schema;
pub use self::table::{OPTIONS, OptionRow, option};
pub use self::value::{Kind, OptionValue};

/// The adapter that keeps nothing.
pub(crate) const NULL: &str = "null";

/// The name of the file, in an installation.
pub const FILE: &str = "fusion.toml";

/// Where the value of an option comes from.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionOrigin {
    /// Nobody set it.
    Default,
    /// It stands in `fusion.toml`.
    File {
        /// The line, counted from 1.
        line: usize,
        /// The column in characters, counted from 1.
        column: usize,
    },
    /// A variable of the environment sets it.
    Variable(String),
}

impl fmt::Display for OptionOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { line, column } => write!(f, "{FILE}:{line}:{column}"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// An option as it is in force.
#[derive(Clone, Debug)]
pub struct OptionInForce {
    /// Its row.
    pub row: &'static OptionRow,
    /// Its value.
    pub value: OptionValue,
    /// Who set it.
    pub origin: OptionOrigin,
}

/// The options in force, one for each row of [`OPTIONS`].
#[derive(Clone, Debug)]
pub struct Options {
    in_force: Vec<OptionInForce>,
}

impl Options {
    /// Every option, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = &OptionInForce> {
        self.in_force.iter()
    }

    /// One option.
    pub fn get(&self, section: &str, key: &str) -> Option<&OptionInForce> {
        self.in_force.iter().find(|it| (it.row.section, it.row.key) == (section, key))
    }

    /// Where the service listens.
    pub fn listen(&self) -> Option<SocketAddr> {
        self.text("service", "listen").parse().ok()
    }

    /// How many requests the service is meant to hold at once.
    pub fn pool(&self) -> u64 {
        self.count("service", "pool")
    }

    /// How long performance rows are kept.
    pub fn retention(&self) -> Duration {
        Duration::from_secs(self.count("performance", "retention_days") * 24 * 3600)
    }

    /// Whether audit index and performance rows are kept in a database.
    pub fn keeps_rows(&self) -> bool {
        self.text("database", "kind") != NULL
    }

    /// Whether a service writes to the audit log what is done by its API.
    pub fn keeps_audit(&self) -> bool {
        self.text("audit", "sink") != NULL
    }

    /// How many series the metrics can have, a tenth of them for names that the installation
    /// does not know.
    ///
    /// # Errors
    ///
    /// Where one metric may have more series than all of them together.
    pub fn series_limits(&self) -> Result<Limits, InvalidLimits> {
        let [of_metric, overall] =
            ["series_per_metric", "series_overall"].map(|it| self.count("metrics", it));
        let size = |it: u64| usize::try_from(it).unwrap_or(usize::MAX);
        Limits::new(size(of_metric), size(overall), Limits::default().unknown_share())
    }

    /// The adapter that metrics go to.
    pub fn metrics_sink(&self) -> &str {
        self.text("metrics", "sink")
    }

    /// The adapters that the options name, each with the option that names it.
    pub fn adapters(&self) -> Vec<(String, &'static OptionRow)> {
        let named = self.in_force.iter().filter(|it| it.row.is_adapter());
        let of_option = |it: &OptionInForce| match &it.value {
            OptionValue::Words(words) => words.clone(),
            other => vec![text_of(other).to_owned()],
        };
        named.flat_map(|it| of_option(it).into_iter().map(|name| (name, it.row))).collect()
    }

    pub(crate) fn count(&self, section: &str, key: &str) -> u64 {
        match self.get(section, key).map(|it| &it.value) {
            Some(OptionValue::Count(number)) => *number,
            _ => 0,
        }
    }

    pub(crate) fn text(&self, section: &str, key: &str) -> &str {
        self.get(section, key).map_or("", |it| text_of(&it.value))
    }

    pub(crate) fn words(&self, section: &str, key: &str) -> &[String] {
        match self.get(section, key).map(|it| &it.value) {
            Some(OptionValue::Words(words)) => words,
            _ => &[],
        }
    }
}

impl OptionRow {
    /// Whether its value names adapters.
    fn is_adapter(&self) -> bool {
        matches!(self.kind, Kind::Adapter(_)) || (self.section, self.key) == ("adapters", "use")
    }
}

fn text_of(value: &OptionValue) -> &str {
    match value {
        OptionValue::Text(text) => text,
        OptionValue::Count(_) | OptionValue::Words(_) => "",
    }
}
