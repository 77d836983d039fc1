//! A rollout that is cut off at any operation: what is live is whole, and the next command
//! goes on or goes back.

use std::io;

use overlay_deploy::{Applied, DeployError, Outcome, Request, abort, recover, resume, rollback};
use overlay_store::Phase;
use overlay_store::model::{Fault, Faulty, ModelFs, Sampling};

use crate::plan::{file, overlay, overlay_text};
use crate::world::World;

const RULES: &str = "[environments.development]\nmode = \"staged\"\nstages = [50, 100]\n\
                     bake = \"1s\"\nchecks = [\"schema\"]\n";

/// A root with the trust floor 0.6 in force.
fn base() -> ModelFs {
    let fs = ModelFs::new();
    let world = World::model(fs.clone(), "development");
    let with = vec![file("deploy.toml", RULES)];
    let overlays = vec![overlay("refund.txt", &overlay_text("refund", "0.6"))];
    let planned = world.planned(&Request { with, overlays, ..world.request() });
    assert_eq!(world.execute(&planned).unwrap().outcome, Outcome::Deployed);
    fs.killed(fs.operations().len()).unwrap()
}

/// The same rollout on every root it is done on.
fn staged(world: &World<ModelFs>) -> Result<Applied, DeployError> {
    world.execute(&world.refund("0.65"))
}

/// Nothing is under way, and what is in force is whole.
#[track_caller]
fn settled(world: &World<ModelFs>, at: usize) -> String {
    assert_eq!(world.phase(), Phase::Stable, "after operation {at}");
    let floor = world.floor();
    assert!(["0.6", "0.65"].contains(&floor.as_str()), "{floor} after operation {at}");
    world.store.audit().verify(None).unwrap();
    floor
}

pub(crate) fn every_kill_of_a_staged_rollout_recovers() {
    let fs = base();
    let world = World::model(fs.clone(), "development");
    assert_eq!(staged(&world).unwrap().outcome, Outcome::Deployed);
    let all = fs.operations().len();
    let mut ends = [0, 0];
    for at in 0..=all {
        let world = World::model(fs.killed(at).unwrap(), "development");
        world.act(recover).unwrap();
        let floor = settled(&world, at);
        ends[usize::from(floor == "0.65")] += 1;
        assert_eq!(world.execute(&world.refund("0.7")).unwrap().outcome, Outcome::Deployed);
    }
    println!("{} kills: {} ended in the old, {} in the new", all + 1, ends[0], ends[1]);
    assert!(ends[0] > 0 && ends[1] > 0);
}

#[test]
fn every_kill_of_a_staged_rollout_can_be_resumed() {
    let fs = base();
    let world = World::model(fs.clone(), "development");
    assert_eq!(staged(&world).unwrap().outcome, Outcome::Deployed);
    let mut resumed = 0;
    for at in 0..=fs.operations().len() {
        let world = World::model(fs.killed(at).unwrap(), "development");
        match world.act(resume) {
            Ok(applied) => {
                assert_eq!(applied.outcome, Outcome::Deployed, "after operation {at}");
                assert_eq!(settled(&world, at), "0.65");
                resumed += 1;
            }
            Err(DeployError::Idle) => {
                settled(&world, at);
            }
            Err(err) => panic!("after operation {at}: {err}"),
        }
    }
    println!("{resumed} kills were resumed");
    assert!(resumed > 50, "{resumed}");
}

/// A power cut may lose what was not synced: the same holds.
#[test]
fn every_power_cut_recovers() {
    let fs = base();
    staged(&World::model(fs.clone(), "development")).unwrap();
    let sampling = Sampling { all_up_to: 2, drawn: 1, seed: 3 };
    let mut states = 0;
    // Every operation is cut off in overlay-store; here it is the controller's turn.
    for at in (0..=fs.operations().len()).step_by(4) {
        for state in fs.crashes(at, sampling) {
            let world = World::model(state, "development");
            world.act(recover).unwrap();
            settled(&world, at);
            states += 1;
        }
    }
    println!("{states} states after a power cut recovered");
    assert!(states > 300, "{states}");
}

/// Orders cut off: an abort and a rollback.
#[test]
fn every_kill_of_an_order_recovers() {
    let paused = || {
        let fs = base();
        let world = World::model(fs.clone(), "development");
        world.see(|_| Ok(Default::default()));
        assert_eq!(staged(&world).unwrap().outcome, Outcome::Paused);
        fs.killed(fs.operations().len()).unwrap()
    };
    let fs = paused();
    let world = World::model(fs.clone(), "development");
    world.act(abort).unwrap();
    for at in 0..=fs.operations().len() {
        let world = World::model(fs.killed(at).unwrap(), "development");
        world.act(recover).unwrap();
        // Before the abort it is paused still, which nobody has to put in order.
        if world.phase() == Phase::Paused {
            world.act(abort).unwrap();
        }
        assert_eq!(settled(&world, at), "0.6");
    }
    let fs = paused();
    let world = World::model(fs.clone(), "development");
    let id = world.id();
    let target = "1".parse().unwrap();
    world.act(|root| rollback(root, &target, &id, None)).unwrap();
    for at in 0..=fs.operations().len() {
        let world = World::model(fs.killed(at).unwrap(), "development");
        world.act(recover).unwrap();
        assert_eq!(world.floor(), "0.6", "after operation {at}");
    }
}

const FAULTS: [Fault; 5] = [
    Fault::Error(io::ErrorKind::Other),
    Fault::Error(io::ErrorKind::StorageFull),
    Fault::Error(io::ErrorKind::Interrupted),
    Fault::AfterEffect,
    Fault::ShortWrite,
];

/// A disk that fails at any operation, each time in two of five ways: the outcome is one of
/// a few, and what is live is whole.
#[test]
fn every_fault_leaves_a_whole_root() {
    let start = base();
    let again = || start.killed(start.operations().len()).unwrap();
    let planned = World::model(again(), "development").refund("0.65");
    let whole = World::faulty(Faulty::new(again(), usize::MAX, FAULTS[0]));
    whole.execute(&planned).unwrap();
    let operations = whole.store.fs().done();
    let mut failed = 0;
    for (at, which) in (0..operations).flat_map(|at| [(at, at), (at, at + 2)]) {
        let fault = FAULTS[which % FAULTS.len()];
        let fs = again();
        let world = World::faulty(Faulty::new(fs.clone(), at, fault));
        if let Err(err) = world.execute(&planned) {
            let code = err.exit_code();
            assert!([8, 11, 69].contains(&code), "{fault:?} at {at}: {code}, {err:?}");
            failed += 1;
        }
        let world = World::model(fs.killed(fs.operations().len()).unwrap(), "development");
        world.act(recover).unwrap();
        settled(&world, at);
    }
    println!("{failed} of {} rollouts met a fault that ended them", 2 * operations);
    assert!(failed > 600, "{failed}");
}
