//! What commands show, for people and machines.

mod apply;
mod list;
mod status;

pub use self::apply::{ApplyReport, Reached, RollbackReport};
pub use self::list::{Listed, Shown, diff, list, show};
pub use self::status::{Health, HealthStatus, LiveGeneration, StatusReport, status};
