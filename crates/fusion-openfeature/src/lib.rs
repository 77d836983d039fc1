//! OpenFeature providers: overlay flags and routes of `fusion-flags`, and typed flags of
//! flagd's files.
//!
//! [`OverlayProvider`] answers whether a flag is on, and, under the key [`ROUTE`], which
//! overlay answers. [`FlagdProvider`] answers what a flagd file says. Both ask one
//! consistent state for each evaluation and know no file, no clock and no network: where
//! flags come from and what time it is are arguments. They are adapters for programs that
//! speak OpenFeature; `fusion_flags::View` decides the same in a fraction of the time.
//!
//! The Rust SDK gives an error where the specification wants the caller's default;
//! [`details_or`] gives the default, with reason and error.
//!
//! ```
//! use std::sync::Arc;
//!
//! use fusion_flags::{BreakerSet, FlagFile, Flags, Snapshot};
//! use fusion_openfeature::{OverlayProvider, ROUTE};
//! use open_feature::{EvaluationContext, OpenFeature};
//!
//! let file = FlagFile::parse(
//!     "schema_version: 2
//! features:
//!   refunds:
//!     enabled_overlays: [rollback_first]
//!     conditions: {scenario_types: [refund_processing]}
//! ",
//! )?;
//! let flags = Flags::new(Snapshot::compile(&file, None).unwrap(), BreakerSet::default());
//! let provider = OverlayProvider::new(Arc::new(flags), || 1_790_000_000_000);
//!
//! let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! runtime.block_on(async {
//!     let mut api = OpenFeature::singleton_mut().await;
//!     api.set_provider(provider).await;
//!     let client = api.create_client();
//!     let context = EvaluationContext::default()
//!         .with_targeting_key("user-1")
//!         .with_custom_field("scenario_type", "refund_processing");
//!     assert_eq!(client.get_bool_value("refunds", Some(&context), None).await, Ok(true));
//!     let overlay = client.get_string_value(ROUTE, Some(&context), None).await;
//!     assert_eq!(overlay.as_deref(), Ok("rollback_first"));
//! });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod context;
mod flagd;
mod overlay;
mod resolve;
mod value;

pub use crate::answer::{Answer, details_or};
pub use crate::flagd::FlagdProvider;
pub use crate::overlay::{OverlayProvider, ROUTE};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
