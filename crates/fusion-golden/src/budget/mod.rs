//! May a change be merged: what a candidate costs and breaks against a base, per overlay
//! and per scenario, with the keys that explain it.
//!
//! [`measure`] renders and replays a suite; [`compare`] puts two measurements beside each
//! other; [`gate`] does both for a candidate and all of its bases. Prompt tokens are exact.
//! Output tokens, cost, latency and errors rest on recordings of both sides: where one is
//! missing the check is stale, never guessed. Where both sides render the same requests they
//! are equal by identity.
//!
//! Limits stand in [`Budgets`], the text of `budgets.toml`.

mod attribution;
mod blame;
mod catalogue;
mod checks;
mod explain;
mod file;
mod files;
mod gate;
mod identity;
mod limits;
mod measured;
mod over_bare;
mod overlays;
mod own_latency;
mod questions;
pub mod render;
mod report;
mod schema;
mod smallest;
mod tripwire;
mod unselected;
mod watch;
mod words;

pub use self::attribution::{Change, Explanation};
pub use self::checks::compare;
pub use self::file::{BUDGETS_SCHEMA, Budgets, CODES, ScenarioBudget};
pub use self::gate::{Base, gate};
pub use self::measured::{Measured, MeasuredAnswer, Measurement, measure};
pub use self::report::{Bill, BudgetCheck, BudgetReport, Noise, ScenarioPair, Side, Subject};
pub use self::schema::{budget_report_schema, budgets_schema};
pub use self::tripwire::{Cause, Place, Reading, Step, Tripwire};
pub use self::watch::{Taken, Watch, WatchError, watch_schema};
