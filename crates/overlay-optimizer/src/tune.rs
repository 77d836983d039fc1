//! The tuner: what to try next, and what came of it.

pub(crate) mod accept;
mod cholesky;
mod front;
mod gp;
pub(crate) mod journal;
mod lattice;
pub(crate) mod levels;
mod normal;
pub(crate) mod plan;
mod propose;
pub(crate) mod prune;
mod race;
mod random;
pub(crate) mod report;
pub(crate) mod space;
mod student;
mod svg;
pub(crate) mod trial;
pub(crate) mod tuner;

/// A count as a number to reckon with.
fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
