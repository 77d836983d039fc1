//! The audit index and performance rows of an overlay deployment, in SQLite.
