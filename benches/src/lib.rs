//! Home of the benchmarks; `cargo xtask bench` runs them and prints each figure beside its
//! goal.
