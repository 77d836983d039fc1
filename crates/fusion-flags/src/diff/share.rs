//! The work of a comparison, shared out among threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use super::plan::{DiffPlan, TypePlan};
use super::units::BLOCK;

/// Some units, to be asked all cases of a kind of work.
pub(super) struct Part<'a> {
    /// The kind of work, by its place in the plan.
    pub(super) of: usize,
    pub(super) plan: &'a TypePlan,
    pub(super) units: &'a [String],
}

/// What there is to do, at least one part for each kind of work. Its units are parted only
/// where there are few of them: their hashes serve all of its cases.
pub(super) fn parts<'a>(plan: &'a DiffPlan, units: &'a [String]) -> Vec<Part<'a>> {
    let pieces = (threads() * 4).div_ceil(plan.types.len().max(1));
    let of_type = |(of, plan): (usize, &'a TypePlan)| {
        let units = plan.asked(units);
        let size = units.len().div_ceil(pieces).next_multiple_of(BLOCK).max(BLOCK);
        let starts = (0..units.len().max(1)).step_by(size);
        starts.map(move |start| {
            let end = units.len().min(start + size);
            Part { of, plan, units: units.get(start..end).unwrap_or_default() }
        })
    };
    plan.types.iter().enumerate().flat_map(of_type).collect()
}

fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// `work` on every part, `done` with each result on this thread, in any order.
pub(super) fn each<'a, T: Send>(
    parts: &[Part<'a>],
    work: impl Fn(&Part<'a>) -> T + Sync,
    mut done: impl FnMut(T),
) {
    let (next, work, (sender, results)) = (&AtomicUsize::new(0), &work, channel());
    thread::scope(|scope| {
        for _ in 0..threads().min(parts.len()) {
            let sender = sender.clone();
            scope.spawn(move || {
                while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if sender.send(work(part)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        results.into_iter().for_each(&mut done);
    });
}
