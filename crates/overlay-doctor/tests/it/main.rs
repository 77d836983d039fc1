//! Tests of the public API, in one binary.

mod doctor;
mod health;
mod health_root;
mod options;
mod reference;
mod site;
