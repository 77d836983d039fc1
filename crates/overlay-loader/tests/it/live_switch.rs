//! Switches in every form, and candidates.

use std::fs;
use std::path::Path;

use fusion_flags::{BUCKETS, Context, Reason, Route, SwitchSource, Switches};
use overlay_loader::{HealthStatus, Options, Snapshot};

use crate::live::{FLAGS, REFUND, Running, flags_text, marks, plant, refund_text, write};

fn with_switch_file(text: Option<&str>) -> Running {
    Running::start_with(
        |root| {
            plant(root, 1);
            if let Some(text) = text {
                write(root.parent().unwrap(), "switches/features", text);
            }
        },
        |options, dir| options.features_file = Some(dir.join("switches/features")),
    )
}

/// Whether the overlay `refund` answers.
fn is_on(snapshot: &Snapshot) -> bool {
    let flags = snapshot.stable().flags();
    let context = Context { scenario_type: "refund", unit: Some("a"), ..Context::default() };
    let name = flags.snapshot().names().next().unwrap();
    flags.decide(name, &context).enabled
}

fn is_emergency(snapshot: &Snapshot) -> bool {
    snapshot.stable().flags().is_emergency()
}

#[test]
fn by_a_call() {
    let it = Running::start(|root| plant(root, 1));
    assert!(is_on(&it.live.snapshot()));
    let off = Switches::parse(Some(""));
    assert_eq!(it.live.switch(SwitchSource::Api, off), Vec::<String>::new());
    assert!(is_emergency(&it.live.snapshot()) && !is_on(&it.live.snapshot()));
    assert!(it.live.status().emergency);
    assert_eq!(it.live.health().reasons, ["every overlay is off by the API"]);
    // It outlives a reload.
    write(&it.root, REFUND, &refund_text(2));
    it.wait(|it| it.epoch() == 3);
    assert!(is_emergency(&it.live.snapshot()));
    it.live.switch(SwitchSource::Api, Switches::default());
    assert!(!is_emergency(&it.live.snapshot()) && is_on(&it.live.snapshot()));
    assert_eq!(it.live.health().status, HealthStatus::Healthy);
}

#[test]
fn names_that_nothing_has_come_back() {
    let it = Running::start(|root| plant(root, 1));
    let switches = Switches::parse(Some("-mark_1,gone"));
    assert_eq!(it.live.switch(SwitchSource::Api, switches), ["gone"]);
    assert!(!is_on(&it.live.snapshot()));
    assert_eq!(it.live.status().unknown_switches, ["gone"]);
    assert_eq!(it.live.health().reasons, ["unknown switches: gone"]);
    // A file may make the name known.
    write(&it.root, FLAGS, &flags_text(1, "").replace("mark_1", "gone"));
    it.wait(|it| it.epoch() == 3);
    assert_eq!(it.live.status().unknown_switches, ["mark_1"]);
}

#[test]
fn by_the_environment_at_the_start() {
    let with = |text: &'static str| {
        Running::start_with(
            |root| plant(root, 1),
            move |options: &mut Options, _: &Path| options.features = Some(text.into()),
        )
    };
    let it = with(" , ");
    assert!(is_emergency(&it.live.snapshot()));
    it.live.switch(SwitchSource::Environment, Switches::default());
    assert!(is_on(&it.live.snapshot()));
    // An overlay's name takes it out of the routes; its flag decides as before.
    let it = with("-refund");
    let context = Context { scenario_type: "refund", unit: Some("a"), ..Context::default() };
    let mut route = Route::default();
    it.live.snapshot().stable().flags().route(&context, &mut route);
    assert!(route.candidates.is_empty() && route.rejected[0].reason == Reason::ForcedOff);
    assert_eq!(with("other").live.status().unknown_switches, ["other"]);
}

#[test]
fn by_the_switch_file() {
    let it = with_switch_file(Some("-mark_1\n"));
    let file = it.dir.path().join("switches/features");
    assert_eq!(it.live.status().epoch, 1);
    assert!(!is_on(&it.live.snapshot()));
    fs::write(&file, "").unwrap();
    it.wait(is_emergency);
    fs::write(file.with_extension("new"), "mark_1,other").unwrap();
    fs::rename(file.with_extension("new"), &file).unwrap();
    it.wait(|it| !is_emergency(it) && is_on(it));
    assert_eq!(it.live.status().unknown_switches, ["other"]);
    fs::remove_dir_all(file.parent().unwrap()).unwrap();
    it.wait_for(|it| it.unknown_switches.is_empty());
    write(it.dir.path(), "switches/features", " \n");
    it.wait(is_emergency);
}

#[test]
fn a_switch_file_that_cannot_be_read_changes_nothing() {
    let it = with_switch_file(Some(""));
    let file = it.dir.path().join("switches/features");
    fs::write(&file, [0xff, 0xfe]).unwrap();
    it.wait_for(|it| it.switch_error.is_some());
    assert!(is_emergency(&it.live.snapshot()));
    assert_eq!(it.live.health().reasons.len(), 2, "{:?}", it.live.health());
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    it.wait_for(|it| it.switch_error.as_deref() == Some("it is no file"));
    fs::remove_dir(&file).unwrap();
    it.wait_for(|it| it.switch_error.is_none());
    it.wait(|it| !is_emergency(it));
}

/// Nobody knows what it says, and everything off is the safe side.
#[test]
fn a_switch_file_that_cannot_be_read_at_the_start_is_thrown() {
    fn folder(file: &Path) {
        fs::create_dir_all(file).unwrap();
    }
    fn no_text(file: &Path) {
        fs::write(file, [0xff, 0xfe]).unwrap();
    }
    let mut ways: Vec<fn(&Path)> = vec![folder, no_text];
    #[cfg(unix)]
    ways.push(|file| std::os::unix::fs::symlink("gone", file).unwrap());
    for way in ways {
        let it = Running::start_with(
            |root| {
                plant(root, 1);
                fs::create_dir(root.parent().unwrap().join("switches")).unwrap();
                way(&root.parent().unwrap().join("switches/features"));
            },
            |options, dir| options.features_file = Some(dir.join("switches/features")),
        );
        assert!(is_emergency(&it.live.snapshot()));
        assert_eq!(it.live.status().held_by, ["RESON_FEATURES_FILE"]);
        assert!(it.live.status().switch_error.is_some());
        let file = it.dir.path().join("switches/features");
        fs::remove_dir(&file).or_else(|_| fs::remove_file(&file)).unwrap();
        it.wait(|it| !is_emergency(it));
    }
}

#[test]
fn by_the_flag_file() {
    let it = Running::start(|root| plant(root, 1));
    for _ in 0..2 {
        write(&it.root, FLAGS, &flags_text(1, "global:\n  kill_switch: true\n"));
        it.wait(is_emergency);
        write(&it.root, FLAGS, &flags_text(1, ""));
        it.wait(|it| !is_emergency(it));
    }
}

/// Who needs the kill switch needs it while something is broken.
#[test]
fn by_the_flag_file_of_a_tree_that_is_refused() {
    let it = Running::start(|root| plant(root, 1));
    write(&it.root, REFUND, "NO_SUCH_KEY=1\n");
    it.wait_for(|it| it.last_error.is_some());
    write(&it.root, FLAGS, &flags_text(2, "global:\n  kill_switch: true\n"));
    it.wait(is_emergency);
    assert!(it.live.status().last_error.is_some());
    assert_eq!(marks(&it.live.snapshot()), [1].into());
    write(&it.root, FLAGS, &flags_text(2, ""));
    it.wait(|it| !is_emergency(it));
    write(&it.root, FLAGS, &flags_text(2, "global:\n  kill_switch: true\n"));
    it.wait(is_emergency);
    plant(&it.root, 3);
    it.wait(|it| !is_emergency(it) && marks(it) == [3].into());
}

/// A kill switch that cannot be read for sure is not taken back.
#[test]
fn a_refused_flag_file_that_breaks_takes_no_kill_back() {
    let killed = flags_text(2, "global:\n  kill_switch: true\n");
    for broken in [
        format!("{killed}  more: 1\n"),
        format!("{killed}features: [\n"),
        "features: [\n".to_owned(),
        killed.replace("kill_switch: true", "kil_switch: true"),
        killed.replace("kill_switch: true", "kill_switch: yes"),
        String::new(),
    ] {
        let it = Running::start(|root| plant(root, 1));
        write(&it.root, REFUND, "NO_SUCH_KEY=1\n");
        it.wait_for(|it| it.last_error.is_some());
        write(&it.root, FLAGS, &killed);
        it.wait(is_emergency);
        let before = it.live.status().nacks;
        write(&it.root, FLAGS, &broken);
        it.wait_for(|it| it.nacks > before);
        assert!(is_emergency(&it.live.snapshot()), "{broken}");
        assert_eq!(
            it.live.status().held_by,
            ["global.kill_switch of a flag file that is refused"],
            "{broken}"
        );
        // Said for sure it is taken back, also in a file that is refused for something else.
        let before = it.live.status().nacks;
        write(&it.root, FLAGS, &format!("{}  more: 1\n", killed.replace("true", "false")));
        it.wait_for(|it| it.nacks > before);
        it.wait(|it| !is_emergency(it));
    }
    let it = Running::start(|root| plant(root, 1));
    write(&it.root, REFUND, "NO_SUCH_KEY=1\n");
    write(&it.root, FLAGS, &killed);
    it.wait(is_emergency);
    let before = it.live.status().nacks;
    fs::remove_file(it.root.join(FLAGS)).unwrap();
    it.wait_for(|it| it.nacks > before);
    assert!(is_emergency(&it.live.snapshot()), "a file that is gone says nothing");
}

#[test]
fn a_start_on_a_broken_flag_file_obeys_its_kill_switch() {
    let set = |options: &mut Options, dir: &Path| options.state = Some(dir.join("state"));
    let it = Running::start_with(|root| plant(root, 1), set);
    let copy = it.dir.path().join("state/last_good/.digest");
    it.wait_for(|_| copy.exists());
    drop(it.live);
    for more in ["kill_switch: true\n  more: 1\n", "kill_switch: true\nfeatures: [\n"] {
        write(&it.root, FLAGS, &flags_text(1, &format!("global:\n  {more}")));
        let mut options = crate::live::options(&it.root);
        set(&mut options, it.dir.path());
        let live = overlay_loader::Live::start(options).unwrap();
        assert_eq!(live.status().source, overlay_loader::Source::LastGood);
        assert!(is_emergency(&live.snapshot()), "{more}");
    }
}

fn units() -> impl Iterator<Item = String> {
    (0..4_000).map(|it| format!("unit-{it}"))
}

/// The units that get the candidate.
fn on_trial(snapshot: &Snapshot) -> Vec<String> {
    let candidate = snapshot.candidate().unwrap().0.generation().digest();
    units().filter(|it| snapshot.pick(Some(it)).generation().digest() == candidate).collect()
}

#[test]
fn a_candidate_answers_its_share() {
    let it = Running::start(|root| plant(root, 1));
    let next = it.dir.path().join("next");
    plant(&next, 2);
    let mut before = Vec::new();
    for percent in [0.0, 1.0, 5.0, 25.0, 50.0, 100.0] {
        it.live.try_candidate(&next, "d1", percent).unwrap();
        let snapshot = it.live.snapshot();
        let now = on_trial(&snapshot);
        assert!(before.iter().all(|it| now.contains(it)), "raising a share only adds");
        let share = now.len() as f64 / 40.0;
        assert!((share - percent).abs() < 2.5, "{share} of {percent} percent");
        assert_eq!(on_trial(&snapshot), now, "the same unit gets the same answer");
        let stable = snapshot.stable().generation().digest();
        assert_eq!(snapshot.pick(None).generation().digest(), stable);
        before = now;
    }
    assert_eq!(it.live.snapshot().candidate().unwrap().1, BUCKETS);
    let snapshot = it.live.snapshot();
    let (picked, arm) = snapshot.pick_arm(Some(""));
    assert_eq!(arm, None, "an empty unit is none");
    assert_eq!(picked.generation().digest(), snapshot.stable().generation().digest());
    drop(snapshot);
    assert_eq!(marks(&it.live.snapshot()), [1].into());

    it.live.try_candidate(&next, "d1", 5.0).unwrap();
    let five = on_trial(&it.live.snapshot());
    it.live.try_candidate(&next, "d2", 5.0).unwrap();
    assert_ne!(on_trial(&it.live.snapshot()), five, "each deployment draws anew");

    // A change of the stable configuration and a switch leave the candidate.
    let epoch = it.live.status().epoch;
    write(&it.root, REFUND, &refund_text(3));
    it.wait(|it| it.epoch() > epoch);
    assert!(it.live.snapshot().candidate().is_some());
    it.live.switch(SwitchSource::Api, Switches::parse(Some("")));
    assert!(it.live.snapshot().candidate().unwrap().0.flags().is_emergency());
    it.live.drop_candidate();
    assert!(it.live.snapshot().candidate().is_none());
}

#[test]
fn a_candidate_that_is_none_changes_nothing() {
    let it = Running::start(|root| plant(root, 1));
    let next = it.dir.path().join("next");
    let findings = it.live.try_candidate(&next, "d", 5.0).unwrap_err();
    assert_eq!(findings[0].diagnostic.code, "OVL5201");
    plant(&next, 2);
    for percent in [f64::NAN, -1.0, 100.1] {
        let findings = it.live.try_candidate(&next, "d", percent).unwrap_err();
        assert_eq!(findings[0].diagnostic.code, "OVL5219");
    }
    write(&next, REFUND, "NO_SUCH_KEY=1\n");
    assert!(!it.live.try_candidate(&next, "d", 5.0).unwrap_err().is_empty());
    assert_eq!(it.live.status().epoch, 1);
    assert!(it.live.snapshot().candidate().is_none());
}

#[test]
fn the_reason_says_what_is_off() {
    let it = Running::start(|root| plant(root, 1));
    it.live.switch(SwitchSource::Api, Switches::parse(Some("")));
    let context = Context { scenario_type: "refund", ..Context::default() };
    let snapshot = it.live.snapshot();
    assert_eq!(
        snapshot.stable().flags().decide("mark_1", &context).reason,
        Reason::EmergencyBaseline
    );
}
