//! Tests of the public API and of the binary, in one binary.

mod audit;
mod backup;
mod binary;
mod bomb;
mod budget;
mod closing_example;
mod data;
mod deploy;
mod design;
mod doctor;
mod endpoint;
mod flags;
mod golden;
mod golden_study;
mod help;
mod kill;
mod migrate;
mod optimize;
mod overlay;
mod record;
mod schemas;
mod serve;
mod status;
mod suite;
mod tune;
