//! Integration tests of the crate.

mod accepts;
mod broken;
mod changes;
mod data;
mod forms;
mod imports;
mod render;
mod replays;
mod shipped;
