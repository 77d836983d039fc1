//! Integration tests of the crate.

mod accepts;
mod broken;
mod budget;
mod budget_gate;
mod changes;
mod data;
mod families;
mod forms;
mod identity;
mod imports;
mod mutate;
mod render;
mod replays;
mod shipped;
mod statistics;
mod statistics_data;
mod statistics_gates;
