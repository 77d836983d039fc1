//! Migrations of overlay files and configuration trees: planned, journalled, undone.
