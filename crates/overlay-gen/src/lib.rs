//! From a design spec and a template to an overlay, with the reason for every key.
//!
//! A [`DesignSpec`](overlay_model::DesignSpec) says what an overlay is to achieve.
//! [`check_design`] says whether it can, [`generate`] applies [`RULES`] to it on top of
//! a [`Template`]. What comes out always passes the profile `deploy`.
//!
//! Files, clock and environment are not known here: callers pass texts, and the moment
//! where they want one written.
//!
//! ```
//! use overlay_gen::{Template, generate};
//! use overlay_model::DesignSpec;
//!
//! let spec: DesignSpec = overlay_model::from_toml(
//!     r#"
//!     name = "contracts"
//!     purpose = "Reviews legal documents"
//!     performance_goals = { accuracy_score = 0.92 }
//!     "#,
//! )?;
//! let made = generate(&spec, &Template::named("balanced")?).map_err(|it| it[0].to_string())?;
//! assert_eq!(made.overlay.value("TRUST_FLOOR"), Some("0.74"));
//! assert_eq!(
//!     made.origins["TRUST_FLOOR"].because,
//!     "accuracy_score 0.92 × 0.8, held between 0.30 and 0.95"
//! );
//! assert_eq!(made.origins["SECURITY_MODE"].because, "the purpose holds the word `legal`");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod codes;
mod design;
mod field;
mod generate;
mod requirement;
mod rules;
mod template;
mod text;

pub use crate::codes::CODES;
pub use crate::design::{DesignReport, check_design};
pub use crate::generate::{Generated, KeyOrigin, generate, generate_at};
pub use crate::rules::{RULES, Rule, Set, Stage};
pub use crate::template::{Template, UnknownTemplate};
