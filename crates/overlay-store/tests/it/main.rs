//! Tests of the public API, in one binary.

mod audit;
mod crash;
mod fault;
mod lost_pointer;
mod pointer;
mod race;
mod real;
mod roots;
mod tamper;
mod tree;
mod writer;
