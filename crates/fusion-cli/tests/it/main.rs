//! Tests of the public API and of the binary, in one binary.

mod binary;
mod bomb;
mod data;
mod design;
mod endpoint;
mod flags;
mod golden;
mod help;
mod kill;
mod overlay;
mod record;
mod schemas;
mod serve;
mod status;
mod suite;
