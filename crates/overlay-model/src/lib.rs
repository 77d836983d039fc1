//! The overlay as a value: its text, its names, its layers, its digest.
//!
//! An overlay file is a list of `KEY=VALUE` lines with comments and blank lines
//! between them. This crate turns such a text into an [`Overlay`] and back, merges
//! ordered [`Layer`]s into one [`Effective`] set that knows where each value comes
//! from, and gives settings canonical bytes and a [`Digest`]. It lays files out
//! ([`format()`]), compares them ([`diff()`]) and converts them to and from TOML, YAML and
//! JSON ([`write()`], [`read()`]). It also holds the plain types of the files beside an
//! overlay: [`MicroOverlay`], [`Catalogue`], [`DesignSpec`].
//!
//! Which keys there are, and which values they take, is the business of
//! `overlay-schema`. Nothing here reads a file, a clock or the environment.
//!
//! ```
//! use overlay_model::Overlay;
//!
//! let (mut overlay, findings) = Overlay::parse("# Refunds\nTRUST_FLOOR = 0.60\n");
//! assert!(findings.is_empty());
//! assert_eq!(overlay.value("TRUST_FLOOR"), Some("0.60"));
//!
//! overlay.set(&"TRUST_FLOOR".parse()?, "0.65")?;
//! assert_eq!(overlay.source(), "# Refunds\nTRUST_FLOOR = 0.65\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod catalogue;
mod chain;
mod convert;
mod design;
mod diagnostic;
mod diff;
mod digest;
mod format;
mod header;
mod key;
mod layers;
mod micro;
mod name;
mod nearest;
mod outline;
mod overlay;
mod parser;
mod plural;
mod ratio;
mod rule;
mod scenario;
mod schema;
mod structured;
mod typed;
mod value;

pub use crate::catalogue::CATALOGUE_CODES;
pub use crate::chain::{Chain, chain, verify_chain};
pub use crate::convert::{NoText, TextFormat, UnknownFormat, read, scalar_text, to_typed, write};
pub use crate::design::{DesignSpec, PerformanceGoals, ResourceConstraints};
pub use crate::diagnostic::{Diagnostic, Edit, Fix, Location, Places, Severity};
pub use crate::diff::{Change, diff};
pub use crate::digest::{Digest, InvalidDigest, canonical_bytes};
pub use crate::format::{Place, format};
pub use crate::header::{header, one_line};
pub use crate::key::{InvalidKey, ParamKey};
pub use crate::layers::{Effective, EffectiveSetting, Layer, Origin, Setting, merge};
pub use crate::micro::{MicroOverlay, SECTIONS};
pub use crate::name::{InvalidName, InvalidScenarioId, OverlayName, ScenarioId};
pub use crate::nearest::nearest;
pub use crate::outline::{Outline, OutlineField};
pub use crate::overlay::{
    Entry, InvalidValue, LineView, MAX_BYTES, MAX_LINES, Overlay, SyntaxError,
};
pub use crate::parser::{is_hidden, visible};
pub use crate::plural::plural;
pub use crate::ratio::{OutOfRange, Ratio};
pub use crate::rule::{Rule, RuleSeverity, Test};
pub use crate::scenario::{
    Catalogue, ParameterText, RouterHints, Scenario, ScenarioSeverity, Turn,
};
pub use crate::schema::{catalogue_schema, design_spec_schema};
pub use crate::structured::{
    MAX_TEXT_BYTES, TextError, UNQUOTED, from_toml, from_yaml, from_yaml_of_size, unquoted,
    unquoted_option,
};
pub use crate::value::{Data, Shape, Value, ValueError, canonical_number};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
