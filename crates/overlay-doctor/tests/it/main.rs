//! Tests of the public API, in one binary.

mod doctor;
mod doctor_root;
mod health;
mod health_root;
mod options;
mod reference;
mod site;
