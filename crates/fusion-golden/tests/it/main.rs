//! Integration tests of the crate.

mod accepts;
mod broken;
mod budget;
mod changes;
mod data;
mod forms;
mod imports;
mod render;
mod replays;
mod shipped;
mod statistics;
mod statistics_data;
mod statistics_gates;
