//! What a power failure, a kill, or both in a row may leave of a root.

#![expect(clippy::print_stdout, reason = "a figure is printed by the test that takes it")]

mod commands;
mod explore;

use std::collections::BTreeMap;
use std::thread;
use std::time::Instant;

use overlay_store::Store;
use overlay_store::model::Sampling;

use self::commands::{Command, all, base};
use self::explore::{Explorer, Run};
use crate::roots::holder;

/// Enough for every prefix of every command within seconds, unoptimised.
const SAMPLING: Sampling = Sampling { all_up_to: 128, drawn: 24, seed: 7 };

/// A power failure after each operation of each command; and a kill or a power failure with
/// another one while the next writer puts the root in order, or right after it has.
#[test]
fn every_crash_state_recovers() {
    let start = Instant::now();
    let explored = thread::scope(|scope| {
        let explore = |command: Command| {
            let run = Run::of(&base(command.start), &command);
            let mut explorer = Explorer::default();
            explorer.crashes(&run, SAMPLING);
            let one = explorer.states;
            explorer.crashes_of_recovering(&run);
            (command.name, one, explorer)
        };
        let threads: Vec<_> =
            all().into_iter().map(|it| scope.spawn(move || explore(it))).collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect::<Vec<_>>()
    });
    for (name, one, Explorer { states, .. }) in &explored {
        println!("{name:>15}: {one:>4} states after a crash, {:>4} after two", states - one);
    }
    let states: usize = explored.iter().map(|it| it.2.states).sum();
    let violations: Vec<_> = explored.into_iter().flat_map(|it| it.2.violations).collect();
    let seconds = start.elapsed().as_secs_f64();
    println!("{states} states, {} violations, {seconds:.1} s", violations.len());
    assert_eq!(violations, Vec::<String>::new());
    assert!(states >= 5000, "{states}");
}

/// Leaves out each sync of each command that makes something durable.
#[test]
fn a_sync_left_out_is_caught() {
    let (mut caught, mut missed) = (0, Vec::new());
    for command in all() {
        let run = Run::of(&base(command.start), &command);
        for (at, operation) in run.fs.operations().iter().enumerate().filter(|it| it.1.synced) {
            let mut explorer = Explorer::default();
            let omitting = run.fs.killed(0).unwrap().without_sync(at);
            let run = Run::of(&omitting, &command);
            explorer.crashes_until_violation(&run, at);
            match explorer.violations.first() {
                Some(_) => caught += 1,
                None => {
                    missed.push(format!("{}: {} {}", command.name, operation.name, operation.path));
                }
            }
        }
    }
    println!("{caught} of {} left-out syncs caught", caught + missed.len());
    assert_eq!(missed, Vec::<String>::new());
}

/// The same for the syncs of recovering: one that is left out is caught after some kill of
/// some command.
#[test]
fn a_sync_left_out_of_recovering_is_caught() {
    let mut sites = BTreeMap::<String, bool>::new();
    for command in all() {
        let run = Run::of(&base(command.start), &command);
        for after in 0..=run.fs.operations().len() {
            let killed = run.fs.killed(after).unwrap();
            let whole = run.fs.killed(after).unwrap();
            drop(Store::with(whole.clone()).lock(&holder()).unwrap());
            for (at, it) in whole.operations().iter().enumerate().filter(|it| it.1.synced) {
                let caught = sites.entry(format!("{} {}", it.name, it.path)).or_default();
                if !*caught {
                    let mut explorer = Explorer::default();
                    explorer.recovering(&run, after, &killed.without_sync(at));
                    *caught = !explorer.violations.is_empty();
                }
            }
        }
    }
    let missed: Vec<_> = sites.iter().filter(|it| !it.1).map(|it| it.0.clone()).collect();
    println!(
        "{} of {} left-out syncs of recovering caught",
        sites.len() - missed.len(),
        sites.len()
    );
    assert_eq!(missed, Vec::<String>::new());
}
