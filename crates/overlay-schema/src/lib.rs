//! What each parameter of an overlay means, and which values it takes.
//!
//! [`PARAMS`] is the one table. Validation, the JSON Schemas in `schemas/`, the
//! reference in `docs/reference`, layout and digest are read off it. [`Settings`] are
//! the typed values a merged overlay comes to, [`Providers`] the models it may ask.
//!
//! Where a text came from is not known here: callers pass texts and get findings.
//!
//! ```
//! use overlay_model::Overlay;
//! use overlay_schema::{Profile, Subject, check};
//!
//! let (overlay, syntax) = Overlay::parse("FUSION_MOED=quality_first\n");
//! let report = check(&overlay, syntax, Profile::Deploy, &Subject::default());
//! assert_eq!(
//!     report.diagnostics[0].to_string(),
//!     "1:1: error[OVL2002]: unknown key `FUSION_MOED` (did you mean `FUSION_MODE`?)",
//! );
//! ```

mod check;
mod codes;
mod digest;
mod embedded;
mod nearest;
mod params;
mod place;
mod providers;
mod reference;
mod refusal;
mod scan;
mod schema;
mod settings;
mod wording;
mod words;

pub use crate::check::{
    Checked, MAX_FINDINGS, Phase, PhaseVerdict, Profile, References, Subject, UnknownProfile,
    capped, check, check_typed, check_typed_value,
};
pub use crate::codes::{CODES, CodeInfo, code};
pub use crate::digest::{digest, key_digests, typed};
pub use crate::embedded::EMBEDDED_OVERLAY;
pub use crate::nearest::nearest_key;
pub use crate::params::{
    ALIASES, Acts, Group, Kind, MODEL_PARAMS, PARAMS, Param, Required, VOLATILE, model_param, param,
};
pub use crate::place::place;
pub use crate::providers::{Model, Provider, Providers, energy_units, same_model};
pub use crate::reference::{codes_md, diagnostics_md, parameters_md};
pub use crate::scan::{is_secret, redact, scan_prompt, secret_spans};
pub use crate::schema::{overlay_schema, providers_schema};
pub use crate::settings::{InvalidSetting, ModelOverride, Sampling, Settings, Voter};
pub use crate::words::{
    Caching, Continuity, FusionMode, Judge, ModelSelection, Monitoring, PiiDetection,
    ResponseFormat, SecurityMode, TrustModel,
};

/// The version of the overlay format; overlays of the same major version are compatible.
pub const FORMAT_VERSION: &str = "2.1.0";
