use std::path::Path;

use overlay_migrate::{Passed, Site};

use super::tree::clock;
use crate::environment::Environment;
use crate::output::Output;
use crate::progress::progress;

/// Does `work` on the tree in `dir`, and shows meanwhile how far it is.
pub(super) fn watched<R>(
    dir: &Path,
    output: &Output,
    environment: &Environment,
    work: impl FnOnce(Site<'_>) -> R,
) -> R {
    let bar = progress(0, output, environment);
    let watch = |passed: Passed| {
        if bar.length() != Some(passed.of as u64) || passed.done == 1 {
            bar.set_length(passed.of as u64);
            bar.set_message(passed.what);
        }
        bar.set_position(passed.done as u64);
    };
    let done = work(Site { watch: &watch, ..Site::new(dir, &clock) });
    bar.finish_and_clear();
    done
}
