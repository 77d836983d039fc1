//! An OpenFeature provider over fusion-flags and flagd files.
