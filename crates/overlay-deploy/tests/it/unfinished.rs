//! Deployments that did not come to their end, and what the next command makes of them.

use std::cell::Cell;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use overlay_deploy::{
    Applied, ApplyReport, DeployError, HealthStatus, Mode, Observed, Outcome, Planned, Reached,
    Request, RollbackOutcome, Root, Surroundings, Target, abort, list, pause, pin, promotable,
    promote, recover, resume, rollback, rollback_unproven, rollout, status, take_back,
    verify_rollouts,
};
use overlay_store::{GenerationId, Phase};

use crate::plan::{overlay, overlay_text};
use crate::world::{World, harmful, harmless};

/// The process that deploys `planned` dies at the first look.
fn killed(world: &World, planned: &Planned) {
    world.pass_golden(planned);
    world.see(|_| panic!("the process ends"));
    catch_unwind(AssertUnwindSafe(|| world.execute(planned))).unwrap_err();
    world.see(|_| Ok(harmless()));
    world.moved();
}

fn in_mode(world: &World, mode: Mode, floor: &str) -> Planned {
    let overlays = vec![overlay("refund.txt", &overlay_text("refund", floor))];
    world.planned(&Request { overlays, mode: Some(mode), ..world.request() })
}

/// A root of production whose first deployment died in the checks after it.
fn first_killed() -> World {
    let world = World::new("production");
    killed(&world, &world.refund("0.6"));
    assert_eq!(world.phase(), Phase::PostCheck);
    world
}

/// A root with the trust floors 0.6 and 0.65, and 0.7 on trial that nobody drives.
pub(crate) fn canary_left() -> World {
    let world = World::new("development");
    for floor in ["0.6", "0.65"] {
        assert_eq!(world.deploy(&world.refund(floor)).outcome, Outcome::Deployed);
    }
    killed(&world, &in_mode(&world, Mode::Staged, "0.7"));
    assert_eq!(world.phase(), Phase::Canary);
    world
}

fn to(world: &World, target: &str) -> Result<Outcome, DeployError> {
    let (id, target) = (world.id(), target.parse().unwrap());
    world.act(|root| rollback(root, &target, &id, None)).map(|it| it.outcome)
}

#[test]
fn a_first_deployment_that_was_killed_waits_for_resume() {
    let world = first_killed();
    let recovered = world.act(recover).unwrap();
    let id = world.store.current().unwrap().unwrap().deployment;
    assert_eq!((recovered.waits, recovered.rollout), (id, None));
    world.act(|root| pin(root, "first", GenerationId(1))).unwrap();
    let health = status(&world.store, &world.environment).unwrap().health;
    assert_eq!(health.reasons, ["the process that drove it ended: resume, or deploy again"]);
    assert_eq!(world.act(resume).unwrap().outcome, Outcome::Deployed);
    assert_eq!(world.moved(), "Stable 0");
    promotable(&world.store, &world.environment).unwrap();
}

#[test]
fn a_first_deployment_that_was_killed_goes_on_with_the_next_one_of_its_tree() {
    let world = first_killed();
    let again = world.refund("0.6");
    assert!(!again.plan.is_empty());
    assert_eq!(world.deploy(&again).outcome, Outcome::Deployed);
    assert_eq!(world.store.generations().unwrap().len(), 1);
    assert!(world.refund("0.6").plan.is_empty());
    assert_eq!(world.deploy(&world.refund("0.6")).outcome, Outcome::Unchanged);
}

#[test]
fn another_deployment_takes_the_place_of_a_first_one_that_was_killed() {
    let world = first_killed();
    let first = world.store.current().unwrap().unwrap().deployment.unwrap();
    assert_eq!(world.deploy(&in_mode(&world, Mode::Direct, "0.7")).outcome, Outcome::Deployed);
    let ended = rollout(&world.store, &first).unwrap().unwrap().ended.unwrap();
    assert_eq!(ended.outcome, Outcome::Aborted);
    assert!(ended.reasons[0].ends_with("took its place"), "{ended:?}");
}

#[test]
fn what_is_frozen_is_not_unchanged_but_checked_again() {
    let world = World::new("production");
    let nack = || Ok(Observed { nacks: vec!["one: no".to_owned()], ..Observed::default() });
    world.see(move |_| nack());
    assert_eq!(world.deploy(&world.refund("0.6")).outcome, Outcome::Frozen);
    let again = world.refund("0.6");
    assert_eq!((again.plan.again, again.plan.mode), (true, Mode::Direct));
    assert!(again.plan.to_string().contains("goes through its checks once more"));
    assert_eq!(world.deploy(&again).outcome, Outcome::Frozen, "it does harm still");
    world.see(|_| Ok(harmless()));
    world.moved();
    let planned = world.refund("0.6");
    let applied = world.deploy(&planned);
    assert_eq!(
        (applied.outcome, world.moved().as_str()),
        (Outcome::Deployed, "PostCheck 0, Stable 0")
    );
    assert_eq!(world.store.generations().unwrap().len(), 1);
    let health = status(&world.store, &world.environment).unwrap().health;
    assert_eq!(health.status, HealthStatus::Healthy);
    let report = ApplyReport::of(&applied, &planned.plan, health, Default::default());
    assert_eq!((report.backup, report.deployed), (None, true));
    promotable(&world.store, &world.environment).unwrap();
}

#[test]
fn while_a_rollout_is_under_way_nothing_is_unchanged() {
    for (mode, floor) in [(Mode::BlueGreen, "0.7"), (Mode::Staged, "0.6")] {
        let world = World::new("production");
        world.deploy(&world.refund("0.6"));
        let other = World::sharing(world.path(), "production");
        let mut asked = false;
        world.see(move |_| {
            if !std::mem::replace(&mut asked, true) {
                let err = other.execute(&other.refund(floor)).unwrap_err();
                assert!(matches!(err, DeployError::UnderWay { .. }), "{err}");
                assert_eq!(err.exit_code(), 75);
            }
            Ok(harmless())
        });
        let applied = world.deploy(&in_mode(&world, mode, "0.7"));
        assert_eq!(applied.outcome, Outcome::Deployed, "{mode}");
    }
}

#[test]
fn a_plan_without_change_is_void_once_the_root_moved_on() {
    let world = World::new("development");
    world.deploy(&world.refund("0.6"));
    let planned = world.refund("0.6");
    world.deploy(&world.refund("0.7"));
    assert_eq!(world.execute(&planned).unwrap_err().exit_code(), 9);
}

#[test]
fn what_was_never_in_force_for_good_does_not_come_back() {
    let world = World::new("staging");
    world.deploy(&world.refund("0.6"));
    world.see(|_| Ok(harmful()));
    assert_eq!(world.deploy(&world.refund("0.7")).outcome, Outcome::RolledBack);
    world.act(|root| pin(root, "bad", GenerationId(2))).unwrap();
    let made = list(&world.store).unwrap()[0].deployment.clone().unwrap();
    for target in ["2", "bad", &made] {
        let err = to(&world, target).unwrap_err();
        assert!(matches!(err, DeployError::Unproven(GenerationId(2))), "{err}");
        assert_eq!(err.exit_code(), 1);
    }
    assert_eq!(world.floor(), "0.6");
    let id = world.id();
    let target = Target::Generation(GenerationId(2));
    let applied = world.act(|root| rollback_unproven(root, &target, &id, None)).unwrap();
    assert_eq!((applied.outcome, world.floor().as_str()), (Outcome::Restored, "0.7"));
    let last = world.store.audit().last().unwrap().unwrap().entry;
    assert_eq!(
        (last.action.as_str(), &last.detail["unproven"]),
        ("rollback_committed", &true.into())
    );
    assert_eq!(to(&world, "1").unwrap(), Outcome::Restored, "that one was");
    let last = world.store.audit().last().unwrap().unwrap().entry;
    assert!(last.detail.get("unproven").is_none(), "{last:?}");
}

#[test]
fn taking_back_ends_a_canary_and_leaves_what_is_in_force() {
    let world = canary_left();
    let id = world.id();
    let epoch = world.store.current().unwrap().unwrap().epoch;
    let err = world.act(|root| take_back(root, &id, Some(epoch - 1))).unwrap_err();
    assert_eq!(err.exit_code(), 9);
    let applied = world.act(|root| take_back(root, &id, Some(epoch))).unwrap();
    assert_eq!((applied.outcome, world.floor().as_str()), (Outcome::Aborted, "0.65"));
    assert_eq!(world.phase(), Phase::Stable);
    let applied = world.act(|root| take_back(root, &id, None)).unwrap();
    assert_eq!((applied.outcome, world.floor().as_str()), (Outcome::Restored, "0.6"));
}

#[test]
fn a_canary_whose_file_is_lost_is_taken_back() {
    for damage in [None, Some("garbage")] {
        for order in ["abort", "recover", "rollback", "apply"] {
            let world = canary_left();
            let id = world.store.current().unwrap().unwrap().deployment.unwrap();
            let file = world.path().join(format!("rollouts/{id}.json"));
            match damage {
                None => fs::remove_file(&file).unwrap(),
                Some(text) => fs::write(&file, text).unwrap(),
            }
            let report = status(&world.store, &world.environment).unwrap();
            assert!(report.is_tampered);
            let reasons = report.health.reasons.join("; ");
            assert!(reasons.contains("is damaged: "), "{reasons}");
            assert!(reasons.contains("recover or abort"), "{reasons}");
            assert_eq!(verify_rollouts(&world.store).unwrap().len(), 1);
            assert_eq!(world.act(resume).unwrap_err().exit_code(), 8, "by which rules?");
            match order {
                "abort" => assert_eq!(world.act(abort).unwrap().outcome, Outcome::Aborted),
                "rollback" => assert_eq!(to(&world, "1").unwrap(), Outcome::Restored),
                _ => {
                    let taken = world.act(recover).unwrap().rollout.unwrap();
                    assert_eq!(taken.outcome, Outcome::RolledBack);
                    assert!(taken.reasons[1].contains("taken back by the audit log"), "{taken:?}");
                }
            }
            assert_eq!(world.phase(), Phase::Stable);
            assert_eq!(world.floor(), if order == "rollback" { "0.6" } else { "0.65" });
            assert_eq!(world.deploy(&world.refund("0.8")).outcome, Outcome::Deployed);
        }
    }
}

#[test]
fn after_the_switch_the_log_says_what_to_return_to() {
    let world = World::new("production");
    world.deploy(&world.refund("0.6"));
    killed(&world, &in_mode(&world, Mode::BlueGreen, "0.7"));
    assert_eq!((world.phase(), world.floor().as_str()), (Phase::PostCheck, "0.7"));
    let id = world.store.current().unwrap().unwrap().deployment.unwrap();
    fs::remove_file(world.path().join(format!("rollouts/{id}.json"))).unwrap();
    let taken = world.act(recover).unwrap().rollout.unwrap();
    assert_eq!((taken.outcome, world.floor().as_str()), (Outcome::RolledBack, "0.6"));
}

#[test]
fn a_paused_canary_whose_file_is_lost_is_aborted() {
    let world = canary_left();
    world.act(pause).unwrap();
    let id = world.store.current().unwrap().unwrap().deployment.unwrap();
    fs::remove_file(world.path().join(format!("rollouts/{id}.json"))).unwrap();
    let reasons = status(&world.store, &world.environment).unwrap().health.reasons;
    assert_eq!(reasons[0], "the rollout is paused: abort it");
    assert_eq!(world.act(abort).unwrap().outcome, Outcome::Aborted);
    assert_eq!(world.floor(), "0.65");
}

#[test]
fn who_was_displaced_says_what_is_in_force_and_how_far_it_came() {
    let world = World::new("staging");
    world.deploy(&world.refund("0.6"));
    world.deploy(&world.refund("0.65"));
    let other = World::sharing(world.path(), "staging");
    let mut asked = false;
    world.see(move |_| {
        if !std::mem::replace(&mut asked, true) {
            assert_eq!(to(&other, "1").unwrap(), Outcome::Restored);
        }
        Ok(harmless())
    });
    let planned = world.refund("0.7");
    let applied = world.deploy(&planned);
    assert_eq!(applied.outcome, Outcome::Aborted);
    let health = status(&world.store, &world.environment).unwrap().health;
    let report = ApplyReport::of(&applied, &planned.plan, health, Default::default());
    assert_eq!(report.stage, Reached::Canary);
    assert_eq!(report.backup, Some(GenerationId(2)));
    assert_eq!(report.rollback.outcome, RollbackOutcome::NotNeeded, "it went somewhere else");
    assert_eq!(applied.pointer.unwrap().stable.generation, GenerationId(1));
}

#[test]
fn a_pointer_that_is_gone_or_an_older_one_is_none_to_plan_by() {
    use overlay_deploy::{Base, verify};
    let world = World::new("development");
    world.deploy(&world.refund("0.6"));
    let current = world.path().join("CURRENT");
    let old = fs::read(&current).unwrap();
    world.deploy(&world.refund("0.7"));
    for pointer in [Some(old), None] {
        match pointer {
            Some(bytes) => fs::write(&current, bytes).unwrap(),
            None => fs::remove_file(&current).unwrap(),
        }
        let base = Base::read(&world.store, Default::default()).map_err(DeployError::from);
        assert_eq!(base.unwrap_err().exit_code(), 8);
        assert_eq!(verify(&world.store, false).unwrap_err().exit_code(), 8);
        assert_eq!(verify(&world.store, true).unwrap().len(), 2);
        let listed = list(&world.store).unwrap();
        assert!(listed.iter().all(|it| !it.is_live), "{listed:?}");
        let err = promotable(&world.store, &world.environment).unwrap_err();
        assert_eq!(err.exit_code(), 8);
    }
}

/// A root of production whose first deployment, with the trust floor 0.6, is frozen.
fn first_frozen() -> World {
    let world = World::new("production");
    world.see(|_| Ok(Observed { nacks: vec!["one: no".to_owned()], ..Observed::default() }));
    assert_eq!(world.deploy(&world.refund("0.6")).outcome, Outcome::Frozen);
    world.moved();
    world
}

#[test]
fn what_never_passed_is_not_stable_because_another_failed_after_it() {
    for (mode, moves) in [
        (Mode::Direct, "PostCheck 0, Aborting 0, Frozen 0"),
        (Mode::BlueGreen, "Staged 0, PreCheck 0, Promoting 0, PostCheck 0, Aborting 0, Frozen 0"),
    ] {
        let world = first_frozen();
        let planned = in_mode(&world, mode, "0.7");
        let applied = world.deploy(&planned);
        assert_eq!((applied.outcome, world.moved().as_str()), (Outcome::Frozen, moves));
        assert_eq!(applied.outcome.exit_code(), 7);
        assert_eq!(world.floor(), "0.6", "it is in force again");
        let why = "generation 00000001 is in force again, and never passed its checks";
        assert_eq!(applied.reasons.last().unwrap(), why);
        let report = status(&world.store, &world.environment).unwrap();
        assert_eq!(report.phase, Some(Phase::Frozen));
        assert_eq!(report.health.status, HealthStatus::Unhealthy);
        let report = ApplyReport::of(&applied, &planned.plan, report.health, Default::default());
        assert_eq!(report.rollback.outcome, RollbackOutcome::Failed);
        assert!(!report.rollback.performed);

        // Its own checks are what takes it out.
        world.see(|_| Ok(harmless()));
        assert_eq!(world.deploy(&world.refund("0.6")).outcome, Outcome::Deployed);
        assert_eq!(world.phase(), Phase::Stable);
    }
}

#[test]
fn what_never_passed_stays_frozen_whoever_takes_the_candidate_back() {
    for order in ["abort", "recover", "take back"] {
        let world = first_frozen();
        world.see(|_| Ok(harmless()));
        killed(&world, &in_mode(&world, Mode::Staged, "0.7"));
        assert_eq!(world.phase(), Phase::Canary);
        let id = world.id();
        let outcome = match order {
            "abort" => world.act(abort).unwrap().outcome,
            "recover" => world.act(recover).unwrap().rollout.unwrap().outcome,
            _ => world.act(|root| take_back(root, &id, None)).unwrap().outcome,
        };
        assert_eq!((outcome, world.phase()), (Outcome::Frozen, Phase::Frozen), "{order}");
    }
}

#[test]
fn one_step_back_is_no_generation_that_never_passed() {
    let world = first_frozen();
    world.see(|_| Ok(harmless()));
    assert_eq!(world.deploy(&in_mode(&world, Mode::Direct, "0.7")).outcome, Outcome::Deployed);
    let id = world.id();
    let err = world.act(|root| rollback(root, &Target::Steps(1), &id, None)).unwrap_err();
    assert_eq!(err.to_string(), "there is nothing one step back: no other was in force then");
    let id = world.id();
    let first = Target::Generation(GenerationId(1));
    let applied = world.act(|root| rollback_unproven(root, &first, &id, None)).unwrap();
    assert_eq!(applied.outcome, Outcome::Restored, "somebody answers for it");
    // From now on it was in force for good.
    world.see(|_| Ok(Observed { nacks: vec!["one: no".to_owned()], ..Observed::default() }));
    assert_eq!(world.deploy(&in_mode(&world, Mode::Direct, "0.8")).outcome, Outcome::RolledBack);
    assert_eq!((world.phase(), world.floor().as_str()), (Phase::Stable, "0.6"));
}

#[test]
fn the_place_of_a_first_deployment_that_was_killed_is_no_way_back_either() {
    let world = first_killed();
    world.see(|_| Ok(Observed { nacks: vec!["one: no".to_owned()], ..Observed::default() }));
    assert_eq!(world.deploy(&in_mode(&world, Mode::Direct, "0.7")).outcome, Outcome::Frozen);
    assert_eq!((world.phase(), world.floor().as_str()), (Phase::Frozen, "0.6"));
}

/// The deployment of another process takes its next step between the look of an order at the
/// pointer and the order; `calls` is how often the order has looked at the clock by then.
fn met_by_a_step<R>(
    world: &World,
    calls: u32,
    order: impl FnOnce(&Root<'_>) -> Result<R, DeployError>,
) -> R {
    met_by(world, calls, pause, order).unwrap()
}

/// As [`met_by_a_step`], by what somebody else does.
fn met_by<R>(
    world: &World,
    calls: u32,
    step: impl Fn(&Root<'_>) -> Result<Applied, DeployError>,
    order: impl FnOnce(&Root<'_>) -> Result<R, DeployError>,
) -> Result<R, DeployError> {
    let looked = Cell::new(0);
    let done = world.act(|root| {
        let now_us = || {
            looked.set(looked.get() + 1);
            if looked.get() == calls {
                step(root).unwrap();
            }
            (root.around.now_us)()
        };
        order(&Root {
            store: root.store,
            around: &Surroundings { now_us: &now_us, ..*root.around },
        })
    });
    assert!(looked.get() >= calls, "it was met");
    done
}

#[test]
fn an_order_that_meets_a_step_is_given_again() {
    let outcome = |world: &World, order: fn(&Root<'_>) -> Result<Applied, DeployError>| {
        met_by_a_step(world, 1, order).outcome
    };
    assert_eq!(outcome(&canary_left(), abort), Outcome::Aborted);
    assert_eq!(outcome(&canary_left(), promote), Outcome::Deployed);
    let world = canary_left();
    let id = world.id();
    let applied = met_by_a_step(&world, 1, |root| take_back(root, &id, None));
    assert_eq!(applied.outcome, Outcome::Aborted);
    // A rollout that somebody paused meanwhile is nobody's to take back.
    let world = canary_left();
    assert_eq!(met_by_a_step(&world, 2, recover).rollout, None);
    assert_eq!(world.phase(), Phase::Paused);
}

#[test]
fn what_is_taken_back_meanwhile_is_not_followed_by_what_was_before() {
    let canary = canary_left();
    let switched = canary_left();
    switched.act(abort).unwrap();
    let overlays = vec![overlay("refund.txt", &overlay_text("refund", "0.7"))];
    let bake = Some("5m".parse().unwrap());
    killed(&switched, &switched.planned(&Request { overlays, bake, ..switched.request() }));
    assert_eq!(switched.phase(), Phase::PostCheck);
    for world in [canary, switched] {
        let id = world.id();
        let taken = met_by(&world, 1, abort, |root| take_back(root, &id, None)).unwrap();
        assert_eq!((taken.outcome, world.floor().as_str()), (Outcome::Aborted, "0.65"));
    }
}

#[test]
fn a_candidate_that_is_promoted_meanwhile_is_taken_back_all_the_same() {
    let world = canary_left();
    let id = world.id();
    let taken = met_by(&world, 1, promote, |root| take_back(root, &id, None)).unwrap();
    assert_eq!((taken.outcome, world.floor().as_str()), (Outcome::Restored, "0.65"));
}

#[test]
fn two_who_take_back_the_same_go_one_step_back() {
    let world = canary_left();
    world.act(abort).unwrap();
    let (first, second) = (world.id(), world.id());
    let other = |root: &Root<'_>| take_back(root, &first, None);
    let err = met_by(&world, 1, other, |root| take_back(root, &second, None)).unwrap_err();
    assert_eq!((err.exit_code(), world.floor().as_str()), (9, "0.6"));
}

#[test]
fn an_order_for_an_epoch_is_given_once() {
    let world = canary_left();
    let (id, epoch) = (world.id(), world.store.current().unwrap().unwrap().epoch);
    let err = world.act(|root| take_back(root, &id, Some(epoch - 1))).unwrap_err();
    assert_eq!(err.exit_code(), 9);
    let applied = world.act(|root| take_back(root, &id, Some(epoch))).unwrap();
    assert_eq!(applied.outcome, Outcome::Aborted);
}
