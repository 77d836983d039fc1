//! A root of deployments: the pointer says what is in force, and for whom.

use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

use overlay_loader::{
    Arm, ByHand, HealthStatus, Live, RootKind, RootSwitch, Source, Thrown, acknowledgements,
};
use overlay_store::audit::Entry;
use overlay_store::{Change, GenerationRef, Holder, Origin, Phase, Pointer, Store, Tree};

use crate::live::{FLAGS, REFUND, Running, files, flags_text, marks, plant, write};

fn entry(action: &str) -> Entry {
    Entry {
        at_us: 1,
        actor: "ann".to_owned(),
        host: "here".to_owned(),
        action: action.to_owned(),
        env: "development".to_owned(),
        deployment: None,
        generation: None,
        base: None,
        manifest_sha256: None,
        detail: serde_json::Value::Null,
    }
}

fn holder() -> Holder {
    Holder { pid: 1, host: "here".to_owned(), started_us: 1, deployment: None }
}

/// Publishes files, and nothing else.
fn publish(root: &Path, files: &[(&str, String)]) -> GenerationRef {
    let store = Store::create(root).unwrap();
    let mut tree = Tree::new();
    for (path, text) in files {
        tree.insert(path, text.as_bytes()).unwrap();
    }
    let mut writer = store.lock(&holder()).unwrap();
    writer.publish(&tree, Origin::default(), "d-1", 1).unwrap()
}

fn switch(root: &Path, change: Change) -> Pointer {
    let store = Store::open(root).unwrap();
    let mut writer = store.lock(&holder()).unwrap();
    writer.switch(None, change, entry("deploy")).unwrap()
}

/// Makes everything in the root say `mark`.
fn deploy(root: &Path, mark: u64) -> GenerationRef {
    let reference = publish(root, &files(mark));
    switch(root, Change::to(reference));
    reference
}

fn start(mark: u64) -> Running {
    Running::start_with(
        |root| {
            deploy(root, mark);
        },
        |options, dir| options.state = Some(dir.join("root/state/here")),
    )
}

#[test]
fn the_pointer_says_what_is_in_force() {
    let running = start(1);
    assert_eq!(marks(&running.live.snapshot()), [1].into());
    let status = running.live.status();
    let deployment = status.deployment.unwrap();
    assert_eq!((deployment.epoch, deployment.generation, deployment.phase), (1, 1, Phase::Stable));
    assert_eq!((status.epoch, status.accepted), (1, 1), "a start is one change");
    assert_eq!(running.live.health().status, HealthStatus::Healthy);

    deploy(&running.root, 2);
    running.wait(|it| marks(it) == [2].into());
    // Back to the first: a pointer, not a file.
    let store = Store::open(&running.root).unwrap();
    let (_, manifest) = store.manifest("1".parse().unwrap()).unwrap();
    let first = GenerationRef { generation: "1".parse().unwrap(), manifest };
    switch(&running.root, Change::to(first));
    running.wait(|it| marks(it) == [1].into());
    assert_eq!(running.live.status().deployment.map(|it| it.epoch), Some(3));
}

#[test]
fn units_below_the_weight_get_the_candidate() {
    let running = start(1);
    let stable = Store::open(&running.root).unwrap().current().unwrap().unwrap().stable;
    let candidate = publish(&running.root, &files(2));
    let deployment = Some("d-7".to_owned());
    let change = Change {
        phase: Phase::Canary,
        candidate: Some(candidate),
        weight: 25_000,
        deployment,
        ..Change::to(stable)
    };
    switch(&running.root, change);
    running.wait(|it| it.candidate().is_some());
    let snapshot = running.live.snapshot();
    let units: Vec<_> = (0..4_000).map(|it| format!("user-{it}")).collect();
    let on_trial = |unit: &&String| {
        snapshot.pick(Some(unit)).generation().digest() != snapshot.stable().generation().digest()
    };
    let share = units.iter().filter(on_trial).count();
    assert!((900..1_100).contains(&share), "{share} of 4,000 at 25 %");
    // The same bucket as that of a flag with this salt, and of no other deployment.
    let salt = fusion_flags::Salt::new("deploy/d-7");
    assert!(units.iter().all(|it| on_trial(&it) == (salt.bucket(it) < 25_000)));
    // Who asks is told which arm this is, and which generation of the store answers.
    for unit in &units {
        let (arm, number) = if on_trial(&unit) { (Arm::Candidate, 2) } else { (Arm::Control, 1) };
        let (picked, of_unit) = snapshot.pick_arm(Some(unit));
        assert_eq!((of_unit, snapshot.number(of_unit)), (Some(arm), number), "{unit}");
        let refund = picked.generation().overlay_digest("refund");
        let stable = snapshot.stable().generation().overlay_digest("refund");
        assert_eq!(refund != stable, arm == Arm::Candidate);
    }
    assert_eq!(snapshot.pick_arm(None).1, None);
    // By the numbers of the store, which receipts are matched with.
    let store = Store::open(&running.root).unwrap();
    let tree = |it: &str| store.manifest(it.parse().unwrap()).unwrap().0.tree;
    assert_eq!(running.live.status().digest, tree("1"));
    assert_eq!(snapshot.candidate().unwrap().0.generation().digest(), tree("2"));
    let said = || acknowledgements(&running.root).unwrap();
    running.wait_for(|_| said().first().is_some_and(|(_, it)| it.is_ok()));
    assert_eq!(said()[0].1.as_ref().unwrap().digest, tree("1"));
    let deployment = snapshot.deployment().unwrap();
    assert_eq!((deployment.deployment.as_deref(), deployment.weight), (Some("d-7"), 25_000));

    switch(&running.root, Change::to(candidate));
    running.wait(|it| marks(it) == [2].into() && it.candidate().is_none());
}

#[test]
fn a_generation_that_was_changed_is_refused() {
    let running = start(1);
    let reference = publish(&running.root, &files(2));
    let file = running.root.join("gen/00000002/tree").join(REFUND);
    let mut permissions = fs::metadata(&file).unwrap().permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "a test folder")]
    permissions.set_readonly(false);
    fs::set_permissions(&file, permissions).unwrap();
    fs::write(&file, "TRUST_FLOOR=0\n").unwrap();
    // The store does not lead a pointer there: somebody who writes the file himself does.
    let store = Store::open(&running.root).unwrap();
    let writer = store.lock(&holder()).unwrap();
    let stable = store.current().unwrap().unwrap();
    drop(writer);
    let pointer = Pointer { epoch: stable.epoch + 1, stable: reference, ..stable };
    fs::write(running.root.join("fresh"), pointer.encode().unwrap()).unwrap();
    fs::rename(running.root.join("fresh"), running.root.join("CURRENT")).unwrap();

    running.wait_for(|it| it.nacks == 1);
    assert_eq!(marks(&running.live.snapshot()), [1].into());
    let error = running.live.status().last_error.unwrap();
    assert_eq!(error.findings[0].code, "OVL5221");
    assert!(error.findings[0].message.contains("fusion_overlay.refund.txt"), "{error:#?}");
    // It is written down a moment after it is known.
    let said = || acknowledgements(&running.root).unwrap().remove(0);
    running.wait_for(|_| said().1.is_ok_and(|it| it.refused.is_some()));
    let (name, said) = said();
    assert_eq!((name.as_str(), said.unwrap().epoch), ("here", Some(1)));
}

#[test]
fn a_candidate_with_errors_is_refused_and_the_stable_one_serves() {
    let running = start(1);
    let stable = Store::open(&running.root).unwrap().current().unwrap().unwrap().stable;
    let mut broken = files(2);
    broken.retain(|(path, _)| *path != REFUND);
    broken.push((REFUND, "TRUST_FLOOR=many\n".to_owned()));
    let candidate = publish(&running.root, &broken);
    let change = Change {
        phase: Phase::Canary,
        candidate: Some(candidate),
        weight: 50_000,
        deployment: Some("d-8".to_owned()),
        ..Change::to(stable)
    };
    switch(&running.root, change);
    running.wait_for(|it| it.nacks == 1);
    assert!(running.live.snapshot().candidate().is_none());
    assert_eq!(marks(&running.live.snapshot()), [1].into());
    assert_eq!(running.live.health().status, HealthStatus::Degraded);

    switch(&running.root, Change::to(stable));
    running.wait_for(|it| it.last_error.is_none());
    assert_eq!(running.live.health().status, HealthStatus::Healthy);
}

#[test]
fn a_damaged_pointer_changes_nothing() {
    let running = start(1);
    write(&running.root, "CURRENT", "{\"v\":1,\n");
    running.wait_for(|it| it.nacks == 1);
    assert_eq!(marks(&running.live.snapshot()), [1].into());
    fs::remove_file(running.root.join("CURRENT")).unwrap();
    running.wait_for(|it| it.nacks == 2);
    assert_eq!(running.live.status().source, Source::Files);
}

#[test]
fn a_folder_becomes_a_root_and_starts_from_the_last_good_copy() {
    let running = Running::start(|root| plant(root, 1));
    deploy(&running.root, 2);
    running.wait(|it| marks(it) == [2].into());

    let again = start(3);
    let mark = again.root.join("state/here/last_good/.digest");
    again.wait_for(|_| mark.exists());
    fs::write(again.root.join("CURRENT"), "").unwrap();
    let options = overlay_loader::Options {
        state: Some(again.root.join("state/here")),
        ..crate::live::options(&again.root)
    };
    let live = overlay_loader::Live::start(options).unwrap();
    assert_eq!(live.status().source, Source::LastGood);
    assert_eq!(marks(&live.snapshot()), [3].into());
}

fn switch_of(reason: &str) -> RootSwitch {
    RootSwitch {
        reason: reason.to_owned(),
        by: "ann".to_owned(),
        at: "2026-11-21T12:00:00Z".to_owned(),
    }
}

/// The switch of the root is obeyed at once, by those who start later too, and beside every
/// generation that a pointer puts in force meanwhile.
#[test]
fn the_switch_of_the_root_turns_every_overlay_off() {
    let running = start(1);
    let is_off = |it: &overlay_loader::Snapshot| it.stable().flags().is_emergency();
    switch_of("drill").throw(&running.root).unwrap();
    running.wait(is_off);
    let said = "KILL in the deployment root (drill, ann)";
    assert_eq!(running.live.status().held_by, [said]);
    assert_eq!(running.live.health().reasons, [format!("every overlay is off by {said}")]);
    assert_eq!(RootSwitch::read(&running.root).unwrap(), Some(switch_of("drill")));

    deploy(&running.root, 2);
    running.wait(|it| marks(it) == [2].into() && is_off(it));
    let again = Live::start(crate::live::options(&running.root)).unwrap();
    assert!(is_off(&again.snapshot()), "from the first moment on");
    drop(again);

    assert!(RootSwitch::take_back(&running.root).unwrap());
    running.wait(|it| !is_off(it));
    assert!(!RootSwitch::take_back(&running.root).unwrap());

    // What is in it does not matter, and it need not be a file.
    for text in ["", "sums are wrong\n", "{\"reason\": 7}"] {
        fs::write(running.root.join("KILL"), text).unwrap();
        running.wait(is_off);
        fs::remove_file(running.root.join("KILL")).unwrap();
        running.wait(|it| !is_off(it));
    }
    fs::create_dir(running.root.join("KILL")).unwrap();
    running.wait(is_off);
    fs::remove_dir(running.root.join("KILL")).unwrap();
    running.wait(|it| !is_off(it));
}

/// A pointer that is lost takes nothing back, for those who start then either.
#[test]
fn the_switch_of_a_root_that_lost_its_pointer_holds() {
    let running = start(1);
    switch_of("drill").throw(&running.root).unwrap();
    fs::remove_file(running.root.join("CURRENT")).unwrap();
    for kind in [RootKind::Either, RootKind::Deployed] {
        let options = overlay_loader::Options { kind, ..crate::live::options(&running.root) };
        let live = Live::start(options).unwrap();
        assert!(live.snapshot().stable().flags().is_emergency(), "{kind:?}");
        assert_eq!(live.status().held_by, ["KILL in the deployment root (drill, ann)"]);
    }
}

/// Who comes second replaces what the first one said, as a whole.
#[test]
fn many_throw_the_switch_of_a_root_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let reasons: Vec<_> = (0..8).map(|it| format!("{it} ").repeat(20_000 + it)).collect();
    let barrier = Barrier::new(reasons.len());
    std::thread::scope(|scope| {
        for reason in &reasons {
            scope.spawn(|| {
                barrier.wait();
                for _ in 0..20 {
                    let thrown = switch_of(reason).throw(dir.path());
                    assert!(matches!(thrown, Ok(Thrown::Whole)), "{thrown:?}");
                }
            });
        }
    });
    let text = fs::read(dir.path().join("KILL")).unwrap();
    let said: RootSwitch = serde_json::from_slice(&text).unwrap();
    assert!(reasons.contains(&said.reason), "one of the texts, whole");
    let names = fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["KILL"], "nothing else is left");
}

/// A service may run under another user than who throws its switch.
#[cfg(unix)]
#[test]
fn the_switch_of_a_root_is_for_all_to_read() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    switch_of("drill").throw(dir.path()).unwrap();
    fs::write(dir.path().join("other"), "").unwrap();
    let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
    assert_eq!(mode("KILL") & 0o777, mode("other") & 0o644);
}

/// Where there is no room for the reason, one that is there stays.
#[test]
fn a_switch_that_cannot_be_replaced_keeps_what_it_says() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("KILL")).unwrap();
    assert!(matches!(switch_of("drill").throw(dir.path()), Ok(Thrown::Bare(_))));
    assert_eq!(RootSwitch::read(dir.path()).unwrap(), Some(RootSwitch::default()));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
    assert!(switch_of("drill").throw(&dir.path().join("gone")).is_err());
}

/// Where nobody can tell whether it is thrown, it stays as it was.
#[test]
fn a_root_that_is_gone_takes_no_switch_back() {
    let running = start(1);
    switch_of("drill").throw(&running.root).unwrap();
    running.wait(|it| it.stable().flags().is_emergency());
    // Else its copy would be asked for again while the root is away.
    running.wait_for(|_| running.root.join("state/here/last_good/.digest").exists());
    fs::rename(&running.root, running.dir.path().join("elsewhere")).unwrap();
    running.wait_for(|it| it.switch_error.is_some());
    assert!(running.live.status().emergency);
    assert!(!running.root.exists(), "it is not made anew for what a service keeps in it");
    // What a volume leaves that is not mounted.
    fs::create_dir(&running.root).unwrap();
    running.live.reload();
    let status = running.live.status();
    assert!(status.emergency && status.switch_error.is_some(), "{status:#?}");
    fs::rename(running.dir.path().join("elsewhere"), &running.root).unwrap();
    running.wait_for(|it| it.switch_error.is_none());
    assert!(running.live.status().emergency);
}

/// The kill switch of a generation that is refused holds until one is followed again.
#[test]
fn a_damaged_pointer_takes_no_kill_back() {
    let running = start(1);
    let killed = files(2).into_iter().map(|(path, text)| match path {
        FLAGS => (path, flags_text(2, "global:\n  kill_switch: true\n")),
        REFUND => (path, "TRUST_FLOOR=many\n".to_owned()),
        _ => (path, text),
    });
    let reference = publish(&running.root, &killed.collect::<Vec<_>>());
    switch(&running.root, Change::to(reference));
    running.wait_for(|it| it.emergency);
    let before = running.live.status().nacks;
    fs::write(running.root.join("CURRENT"), "{\"v\":1,\n").unwrap();
    running.wait_for(|it| it.nacks > before);
    assert!(running.live.status().emergency);
}

#[test]
fn what_is_not_acknowledged_and_what_is_not_copied_are_told_apart() {
    let running = Running::start_with(
        |root| {
            deploy(root, 1);
            // A folder where the acknowledgement belongs.
            fs::create_dir_all(root.join("state/here/ack.json/x")).unwrap();
        },
        |options, dir| options.state = Some(dir.join("root/state/here")),
    );
    let mark = running.root.join("state/here/last_good/.digest");
    running.wait_for(|_| mark.exists());
    let status = running.live.status();
    assert!(status.acknowledgement_error.is_some() && status.copy_error.is_none(), "{status:#?}");
    assert!(running.live.health().reasons[0].starts_with("the deployment root is not told"));
    // What is copied later says nothing of what could not be written before.
    deploy(&running.root, 2);
    running.wait(|it| marks(it) == [2].into());
    assert!(running.live.status().acknowledgement_error.is_some());
    fs::remove_dir_all(running.root.join("state/here/ack.json")).unwrap();
    deploy(&running.root, 3);
    running.wait_for(|it| it.acknowledgement_error.is_none());
}

/// Who looks for why the candidate never answers finds it.
#[test]
fn a_candidate_that_kills_says_so() {
    let running = start(1);
    let stable = Store::open(&running.root).unwrap().current().unwrap().unwrap().stable;
    let mut killed = files(2);
    let flags = killed.iter_mut().find(|(path, _)| *path == FLAGS).unwrap();
    flags.1 = flags_text(2, "global:\n  kill_switch: true\n");
    let change = Change {
        phase: Phase::Canary,
        candidate: Some(publish(&running.root, &killed)),
        weight: 25_000,
        deployment: Some("d-7".to_owned()),
        ..Change::to(stable)
    };
    switch(&running.root, change);
    running.wait(|it| it.candidate().is_some());
    let reason = "the candidate has every overlay off, for its share of the units";
    let check = |emergency: bool, held_by: &[&str]| {
        let status = running.live.status();
        assert_eq!((status.emergency, status.candidate_emergency), (emergency, true));
        assert_eq!(status.held_by, held_by);
        assert!(status.health().reasons.iter().any(|it| it == reason), "{status:#?}");
    };
    check(false, &[]);
    assert_eq!(running.live.health().reasons, [reason]);

    // A switch that is taken back meanwhile is taken back: the others are on again.
    let events = running.live.events();
    running.live.throw(ByHand::default());
    check(true, &["the API"]);
    running.live.take_back();
    check(false, &[]);
    let lines: Vec<_> = events.try_iter().map(|it| it.to_string()).collect();
    assert!(lines.contains(&"switch taken back: the flags decide".to_owned()), "{lines:#?}");

    switch(&running.root, Change::to(stable));
    running.wait_for(|it| !it.candidate_emergency);
    assert_eq!(running.live.health().status, HealthStatus::Healthy);
}

/// A full disk has room again, and then there is a copy.
#[test]
fn a_copy_that_failed_is_tried_again() {
    let running = Running::start_with(
        |root| {
            let state = root.parent().unwrap().join("state");
            plant(root, 1);
            fs::create_dir(&state).unwrap();
            fs::write(state.join("last_good.new"), "in the way").unwrap();
        },
        |options, dir| {
            options.state = Some(dir.join("state"));
            options.poll = Duration::ZERO;
        },
    );
    let state = running.dir.path().join("state");
    running.wait_for(|it| it.copy_error.is_some());
    fs::remove_file(state.join("last_good.new")).unwrap();
    // Nothing else happens: the next poll does it.
    running.wait_for(|it| it.copy_error.is_none());
    assert!(state.join("last_good/.digest").exists());
}

/// A name that was mistyped, and a root that nothing was deployed to yet.
#[test]
fn a_root_without_a_pointer_is_waited_for_and_left_alone() {
    let deployed = |options: &mut overlay_loader::Options, dir: &Path| {
        options.kind = RootKind::Deployed;
        options.state = Some(dir.join("root/state/here"));
    };
    let running = Running::start_with(|_| (), deployed);
    assert_eq!(running.live.health().status, HealthStatus::Unhealthy);
    let refusals = running.live.status().last_error.unwrap().findings;
    assert!(refusals[0].message.contains("it has no CURRENT"), "{refusals:?}");
    running.live.reload();
    assert!(!running.root.exists(), "nothing is made there");

    // Half a root is no installation.
    plant(&running.root, 3);
    running.live.reload();
    assert_eq!(
        (running.live.status().source, running.live.status().accepted),
        (Source::Embedded, 0)
    );
    assert!(!running.root.join("state").exists());
    deploy(&running.root, 1);
    running.wait(|it| it.stable().generation().source() == Source::Files);
    assert_eq!(marks(&running.live.snapshot()), [1].into());
    assert_eq!(running.live.status().accepted, 1);
    let said = || acknowledgements(&running.root).unwrap();
    running.wait_for(|_| said().first().is_some_and(|(_, it)| it.is_ok()));

    // An installation is served as one, not as a root.
    let running = Running::start_with(|root| plant(root, 1), deployed);
    assert_eq!(running.live.health().status, HealthStatus::Unhealthy);
    let refusals = running.live.status().last_error.unwrap().findings;
    assert!(refusals[0].message.contains("serve it with --configs"), "{refusals:?}");
    assert!(!running.root.join("state").exists());
}

/// A volume that is not mounted any more leaves an empty folder, which stays one.
#[test]
fn a_root_that_is_emptied_is_left_alone() {
    let running = start(1);
    let copy = running.root.join("state/here/last_good/.digest");
    running.wait_for(|_| copy.exists());
    let empty = running.dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    fs::rename(&running.root, running.dir.path().join("elsewhere")).unwrap();
    fs::rename(&empty, &running.root).unwrap();
    running.wait_for(|it| it.last_error.is_some());
    running.live.reload();
    assert_eq!(fs::read_dir(&running.root).unwrap().count(), 0);
    assert_eq!(marks(&running.live.snapshot()), [1].into());
}
