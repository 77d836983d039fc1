//! Says why not before anything starts: the checks of an environment and the health of a
//! service.
//!
//! [`doctor`] looks at a machine, an installation and a deployment root, and runs every
//! check there is; none stops the others. [`health`] judges plain figures of a service that
//! runs: what is not known is said to be unknown, and never counts as passed. [`Options`]
//! are what `fusion.toml` says, each with who set it.
//!
//! Printing, exit codes, the network and the clock are not known here; the one port that is
//! tried is the service's own.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use overlay_doctor::{CheckStatus, Environment, Host, Inputs, Options, doctor};
//!
//! # let configs = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs"));
//! let variables = BTreeMap::from([("RESON__SERVICE__LISTEN".to_owned(), "127.0.0.1:0".to_owned())]);
//! let report = doctor(&Inputs {
//!     environment: Environment::Development,
//!     root: None,
//!     configs: Some(configs),
//!     variables: &variables,
//!     adapters: &["file", "null", "prometheus", "sqlite"],
//!     readers: &|_name, _text| Vec::new(),
//!     ends: &|_host, _model| None,
//!     version: "0.1.0",
//!     host: &Host::read(),
//!     now_us: 1_790_000_000_000_000,
//!     not_before_us: 1_735_689_600_000_000,
//! });
//! assert_eq!(report.verdict, CheckStatus::Warn);
//! assert!(report.text().contains("⚠ Secrets: the variable OPENAI_API_KEY of provider `openai` is not set"));
//!
//! let (options, findings) = Options::read(Some("[service]\npol = 7\n"), &variables);
//! assert_eq!(options.pool(), 100);
//! assert_eq!(
//!     findings[0].to_string(),
//!     "2:1: error[DOC1002]: unknown option `pol` in `[service]` (did you mean `pool`?)",
//! );
//! ```

mod code;
mod doctor;
mod environment;
mod health;
mod host;
mod live;
mod options;
mod site;

pub use crate::code::CODES;
pub use crate::doctor::{
    Check, CheckStatus, DoctorReport, Inputs, OptionShown, Readers, VendorEnd, VendorEnds,
    check_ids, doctor,
};
pub use crate::environment::{Environment, UnknownEnvironment};
pub use crate::health::{
    Answer, Concern, Health, HealthCheck, HealthData, HealthStatus, PoolHealth, PoolUse,
    Thresholds, Verdict, Vitals, answer_within, concerns, diagnose, health, vitals_of_root,
};
pub use crate::host::{Host, resident_bytes};
pub use crate::options::{
    FILE, Kind, OPTIONS, OptionInForce, OptionOrigin, OptionRow, OptionValue, Options, option,
    options_md, options_schema,
};
pub use crate::site::{OptionsError, options_at, options_in_force};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
