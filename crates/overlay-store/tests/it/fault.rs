//! Each operation of each command fails once, in each way.

#![expect(clippy::print_stdout, reason = "a figure is printed by the test that takes it")]

use std::io;

use overlay_store::model::{Fault, Faulty, ModelFs, Sampling};
use overlay_store::vfs::Vfs;
use overlay_store::{
    Change, GenerationId, Holder, LockError, Retention, Store, StoreError, WriteError,
};

use crate::roots::{NOW_US, Seen, canary, entry, holder, publish};

const FAULTS: [Fault; 5] = [
    Fault::Error(io::ErrorKind::Other),
    Fault::Error(io::ErrorKind::StorageFull),
    Fault::Error(io::ErrorKind::Interrupted),
    Fault::AfterEffect,
    Fault::ShortWrite,
];

/// Three generations; 2 is stable, 3 on trial.
fn base() -> ModelFs {
    let fs = ModelFs::new();
    let store = Store::with(fs.clone());
    let mut writer = store.lock(&holder()).unwrap();
    let made: Vec<_> = (1..=3).map(|it| publish(&mut writer, it)).collect();
    writer.switch(Some(0), Change::to(made[1]), entry("deploy")).unwrap();
    writer.switch(Some(1), canary(made[1], made[2]), entry("deploy")).unwrap();
    writer.write_rollout("d3", b"stage 1\n").unwrap();
    drop(writer);
    fs.killed(fs.operations().len()).unwrap()
}

/// Why a command failed.
#[derive(Debug)]
enum Failed {
    Lock(LockError),
    Write(WriteError),
}

impl From<LockError> for Failed {
    fn from(err: LockError) -> Self {
        Self::Lock(err)
    }
}

impl From<WriteError> for Failed {
    fn from(err: WriteError) -> Self {
        Self::Write(err)
    }
}

type Command = fn(&Store<Faulty<ModelFs>>) -> Result<(), Failed>;

const COMMANDS: [(&str, Command); 4] = [
    ("apply", |store| {
        let mut writer = store.lock(&holder())?;
        let tree = crate::roots::tree(4);
        let made = writer.publish(&tree, overlay_store::Origin::default(), "d4", NOW_US)?;
        let stable = writer.current().map(|it| it.stable).unwrap();
        writer.switch(Some(2), canary(stable, made), entry("deploy"))?;
        Ok(())
    }),
    ("abort", |store| {
        let mut writer = store.lock(&holder())?;
        let stable = writer.current().map(|it| it.stable).unwrap();
        writer.switch(None, Change::to(stable), entry("abort"))?;
        Ok(())
    }),
    ("gc", |store| {
        let mut writer = store.lock(&holder())?;
        writer.switch(
            None,
            Change::to(writer.current().unwrap().candidate.unwrap()),
            entry("x"),
        )?;
        writer.gc(&Retention { keep: 1, older_than_us: 0, now_us: NOW_US }, false)?;
        Ok(())
    }),
    ("rollout, pin, append", |store| {
        let mut writer = store.lock(&holder())?;
        writer.write_rollout("d3", b"stage 2\n")?;
        writer.pin("release", GenerationId(1))?;
        writer.append(entry("kill"))?;
        Ok(())
    }),
];

/// What is live is the old or the new, readable at once, and after another writer, and after
/// a power failure; and an unknown outcome is one.
#[test]
fn a_failing_operation_loses_nothing() {
    let mut runs = 0;
    for (name, command) in COMMANDS {
        let before = Seen::of(&Store::with(base())).unwrap();
        let whole = Store::with(Faulty::new(base(), usize::MAX, FAULTS[0]));
        command(&whole).unwrap();
        let operations = whole.fs().done();
        let after = Seen::of(&whole).unwrap();
        for (at, fault) in (0..operations).flat_map(|at| FAULTS.map(|fault| (at, fault))) {
            let fs = base();
            let store = Store::with(Faulty::new(fs.clone(), at, fault));
            let res = command(&store);
            drop(store);
            runs += 1;
            let context = format!("{name}, operation {at}, {fault:?}: {res:?}");
            check(&fs, &before, &after, &res, &context);
        }
    }
    println!("{runs} failing operations, 0 bad");
    assert!(runs > 500, "{runs}");
}

#[track_caller]
fn check(fs: &ModelFs, before: &Seen, after: &Seen, res: &Result<(), Failed>, context: &str) {
    let committed = fs.operations().iter().any(|it| it.name == "rename" && it.path == "CURRENT");
    let live = Store::with(fs.clone()).current().unwrap();
    let unknown = matches!(res, Err(Failed::Write(WriteError::OutcomeUnknown { .. })));
    if !unknown && res.is_err() && before.pointer != after.pointer && !committed {
        assert_eq!(live, before.pointer, "{context}");
    }
    if res.is_ok() {
        assert_eq!(live.map(|it| it.epoch), after.pointer.as_ref().map(|it| it.epoch), "{context}");
    }
    let lost = Sampling { all_up_to: 0, drawn: 0, seed: 1 };
    let crashed = fs.crashes(fs.operations().len(), lost);
    for state in crashed.into_iter().chain([fs.clone()]) {
        let store = Store::with(state.clone());
        drop(store.lock(&holder()).unwrap_or_else(|err| panic!("{context}: {err:?}")));
        let seen = Seen::of(&store).unwrap_or_else(|err| panic!("{context}: {err}"));
        let epoch = |it: &Seen| it.pointer.as_ref().map(|it| it.epoch);
        assert!([epoch(before), epoch(after)].contains(&epoch(&seen)), "{context}");
        if res.is_ok() {
            assert_eq!(epoch(&seen), epoch(after), "{context}");
        }
        assert!(before.rollouts == seen.rollouts || after.rollouts == seen.rollouts, "{context}");
        assert!(state.list("tmp").unwrap().is_empty(), "{context}");
    }
}

/// The outcome is unknown from the commit itself on, and never before.
#[test]
fn an_unknown_outcome_comes_from_the_commit_on() {
    let counted = Store::with(Faulty::new(base(), usize::MAX, FAULTS[0]));
    COMMANDS[0].1(&counted).unwrap();
    let (mut first, mut without_effect) = (None, 0);
    for at in 0..counted.fs().done() {
        let fs = base();
        let res = COMMANDS[0].1(&Store::with(Faulty::new(fs.clone(), at, FAULTS[0])));
        let Err(err) = res else {
            without_effect += 1;
            continue;
        };
        let unknown = matches!(err, Failed::Write(WriteError::OutcomeUnknown { .. }));
        let committed = fs.operations().iter().any(|it| it.path == "CURRENT");
        first = first.or(unknown.then_some(at));
        assert!(!committed || unknown, "operation {at}: {err:?}");
        assert_eq!(unknown, first.is_some(), "operation {at}: {err:?}");
    }
    assert!(first.is_some());
    // Each of two records is cut to its place in the segment and shown there.
    assert_eq!(without_effect, 4);
}

#[track_caller]
fn check_message(kind: io::ErrorKind, expect: &str) {
    let fs = base();
    let whole = Store::with(Faulty::new(fs.clone(), usize::MAX, FAULTS[0]));
    COMMANDS[0].1(&whole).unwrap();
    let operations: Vec<_> = fs.operations();
    let at = operations.iter().position(|it| it.name == "rename_new").unwrap();
    let target = operations[at].path.clone();
    // The same operation again, with reading counted.
    let found = (0..whole.fs().done()).find_map(|at| {
        let store = Store::with(Faulty::new(base(), at, Fault::Error(kind)));
        let err = COMMANDS[0].1(&store).unwrap_err();
        let text = match err {
            Failed::Write(err) => err.to_string(),
            Failed::Lock(err) => err.to_string(),
        };
        text.contains(&target).then_some(text)
    });
    assert_eq!(found.as_deref(), Some(expect));
}

#[test]
fn each_kind_of_trouble_has_its_message() {
    check_message(io::ErrorKind::StorageFull, "no room on the disk to make gen/00000004");
    check_message(
        io::ErrorKind::ReadOnlyFilesystem,
        "the root is read-only: cannot make gen/00000004",
    );
    check_message(io::ErrorKind::PermissionDenied, "no permission to make gen/00000004");
    check_message(
        io::ErrorKind::CrossesDevices,
        "gen/00000004 is on another file system than its root",
    );
    check_message(io::ErrorKind::Other, "cannot make gen/00000004");
}

#[test]
fn a_writer_that_failed_writes_no_more() {
    let fs = base();
    let operations = {
        let store = Store::with(Faulty::new(base(), usize::MAX, FAULTS[0]));
        drop(store.lock(&holder()).unwrap());
        store.fs().done()
    };
    // The sync of the log's line.
    let store = Store::with(Faulty::new(fs, operations + 2, FAULTS[0]));
    let mut writer = store.lock(&holder()).unwrap();
    let err = writer.append(entry("kill")).unwrap_err();
    assert_eq!(err.to_string(), "cannot append to audit");
    let err = writer.append(entry("kill")).unwrap_err();
    assert!(matches!(err, WriteError::Spent), "{err:?}");
    drop(writer);
    let mut writer = store.lock(&holder()).unwrap();
    writer.append(entry("kill")).unwrap();
}

#[test]
fn a_busy_root_names_its_holder() {
    let store = Store::with(base());
    let _writer = store.lock(&Holder { deployment: Some("d9".to_owned()), ..holder() }).unwrap();
    let Err(err) = store.lock(&holder()) else { panic!("two writers") };
    let expect = "the root is being changed by process 4711 on db1 (deployment d9)";
    assert_eq!(err.to_string(), expect);
    assert!(!matches!(err, LockError::Store(StoreError::Io { .. })));
}

#[test]
fn the_root_is_named_where_its_own_sync_fails() {
    let said = |at| {
        let fs = Faulty::new(ModelFs::new(), at, Fault::Error(io::ErrorKind::Other));
        let store = Store::with(fs);
        store.lock(&holder()).err().map(|it| it.to_string())
    };
    let said: Vec<String> = (0..40).filter_map(said).collect();
    assert!(said.iter().any(|it| it == "cannot sync the root"), "{said:#?}");
    assert!(said.iter().all(|it| !it.ends_with(' ')), "{said:#?}");
}
