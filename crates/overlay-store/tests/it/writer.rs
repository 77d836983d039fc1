use overlay_store::model::ModelFs;
use overlay_store::vfs::Vfs;
use overlay_store::{
    Change, GenerationId, Phase, Retention, Settled, Store, StoreError, Why, WriteError, Writer,
};

use crate::roots::{NOW_US, canary, entry, holder, publish};

fn with_writer(act: impl FnOnce(Writer<'_, ModelFs>)) {
    let store = Store::with(ModelFs::new());
    act(store.lock(&holder()).unwrap());
}

#[test]
fn a_change_for_another_epoch_is_refused() {
    with_writer(|mut writer| {
        let made = publish(&mut writer, 1);
        let err = writer.switch(Some(3), Change::to(made), entry("deploy")).unwrap_err();
        assert_eq!(err.to_string(), "the root is at epoch 0, the change was made for 3");
        assert_eq!(writer.head().seq, 0);
        let pointer = writer.switch(Some(0), Change::to(made), entry("deploy")).unwrap();
        assert_eq!((pointer.epoch, pointer.phase), (1, Phase::Stable));
        let err = writer.switch(Some(0), Change::to(made), entry("deploy")).unwrap_err();
        assert!(matches!(err, WriteError::BaseMoved { expected: 0, found: 1 }));
    });
}

#[test]
fn a_generation_that_is_not_there_is_refused() {
    with_writer(|mut writer| {
        let mut made = publish(&mut writer, 1);
        made.generation = GenerationId(9);
        let err = writer.switch(None, Change::to(made), entry("deploy")).unwrap_err();
        assert_eq!(err.to_string(), "there is no generation 00000009");
        let err = writer.pin("x", GenerationId(9)).unwrap_err();
        assert!(matches!(err, WriteError::Store(StoreError::Missing { .. })), "{err:?}");
    });
}

#[test]
fn the_log_has_an_intent_and_an_end() {
    with_writer(|mut writer| {
        let made = publish(&mut writer, 1);
        writer.switch(Some(0), Change::to(made), entry("deploy")).unwrap();
        let records = writer.store().audit().records(1).unwrap();
        let records: Vec<_> = records.map(|it| it.unwrap().entry).collect();
        let actions: Vec<_> = records.iter().map(|it| it.action.as_str()).collect();
        assert_eq!(actions, ["deploy_intent", "deploy_committed"]);
        assert_eq!(records[0].detail["epoch"], 1);
        assert_eq!(records[0].detail["pointer"]["stable"]["generation"], 1);
    });
}

/// Killed right after so many operations of a switch; the next writer says how it ended.
#[track_caller]
fn check_settled(until: &str, expect: Option<Settled>) {
    let fs = ModelFs::new();
    let store = Store::with(fs.clone());
    let mut writer = store.lock(&holder()).unwrap();
    let made = publish(&mut writer, 1);
    writer.switch(Some(0), Change::to(made), entry("deploy")).unwrap();
    let before = fs.operations().len();
    writer.switch(Some(1), Change::to(made), entry("promote")).unwrap();
    let operations = fs.operations();
    let at = operations[before..].iter().position(|it| it.path == until).unwrap();
    let killed = fs.killed(before + at + 1).unwrap();
    let store = Store::with(killed.clone());
    let writer = store.lock(&holder()).unwrap();
    assert_eq!(writer.recovered().settled, expect);
    assert_eq!(killed.list("tmp").unwrap(), []);
    let last = store.audit().records(writer.head().seq).unwrap().next().unwrap().unwrap();
    let ends = ["_committed", "_abandoned", "tail_repaired", "tmp_cleared"];
    assert!(ends.iter().any(|it| last.entry.action.ends_with(it)), "{last:?}");
    drop(writer);
    assert!(store.lock(&holder()).unwrap().recovered().is_clean());
}

#[test]
fn an_interrupted_change_is_settled() {
    let action = || "promote".to_owned();
    check_settled("audit/HEAD", Some(Settled::Abandoned { action: action() }));
    check_settled("tmp/3", Some(Settled::Abandoned { action: action() }));
    check_settled("CURRENT", Some(Settled::Committed { action: action() }));
    check_settled("", Some(Settled::Committed { action: action() }));
}

#[test]
fn what_is_needed_is_kept() {
    with_writer(|mut writer| {
        let made: Vec<_> = (1..=9).map(|it| publish(&mut writer, it)).collect();
        writer.switch(None, Change::to(made[3]), entry("deploy")).unwrap();
        writer.switch(None, canary(made[3], made[4]), entry("deploy")).unwrap();
        writer.pin("release-2.1", GenerationId(2)).unwrap();
        let leased = writer.store().read(made[0]).unwrap();
        let policy = Retention { keep: 2, older_than_us: 0, now_us: NOW_US };
        for dry in [true, false] {
            let collected = writer.gc(&policy, dry).unwrap();
            assert_eq!(collected.removed, [3, 6, 7].map(GenerationId));
            let kept = [
                (1, Why::Leased),
                (2, Why::Pinned("release-2.1".to_owned())),
                (4, Why::Live),
                (5, Why::Candidate),
                (8, Why::Recent),
                (9, Why::Newest),
            ];
            assert_eq!(collected.kept, kept.map(|(id, why)| (GenerationId(id), why)));
            assert_eq!(writer.store().generations().unwrap().len(), if dry { 9 } else { 6 });
        }
        drop(leased);
        let young = Retention { keep: 0, older_than_us: 1, now_us: NOW_US };
        assert_eq!(writer.gc(&young, true).unwrap().removed, []);
        let none = Retention { keep: 0, older_than_us: 0, now_us: NOW_US };
        assert_eq!(writer.gc(&none, false).unwrap().removed, [1, 8].map(GenerationId));
        assert_eq!(publish(&mut writer, 10).generation, GenerationId(10));
    });
}

#[test]
fn what_a_rollback_goes_to_is_kept() {
    with_writer(|mut writer| {
        let first = publish(&mut writer, 1);
        writer.switch(None, Change::to(first), entry("deploy")).unwrap();
        let second = publish(&mut writer, 2);
        writer.switch(None, Change::to(second), entry("deploy")).unwrap();
        publish(&mut writer, 3);
        let policy = Retention { keep: 0, older_than_us: 0, now_us: NOW_US };
        let kept = writer.gc(&policy, false).unwrap().kept;
        assert_eq!(kept.first(), Some(&(GenerationId(1), Why::Fallback)));
    });
}

#[test]
fn names_become_files_and_lead_nowhere_else() {
    with_writer(|mut writer| {
        publish(&mut writer, 1);
        for name in ["", ".", "..", "../x", "a/b", ".hidden", "a b", "ä", &"n".repeat(65)] {
            let err = writer.pin(name, GenerationId(1)).unwrap_err();
            assert!(matches!(err, WriteError::Store(StoreError::InvalidName { .. })), "{name}");
            assert!(writer.write_rollout(name, b"").is_err(), "{name}");
            assert!(writer.store().lock_rollout(name).is_err(), "{name}");
        }
        writer.pin("release-2.1_b", GenerationId(1)).unwrap();
        assert_eq!(writer.store().pins().unwrap().len(), 1);
        assert!(writer.unpin("release-2.1_b").unwrap());
        assert!(!writer.unpin("release-2.1_b").unwrap());
    });
}

#[test]
fn a_rollout_is_kept_and_locked() {
    with_writer(|mut writer| {
        assert_eq!(writer.store().read_rollout("d1").unwrap(), None);
        let held = writer.store().lock_rollout("d1").unwrap();
        assert!(held.is_some());
        assert!(writer.store().lock_rollout("d1").unwrap().is_none());
        writer.write_rollout("d1", b"one").unwrap();
        writer.write_rollout("d1", b"two").unwrap();
        assert_eq!(writer.store().read_rollout("d1").unwrap().as_deref(), Some(&b"two"[..]));
        assert_eq!(writer.store().rollouts().unwrap(), ["d1"]);
    });
}
