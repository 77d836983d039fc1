//! The HTTP side of a running installation: which overlay answers, whether a flag is on,
//! how the service is, and the switch that turns every overlay off.
//!
//! [`Service`] holds a configuration that keeps itself up to date and the metrics of this
//! process; [`router`] gives it paths; [`serve`] listens until it is told to stop. What
//! an overlay means, and how a flag decides, is not known here.
//!
//! | path | what |
//! |---|---|
//! | `GET /livez` | the process runs |
//! | `GET /readyz[?verbose]` | a configuration is in force; 503 where only the built-in one is |
//! | `GET /health` | `application/health+json` with every reason |
//! | `GET /metrics` | Prometheus text or OpenMetrics, by `Accept` |
//! | `GET /v1/status` | what is in force, what was refused |
//! | `POST /v1/route` | which overlays may answer, why not the others, and which generation and arm this is |
//! | `POST /v1/outcome` | how a call has ended, for the breaker of its overlay and the rollout under way |
//! | `GET /v1/breakers` | every breaker as it stands |
//! | `POST /ofrep/v1/evaluate/flags[/{key}]` | flags, by the OpenFeature Remote Evaluation Protocol |
//! | `POST`, `DELETE /admin/v1/kill` | every overlay off, and on again; needs the admin token |
//! | `POST /admin/v1/breakers/{overlay}/isolate`, `…/close` | one overlay out by hand, and in again; needs the admin token |
//!
//! A body has at most 64 KiB, and a request ten seconds to arrive. What cannot be answered says why:
//! `{"schema": "fusion/error/1", "error": "…"}`.
//!
//! ```
//! use std::sync::Arc;
//!
//! use fusion_gateway::{Service, serve};
//! use fusion_metrics::FusionMetrics;
//! use overlay_loader::{Clock, HealthStatus, Live, Options};
//! use tokio::net::TcpListener;
//!
//! # let configs = tempfile::tempdir()?;
//! # std::fs::create_dir(configs.path().join("overlays"))?;
//! # let overlay = configs.path().join("overlays/fusion_overlay.baseline.txt");
//! # std::fs::write(overlay, overlay_schema::EMBEDDED_OVERLAY)?;
//! let clock: Clock = Arc::new(|| 1_790_000_000_000);
//! let live = Live::start(Options::new(configs.path(), Arc::clone(&clock)))?;
//! assert_eq!(live.health().status, HealthStatus::Healthy);
//! let service = Service::new(live, FusionMetrics::new(), clock).with_admin_token("s3cret");
//! assert_eq!(service.live().status().epoch, 1);
//!
//! let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
//! runtime.block_on(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     // A program waits for a signal; this one stops at once.
//!     serve(listener, Arc::new(service), async {}).await
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod admin;
mod connections;
mod health;
mod metrics;
mod ofrep;
mod outcome;
mod patience;
mod refusal;
mod route;
mod service;

pub use crate::service::{Service, router, serve};
