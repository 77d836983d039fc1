//! Tests of the public API, in one binary.
#![expect(clippy::print_stdout, reason = "figures are shown by --nocapture")]

mod analysis;
mod backup;
mod checks;
mod codes;
mod crash;
mod damage;
mod file;
mod original;
mod plan;
mod report;
mod rollout;
mod samples;
mod shipped;
#[path = "../simulation/mod.rs"]
mod simulation;
mod unfinished;
mod words;
mod world;
