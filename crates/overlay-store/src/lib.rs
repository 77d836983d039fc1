//! A crash-safe store of configuration generations, with a hash-chained audit log.

pub mod audit;
mod pointer;
pub mod vfs;

pub use crate::pointer::{
    GenerationId, GenerationRef, InvalidGenerationId, MAX_POINTER_BYTES, Phase, Pointer,
};
