//! Tests of the public API, in one binary.

mod data;
mod evaluate;
mod export;
mod import;
