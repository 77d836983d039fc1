//! A pointer that is gone, damaged, or an older one that somebody put back; and the order in
//! which generations were in force.

use overlay_store::model::{ModelFs, Sampling};
use overlay_store::vfs::Vfs;
use overlay_store::{
    Change, GenerationId, GenerationRef, LockError, Phase, Retention, Store, StoreError, Why,
};

use crate::roots::{NOW_US, Seen, canary, entry, holder, publish};

/// Three generations, each of which was in force.
fn deployed() -> (ModelFs, Vec<GenerationRef>) {
    let fs = ModelFs::new();
    let store = Store::with(fs.clone());
    let mut writer = store.lock(&holder()).unwrap();
    let made = (1..=3).map(|it| {
        let made = publish(&mut writer, it);
        writer.switch(Some(it - 1), Change::to(made), entry("deploy")).unwrap();
        made
    });
    let made = made.collect();
    (fs, made)
}

fn current(fs: &ModelFs) -> Vec<u8> {
    fs.read("CURRENT", 4096).unwrap()
}

fn put(fs: &ModelFs, bytes: Option<&[u8]>) {
    fs.remove_file("CURRENT").ok();
    if let Some(bytes) = bytes {
        fs.write_new("CURRENT", bytes, 0o644).unwrap();
    }
}

/// Readers who ask and writers are told the same.
#[track_caller]
fn refused(fs: &ModelFs, expect: &str) {
    let store = Store::with(fs.clone());
    let err = store.checked_current().unwrap_err();
    assert!(matches!(err, StoreError::Damaged { .. }), "{err:?}");
    assert_eq!(err.to_string(), expect);
    let Err(LockError::Store(err)) = store.lock(&holder()) else { panic!("a writer") };
    assert_eq!(err.to_string(), expect);
}

#[track_caller]
fn rebuild(fs: &ModelFs) -> u64 {
    let store = Store::with(fs.clone());
    let mut writer = store.lock_without_pointer(&holder()).unwrap();
    let change = Change::from(writer.current().unwrap());
    let pointer = writer.switch(None, change, entry("rebuilt")).unwrap();
    drop(writer);
    Seen::of(&store).unwrap();
    assert_eq!(store.checked_current().unwrap(), Some(pointer.clone()));
    pointer.epoch
}

#[test]
fn an_older_pointer_put_back_is_found_out() {
    let (fs, made) = deployed();
    let old = current(&fs);
    let store = Store::with(fs.clone());
    store.lock(&holder()).unwrap().append(entry("pin")).unwrap();
    assert!(store.checked_current().is_ok(), "a record of no change");
    let mut writer = store.lock(&holder()).unwrap();
    writer.switch(None, Change::to(made[0]), entry("rollback")).unwrap();
    drop(writer);
    put(&fs, Some(&old));
    refused(&fs, "CURRENT is damaged: it is at epoch 3, and audit record 9 at epoch 4");
    assert_eq!(rebuild(&fs), 5);
    assert_eq!(store.current().unwrap().unwrap().stable, made[0]);
}

#[test]
fn a_pointer_that_is_gone_or_damaged_is_rebuilt() {
    let (fs, made) = deployed();
    let store = Store::with(fs.clone());
    let fourth = publish(&mut store.lock(&holder()).unwrap(), 4);
    let change = Change { deployment: Some("d4".to_owned()), ..canary(made[2], fourth) };
    store.lock(&holder()).unwrap().switch(None, change, entry("canary")).unwrap();
    let before = store.current().unwrap().unwrap();
    put(&fs, None);
    refused(&fs, "CURRENT is damaged: it is missing, and audit record 8 says that it was written");
    assert_eq!(rebuild(&fs), 5);
    put(&fs, Some(b"garbage"));
    refused(&fs, "CURRENT is damaged: no whole line");
    assert_eq!(rebuild(&fs), 6);
    let after = store.current().unwrap().unwrap();
    let (epoch, audit) = (after.epoch, after.audit);
    assert_eq!(after, overlay_store::Pointer { epoch, audit, ..before }, "as it stood");
}

#[test]
fn a_pointer_is_not_rebuilt_from_a_log_that_was_edited() {
    let (fs, _) = deployed();
    put(&fs, None);
    let path = "audit/00000001.jsonl";
    let text = String::from_utf8(fs.read(path, 1 << 20).unwrap()).unwrap();
    fs.remove_file(path).unwrap();
    let edited = text.replacen("tester", "nobody", 1);
    fs.write_new(path, edited.as_bytes(), 0o644).unwrap();
    let store = Store::with(fs);
    let res = store.lock_without_pointer(&holder());
    assert!(matches!(res, Err(LockError::Store(StoreError::Audit(_)))));
}

/// Wherever it is cut off, it can be done again.
#[test]
fn every_cut_of_a_rebuilding_is_made_good() {
    let (fs, made) = deployed();
    put(&fs, None);
    let start = fs.killed(fs.operations().len()).unwrap();
    let run = start.killed(0).unwrap();
    rebuild(&run);
    let few = Sampling { all_up_to: 4, drawn: 2, seed: 5 };
    let mut states = 0;
    for at in 0..=run.operations().len() {
        for state in run.crashes(at, few).into_iter().chain([run.killed(at).unwrap()]) {
            let store = Store::with(state.clone());
            match store.lock(&holder()) {
                Ok(writer) => assert_eq!(writer.current().unwrap().stable, made[2]),
                Err(_) => assert!(rebuild(&state) >= 4),
            }
            drop(store.lock(&holder()).unwrap());
            Seen::of(&store).unwrap();
            states += 1;
        }
    }
    assert!(states > 20, "{states}");
}

#[test]
fn generations_come_back_in_the_order_in_which_they_were_in_force() {
    let (fs, made) = deployed();
    let store = Store::with(fs);
    let mut writer = store.lock(&holder()).unwrap();
    let trial = publish(&mut writer, 4);
    let change = Change { phase: Phase::PostCheck, ..Change::to(trial) };
    writer.switch(None, change, entry("post_check")).unwrap();
    writer.switch(None, Change::to(made[2]), entry("rolled_back")).unwrap();
    writer.switch(None, Change::to(made[0]), entry("rollback")).unwrap();
    assert_eq!(store.succession().unwrap(), [made[0], made[2], made[1]], "4 never was");
    let earlier = |steps| store.earlier(made[0], steps).unwrap();
    assert_eq!([earlier(1), earlier(2), earlier(3)], [Some(made[2]), Some(made[1]), None]);

    let policy = Retention { keep: 0, older_than_us: 0, now_us: NOW_US };
    let collected = writer.gc(&policy, true).unwrap();
    assert_eq!(collected.removed, [GenerationId(2)]);
    assert!(collected.kept.contains(&(GenerationId(3), Why::Fallback)), "{collected:?}");
}
