//! Stopping and failing at every file operation.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use overlay_migrate::{Plan, RunError, Site, Tree, apply, recover, rollback};

use crate::planned;
use crate::sim::{Fault, Loss, Sim, State};

const FILES: [(&str, &str, u32); 4] = [
    (
        "fusion_overlay.refund_v2.1.txt",
        "FUSION_OVERLAY_VERSION=v2.1.0\nDESCRIPTION=Refunds\nCONTINUITY_ENFORCEMENT=strict_memory\n",
        0o640,
    ),
    ("eval_scenarios.yaml", "scenarios: []\n", 0o600),
    (
        "overlays/fusion_overlay.x.txt",
        "FUSION_OVERLAY_VERSION=0.3\nLOG_LEVEL=info\nOVERLAY_NAME=x\n",
        0o444,
    ),
    ("other.txt", "is left alone\n", 0o644),
];

/// A tree on a disk in memory, and the plan for it.
struct Case {
    old: State,
    new: State,
    plan: Plan,
    /// The disks that were found to recover, so that none is tried twice.
    sound: RefCell<BTreeSet<State>>,
}

fn root() -> &'static Path {
    Path::new("/t")
}

fn site(sim: &Sim) -> Site<'_> {
    Site { root: root(), disk: sim, clock: &|| 7, watch: &|_| {} }
}

fn case() -> Case {
    let tree = Tree::of(FILES.iter().map(|(path, text, _)| (*path, *text)));
    let (plan, _) = planned(&tree, &[], &["CONTINUITY_ENFORCEMENT=basic_thread"]);
    let mut old = State::default();
    old.folders.insert(PathBuf::from("/t/overlays"));
    for (path, text, mode) in FILES {
        old.files.insert(root().join(path), (text.into(), mode));
    }
    let sim = Sim::of(old.clone());
    apply(site(&sim), &plan).expect("applied");
    let new = sim.state().tree();
    assert_ne!(new, old);
    assert_eq!(new.files[Path::new("/t/overlays/fusion_overlay.refund.txt")].1, 0o640);
    assert_eq!(new.files[Path::new("/t/overlays/fusion_overlay.x.txt")].1, 0o444);
    Case { old, new, plan, sound: RefCell::default() }
}

impl Case {
    /// What is wrong with the disk once the next run has recovered it; it must be all old
    /// or all new, and what is new must come back byte for byte.
    fn violation(&self, state: State) -> Option<String> {
        if self.sound.borrow().contains(&state) {
            return None;
        }
        let sim = Sim::of(state.clone());
        if let Err(err) = recover(site(&sim)) {
            return Some(format!("recover: {err:?}"));
        }
        let violation = self.settled(&sim).or_else(|| self.undone(&state));
        if violation.is_none() {
            self.sound.borrow_mut().insert(state);
        }
        violation
    }

    /// What is wrong with the disk once a rollback found it as it is: it must be all old.
    fn undone(&self, state: &State) -> Option<String> {
        let sim = Sim::of(state.clone());
        match rollback(site(&sim), None) {
            Ok(_) | Err(RunError::NothingToUndo) if sim.state().tree() == self.old => None,
            other => Some(format!("rollback: {other:?}, then {:#?}", sim.state().tree())),
        }
    }

    fn settled(&self, sim: &Sim) -> Option<String> {
        let tree = sim.state().tree();
        if tree == self.new {
            if let Err(err) = rollback(site(sim), None) {
                return Some(format!("rollback: {err:?}"));
            }
            if sim.state().tree() != self.old {
                return Some(format!("not as before: {:#?}", sim.state().tree()));
            }
        } else if tree != self.old {
            return Some(format!("neither old nor new: {tree:#?}"));
        }
        match apply(site(sim), &self.plan) {
            Ok(_) if sim.state().tree() == self.new => None,
            other => Some(format!("cannot be applied afterwards: {other:?}")),
        }
    }

    /// The disk after `work` met `fault`, for every kind of loss.
    fn stopped(&self, start: &State, fault: Fault, work: impl Fn(&Sim)) -> Vec<State> {
        let sim = Sim::of(start.clone()).with(Some(fault));
        work(&sim);
        Loss::ALL.map(|it| sim.after(it)).to_vec()
    }

    /// How many operations `work` makes on `start`.
    fn operations(start: &State, work: impl Fn(&Sim)) -> usize {
        let sim = Sim::of(start.clone());
        work(&sim);
        sim.operations()
    }

    fn applied(&self) -> State {
        let sim = Sim::of(self.old.clone());
        apply(site(&sim), &self.plan).expect("applied");
        sim.state()
    }
}

fn stop(at: usize, is_torn: bool) -> Fault {
    Fault { at, stops: true, is_torn }
}

#[test]
fn a_run_that_stops_anywhere_ends_all_old_or_all_new() {
    let case = case();
    let apply_it = |sim: &Sim| drop(apply(site(sim), &case.plan));
    let undo_it = |sim: &Sim| drop(rollback(site(sim), None));
    let applied = case.applied();
    let mut states = 0;
    for (start, work) in [(&case.old, &apply_it as &dyn Fn(&Sim)), (&applied, &undo_it)] {
        for at in 0..=Case::operations(start, work) {
            for is_torn in [false, true] {
                for state in case.stopped(start, stop(at, is_torn), work) {
                    states += 1;
                    if let Some(why) = case.violation(state) {
                        panic!("stopped at {at}, torn {is_torn}: {why}");
                    }
                }
            }
        }
    }
    assert!(states > 1_000, "{states}");
}

#[test]
fn two_crashes_in_a_row_end_all_old_or_all_new() {
    let case = case();
    let recover_it = |sim: &Sim| drop(recover(site(sim)));
    let all = Case::operations(&case.old, |sim| drop(apply(site(sim), &case.plan)));
    assert!(all > 4 * Loss::ALL.len(), "every kind of loss comes first once: {all}");
    let mut states = 0;
    for first in (0..all).step_by(4) {
        let sim = Sim::of(case.old.clone()).with(Some(stop(first, true)));
        drop(apply(site(&sim), &case.plan));
        let state = sim.after(Loss::ALL[first / 4 % Loss::ALL.len()]);
        for second in (0..Case::operations(&state, recover_it)).step_by(2) {
            for state in case.stopped(&state, stop(second, second % 2 == 0), recover_it) {
                states += 1;
                if let Some(why) = case.violation(state) {
                    panic!("stopped at {first}, then at {second}: {why}");
                }
            }
        }
    }
    assert!(states > 2_000, "{states}");
}

#[test]
fn an_operation_that_fails_is_undone_at_once_or_at_the_next_run() {
    let case = case();
    for at in 0..Case::operations(&case.old, |sim| drop(apply(site(sim), &case.plan))) {
        for is_torn in [false, true] {
            let fault = Fault { at, stops: false, is_torn };
            let sim = Sim::of(case.old.clone()).with(Some(fault));
            match apply(site(&sim), &case.plan) {
                Ok(_) => panic!("the failure at {at} was swallowed"),
                Err(RunError::RolledBack { .. }) => {
                    assert_eq!(sim.state().tree(), case.old, "at {at}");
                }
                Err(_) => (),
            }
            if let Some(why) = case.violation(sim.state()) {
                panic!("failed at {at}, torn {is_torn}: {why}");
            }
        }
    }
}

#[test]
fn a_rollback_that_fails_goes_on_at_the_next_run() {
    let case = case();
    let applied = case.applied();
    for at in 0..Case::operations(&applied, |sim| drop(rollback(site(sim), None))) {
        let fault = Fault { at, stops: false, is_torn: at % 2 == 0 };
        let sim = Sim::of(applied.clone()).with(Some(fault));
        rollback(site(&sim), None).expect_err("failed");
        if let Some(why) = case.violation(sim.state()) {
            panic!("failed at {at}: {why}");
        }
    }
}

#[test]
fn what_was_acknowledged_outlives_a_power_cut() {
    let case = case();
    let sim = Sim::of(case.old.clone());
    apply(site(&sim), &case.plan).expect("applied");
    assert_eq!(sim.after(Loss::Unsynced).tree(), case.new);
    rollback(site(&sim), None).expect("rolled back");
    assert_eq!(sim.after(Loss::Unsynced).tree(), case.old);
}

/// Whether some crash of a run without the sync `skipped` does harm.
fn is_caught(case: &Case, skipped: usize, operations: usize) -> bool {
    let run = |fault| {
        let sim = Sim::of(case.old.clone()).with(fault).without_sync(skipped);
        drop(apply(site(&sim), &case.plan));
        sim
    };
    if run(None).after(Loss::Unsynced).tree() != case.new {
        return true;
    }
    (0..operations).any(|at| {
        let sim = run(Some(stop(at, false)));
        Loss::ALL.iter().any(|loss| case.violation(sim.after(*loss)).is_some())
    })
}

#[test]
fn every_sync_of_a_folder_is_needed() {
    let case = case();
    let sim = Sim::of(case.old.clone());
    apply(site(&sim), &case.plan).expect("applied");
    let all = sim.syncs();
    let missed: Vec<_> = (0..all).filter(|it| !is_caught(&case, *it, sim.operations())).collect();
    assert!(missed.is_empty(), "of {all} syncs these may be left out: {missed:?}");
}
