use overlay_deploy::{
    DeployError, EnvironmentName, Mode, Observed, Outcome, Request, RollbackOutcome, abort, accept,
    execute, pause, plan_tree, promotable, promote, record_verdict, recover, resume, rollback,
    rollout, rules_of,
};
use overlay_store::{Phase, Store};

use crate::plan::{environment, file, overlay, overlay_text};
use crate::world::{World, harmful, harmless, samples};

/// A root of production with the trust floor 0.6 in force.
fn production() -> World {
    let world = World::new("production");
    assert_eq!(world.deploy(&world.refund("0.6")).outcome, Outcome::Deployed);
    world.moved();
    world
}

#[test]
fn a_direct_deployment_is_one_move() {
    let world = World::new("development");
    let applied = world.execute(&world.refund("0.6")).unwrap();
    assert_eq!(applied.outcome, Outcome::Deployed);
    assert_eq!(world.moved(), "Stable 0");
    assert_eq!(world.floor(), "0.6");
    assert_eq!(world.execute(&world.refund("0.6")).unwrap().outcome, Outcome::Unchanged);
}

#[test]
fn a_staged_rollout_goes_through_every_stage() {
    let world = production();
    let before = world.slept.get();
    let applied = world.deploy(&world.refund("0.65"));
    assert_eq!(applied.outcome, Outcome::Deployed);
    assert_eq!(
        world.moved(),
        "Staged 0, PreCheck 0, Canary 1, Canary 5, Canary 25, Canary 50, Canary 100, \
         Promoting 100, PostCheck 0, Stable 0",
    );
    assert_eq!((world.slept.get() - before).as_secs(), 5 * 300, "each stage bakes five minutes");
    assert_eq!(world.floor(), "0.65");
    let rollout = applied.rollout.unwrap();
    assert_eq!(rollout.stages.len(), 5);
    assert_eq!(rollout.stages[4].samples, (400, 400), "the control is the one of 50 %");
    let committed = world.actions().iter().filter(|it| it.ends_with("_committed")).count();
    assert_eq!(committed, 12, "two moves of the first deployment, ten of this one");
    world.store.audit().verify(None).unwrap();
}

#[test]
fn a_blue_green_deployment_is_watched_after_the_switch() {
    let world = production();
    let overlays = vec![overlay("r.txt", &overlay_text("refund", "0.7"))];
    let request = Request { overlays, mode: Some(Mode::BlueGreen), ..world.request() };
    assert_eq!(world.deploy(&world.planned(&request)).outcome, Outcome::Deployed);
    assert_eq!(world.moved(), "Staged 0, PreCheck 0, Promoting 0, PostCheck 0, Stable 0");
    assert_eq!(world.slept.get().as_secs(), 2 * 300, "the first deployment was watched too");
}

#[test]
fn harm_in_a_stage_rolls_back() {
    let world = production();
    world.see(|_| Ok(harmful()));
    let applied = world.deploy(&world.refund("0.65"));
    assert_eq!(applied.outcome, Outcome::RolledBack);
    assert_eq!(applied.outcome.exit_code(), 6);
    assert_eq!(applied.outcome.rollback(), RollbackOutcome::Restored);
    assert!(applied.reasons[0].starts_with("errors: harm"), "{:?}", applied.reasons);
    assert_eq!(world.moved(), "Staged 0, PreCheck 0, Canary 1, Aborting 0, Stable 0");
    assert_eq!(world.floor(), "0.6");
}

#[test]
fn a_refusal_of_an_instance_rolls_back() {
    let world = production();
    world.see(|_| Ok(Observed { nacks: vec!["one: no".to_owned()], ..harmless() }));
    assert_eq!(world.deploy(&world.refund("0.65")).outcome, Outcome::RolledBack);
}

#[test]
fn harm_after_a_switch_rolls_back() {
    let world = production();
    world.see(|_| {
        Ok(Observed { nacks: vec!["one: no".to_owned(), "two".to_owned()], ..Observed::default() })
    });
    let overlays = vec![overlay("r.txt", &overlay_text("refund", "0.7"))];
    let request = Request { overlays, mode: Some(Mode::BlueGreen), ..world.request() };
    assert_eq!(world.deploy(&world.planned(&request)).outcome, Outcome::RolledBack);
    assert_eq!(
        world.moved(),
        "Staged 0, PreCheck 0, Promoting 0, PostCheck 0, Aborting 0, Stable 0",
    );
    assert_eq!(world.floor(), "0.6");
}

#[test]
fn without_data_a_stage_pauses_and_never_passes() {
    for seen in [|| Ok(Observed::default()), || Err("the database is down".to_owned())] {
        let world = production();
        world.see(move |_| seen());
        let before = world.slept.get();
        let applied = world.deploy(&world.refund("0.65"));
        assert_eq!(applied.outcome, Outcome::Paused);
        assert_eq!(applied.outcome.exit_code(), 3);
        assert_eq!(applied.reasons.len(), 2, "{:?}", applied.reasons);
        assert_eq!(world.moved(), "Staged 0, PreCheck 0, Canary 1, Paused 1");
        assert_eq!((world.slept.get() - before).as_secs(), 6 * 3600);
    }
}

#[test]
fn a_paused_rollout_is_resumed_promoted_or_aborted() {
    let paused = || {
        let world = production();
        world.see(|_| Ok(Observed::default()));
        assert_eq!(world.deploy(&world.refund("0.65")).outcome, Outcome::Paused);
        world.moved();
        world.see(|_| Ok(harmless()));
        world
    };
    let world = paused();
    assert_eq!(world.act(resume).unwrap().outcome, Outcome::Deployed);
    assert!(world.moved().starts_with("Canary 1, Canary 5"));

    let world = paused();
    assert_eq!(world.act(promote).unwrap().outcome, Outcome::Deployed);
    assert_eq!(world.moved(), "Promoting 1, PostCheck 0, Stable 0");

    let world = paused();
    let applied = world.act_as("ben", abort).unwrap();
    assert_eq!(applied.outcome, Outcome::Aborted);
    assert_eq!(applied.outcome.exit_code(), 10);
    assert_eq!(applied.reasons, ["aborted by ben"]);
    assert_eq!(world.moved(), "Aborting 0, Stable 0");

    let world = paused();
    let err = world.act(pause).unwrap_err();
    assert_eq!(err.to_string(), "the deployment is paused already");
    let err = world.try_deploy(&world.refund("0.8")).unwrap_err();
    assert!(matches!(err, DeployError::UnderWay { phase: Phase::Paused, .. }), "{err}");
    assert_eq!(err.exit_code(), 75);
}

/// Orders of another process during a bake: the one that drives finds them.
#[test]
fn orders_of_others_work_during_a_bake() {
    for (order, outcome, floor) in [
        ("pause", Outcome::Paused, "0.6"),
        ("abort", Outcome::Aborted, "0.6"),
        ("promote", Outcome::Deployed, "0.65"),
    ] {
        let world = production();
        let other = World::sharing(world.path(), "production");
        let mut looks = 0;
        world.see(move |_| {
            looks += 1;
            if looks == 3 {
                let done = other.act_as("ben", |root| match order {
                    "pause" => pause(root),
                    "abort" => abort(root),
                    _ => promote(root),
                });
                done.unwrap();
            }
            Ok(harmless())
        });
        assert_eq!(world.deploy(&world.refund("0.65")).outcome, outcome, "{order}");
        assert_eq!(world.floor(), floor, "{order}");
    }
}

#[test]
fn two_processes_never_drive_one_rollout() {
    let world = production();
    let other = World::sharing(world.path(), "production");
    let mut asked = false;
    world.see(move |_| {
        if !std::mem::replace(&mut asked, true) {
            let err = other.act(resume).unwrap_err();
            assert!(matches!(err, DeployError::Driven(_)), "{err}");
            assert_eq!(err.exit_code(), 75);
            assert_eq!(other.act(recover).unwrap().rollout, None);
        }
        Ok(harmless())
    });
    assert_eq!(world.deploy(&world.refund("0.65")).outcome, Outcome::Deployed);
}

#[test]
fn a_missing_golden_verdict_refuses_and_writes_nothing() {
    let world = production();
    let before = world.store.generations().unwrap();
    let planned = world.refund("0.65");
    let applied = world.execute(&planned).unwrap();
    assert_eq!(applied.outcome, Outcome::Refused);
    assert_eq!(applied.outcome.exit_code(), 1);
    assert!(applied.reasons[0].starts_with("golden missing"), "{:?}", applied.reasons);
    assert_eq!(world.store.generations().unwrap(), before);
    world.act(|root| record_verdict(root, planned.plan.tree, false, "2 of 9 failed")).unwrap();
    let applied = world.execute(&planned).unwrap();
    assert_eq!(applied.reasons, ["golden failed: 2 of 9 failed"]);
}

#[test]
fn a_broken_overlay_is_refused_before_anything_is_written() {
    let world = production();
    let text = overlay_text("refund", "7");
    let request = Request { overlays: vec![overlay("r.txt", &text)], ..world.request() };
    let applied = world.deploy(&world.planned(&request));
    assert_eq!(applied.outcome, Outcome::Refused);
    assert!(applied.reasons[0].contains("OVL2"), "{:?}", applied.reasons);
    assert_eq!(world.floor(), "0.6");
}

#[test]
fn a_plan_for_another_epoch_is_void() {
    let world = production();
    let planned = world.refund("0.65");
    assert_eq!(world.deploy(&world.refund("0.7")).outcome, Outcome::Deployed);
    let err = world.try_deploy(&planned).unwrap_err();
    assert_eq!(err.exit_code(), 9);
    assert_eq!(world.floor(), "0.7");
}

#[test]
fn an_id_is_used_once() {
    let world = production();
    let id = world.id();
    let planned = world.refund("0.65");
    world.pass_golden(&planned);
    world.act(|root| execute(root, &planned, &id)).unwrap();
    let planned = world.refund("0.7");
    world.pass_golden(&planned);
    let err = world.act(|root| execute(root, &planned, &id)).unwrap_err();
    assert!(matches!(err, DeployError::IdTaken(_)), "{err}");
}

#[test]
fn a_tampered_old_generation_freezes() {
    let world = production();
    let path = world.path().join("gen/00000001/tree/overlays/fusion_overlay.refund.txt");
    world.see(move |_| {
        std::fs::remove_file(&path).ok();
        Ok(harmful())
    });
    let applied = world.deploy(&world.refund("0.65"));
    assert_eq!(applied.outcome, Outcome::Frozen);
    assert_eq!(applied.outcome.exit_code(), 7);
    assert!(applied.reasons[1].contains("the old generation fails too"), "{:?}", applied.reasons);
    assert_eq!(world.phase(), Phase::Frozen);
}

#[test]
fn commands_decide_before_and_after() {
    let rules = |when: &str, program: &str| {
        format!(
            "[environments.development]\nmode = \"blue-green\"\nchecks = [\"smoke\"]\n\
             [checks.smoke]\nkind = \"command\"\nargv = [\"{program}\"]\nwhen = [\"{when}\"]\n"
        )
    };
    for (when, program, outcome, moves) in [
        (
            "pre",
            "true",
            Outcome::Deployed,
            "Staged 0, PreCheck 0, Promoting 0, PostCheck 0, Stable 0",
        ),
        ("pre", "false", Outcome::RolledBack, "Staged 0, PreCheck 0, Aborting 0, Stable 0"),
        (
            "pre",
            "/no/such/program",
            Outcome::RolledBack,
            "Staged 0, PreCheck 0, Aborting 0, Stable 0",
        ),
        (
            "post",
            "false",
            Outcome::RolledBack,
            "Staged 0, PreCheck 0, Promoting 0, PostCheck 0, Aborting 0, Stable 0",
        ),
    ] {
        let world = World::new("development");
        let with = vec![file("deploy.toml", &rules(when, program))];
        world.execute(&world.planned(&Request { with, ..world.request() })).unwrap();
        world.moved();
        let applied = world.execute(&world.refund("0.65")).unwrap();
        assert_eq!(applied.outcome, outcome, "{when} {program}: {:?}", applied.reasons);
        assert_eq!(world.moved(), moves);
    }
}

#[test]
fn a_direct_deployment_is_checked_before_its_move() {
    let rules = "[environments.development]\nchecks = [\"smoke\"]\n\
                 [checks.smoke]\nkind = \"command\"\nargv = [\"false\"]\n";
    let world = World::new("development");
    let with = vec![file("deploy.toml", rules)];
    world.execute(&world.planned(&Request { with, ..world.request() })).unwrap();
    world.moved();
    let applied = world.execute(&world.refund("0.65")).unwrap();
    assert_eq!(applied.outcome, Outcome::Refused);
    assert_eq!(world.moved(), "");
    assert_eq!(world.floor(), "none");
}

#[test]
fn a_first_deployment_that_fails_afterwards_has_no_way_back() {
    let world = World::new("production");
    world.see(|_| Ok(Observed { nacks: vec!["one: no".to_owned()], ..Observed::default() }));
    let applied = world.deploy(&world.refund("0.6"));
    assert_eq!(applied.outcome, Outcome::Frozen);
    assert!(applied.reasons[1].contains("no generation to return to"), "{:?}", applied.reasons);
    // The way out of a frozen root is a good deployment.
    world.see(|_| Ok(harmless()));
    assert_eq!(world.deploy(&world.refund("0.65")).outcome, Outcome::Deployed);
}

#[test]
fn the_full_stage_is_judged_by_the_control_before() {
    let world = production();
    // At 100 % there is no control any more; the candidate then fails ten times as often.
    world.see(|window| {
        assert!(!window.is_stable);
        Ok(harmless())
    });
    let mut seen = 0;
    world.see(move |_| {
        seen += 1;
        // Each of the first four stages is looked at 31 times.
        let errors = if seen > 4 * 31 { 200 } else { 8 };
        let control = if seen > 4 * 31 { samples(0, 0) } else { samples(400, 8) };
        Ok(Observed { control, candidate: samples(400, errors), nacks: Vec::new() })
    });
    let applied = world.deploy(&world.refund("0.65"));
    assert_eq!(applied.outcome, Outcome::RolledBack, "{:?}", world.moved());
    assert!(world.moved().contains("Canary 100, Aborting 0"));
    assert!(applied.reasons[0].contains("5 times the control's"), "{:?}", applied.reasons);
}

#[test]
fn a_tree_goes_to_the_next_environment_only_once_it_passed() {
    let name = |text: &str| text.parse::<EnvironmentName>().unwrap();
    let rules = "[environments.staging]\nmode = \"direct\"\nbake = \"0s\"\nchecks = [\"golden\"]\n\
                 [environments.production]\nmode = \"direct\"\nbake = \"0s\"\n\
                 checks = [\"golden\"]\nafter = \"staging\"\n";
    let staging = World::new("staging");
    let with = vec![file("deploy.toml", rules)];
    let overlays = vec![overlay("r.txt", &overlay_text("refund", "0.6"))];
    let request = Request { with, overlays, ..staging.request() };
    let planned = staging.planned(&request);
    assert_eq!(staging.deploy(&planned).outcome, Outcome::Deployed);
    assert!(promotable(&staging.store, &name("qa")).is_err());
    let promotion = promotable(&staging.store, &name("staging")).unwrap();
    assert_eq!(promotion.digest, planned.plan.tree);

    let production = World::new("production");
    let to_production = || {
        let base = production.base();
        let (rules, _) = rules_of(&promotion.tree);
        let request = Request::to(environment("production"));
        plan_tree(&base, &request, &rules, &promotion.tree).0.unwrap()
    };
    let planned = to_production();
    assert_eq!(planned.plan.tree, promotion.digest, "the same tree");
    let refused = production.deploy(&planned);
    assert_eq!(refused.outcome, Outcome::Refused);
    assert!(refused.reasons[0].contains("did not pass in staging"), "{:?}", refused.reasons);

    production.act(|root| accept(root, &promotion)).unwrap();
    assert_eq!(production.execute(&to_production()).unwrap().outcome, Outcome::Deployed);
    assert_eq!(production.floor(), "0.6");
}

#[test]
fn a_clock_that_jumps_ahead_ends_no_stage() {
    let world = production();
    let planned = world.refund("0.65");
    world.pass_golden(&planned);
    let before = world.slept.get();
    let now = std::rc::Rc::new(std::cell::Cell::new(0_i64));
    let jump = std::rc::Rc::clone(&now);
    world.see(move |_| {
        jump.set(jump.get() + 3_600_000_000);
        Ok(harmless())
    });
    world.jump_by(&now);
    assert_eq!(world.execute(&planned).unwrap().outcome, Outcome::Deployed);
    assert!((world.slept.get() - before).as_secs() >= 5 * 300);
}

#[test]
fn rollback_after_a_rollout_names_what_it_did() {
    let world = production();
    world.deploy(&world.refund("0.65"));
    let id = world.id();
    let target = "1".parse().unwrap();
    let applied = world.act(|root| rollback(root, &target, &id, None)).unwrap();
    assert_eq!(applied.outcome, Outcome::Restored);
    assert_eq!(world.floor(), "0.6");
    let kept = rollout(&world.store, id.as_str()).unwrap().unwrap();
    assert_eq!(kept.ended.unwrap().outcome, Outcome::Restored);
    assert_eq!(Store::open(world.path()).unwrap().current().unwrap().unwrap().epoch, 13);
}
