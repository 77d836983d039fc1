//! The weaknesses of the original deployer, each with the number it has in the list that
//! was made of it, and what is so instead.

use std::collections::BTreeSet;
use std::fs::File;
use std::time::SystemTime;

use overlay_deploy::{
    ApplyReport, DeployError, DeploymentId, HealthStatus, Mode, Observed, Outcome, Request,
    RollbackOutcome, Target, backup, list, nacks, pin, rollback, status, verify,
};
use overlay_model::Overlay;
use overlay_store::Holder;

use crate::plan::{file, overlay, overlay_text};
use crate::world::{World, harmful, harmless};

fn in_mode(world: &World, mode: Mode, floor: &str) -> Outcome {
    let overlays = vec![overlay("refund.txt", &overlay_text("refund", floor))];
    let request = Request { overlays, mode: Some(mode), ..world.request() };
    world.deploy(&world.planned(&request)).outcome
}

/// A root of development with the trust floor 0.6 in force.
fn development() -> World {
    let world = World::new("development");
    assert_eq!(in_mode(&world, Mode::Direct, "0.6"), Outcome::Deployed);
    world.moved();
    world
}

/// The tree of these lines is refused by the checks, for this reason.
#[track_caller]
fn refused(text: &str, reason: &str) {
    let world = development();
    let request = Request { overlays: vec![overlay("refund.txt", text)], ..world.request() };
    let applied = world.deploy(&world.planned(&request));
    assert_eq!(applied.outcome, Outcome::Refused);
    let reasons = applied.reasons.join("\n");
    assert!(reasons.contains(reason), "{reasons}");
    assert_eq!(world.floor(), "0.6");
}

#[test]
fn row_01_every_mode_deploys() {
    let world = development();
    for (mode, floor) in [(Mode::Direct, "0.61"), (Mode::Staged, "0.62"), (Mode::BlueGreen, "0.63")]
    {
        assert_eq!(in_mode(&world, mode, floor), Outcome::Deployed);
        assert_eq!(world.floor(), floor);
    }
}

#[test]
fn row_02_what_is_healthy_is_said_to_be() {
    let world = development();
    let report = status(&world.store, &world.environment).unwrap();
    assert_eq!(report.health.status, HealthStatus::Healthy);
    assert_eq!(report.health.reasons, Vec::<String>::new());
}

#[test]
fn row_03_a_rollback_takes_new_files_away() {
    let world = development();
    let before = world.base().tree;
    let overlays = vec![overlay("extra.txt", &overlay_text("extra", "0.5"))];
    world.deploy(&world.planned(&Request { overlays, ..world.request() }));
    assert_ne!(world.base().tree, before);
    let id = world.id();
    let applied = world.act(|root| rollback(root, &Target::Steps(1), &id, None)).unwrap();
    assert_eq!(applied.outcome, Outcome::Restored);
    assert_eq!(world.base().tree, before);
    assert_eq!(world.base().tree.get("overlays/fusion_overlay.extra.txt"), None);
}

#[test]
fn row_04_a_rollback_that_fails_says_so() {
    let world = development();
    world.see(|_| Ok(harmful()));
    let path = world.path().to_owned();
    world.see(move |_| {
        let gone = path.join("gen/00000001/manifest.json");
        std::fs::remove_file(gone).ok();
        Ok(harmful())
    });
    let overlays = vec![overlay("refund.txt", &overlay_text("refund", "0.7"))];
    let request = Request { overlays, mode: Some(Mode::Staged), ..world.request() };
    let planned = world.planned(&request);
    let applied = world.deploy(&planned);
    let health = status(&world.store, &world.environment).unwrap().health;
    assert_eq!(health.status, HealthStatus::Unhealthy);
    let report = ApplyReport::of(&applied, &planned.plan, health, Default::default());
    assert!(!report.rollback.performed);
    assert_eq!(report.rollback.outcome, RollbackOutcome::Failed);
    assert_eq!(applied.outcome.exit_code(), 7);
}

#[test]
fn row_05_times_of_files_decide_nothing() {
    let world = development();
    in_mode(&world, Mode::Direct, "0.7");
    let older = world.path().join("gen/00000001/tree/overlays/fusion_overlay.refund.txt");
    let newer = world.path().join("gen/00000002/tree/overlays/fusion_overlay.refund.txt");
    for path in [&older, &newer] {
        File::open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }
    assert_eq!(world.floor(), "0.7");
}

#[test]
fn row_06_ids_never_collide() {
    let ids: BTreeSet<DeploymentId> = (0..1000_u16)
        .map(|it| {
            let [a, b] = it.to_be_bytes();
            DeploymentId::new(1_767_225_600_000_000, [7, 7, 7, 7, 7, 7, 7, 7, a, b])
        })
        .collect();
    assert_eq!(ids.len(), 1000, "of one moment");
    let text = DeploymentId::new(1_767_225_600_000_000, [0xff; 10]).to_string();
    assert_eq!(text, "019b76da-a800-7fff-bfff-ffffffffffff");
    assert_eq!(text.parse::<DeploymentId>().unwrap().as_str(), text);
    let world = development();
    let first = backup_of(&world);
    let second = backup_of(&world);
    assert_ne!(first, second);
}

fn backup_of(world: &World) -> String {
    let id = world.id();
    let backups = world.path().join("backups");
    world.act(|root| backup::create(root, world.path(), &backups, &id, |_| Vec::new())).unwrap().id
}

/// Also overlay-store `crash::every_crash_state_recovers`, and `crash` here.
#[test]
fn row_07_a_deployment_is_on_the_disk_before_it_is_live() {
    crate::crash::every_kill_of_a_staged_rollout_recovers();
}

#[test]
fn row_08_a_candidate_is_in_no_live_path() {
    let world = development();
    let rules = "[environments.development]\nmode = \"blue-green\"\nchecks = [\"no\"]\n\
                 [checks.no]\nkind = \"command\"\nargv = [\"false\"]\n";
    let with = vec![file("deploy.toml", rules)];
    world.deploy(&world.planned(&Request { with, ..world.request() }));
    world.moved();
    assert_eq!(in_mode(&world, Mode::BlueGreen, "0.7"), Outcome::RolledBack);
    assert_eq!(world.moved(), "Staged 0, PreCheck 0, Aborting 0, Stable 0");
    assert_eq!(world.floor(), "0.6");
}

#[test]
fn row_09_staged_means_shares_time_and_samples() {
    let world = development();
    world.see(|_| Ok(Observed::default()));
    assert_eq!(in_mode(&world, Mode::Staged, "0.7"), Outcome::Paused);
    assert_eq!(world.moved(), "Staged 0, PreCheck 0, Canary 1, Paused 1");
}

#[test]
fn row_10_an_unknown_mode_deploys_nothing() {
    assert!("gradual".parse::<Mode>().is_err());
    let world = development();
    let epoch = world.store.current().unwrap().unwrap().epoch;
    let rules = "[environments.development]\nmode = \"gradual\"\n";
    let with = vec![file("deploy.toml", rules)];
    // In a file that is deployed: refused before anything is written.
    let applied = world.deploy(&world.planned(&Request { with, ..world.request() }));
    assert_eq!(applied.outcome, Outcome::Refused);
    assert!(applied.reasons[0].contains("unknown mode `gradual`"), "{:?}", applied.reasons);
    // In the rules that judge a deployment: nothing is deployed by them.
    let (rules, findings) = overlay_deploy::DeployFile::parse(rules);
    assert!(findings.iter().any(overlay_model::Diagnostic::is_error), "{findings:?}");
    assert_eq!(rules.environment(&world.environment).mode, Mode::Direct, "as without a file");
    assert_eq!(world.store.current().unwrap().unwrap().epoch, epoch);
    assert_eq!(world.floor(), "0.6");
}

#[test]
fn row_11_one_deployer_at_a_time() {
    let world = development();
    let planned = world.refund("0.7");
    world.pass_golden(&planned);
    let holder = Holder { pid: 4711, host: "db1".to_owned(), started_us: 0, deployment: None };
    let writer = world.store.lock(&holder).unwrap();
    let err = world.execute(&planned).unwrap_err();
    assert_eq!(err.to_string(), "the root is being changed by process 4711 on db1");
    assert_eq!(err.exit_code(), 75);
    drop(writer);
    in_mode(&world, Mode::Direct, "0.8");
    assert_eq!(world.execute(&planned).unwrap_err().exit_code(), 9);
}

/// Also `plan::a_name_is_no_path`.
#[test]
fn row_12_no_name_leads_out_of_the_tree() {
    let world = development();
    for name in ["x/../../../evil", "..", "/etc/evil", "x\\y"] {
        let overlays = vec![overlay("fusion_overlay.x.txt", &overlay_text(name, "0.5"))];
        let base = world.base();
        let request = Request { overlays, ..world.request() };
        let (planned, _) = overlay_deploy::plan(&base, &request, &Default::default());
        assert!(planned.is_none(), "{name}");
    }
}

#[test]
fn row_13_a_line_break_injects_no_key() {
    let (mut it, _) = Overlay::parse(&overlay_text("refund", "0.6"));
    let key = "OVERLAY_DESCRIPTION".parse().unwrap();
    assert!(it.set(&key, "harmless\nTRUST_FLOOR=0.0").is_err());
    let injected = overlay_text("refund", "0.6") + "# harmless\nTRUST_FLOOR=0.0\n";
    refused(&injected, "OVL2003");
}

#[test]
fn row_14_what_the_generator_makes_deploys() {
    let spec = overlay_model::from_toml(
        "name = \"contracts\"\npurpose = \"Reviews legal documents\"\n\
         performance_goals = { accuracy_score = 0.92 }\n",
    )
    .unwrap();
    let template = overlay_gen::Template::named("balanced").unwrap();
    let made = overlay_gen::generate(&spec, &template).unwrap();
    let world = development();
    let overlays = vec![overlay("contracts.txt", made.overlay.source())];
    let applied = world.deploy(&world.planned(&Request { overlays, ..world.request() }));
    assert_eq!(applied.outcome, Outcome::Deployed, "{:?}", applied.reasons);
}

#[test]
fn row_15_one_range_of_the_timeout() {
    let with = |value| format!("{}ARBITRATION_TIMEOUT_MS={value}\n", overlay_text("refund", "0.6"));
    for value in [10, 49, 2001, 5000] {
        refused(&with(value), "ARBITRATION_TIMEOUT_MS");
    }
    let world = development();
    let overlays = vec![overlay("refund.txt", &with(1500))];
    let applied = world.deploy(&world.planned(&Request { overlays, ..world.request() }));
    assert_eq!(applied.outcome, Outcome::Deployed, "a warning deploys");
}

#[test]
fn row_16_an_error_says_what_it_is() {
    refused(
        &overlay_text("refund", "0.6").replace("2.1.0", "3.0.0"),
        "version `3.0.0` is not of major version 2",
    );
    let world = development();
    let id = world.id();
    let target = Target::Generation("99".parse().unwrap());
    let err = world.act(|root| rollback(root, &target, &id, None)).unwrap_err();
    assert_eq!(err.to_string(), "there is no generation 00000099");
    assert_eq!(err.exit_code(), 65);
}

/// A name that is missing is found by the compiler; what is left is that it runs.
#[test]
fn row_17_a_report_has_its_time() {
    let world = development();
    let planned = world.refund("0.7");
    let applied = world.deploy(&planned);
    let health = status(&world.store, &world.environment).unwrap().health;
    let took = std::time::Duration::from_millis(12);
    let report = ApplyReport::of(&applied, &planned.plan, health, took);
    assert_eq!(report.duration_ms, 12);
    assert_eq!(report.deployment_time.as_deref(), Some("2026-01-01T00:00:00Z"));
}

#[test]
fn row_18_health_is_that_of_what_is_in_force() {
    let world = development();
    world.tamper(1);
    let report = status(&world.store, &world.environment).unwrap();
    assert_eq!(report.health.status, HealthStatus::Unhealthy);
    assert!(report.health.reasons[0].contains("was tampered with"), "{:?}", report.health);
}

/// Readers that keep serving what was good: overlay-loader `live_refused`.
#[test]
fn row_19_a_bad_candidate_leaves_the_good_one() {
    refused(&(overlay_text("refund", "0.7") + "nonsense\n"), "OVL1001");
}

/// Readers that never read a file for a request: overlay-loader `live`.
#[test]
fn row_20_two_roots_are_two() {
    let (one, other) = (development(), development());
    in_mode(&one, Mode::Direct, "0.7");
    assert_eq!((one.floor(), other.floor()), ("0.7".to_owned(), "0.6".to_owned()));
}

#[test]
fn row_21_the_candidate_is_checked_and_not_what_shadows_it() {
    let world = development();
    let planned = world.refund("0.7");
    let (given, _) = Overlay::parse(&overlay_text("refund", "0.7"));
    world.deploy(&planned);
    let stable = status(&world.store, &world.environment).unwrap().stable.unwrap();
    assert_eq!(stable.overlays["refund"], overlay_schema::digest(&given));
    assert_eq!(stable.digest, Some(planned.plan.tree));
}

#[test]
fn row_22_generations_have_hashes_and_outcomes() {
    let world = development();
    world.see(|_| Ok(harmful()));
    in_mode(&world, Mode::Staged, "0.7");
    let listed = list(&world.store).unwrap();
    let outcomes: Vec<_> = listed.iter().map(|it| (it.generation.0, it.outcome)).collect();
    assert_eq!(outcomes, [(2, Some(Outcome::RolledBack)), (1, Some(Outcome::Deployed))]);
    world.act(|root| pin(root, "release-1", listed[1].generation)).unwrap();
    in_mode(&world, Mode::Direct, "0.8");
    world.tamper(1);
    let verified = verify(&world.store, true).unwrap();
    assert_eq!(verified[0].result.as_ref().unwrap_err().exit_code(), 8);
    assert!(verified[1].result.is_ok());
    // A generation that was tampered with never becomes live again.
    let id = world.id();
    let to_pin = "release-1".parse().unwrap();
    let err = world.act(|root| rollback(root, &to_pin, &id, None)).unwrap_err();
    assert!(matches!(err, DeployError::Store(_)), "{err}");
    assert_eq!(err.exit_code(), 8);
}

#[test]
fn row_23_one_file_an_overlay_whatever_it_was_called() {
    let world = development();
    let overlays =
        vec![overlay("fusion_overlay.refund_production_v2.1.txt", &overlay_text("refund", "0.7"))];
    world.deploy(&world.planned(&Request { overlays, ..world.request() }));
    let tree = world.base().tree;
    let files: Vec<&str> =
        tree.iter().map(|(path, _)| path).filter(|it| it.contains("refund")).collect();
    assert_eq!(files, ["overlays/fusion_overlay.refund.txt"]);
}

#[test]
fn row_24_consumers_have_a_say() {
    let world = development();
    let folder = world.path().join("state/gateway-1");
    std::fs::create_dir_all(&folder).unwrap();
    let path = world.path().to_owned();
    world.see(move |window| {
        let ack = format!(
            "{{\"epoch\":2,\"digest\":\"sha256:{}\",\"refused\":\"no\",\"at_ms\":{}}}",
            "0".repeat(64),
            window.since_us / 1000 + 1,
        );
        std::fs::write(folder.join("ack.json"), ack).unwrap();
        let nacks = nacks(&path, window.since_us).map_err(|err| err.to_string())?;
        Ok(Observed { nacks, ..harmless() })
    });
    assert_eq!(in_mode(&world, Mode::Staged, "0.7"), Outcome::RolledBack);
    assert_eq!(world.floor(), "0.6");
    let id = list(&world.store).unwrap()[0].deployment.clone().unwrap();
    let kept = overlay_deploy::rollout(&world.store, &id).unwrap().unwrap();
    assert_eq!(kept.ended.unwrap().reasons, ["refused by the instance gateway-1: no"]);
}
