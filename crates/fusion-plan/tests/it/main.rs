//! Tests of the public API, in one binary.

mod checks;
mod cluster;
mod compile;
mod data;
mod energy;
mod knobs;
mod properties;
mod replay;
mod scene;
mod select;
mod trust;
mod vote;
