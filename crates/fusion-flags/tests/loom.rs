//! The breaker under every order of its threads' steps.
