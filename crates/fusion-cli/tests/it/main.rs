//! Tests of the public API and of the binary, in one binary.

mod binary;
mod bomb;
mod data;
mod design;
mod endpoint;
mod golden;
mod help;
mod overlay;
mod record;
mod schemas;
mod suite;
