//! Integration tests of the crate.

mod layers;
mod live;
mod live_deployed;
mod live_refused;
mod live_switch;
mod live_torn;
mod tree;
