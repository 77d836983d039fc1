//! Tests of the public API, in one binary.

mod data;
mod gherkin;
mod overlay;
mod scenario;
mod suites;
mod typed;
mod world;
