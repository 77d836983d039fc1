//! Integration tests of `overlay-optimizer`.

mod accept;
mod analysis;
mod data;
mod front;
mod optimize;
mod oracle;
mod profile;
mod property;
mod space;
mod tune;

use overlay_model::Overlay;

/// An overlay that deploys, with `more` behind it.
fn overlay(more: &str) -> Overlay {
    let text = format!(
        "# Refunds\nFUSION_OVERLAY_VERSION=2.1.0\nOVERLAY_NAME=refund\nENTROPY_REDUCTION_TARGET = \
         0.30\nCONTINUITY_ENFORCEMENT=basic_thread\nTRUST_SCORING_MODEL=simple_alignment\n\
         FUSION_MODE=adaptive_routing\n{more}"
    );
    text.parse().unwrap()
}
