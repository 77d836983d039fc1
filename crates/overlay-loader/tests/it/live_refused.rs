//! What is refused, and what is served instead.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use expect_test::{Expect, expect};
use fusion_flags::{BreakerState, SwitchSource, Switches};
use overlay_loader::{ByHand, HealthStatus, Live, Source, environment_layer};
use overlay_model::Layer;

use crate::live::{
    BASELINE, DEADLINE, FLAGS, REFUND, Running, files, flags_text, marks, options, plant,
    refund_text, write,
};

fn environment(vars: &[(&str, &str)]) -> Layer {
    environment_layer(vars.iter().map(|(key, value)| ((*key).into(), (*value).into()))).0
}

fn break_refund(root: &Path) {
    write(root, REFUND, &format!("{}NO_SUCH_KEY=1\n", refund_text(9)));
}

#[test]
fn a_bad_change_is_refused_and_a_good_one_clears_that() {
    let it = Running::start(|root| plant(root, 1));
    assert_eq!(it.live.health().status, HealthStatus::Healthy);
    break_refund(&it.root);
    it.wait_for(|it| it.nacks >= 1);
    let status = it.live.status();
    assert_eq!((status.epoch, status.source), (1, Source::Files));
    assert_eq!(marks(&it.live.snapshot()), [1].into());
    let [refusal] = status.last_error.unwrap().findings.try_into().unwrap();
    assert_eq!((refusal.path.as_str(), refusal.code.as_str()), (REFUND, "OVL2002"));
    assert!(refusal.message.starts_with("11:1: error[OVL2002]: unknown key"), "{refusal:?}");
    let health = it.live.health();
    assert_eq!(health.status, HealthStatus::Degraded);
    assert!(health.reasons[0].contains(REFUND), "{health:?}");

    plant(&it.root, 2);
    it.wait(|it| marks(it) == [2].into());
    it.wait_for(|it| it.last_error.is_none());
    assert_eq!(it.live.health().status, HealthStatus::Healthy);
}

#[test]
fn a_change_taken_back_clears_the_refusal_without_an_epoch() {
    let it = Running::start(|root| plant(root, 1));
    break_refund(&it.root);
    it.wait_for(|it| it.last_error.is_some());
    write(&it.root, REFUND, &refund_text(1));
    it.wait_for(|it| it.last_error.is_none());
    assert_eq!(it.live.status().epoch, 1);
}

#[track_caller]
fn check(flag_file: &str, expect: Expect) {
    let it = Running::start(|root| plant(root, 1));
    write(&it.root, FLAGS, flag_file);
    it.wait_for(|it| it.nacks >= 1);
    assert_eq!(marks(&it.live.snapshot()), [1].into(), "what was in force stays");
    let refusals = it.live.status().last_error.unwrap().findings;
    let lines = refusals.iter().map(|it| format!("{}: {}\n", it.path, it.message));
    expect.assert_eq(&lines.collect::<String>());
}

#[test]
fn bad_flag_files_are_refused_with_place_and_reason() {
    let text = flags_text(2, "");
    check(
        &format!("{text}    rollout_percentage: 10\n"),
        expect![[r#"
        overlay_feature_flags.yaml: 7:5: error[FLG1005]: duplicate mapping key `rollout_percentage` is not allowed here
    "#]],
    );
    check(
        &text.replace("100", "101"),
        expect![[r#"
        overlay_feature_flags.yaml: 6:25: error[FLG2001]: `mark_2`: 101 is no percentage from 0 to 100
    "#]],
    );
    check(
        &text.replace("100", "much"),
        expect![[r#"
            overlay_feature_flags.yaml: 6:25: error[FLG1004]: a number or a switch is expected here, without quotes
        "#]],
    );
    check(
        &text.replace("[refund]", "[refunds]"),
        expect![[r#"
        overlay_feature_flags.yaml: 5:24: error[FLG4001]: `mark_2` names the overlay `refunds`, which there is not (did you mean `refund`?)
    "#]],
    );
    check(
        &format!("{text}    requires: [mark_2]\n"),
        expect![[r#"
            overlay_feature_flags.yaml: 7:16: error[FLG1004]: a map is expected here (write a map with `flag` and, as wanted, `is`)
        "#]],
    );
    check(
        "features: &a\n  x: *a\n",
        expect![[r#"
            overlay_feature_flags.yaml: 2:3: error[FLG1001]: anchors (`&`) and aliases (`*`) are not taken: write the value where it belongs
        "#]],
    );
    check(
        &"#".repeat((8 << 20) + 1),
        expect![[r#"
        overlay_feature_flags.yaml: error[OVL5202]: more than the 8388608 bytes such a file may have
    "#]],
    );
}

#[test]
fn a_reload_that_is_asked_for_reads_at_once() {
    let it = Running::start(|root| plant(root, 1));
    write(&it.root, REFUND, &refund_text(2));
    assert!(it.live.reload());
    write(&it.root, BASELINE, "NO_SUCH_KEY=1\n");
    assert!(it.live.reload());
    assert!(it.live.status().last_error.is_some());
}

#[test]
fn a_start_with_broken_files_takes_the_last_good_copy() {
    let set = |options: &mut overlay_loader::Options, dir: &Path| {
        options.state = Some(dir.join("made/when/missing"));
    };
    let it = Running::start_with(|root| plant(root, 1), set);
    let copy = it.dir.path().join("made/when/missing/last_good");
    it.wait_for(|_| copy.exists());
    plant(&it.root, 2);
    it.wait(|it| marks(it) == [2].into());
    let (dir, root) = (it.dir, it.root);
    // Ends once the copy is made.
    drop(it.live);

    break_refund(&root);
    let mut again = options(&root);
    set(&mut again, dir.path());
    let live = Live::start(again.clone()).unwrap();
    assert_eq!(marks(&live.snapshot()), [2].into());
    let status = live.status();
    assert_eq!((status.source, status.nacks), (Source::LastGood, 1));
    let health = live.health();
    assert_eq!(health.status, HealthStatus::Degraded);
    assert_eq!(health.reasons.len(), 2, "{health:?}");
    // The same files again are another source: they are put in force.
    let epochs = live.subscribe();
    plant(&root, 2);
    while live.status().source != Source::Files {
        epochs.recv_timeout(DEADLINE).unwrap();
    }
    drop(live);

    // A copy that is not what it was is no copy; the one before it is.
    break_refund(&root);
    let state = again.state.clone().unwrap();
    write(&state, "last_good/micro_overlays/refund.md", "Mark 3\n");
    let live = Live::start(again.clone()).unwrap();
    let before = live.snapshot().stable().generation().installation().root().to_owned();
    assert!(before.ends_with("last_good.old"), "{before:?}");
    let error = live.status().copy_error.unwrap_or_default();
    assert!(error.ends_with("last_good is not what was kept"), "{error}");
    drop(live);

    fs::remove_dir_all(&state).unwrap();
    let live = Live::start(again).unwrap();
    assert_eq!(live.status().source, Source::Embedded);
    assert_eq!(live.health().status, HealthStatus::Unhealthy);
    let settings = live.snapshot().stable().generation().settings(None).cloned();
    assert_eq!(settings.unwrap().trust_floor.get(), 0.6);
}

#[test]
fn a_folder_that_holds_no_copy_is_told_of() {
    let it = Running::start_with(
        |root| plant(root, 1),
        |options, dir| {
            fs::write(dir.join("file"), "").unwrap();
            options.state = Some(dir.join("file"));
        },
    );
    // From the first moment on.
    assert!(it.live.status().copy_error.is_some());
    assert_eq!(it.live.health().status, HealthStatus::Degraded);
    let events = it.live.events();
    fs::remove_file(it.dir.path().join("file")).unwrap();
    write(&it.root, REFUND, &refund_text(2));
    let mut lines = [0, 1].map(|_| events.recv_timeout(DEADLINE).unwrap().to_string());
    lines.sort();
    assert!(lines[0].starts_with("accepted: epoch 2"), "{lines:?}");
    assert_eq!(lines[1], "recovered: a copy of this configuration is kept again");
}

#[cfg(unix)]
#[test]
fn a_copy_holds_nothing_from_outside() {
    use std::os::unix::fs::symlink;
    let it = Running::start_with(
        |root| {
            plant(root, 1);
            fs::write(root.with_file_name("secret"), "secret").unwrap();
            fs::create_dir(root.join("folder")).unwrap();
            symlink("../../secret", root.join("folder/link")).unwrap();
            symlink("../secret", root.join(".hidden")).unwrap();
        },
        |options, dir| options.state = Some(dir.join("state")),
    );
    let dir = it.dir;
    drop(it.live);
    let kept = dir.path().join("state/last_good");
    let mut names: Vec<_> = fs::read_dir(&kept)
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut expected: Vec<_> =
        files(1).iter().map(|(name, _)| name.split('/').next().unwrap().to_owned()).collect();
    expected.push(".digest".into());
    expected.sort();
    expected.dedup();
    assert_eq!(names, expected);
}

/// A folder that is not there, is empty, or is another than was meant.
#[test]
fn nothing_at_all_is_the_built_in_overlay() {
    let start = |files: &'static [&'static str]| {
        let it = Running::start(|root| {
            files.iter().for_each(|it| write(root, it, ""));
        });
        let status = it.live.status();
        assert_eq!((status.source, status.accepted), (Source::Embedded, 0), "{files:?}");
        assert_eq!(it.live.health().status, HealthStatus::Unhealthy, "{files:?}");
        it
    };
    for files in [
        &["overlays/README"][..],
        &["overlays/overlays/fusion_overlay.baseline.txt", "src/main.rs"],
        &["fusion_overlay.baseline.txt", "deploy.toml"],
        &["fusion.toml", "slo.toml", "micro_overlays/refund.md"],
    ] {
        let refusals = start(files).live.status().last_error.unwrap().findings;
        assert_eq!(refusals[0].code, "OVL5223", "{files:?}");
    }
    let it = start(&[]);
    fs::create_dir(&it.root).unwrap();
    it.wait_for(|it| it.last_error.as_ref().is_some_and(|it| it.findings[0].code == "OVL5223"));
    assert_eq!(it.live.health().status, HealthStatus::Unhealthy);
    plant(&it.root, 1);
    it.wait(|it| it.stable().generation().source() == Source::Files);
    it.wait_for(|it| it.last_error.is_none());
    assert_eq!(it.live.health().status, HealthStatus::Healthy);
}

/// A volume that is not mounted any more, or `rm -r configs/*`: also without a flag file,
/// whose loss is refused by itself.
#[test]
fn an_installation_that_is_emptied_is_refused() {
    let it = Running::start(|root| {
        plant(root, 1);
        fs::remove_file(root.join(FLAGS)).unwrap();
    });
    let before = marks(&it.live.snapshot());
    let (away, empty) = (it.dir.path().join("away"), it.dir.path().join("empty"));
    fs::create_dir(&empty).unwrap();
    fs::rename(&it.root, &away).unwrap();
    fs::rename(&empty, &it.root).unwrap();
    it.wait_for(|it| it.last_error.as_ref().is_some_and(|it| it.findings[0].code == "OVL5223"));
    assert!(!it.live.reload() || it.live.status().last_error.is_some());
    assert_eq!((it.live.status().epoch, it.live.status().accepted), (1, 1));
    assert_eq!(marks(&it.live.snapshot()), before);
    assert_eq!(it.live.health().status, HealthStatus::Degraded);
    plant(&it.root, 2);
    it.wait(|it| marks(it) == [2].into());

    // One file after the other.
    for (name, _) in files(2).into_iter().filter(|(name, _)| *name != FLAGS) {
        fs::remove_file(it.root.join(name)).unwrap();
    }
    fs::remove_file(it.root.join(FLAGS)).unwrap();
    it.wait_for(|it| it.last_error.as_ref().is_some_and(|it| it.findings[0].code == "OVL5223"));
    let snapshot = it.live.snapshot();
    assert!(!snapshot.stable().generation().installation().overlays().is_empty());
}

/// What editors and others leave beside the files is no change of them.
#[test]
fn a_stray_file_makes_no_epoch() {
    let it = Running::start(|root| plant(root, 1));
    let digest = it.live.status().digest;
    for name in ["foo", "sedAbC", "providers.toml.orig", "examples/x.toml", "#slo.toml#"] {
        write(&it.root, name, "stray");
        assert!(it.live.reload());
    }
    // As `sed -i` does it.
    let text = flags_text(1, "global: {}\n");
    write(&it.root, "sedXyZ", &text);
    it.live.reload();
    assert_eq!((it.live.status().epoch, it.live.status().digest), (1, digest));
    fs::rename(it.root.join("sedXyZ"), it.root.join(FLAGS)).unwrap();
    it.wait(|it| it.epoch() == 2);
    assert!(it.live.reload());
    assert_eq!((it.live.status().epoch, it.live.status().accepted), (2, 2));
    let installation = overlay_loader::Installation::read(&it.root).unwrap();
    assert_eq!(it.live.status().digest, installation.digest());
}

#[test]
fn values_from_outside_are_told_of() {
    let it = Running::start_with(
        |root| plant(root, 1),
        |options, _| {
            options.extra = vec![environment(&[("RESONTINEX_FUSION_SAMPLES", "4")])];
        },
    );
    assert_eq!(it.live.status().shadowed, ["SAMPLES"]);
    let health = it.live.health();
    assert_eq!(health.status, HealthStatus::Degraded);
    assert_eq!(health.reasons, ["set from outside: SAMPLES"]);
    let settings = it.live.snapshot().stable().generation().settings(None).cloned();
    assert_eq!(settings.unwrap().samples, 4);
}

#[test]
fn breakers_survive_a_reload() {
    let it = Running::start(|root| plant(root, 1));
    it.live.breakers().get("refund").isolate();
    write(&it.root, REFUND, &refund_text(2));
    it.wait(|it| it.epoch() == 2);
    assert_eq!(it.live.breakers().get("refund").state(0), BreakerState::Isolated);
    let context = fusion_flags::Context { scenario_type: "refund", ..Default::default() };
    let mut route = fusion_flags::Route::default();
    it.live.snapshot().stable().flags().route(&context, &mut route);
    assert_eq!(route.primary(), None, "the breaker is the one that is asked");
}

/// The installation in force has a flag file: without it, its rollouts and its kill switch
/// would be gone.
#[test]
fn a_flag_file_that_is_gone_is_refused() {
    let it = Running::start_with(
        |root| plant(root, 1),
        |options, dir| options.state = Some(dir.join("state")),
    );
    let copy = it.dir.path().join("state/last_good/.digest");
    it.wait_for(|_| copy.exists());
    fs::remove_file(it.root.join(FLAGS)).unwrap();
    it.wait_for(|it| it.last_error.is_some());
    let refusals = it.live.status().last_error.unwrap().findings;
    assert_eq!((&*refusals[0].path, &*refusals[0].code), (FLAGS, "OVL5222"));
    assert_eq!(marks(&it.live.snapshot()), [1].into());
    drop(it.live);

    // A start remembers it by the copy, and forgets it with the copy.
    let start = || {
        let mut options = options(&it.root);
        options.state = Some(it.dir.path().join("state"));
        Live::start(options).unwrap()
    };
    let live = start();
    assert_eq!((live.status().source, live.status().nacks), (Source::LastGood, 1));
    write(&it.root, FLAGS, "schema_version: 2\nfeatures: {}\n");
    live.reload();
    assert_eq!(live.status().source, Source::Files);
    drop(live);
    fs::remove_file(it.root.join(FLAGS)).unwrap();
    fs::remove_dir_all(it.dir.path().join("state")).unwrap();
    assert_eq!(start().status().source, Source::Files);
}

#[cfg(unix)]
#[test]
fn a_flag_file_that_is_no_file_is_refused() {
    let it = Running::start(|root| plant(root, 1));
    fs::remove_file(it.root.join(FLAGS)).unwrap();
    fs::create_dir(it.root.join(FLAGS)).unwrap();
    it.wait_for(|it| it.last_error.as_ref().is_some_and(|it| it.findings[0].code == "OVL5201"));
    assert_eq!(marks(&it.live.snapshot()), [1].into());
    fs::remove_dir(it.root.join(FLAGS)).unwrap();
    let made = std::process::Command::new("mkfifo").arg(it.root.join(FLAGS)).status();
    assert!(made.unwrap().success());
    let before = it.live.status().nacks;
    it.live.reload();
    assert!(it.live.status().nacks > before);
    assert_eq!(it.live.status().last_error.unwrap().findings[0].code, "OVL5201");
}

#[test]
fn without_a_flag_file_overlays_answer_what_they_name() {
    let it = Running::start(|root| {
        plant(root, 1);
        fs::remove_file(root.join(FLAGS)).unwrap();
    });
    assert_eq!(it.live.health().status, HealthStatus::Healthy);
    let primary = |scenario_type| {
        let mut route = fusion_flags::Route::default();
        let context = fusion_flags::Context { scenario_type, ..Default::default() };
        let snapshot = it.live.snapshot();
        let flags = snapshot.stable().flags();
        flags.route(&context, &mut route);
        route.primary().map(|it| flags.overlay_name(it).to_owned())
    };
    assert_eq!(primary("refund").as_deref(), Some("refund"));
    assert_eq!(primary("refunds"), None);
    // A broken one is no missing one.
    write(&it.root, FLAGS, "features: [\n");
    it.live.reload();
    assert!(it.live.status().last_error.is_some());
    plant(&it.root, 2);
    it.wait(|it| marks(it) == [2].into());
}

#[test]
fn an_environment_that_the_flag_file_does_not_have_is_told_of() {
    let start = |name: &'static str, more: &'static str| {
        Running::start_with(
            |root| {
                plant(root, 1);
                write(root, FLAGS, &flags_text(1, more));
            },
            |options, _| options.environment = Some(name.to_owned()),
        )
    };
    let staging = "environments: {staging: {global_rollout_percentage: 50}}\n";
    let it = start("stagin", staging);
    assert_eq!(it.live.health().status, HealthStatus::Degraded);
    expect![[r#"
        [
            "the flag file has no environment `stagin`, only staging: its settings do not hold",
        ]
    "#]]
    .assert_debug_eq(&it.live.health().reasons);
    assert_eq!(start("staging", staging).live.health().status, HealthStatus::Healthy);
    assert_eq!(start("stagin", "").live.health().status, HealthStatus::Healthy);
}

#[test]
fn a_value_from_outside_that_is_none_is_named_once() {
    let it = Running::start_with(
        |root| plant(root, 1),
        |options, _| {
            options.extra = vec![environment(&[("RESONTINEX_FUSION_TRUST_FLOOR", "9")])];
        },
    );
    let health = it.live.health();
    assert_eq!(health.status, HealthStatus::Unhealthy);
    expect![[r#"
        [
            "the last change was refused: error[OVL5218]: RESONTINEX_FUSION_TRUST_FLOOR=9: TRUST_FLOOR is a number from 0 to 1",
            "serving the built-in overlay only",
        ]
    "#]]
    .assert_debug_eq(&health.reasons);
    assert_eq!(it.live.status().last_error.unwrap().findings.len(), 1);
}

#[test]
fn breakers_work_by_the_file_in_force() {
    let breaker = |more: &str| format!("global:\n  circuit_breaker: {{{more}}}\n");
    let it = Running::start(|root| {
        plant(root, 1);
        write(root, FLAGS, &flags_text(1, &breaker("failure_threshold: 2, recovery_timeout: 9")));
    });
    let policy = |name: &str| it.live.breakers().get(name).policy();
    assert_eq!((policy("refund").failure_threshold, policy("refund").recovery.as_secs()), (2, 9));
    // What a later file does not say is the default again, as after a restart.
    write(&it.root, FLAGS, &flags_text(1, &breaker("failure_threshold: 3")));
    it.wait(|it| it.epoch() == 2);
    assert_eq!((policy("refund").failure_threshold, policy("refund").recovery.as_secs()), (3, 300));
    assert_eq!(policy("baseline").failure_threshold, 3);

    // A candidate tunes nothing that is in force.
    let next = it.dir.path().join("next");
    plant(&next, 2);
    write(&next, FLAGS, &flags_text(2, &breaker("failure_threshold: 1")));
    it.live.try_candidate(&next, "d", 5.0).unwrap();
    assert_eq!(policy("refund").failure_threshold, 3);

    // What only the candidate has works by the candidate as it is now, and keeps its state.
    let flags = |failures: u32| {
        format!(
            "schema_version: 2\nfeatures:\n  fresh: {{enabled_overlays: [fresh], circuit_breaker: \
             {{failure_threshold: {failures}}}}}\n"
        )
    };
    write(&next, "overlays/fusion_overlay.fresh.txt", &refund_text(2).replace("refund", "fresh"));
    write(&next, "micro_overlays/fresh.md", "Fresh\n");
    write(&next, FLAGS, &flags(7));
    it.live.try_candidate(&next, "d", 5.0).unwrap();
    assert_eq!(policy("fresh").failure_threshold, 7);
    it.live.breakers().get("fresh").isolate();
    write(&next, FLAGS, &flags(2));
    it.live.try_candidate(&next, "d", 5.0).unwrap();
    assert_eq!(policy("fresh").failure_threshold, 2);
    assert_eq!(it.live.breakers().get("fresh").state(0), BreakerState::Isolated);
    it.live.breakers().get("fresh").close();

    // An overlay that is gone takes its breaker along.
    drop(it.live.breakers().get("refund").acquire(0));
    it.live.drop_candidate();
    fs::remove_file(it.root.join(REFUND)).unwrap();
    fs::remove_file(it.root.join("micro_overlays/refund.md")).unwrap();
    write(&it.root, FLAGS, "schema_version: 2\nfeatures: {}\n");
    it.wait(|it| !it.stable().generation().installation().overlays().contains_key("refund"));
    assert!(it.live.breakers().find("refund").is_none());
}

#[test]
fn what_happens_is_told_in_lines() {
    let it = Running::start(|root| plant(root, 1));
    let events = it.live.events();
    let line = || events.recv_timeout(DEADLINE).unwrap().to_string();
    write(&it.root, REFUND, &refund_text(2));
    let accepted = line();
    assert!(accepted.starts_with("accepted: epoch 2, digest "), "{accepted}");
    break_refund(&it.root);
    let refused = line();
    assert!(
        refused.starts_with(&format!("refused: {REFUND}:11:1: error[OVL2002]: unknown key")),
        "{refused}"
    );
    // The bytes that are in force once more: no epoch, and yet an end.
    write(&it.root, REFUND, &refund_text(2));
    let restored = line();
    assert!(
        restored.starts_with("recovered: the files are those in force again, digest "),
        "{restored}"
    );
    assert_eq!(it.live.status().epoch, 2);
    it.live.switch(SwitchSource::Api, Switches::parse(Some("")));
    assert_eq!(line(), "switch thrown: every overlay is off by the API");
    it.live.switch(SwitchSource::Api, Switches::parse(Some("-refund")));
    assert_eq!(line(), "switch taken back: the flags decide");
    assert_eq!(line(), "switch: flags are forced: -refund");
    it.live.switch(SwitchSource::Api, Switches::default());
    assert_eq!(line(), "switch taken back: no flag is forced");
    fs::rename(&it.root, it.dir.path().join("elsewhere")).unwrap();
    it.wait_for(|it| it.unreadable == 1);
    let unreadable = line();
    assert!(unreadable.starts_with("refused: error[OVL5201]: cannot read "), "{unreadable}");
}

fn by(reason: &str, by: &str) -> ByHand {
    ByHand { reason: reason.to_owned(), by: by.to_owned() }
}

#[test]
fn switches_are_told_of_with_what_holds_and_why() {
    let it = Running::start(|root| plant(root, 1));
    let events = it.live.events();
    let line = || events.recv_timeout(DEADLINE).unwrap().to_string();
    it.live.throw(by("sums", "ann"));
    assert_eq!(line(), "switch thrown: every overlay is off by the API (sums, ann)");
    assert_eq!(line(), "the switch of the API was thrown (sums, ann)");
    assert_eq!(it.live.status().held_by, ["the API (sums, ann)"]);
    // Another reason, and the same once more.
    for _ in 0..2 {
        it.live.throw(by("more sums", ""));
        assert_eq!(line(), "switch thrown: every overlay is off by the API (more sums)");
        assert_eq!(line(), "the switch of the API was thrown (more sums)");
    }
    it.live.switch(SwitchSource::Environment, Switches::parse(Some("")));
    let thrown = "switch thrown: every overlay is off by RESON_FEATURES, the API (more sums)";
    assert_eq!(line(), thrown);
    it.live.switch(SwitchSource::Environment, Switches::parse(Some("-refund,-nosuch")));
    let back = "switch taken back: RESON_FEATURES; every overlay stays off by the API (more sums)";
    assert_eq!(line(), back);
    assert_eq!(
        line(),
        "switch: flags are forced: -nosuch,-refund; warning: nothing is named nosuch"
    );
    it.live.take_back();
    assert_eq!(line(), "switch taken back: the flags decide");
    assert_eq!(line(), "the switch of the API was taken back (more sums)");
    // There is nothing to take back any more.
    it.live.take_back();
    it.live.switch(SwitchSource::Environment, Switches::default());
    assert_eq!(line(), "switch taken back: no flag is forced");
}

#[test]
fn a_switch_is_no_reload() {
    let now = Arc::new(AtomicI64::new(5));
    let clock = Arc::clone(&now);
    let it = Running::start_with(
        |root| plant(root, 1),
        move |options, _| options.clock = Arc::new(move || clock.load(Ordering::Relaxed)),
    );
    now.store(7, Ordering::Relaxed);
    it.live.switch(SwitchSource::Api, Switches::parse(Some("")));
    assert_eq!((it.live.status().epoch, it.live.status().applied_at_ms), (2, 5));
    write(&it.root, REFUND, &refund_text(2));
    it.wait(|it| it.epoch() == 3);
    assert_eq!(it.live.status().applied_at_ms, 7);
}
