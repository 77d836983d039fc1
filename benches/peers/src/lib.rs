//! Home of the comparisons with other libraries; `cargo xtask bench --peers` runs them and
//! prints each figure of ours beside theirs.
