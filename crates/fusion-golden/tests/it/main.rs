//! Integration tests of the crate.

mod render;
