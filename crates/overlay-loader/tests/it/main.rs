//! Integration tests of the crate.

mod layers;
mod tree;
