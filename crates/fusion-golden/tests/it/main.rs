//! Integration tests of the crate.

mod accepts;
mod broken;
mod budget;
mod budget_catalogue;
mod budget_files;
mod budget_gate;
mod budget_new_overlays;
mod budget_own_limits;
mod budget_reports;
mod changes;
mod data;
mod families;
mod forms;
mod identity;
mod imports;
mod mutate;
mod own_limits;
mod render;
mod replays;
mod shipped;
mod statistics;
mod statistics_data;
mod statistics_gates;
mod statistics_needed;
