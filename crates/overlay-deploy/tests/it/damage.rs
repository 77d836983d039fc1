//! Roots that somebody wrote into: each is found out, and there is a way out.

use std::fs;

use overlay_deploy::{
    DeployError, HealthStatus, Mode, Observed, Outcome, Request, Target, Verified, abort,
    bound_environment, collect, generation_of, list, note_other_environment, pin, promotable,
    promote, rebuild, record_verdict, recover, resume, rollback, show, status, verify,
    verify_rollouts,
};
use overlay_store::{GenerationId, Phase, Retention};

use crate::plan::{overlay, overlay_text};
use crate::world::World;

/// Three generations, the last in force.
fn three() -> World {
    let world = World::new("development");
    for floor in ["0.6", "0.65", "0.7"] {
        assert_eq!(world.deploy(&world.refund(floor)).outcome, Outcome::Deployed);
    }
    world
}

fn health(world: &World) -> (HealthStatus, bool, String) {
    let report = status(&world.store, &world.environment).unwrap();
    (report.health.status, report.is_tampered, report.health.reasons.join("; "))
}

fn to(world: &World, target: &Target) -> Result<Outcome, DeployError> {
    let id = world.id();
    world.act(|root| rollback(root, target, &id, None)).map(|it| it.outcome)
}

#[test]
fn an_older_pointer_put_back_is_found_out_and_rebuilt() {
    let world = three();
    let current = world.path().join("CURRENT");
    let old = fs::read(&current).unwrap();
    world.deploy(&world.refund("0.75"));
    let planned = world.refund("0.8");
    fs::write(&current, old).unwrap();
    let (status, is_tampered, reasons) = health(&world);
    assert_eq!((status, is_tampered), (HealthStatus::Unhealthy, true));
    assert!(reasons.contains("it is at epoch 3, and audit record"), "{reasons}");
    let err = world.act(recover).unwrap_err();
    assert_eq!(err.exit_code(), 8, "{err}");
    assert_eq!(world.execute(&planned).unwrap_err().exit_code(), 8);

    let pointer = world.act(|root| rebuild(root, None)).unwrap().unwrap();
    assert_eq!((pointer.epoch, pointer.phase), (5, Phase::Stable));
    assert_eq!(world.floor(), "0.75");
    assert_eq!(health(&world).0, HealthStatus::Healthy);
    assert_eq!(world.act(|root| rebuild(root, None)).unwrap(), None);
    assert_eq!(world.deploy(&world.refund("0.8")).outcome, Outcome::Deployed);
}

#[test]
fn a_lost_pointer_is_rebuilt_or_goes_to_the_generation_that_is_named() {
    let world = three();
    let current = world.path().join("CURRENT");
    fs::remove_file(&current).unwrap();
    let err = status(&world.store, &world.environment).unwrap_err();
    assert_eq!(err.exit_code(), 8, "{err}");
    world.tamper(3);
    let err = world.act(|root| rebuild(root, None)).unwrap_err();
    assert_eq!(err.exit_code(), 8, "never back to what was tampered with: {err}");
    assert!(!current.exists());
    let target = "1".parse().unwrap();
    world.act(|root| rebuild(root, Some(&target))).unwrap().unwrap();
    assert_eq!(world.floor(), "0.6");
    let rebuilt = world.actions();
    assert!(rebuilt.ends_with(&["pointer_rebuilt_committed".to_owned()]), "{rebuilt:?}");
    assert_eq!(world.deploy(&world.refund("0.9")).outcome, Outcome::Deployed);
}

#[test]
fn a_canary_is_rebuilt_as_it_stood() {
    let world = World::new("staging");
    world.deploy(&world.refund("0.6"));
    world.see(|_| Ok(Observed::default()));
    assert_eq!(world.deploy(&world.refund("0.65")).outcome, Outcome::Paused);
    fs::write(world.path().join("CURRENT"), "garbage").unwrap();
    let pointer = world.act(|root| rebuild(root, None)).unwrap().unwrap();
    assert_eq!((pointer.phase, pointer.weight), (Phase::Paused, 1000));
    assert_eq!(world.act(overlay_deploy::abort).unwrap().outcome, Outcome::Aborted);
}

#[test]
fn an_edited_or_missing_audit_log_shows() {
    let world = three();
    let log = world.path().join("audit/00000001.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.replacen("anna", "nora", 1)).unwrap();
    let (status, is_tampered, reasons) = health(&world);
    assert_eq!((status, is_tampered), (HealthStatus::Unhealthy, true));
    assert!(reasons.contains("audit record 1 "), "{reasons}");
    fs::remove_file(&log).unwrap();
    assert!(health(&world).1);
    fs::remove_dir_all(world.path().join("audit")).unwrap();
    assert!(health(&world).1);
}

#[test]
fn a_damaged_record_of_a_rollout_hides_nothing_else() {
    let world = three();
    for id in world.store.rollouts().unwrap() {
        fs::write(world.path().join(format!("rollouts/{id}.json")), "garbage").unwrap();
    }
    let (status, is_tampered, reasons) = health(&world);
    assert_eq!((status, is_tampered), (HealthStatus::Degraded, true));
    assert!(reasons.starts_with("rollouts/") && reasons.contains(".json is damaged"), "{reasons}");
    let listed = list(&world.store).unwrap();
    assert!(listed.iter().all(|it| it.problem.as_ref().unwrap().contains("rollouts/")));
    assert!(show(&world.store, GenerationId(1)).unwrap().problem.is_some());
    assert_eq!(verify_rollouts(&world.store).unwrap().len(), 3);
    assert_eq!(bound_environment(&world.store).unwrap(), Some(world.environment.clone()));
}

#[test]
fn a_generation_removed_by_hand_is_missed_and_one_removed_by_gc_is_not() {
    let world = three();
    let keep = |keep| Retention { keep, older_than_us: 0, now_us: world.now_us.get() + 1 };
    let collected = world.act(|root| collect(root, &keep(0), false)).unwrap();
    assert_eq!(collected.removed, [GenerationId(1)]);
    assert!(verify(&world.store, true).unwrap().iter().all(|it| it.result.is_ok()));
    fs::remove_dir_all(world.path().join("gen/00000002")).unwrap();
    let found = verify(&world.store, true).unwrap();
    let codes: Vec<_> = found
        .iter()
        .map(|it| (it.generation.0, it.result.as_ref().err().map(DeployError::exit_code)))
        .collect();
    assert_eq!(codes, [(2, Some(8)), (3, None)]);
    assert!(verify(&world.store, false).unwrap()[0].result.is_ok());
}

#[test]
fn a_live_generation_that_is_gone_is_damage() {
    let world = three();
    fs::remove_dir_all(world.path().join("gen/00000003")).unwrap();
    let (status, is_tampered, _) = health(&world);
    assert_eq!((status, is_tampered), (HealthStatus::Unhealthy, true));
    let found = verify(&world.store, false).unwrap();
    assert_eq!(found[0].result.as_ref().unwrap_err().exit_code(), 8);
    let err = DeployError::from(world.store.read_current().unwrap_err());
    assert_eq!(err.exit_code(), 8, "{err}");
    assert_eq!(to(&world, &Target::Steps(1)).unwrap(), Outcome::Restored);
    assert_eq!(world.floor(), "0.65");
}

#[test]
fn steps_back_follow_what_was_in_force() {
    let world = three();
    assert_eq!(to(&world, &"1".parse().unwrap()).unwrap(), Outcome::Restored);
    let policy = Retention { keep: 0, older_than_us: 0, now_us: world.now_us.get() + 1 };
    let collected = world.act(|root| collect(root, &policy, true)).unwrap();
    assert_eq!(collected.removed, [GenerationId(2)], "3 was in force before 1");
    assert_eq!(to(&world, &Target::Steps(1)).unwrap(), Outcome::Restored);
    assert_eq!(world.floor(), "0.7");
    assert_eq!(to(&world, &Target::Steps(2)).unwrap(), Outcome::Restored);
    assert_eq!(world.floor(), "0.65");
    let err = to(&world, &Target::Steps(3)).unwrap_err();
    assert_eq!(err.to_string(), "there is nothing 3 steps back: no other was in force then");
    assert_eq!(err.exit_code(), 65);
}

#[test]
fn a_rollout_that_nobody_drives_is_degraded() {
    let world = World::new("development");
    world.deploy(&world.refund("0.6"));
    // Its process ends in the middle of a look.
    let overlays = vec![overlay("r.txt", &overlay_text("refund", "0.7"))];
    let request = Request { overlays, mode: Some(Mode::Staged), ..world.request() };
    let planned = world.planned(&request);
    let other = World::sharing(world.path(), "development");
    world.see(move |_| {
        assert_eq!(health_of(&other), "", "it is driven");
        panic!("the process ends");
    });
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.execute(&planned)));
    let said = ended.unwrap_err();
    assert_eq!(said.downcast_ref::<&str>(), Some(&"the process ends"));
    let why = "the process that drove it ended: resume, recover or abort";
    assert_eq!(health_of(&world), why);
    assert_eq!(list(&world.store).unwrap()[0].problem.as_deref(), Some(why));
    world.act(recover).unwrap();
    assert_eq!(health_of(&world), "");
}

fn health_of(world: &World) -> String {
    status(&world.store, &world.environment).unwrap().health.reasons.join("; ")
}

#[test]
fn a_name_that_reads_as_something_else_is_none() {
    let world = three();
    for name in ["5", "0007", "019b76da-a800-7fff-bfff-ffffffffffff"] {
        let err = world.act(|root| pin(root, name, GenerationId(1))).unwrap_err();
        assert_eq!(err.exit_code(), 64, "{err}");
    }
    world.act(|root| pin(root, "v5", GenerationId(1))).unwrap();
}

#[test]
fn records_say_whose_they_are_by_number_and_environment() {
    let world = World::new("production");
    world.act(|root| record_verdict(root, world.base().tree.digest(), true, "before")).unwrap();
    assert_eq!(bound_environment(&world.store).unwrap(), None);
    world.deploy(&world.refund("0.6"));
    let other = World::sharing(world.path(), "development");
    other.act(|root| record_verdict(root, other.base().tree.digest(), true, "suite")).unwrap();
    other.act(|root| note_other_environment(root, &world.environment)).unwrap();
    let records = world.store.audit().records(1).unwrap().map(|it| it.unwrap().entry);
    let records: Vec<_> = records.collect();
    let verdicts: Vec<_> = records.iter().filter(|it| it.action == "golden_verdict").collect();
    assert_eq!(verdicts[0].env, "", "nobody knows yet");
    assert_eq!(verdicts.last().unwrap().env, "production");
    let noted = records.last().unwrap();
    assert_eq!((noted.detail["bound"].as_str(), &*noted.env), (Some("production"), "development"));
    assert!(records.iter().all(|it| it.detail["uid"] == 1000), "{records:#?}");
    assert_eq!(bound_environment(&world.store).unwrap(), Some(world.environment.clone()));
}

#[test]
fn the_audit_log_knows_the_generation_of_a_deployment_whose_file_is_lost() {
    for damage in [None, Some("garbage")] {
        let world = three();
        let made = list(&world.store).unwrap()[2].deployment.clone().unwrap();
        let file = world.path().join(format!("rollouts/{made}.json"));
        match damage {
            None => fs::remove_file(&file).unwrap(),
            Some(text) => fs::write(&file, text).unwrap(),
        }
        let target: Target = made.parse().unwrap();
        assert_eq!(to(&world, &target).unwrap(), Outcome::Restored, "{damage:?}");
        assert_eq!(world.floor(), "0.6");
        // An edited log is no proof.
        let log = world.path().join("audit/00000001.jsonl");
        let text = fs::read_to_string(&log).unwrap();
        fs::write(&log, text.replacen("anna", "nora", 1)).unwrap();
        let err = generation_of(&world.store, &made.parse().unwrap()).unwrap_err();
        assert_eq!(err.exit_code(), 8, "{err}");
        assert!(err.to_string().contains("audit record 1 "), "{err}");
    }
}

#[test]
fn a_damaged_file_of_what_never_came_to_the_pointer_stays_damaged() {
    let world = World::new("development");
    world.deploy(&world.refund("0.6"));
    let id = world.id();
    fs::write(world.path().join(format!("rollouts/{id}.json")), "garbage").unwrap();
    let err = to(&world, &id.to_string().parse().unwrap()).unwrap_err();
    assert!(matches!(err, DeployError::DamagedRollout { .. }), "{err}");
    let unknown = world.id();
    assert_eq!(to(&world, &unknown.to_string().parse().unwrap()).unwrap_err().exit_code(), 65);
}

#[test]
fn an_edited_log_is_no_proof_of_a_pass_for_the_next_environment() {
    let world = three();
    promotable(&world.store, &world.environment).unwrap();
    let log = world.path().join("audit/00000001.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.replacen("anna", "nora", 1)).unwrap();
    let err = promotable(&world.store, &world.environment).unwrap_err();
    assert_eq!(err.exit_code(), 8, "{err}");
}

/// Each generation with the exit code of what is wrong with it.
fn found(world: &World, all: bool) -> Vec<(u64, Option<u8>)> {
    let code = |it: &Verified| it.result.as_ref().err().map(DeployError::exit_code);
    let found = verify(&world.store, all).unwrap();
    found.iter().map(|it| (it.generation.0, code(it))).collect()
}

#[test]
fn a_manifest_that_fits_the_changed_files_is_held_against_the_audit_log() {
    let world = three();
    world.act(|root| pin(root, "first", GenerationId(1))).unwrap();
    let made = list(&world.store).unwrap()[2].deployment.clone().unwrap();
    let was = world.store.manifest(GenerationId(1)).unwrap().1;
    world.forge(1);
    let is = world.store.manifest(GenerationId(1)).unwrap().1;
    // What is kept of its deployment says the same.
    let file = world.path().join(format!("rollouts/{made}.json"));
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace(&was.to_string(), &is.to_string())).unwrap();

    assert_eq!(found(&world, true), [(1, Some(8)), (2, None), (3, None)]);
    let targets = ["1", "first", &made].map(|it| it.parse().unwrap());
    for target in targets.iter().chain([&Target::Steps(2)]) {
        let err = to(&world, target).unwrap_err();
        assert_eq!(err.exit_code(), 8, "{target}: {err}");
    }
    assert_eq!(world.floor(), "0.7");
    fs::remove_file(world.path().join("CURRENT")).unwrap();
    let err = world.act(|root| rebuild(root, Some(&targets[0]))).unwrap_err();
    assert_eq!(err.exit_code(), 8, "{err}");
}

#[test]
fn a_pointer_that_fits_the_forged_manifest_is_held_against_it_too() {
    let world = three();
    let was = world.store.current().unwrap().unwrap();
    world.forge(3);
    let is = world.store.manifest(GenerationId(3)).unwrap().1;
    let stable = overlay_store::GenerationRef { manifest: is, ..was.stable };
    let forged = overlay_store::Pointer { stable, ..was };
    fs::write(world.path().join("CURRENT"), forged.encode().unwrap()).unwrap();
    assert_eq!(found(&world, false), [(3, Some(8))]);
}

#[test]
fn what_is_in_force_and_tampered_with_is_not_unchanged() {
    let world = three();
    assert_eq!(to(&world, &"3".parse().unwrap()).unwrap(), Outcome::Unchanged);
    world.tamper(3);
    let err = to(&world, &"3".parse().unwrap()).unwrap_err();
    assert_eq!(err.exit_code(), 8, "{err}");
}

#[test]
fn a_tampered_candidate_gets_no_more_units() {
    for damage in [World::tamper, World::forge] {
        let world = World::new("staging");
        world.deploy(&world.refund("0.6"));
        world.see(|_| Ok(Observed::default()));
        assert_eq!(world.deploy(&world.refund("0.65")).outcome, Outcome::Paused);
        damage(&world, 2);
        world.moved();
        for order in [resume, promote] {
            let err = world.act(order).unwrap_err();
            assert_eq!(err.exit_code(), 8, "{err}");
        }
        assert_eq!((world.moved().as_str(), world.phase()), ("", Phase::Paused));
        assert_eq!(world.act(abort).unwrap().outcome, Outcome::Aborted);
    }
}
