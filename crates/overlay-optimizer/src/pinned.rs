use std::collections::BTreeSet;

use overlay_model::{Data, Overlay, Shape};

/// The keys that `overlay` pins, in no layer but its own.
pub(crate) fn pinned(overlay: &Overlay) -> BTreeSet<String> {
    let text = overlay.value("OVERLAY_PINNED").unwrap_or("none");
    match Data::parse(Shape::List, text) {
        Ok(Data::List(keys)) => keys.into_iter().collect(),
        _ => BTreeSet::new(),
    }
}
