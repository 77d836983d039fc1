//! Runs on real files.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use overlay_migrate::{
    FOLDER, History, Passed, Plan, PlanReport, Progress, RunError, Site, Tree, apply, broken_off,
    recover, rollback, rollback_setting_aside, validate,
};

use crate::{lines, planned};

const OVERLAY: &str = "FUSION_OVERLAY_VERSION=v2.1.0\nDESCRIPTION=Refunds\nENTROPY_REDUCTION_TARGET=0.3\n\
    CONTINUITY_ENFORCEMENT=basic_thread\nTRUST_SCORING_MODEL=simple_alignment\nFUSION_MODE=baseline_only\n";

fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("fusion_overlay.refund_v2.1.txt");
    fs::write(&file, OVERLAY).expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("permissions");
    fs::create_dir(dir.path().join("overlays")).expect("a folder");
    fs::write(dir.path().join("overlays/fusion_overlay.x.txt"), OVERLAY).expect("a file");
    dir
}

/// Files with their bytes, permission bits and the moment they were last written.
type Files = BTreeMap<PathBuf, (Vec<u8>, u32, SystemTime)>;

/// Every file, without those of runs.
fn files(at: &Path) -> Files {
    let mut res = BTreeMap::new();
    for entry in fs::read_dir(at).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.ends_with(FOLDER) {
            continue;
        }
        if path.is_dir() {
            res.extend(files(&path));
        } else {
            let about = fs::metadata(&path).expect("a file");
            let (mode, modified) = (about.permissions().mode(), about.modified().expect("a time"));
            res.insert(path.clone(), (fs::read(&path).expect("a file"), mode, modified));
        }
    }
    res
}

#[test]
fn apply_keeps_permission_bits_and_rollback_gives_every_byte_back() {
    let dir = tree();
    let written = UNIX_EPOCH + Duration::new(1_500_000_000, 123_456_789);
    for name in ["fusion_overlay.refund_v2.1.txt", "overlays/fusion_overlay.x.txt"] {
        let file = fs::File::options().write(true).open(dir.path().join(name)).expect("a file");
        file.set_modified(written).expect("a time");
    }
    let before = files(dir.path());
    let (plan, _) = planned(&Tree::read(dir.path()).expect("a tree"), &[], &[]);
    let now = Cell::new(0);
    let clock = || now.replace(now.get() + 500);
    let site = Site::new(dir.path(), &clock);
    assert_eq!(History::read(site).expect("read").estimate(&plan), None);

    let outcome = apply(site, &plan).expect("applied");
    assert_eq!((outcome.progress, outcome.resumed), (Progress::Finished, false));
    let new = dir.path().join("overlays/fusion_overlay.refund.txt");
    assert_eq!(fs::metadata(new).expect("a file").permissions().mode() & 0o777, 0o640);
    let validation = validate(site).expect("read");
    assert!(validation.is_valid(), "{validation}");
    assert_eq!((validation.files_as_left, validation.overlays), (3, 2));
    assert!(matches!(apply(site, &plan), Err(RunError::AlreadyApplied(_))));

    assert_eq!(
        rollback(site, Some(plan.digest)).expect("rolled back").progress,
        Progress::RolledBack
    );
    assert_eq!(files(dir.path()), before);
    assert!(matches!(rollback(site, None), Err(RunError::NothingToUndo)));
    assert_eq!(recover(site).expect("read"), None);
    let steps = u64::try_from(plan.steps.len()).expect("few");
    assert_eq!(History::read(site).expect("read").estimate(&plan), Some(500 * steps));
}

#[test]
fn files_that_changed_since_are_named_and_nothing_is_done() {
    let dir = tree();
    let (plan, _) = planned(&Tree::read(dir.path()).expect("a tree"), &[], &[]);
    fs::write(dir.path().join("overlays/fusion_overlay.x.txt"), "A=1\n").expect("a file");
    let before = files(dir.path());
    let site = Site::new(dir.path(), &|| 1);
    let err = apply(site, &plan).expect_err("changed");
    assert_eq!(err.to_string(), "changed since: overlays/fusion_overlay.x.txt");
    assert_eq!(files(dir.path()), before);
}

#[test]
fn a_rollback_does_not_lose_what_was_edited_afterwards() {
    let dir = tree();
    let (plan, _) = planned(&Tree::read(dir.path()).expect("a tree"), &[], &[]);
    let site = Site::new(dir.path(), &|| 1);
    apply(site, &plan).expect("applied");
    let edited = dir.path().join("overlays/fusion_overlay.x.txt");
    fs::write(&edited, "TRUST_FLOOR=0.9\n").expect("a file");
    let err = rollback(site, None).expect_err("changed");
    assert_eq!(err.to_string(), "changed since: overlays/fusion_overlay.x.txt");
    assert_eq!(fs::read_to_string(&edited).expect("a file"), "TRUST_FLOOR=0.9\n");
    let validation = validate(site).expect("read");
    assert!(
        lines(&validation.findings).contains("overlays/fusion_overlay.x.txt: warning[MIG1501]")
    );
}

#[test]
fn what_was_edited_afterwards_is_set_aside_where_that_is_wanted() {
    let dir = tree();
    let before = files(dir.path());
    let (plan, _) = planned(&Tree::read(dir.path()).expect("a tree"), &[], &[]);
    let site = Site::new(dir.path(), &|| 1);
    apply(site, &plan).expect("applied");
    // One that the run changed, one that it made, and one that it deleted.
    let edited = [
        "overlays/fusion_overlay.x.txt",
        "overlays/fusion_overlay.refund.txt",
        "fusion_overlay.refund_v2.1.txt",
    ];
    for name in edited {
        fs::write(dir.path().join(name), format!("# {name}\n")).expect("a file");
    }
    assert!(matches!(rollback(site, None), Err(RunError::Changed(it)) if it.len() == 3));
    let outcome = rollback_setting_aside(site, None).expect("rolled back");
    assert_eq!(files(dir.path()), before);
    assert_eq!(outcome.set_aside.len(), 3);
    let mut kept: Vec<_> = outcome
        .set_aside
        .iter()
        .map(|it| fs::read_to_string(dir.path().join(it)).expect("a file"))
        .collect();
    kept.sort_unstable();
    let mut expect = edited.map(|it| format!("# {it}\n"));
    expect.sort_unstable();
    assert_eq!(kept, expect);
    assert!(outcome.to_string().contains("\nset aside: .fusion-migrate/"), "{outcome}");
}

#[test]
fn what_is_gone_that_the_run_made_or_as_it_was_before_counts_as_undone() {
    let dir = tree();
    let before = files(dir.path());
    let (plan, _) = planned(&Tree::read(dir.path()).expect("a tree"), &[], &[]);
    let site = Site::new(dir.path(), &|| 1);
    apply(site, &plan).expect("applied");
    fs::remove_file(dir.path().join("overlays/fusion_overlay.refund.txt")).expect("removed");
    rollback(site, None).expect("rolled back");
    assert_eq!(files(dir.path()), before);

    apply(site, &plan).expect("applied");
    // Where it changed a file that is gone now, somebody may have wanted that.
    let changed = dir.path().join("overlays/fusion_overlay.x.txt");
    fs::remove_file(&changed).expect("removed");
    assert!(matches!(rollback(site, None), Err(RunError::Changed(_))));
    let outcome = rollback_setting_aside(site, None).expect("rolled back");
    assert_eq!((outcome.set_aside.len(), files(dir.path())), (0, before.clone()));

    apply(site, &plan).expect("applied");
    fs::write(&changed, OVERLAY).expect("put back");
    rollback(site, None).expect("rolled back");
    let bytes = |files: &Files| files.values().map(|it| it.0.clone()).collect::<Vec<_>>();
    assert_eq!(bytes(&files(dir.path())), bytes(&before));
}

#[test]
fn what_was_set_aside_before_is_not_overwritten() {
    let dir = tree();
    let (plan, _) = planned(&Tree::read(dir.path()).expect("a tree"), &[], &[]);
    let site = Site::new(dir.path(), &|| 1);
    let [refund, x] =
        ["refund", "x"].map(|it| dir.path().join(format!("overlays/fusion_overlay.{it}.txt")));
    apply(site, &plan).expect("applied");
    fs::write(refund, "# refund\n").expect("a file");
    fs::write(&x, "# first\n").expect("a file");
    let first = rollback_setting_aside(site, None).expect("rolled back").set_aside;
    // Somebody has no use for one of them, and edits the other once more.
    fs::remove_file(dir.path().join(&first[0])).expect("removed");
    apply(site, &plan).expect("applied");
    fs::write(&x, "# second\n").expect("a file");
    let second = rollback_setting_aside(site, None).expect("rolled back").set_aside;
    let read = |it: &str| fs::read_to_string(dir.path().join(it)).expect("a file");
    assert_eq!((read(&first[1]).as_str(), read(&second[0]).as_str()), ("# first\n", "# second\n"));
}

#[test]
fn a_rollback_that_was_killed_with_files_aside_goes_on_without_the_word() {
    let dir = tree();
    let before = files(dir.path());
    let (plan, _) = planned(&Tree::read(dir.path()).expect("a tree"), &[], &[]);
    let site = Site::new(dir.path(), &|| 1);
    let outcome = apply(site, &plan).expect("applied");
    fs::write(dir.path().join("overlays/fusion_overlay.x.txt"), "A=1\n").expect("a file");
    rollback_setting_aside(site, None).expect("rolled back");
    // As a crash leaves it: nothing is noted, nor done, after the file was set aside.
    let journal = dir.path().join(&outcome.folder).join("journal.jsonl");
    let text = fs::read_to_string(&journal).expect("a file");
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let end = lines.iter().position(|it| it.contains("\"set_aside\"")).expect("a line") + 1;
    fs::write(&journal, lines[..end].concat()).expect("a file");
    fs::remove_file(dir.path().join("overlays/fusion_overlay.x.txt")).expect("removed");
    assert!(rollback(site, None).expect("rolled back").resumed);
    assert_eq!(files(dir.path()), before);
}

#[test]
fn whoever_watches_is_told_how_far_a_run_is() {
    let dir = tree();
    let (plan, _) = planned(&Tree::read(dir.path()).expect("a tree"), &[], &[]);
    let told = RefCell::new(Vec::new());
    let watch = |it: Passed| told.borrow_mut().push((it.what, it.done, it.of));
    let site = Site { watch: &watch, ..Site::new(dir.path(), &|| 1) };
    apply(site, &plan).expect("applied");
    rollback(site, None).expect("rolled back");
    let told = told.into_inner();
    let all = plan.steps.len();
    for it in [("backing up", 3, 3), ("taking steps", 1, all), ("taking steps", all, all)] {
        assert!(told.contains(&it), "{told:?}");
    }
    assert_eq!(told.last(), Some(&("undoing steps", all, all)));
}

#[test]
fn what_is_named_like_an_overlay_and_is_none_is_named() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let dir = tree();
    fs::create_dir(dir.path().join("overlays/fusion_overlay.folder.txt")).expect("a folder");
    let name = OsStr::from_bytes(b"fusion_overlay.\xff.txt");
    fs::write(dir.path().join("overlays").join(name), OVERLAY).expect("a file");
    let pipe = dir.path().join("overlays/fusion_overlay.pipe.txt");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    let (_, findings) = planned(&Tree::read(dir.path()).expect("a tree"), &[], &[]);
    let lines = lines(&findings);
    for expect in [
        "fusion_overlay.folder.txt: warning[MIG1001]: left alone: a folder, named like an overlay",
        "fusion_overlay.\u{fffd}.txt: warning[MIG1001]: left alone: its name is no UTF-8",
        "fusion_overlay.pipe.txt: warning[MIG1001]: left alone: neither a file nor a folder",
    ] {
        assert!(lines.contains(expect), "{lines}");
    }
}

#[test]
fn a_torn_last_line_is_as_if_it_were_not_there() {
    let dir = tree();
    let (plan, _) = planned(&Tree::read(dir.path()).expect("a tree"), &[], &[]);
    let site = Site::new(dir.path(), &|| 1);
    let outcome = apply(site, &plan).expect("applied");
    let journal = dir.path().join(&outcome.folder).join("journal.jsonl");
    let text = fs::read_to_string(&journal).expect("a file");
    // As a crash leaves it: the last line is gone but for its first half.
    let last = text.trim_end().rfind('\n').expect("lines") + 1;
    fs::write(&journal, &text.as_bytes()[..last + 9]).expect("a file");
    assert!(recover(site).expect("finished").expect("a run").resumed);
    assert_eq!(fs::read_to_string(&journal).expect("a file"), text);
    // A broken line in the middle is no crash.
    fs::write(&journal, text.replacen("\"event\"", "\"evnt\"", 1)).expect("a file");
    assert!(matches!(recover(site), Err(RunError::Journal { line: 1, .. })));
}

/// A tree whose run was killed before it could note its last step, and the files before it.
fn broken_off_run() -> (tempfile::TempDir, Plan, Files) {
    let dir = tree();
    let before = files(dir.path());
    let (plan, _) = planned(&Tree::read(dir.path()).expect("a tree"), &[], &[]);
    let outcome = apply(Site::new(dir.path(), &|| 1), &plan).expect("applied");
    let journal = dir.path().join(&outcome.folder).join("journal.jsonl");
    let text = fs::read_to_string(&journal).expect("a file");
    let lines: Vec<_> = text.lines().collect();
    fs::write(&journal, lines[..lines.len() - 2].join("\n") + "\n").expect("a file");
    (dir, plan, before)
}

#[test]
fn a_run_that_was_broken_off_is_named_and_taken_back() {
    let (dir, plan, before) = broken_off_run();
    let site = Site::new(dir.path(), &|| 1);
    let found = broken_off(site).expect("read").expect("a run");
    assert_eq!((found.plan, found.progress), (plan.digest, Progress::Running));
    let validation = validate(site).expect("read");
    assert!(!validation.is_valid(), "{validation}");
    assert_eq!(
        validation.findings[0].to_string(),
        format!(
            "error[MIG1504]: the run of plan {} is not finished: 3 of 4 steps taken \
             (`fusion migrate apply` goes on, `fusion migrate rollback` takes it back)",
            plan.digest.short()
        )
    );
    let other = overlay_model::Digest::of(b"another");
    assert!(matches!(rollback(site, Some(other)), Err(RunError::Unfinished { .. })));

    let outcome = rollback(site, None).expect("taken back");
    assert_eq!((outcome.progress, outcome.resumed), (Progress::RolledBack, true));
    assert_eq!(files(dir.path()), before);
    assert_eq!(broken_off(site).expect("read"), None);
    assert!(matches!(rollback(site, None), Err(RunError::NothingToUndo)));
}

#[test]
fn a_broken_off_run_does_not_lose_what_was_edited_afterwards() {
    let (dir, ..) = broken_off_run();
    let site = Site::new(dir.path(), &|| 1);
    let edited = dir.path().join("overlays/fusion_overlay.x.txt");
    fs::write(&edited, "TRUST_FLOOR=0.9\n").expect("a file");
    let before = files(dir.path());
    let err = rollback(site, None).expect_err("changed");
    assert_eq!(err.to_string(), "changed since: overlays/fusion_overlay.x.txt");
    assert_eq!(files(dir.path()), before, "nothing was done");
}

#[test]
fn an_earlier_backup_is_never_overwritten() {
    let dir = tree();
    let (plan, _) = planned(&Tree::read(dir.path()).expect("a tree"), &[], &[]);
    let site = Site::new(dir.path(), &|| 1);
    let outcome = apply(site, &plan).expect("applied");
    rollback(site, None).expect("rolled back");
    let before = files(dir.path());
    let folder = dir.path().join(outcome.folder).join("backup");
    let backup =
        fs::read_dir(&folder).expect("a folder").next().expect("one").expect("an entry").path();
    fs::write(&backup, "somebody else's").expect("a file");
    let err = apply(site, &plan).expect_err("refused");
    assert!(matches!(err, RunError::RolledBack { .. }), "{err:?}");
    assert_eq!(fs::read_to_string(&backup).expect("a file"), "somebody else's");
    assert_eq!(files(dir.path()), before);
}

#[test]
fn a_second_run_waits_outside() {
    let dir = tree();
    let (plan, _) = planned(&Tree::read(dir.path()).expect("a tree"), &[], &[]);
    let site = Site::new(dir.path(), &|| 1);
    fs::create_dir(dir.path().join(FOLDER)).expect("a folder");
    let lock = fs::File::create(dir.path().join(FOLDER).join("LOCK")).expect("a file");
    lock.lock().expect("the lock");
    assert!(matches!(apply(site, &plan), Err(RunError::Locked)));
}

#[test]
fn links_are_left_alone_and_never_written_through() {
    let dir = tree();
    let outside = tempfile::tempdir().expect("a folder");
    fs::remove_dir_all(dir.path().join("overlays")).expect("removed");
    std::os::unix::fs::symlink(outside.path(), dir.path().join("overlays")).expect("a link");
    let (plan, findings) = planned(&Tree::read(dir.path()).expect("a tree"), &[], &[]);
    assert!(lines(&findings).contains("overlays: warning[MIG1001]"));
    let before = files(dir.path());
    let err = apply(Site::new(dir.path(), &|| 1), &plan).expect_err("refused");
    assert!(matches!(err, RunError::RolledBack { .. }), "{err:?}");
    assert_eq!(files(dir.path()), before);
    assert!(fs::read_dir(outside.path()).expect("a folder").next().is_none());
}

#[test]
fn a_report_says_it_for_people_and_for_machines() {
    let dir = tree();
    let tree = Tree::read(dir.path()).expect("a tree");
    let (plan, findings) = planned(&tree, &[], &[]);
    let report = PlanReport::new(&plan, &findings, &History::default());
    let report = report.with_diffs(plan.diffs(&tree).expect("the tree of the plan"));
    let json = serde_json::to_value(&report).expect("JSON");
    assert_eq!(json["schema"], "fusion/migration-report/1");
    assert_eq!(json["plan"]["schema"], "fusion/migration-plan/1");
    assert_eq!(json["plan"]["steps"][0]["kind"], 1);
    assert_eq!(json["estimate_us"], serde_json::Value::Null);
    assert_eq!(json["manual"], 0);
    expect_test::expect![[r#"
        plan a58c31034560 (4 steps)
          1. params        overlays/fusion_overlay.x.txt: newer names
          2. configuration move fusion_overlay.refund_v2.1.txt to overlays/fusion_overlay.refund.txt
          3. params        overlays/fusion_overlay.refund.txt: newer names
          4. configuration delete fusion_overlay.refund_v2.1.txt, which is overlays/fusion_overlay.refund.txt now

        older:overlays/fusion_overlay.x.txt:
        --- a/overlays/fusion_overlay.x.txt
        +++ b/overlays/fusion_overlay.x.txt
        @@ -1,3 +1,3 @@
        -FUSION_OVERLAY_VERSION=v2.1.0
        -DESCRIPTION=Refunds
        +FUSION_OVERLAY_VERSION=2.1.0
        +OVERLAY_DESCRIPTION=Refunds
         ENTROPY_REDUCTION_TARGET=0.3
        @@ -6 +6,2 @@
         FUSION_MODE=baseline_only
        +OVERLAY_NAME=x

        move:overlays/fusion_overlay.refund.txt:
        --- /dev/null
        +++ b/overlays/fusion_overlay.refund.txt
        @@ -0,0 +1,6 @@
        +FUSION_OVERLAY_VERSION=v2.1.0
        +DESCRIPTION=Refunds
        +ENTROPY_REDUCTION_TARGET=0.3
        +CONTINUITY_ENFORCEMENT=basic_thread
        +TRUST_SCORING_MODEL=simple_alignment
        +FUSION_MODE=baseline_only

        older:overlays/fusion_overlay.refund.txt:
        --- a/overlays/fusion_overlay.refund.txt
        +++ b/overlays/fusion_overlay.refund.txt
        @@ -1,3 +1,3 @@
        -FUSION_OVERLAY_VERSION=v2.1.0
        -DESCRIPTION=Refunds
        +FUSION_OVERLAY_VERSION=2.1.0
        +OVERLAY_DESCRIPTION=Refunds
         ENTROPY_REDUCTION_TARGET=0.3
        @@ -6 +6,2 @@
         FUSION_MODE=baseline_only
        +OVERLAY_NAME=refund

        remove:fusion_overlay.refund_v2.1.txt:
        --- a/fusion_overlay.refund_v2.1.txt
        +++ /dev/null
        @@ -1,6 +0,0 @@
        -FUSION_OVERLAY_VERSION=v2.1.0
        -DESCRIPTION=Refunds
        -ENTROPY_REDUCTION_TARGET=0.3
        -CONTINUITY_ENFORCEMENT=basic_thread
        -TRUST_SCORING_MODEL=simple_alignment
        -FUSION_MODE=baseline_only

        to know:
          overlays/fusion_overlay.refund.txt:1:24: note[MIG1106]: `v2.1.0` is no strict version, and is read as `2.1.0`: write `2.1.0`
          overlays/fusion_overlay.refund.txt:2:1: note[MIG1106]: `DESCRIPTION` is the older name of `OVERLAY_DESCRIPTION`: write the newer name
          overlays/fusion_overlay.refund.txt: note[MIG1102]: OVERLAY_NAME=refund, from the name of the file
          overlays/fusion_overlay.x.txt:1:24: note[MIG1106]: `v2.1.0` is no strict version, and is read as `2.1.0`: write `2.1.0`
          overlays/fusion_overlay.x.txt:2:1: note[MIG1106]: `DESCRIPTION` is the older name of `OVERLAY_DESCRIPTION`: write the newer name
          overlays/fusion_overlay.x.txt: note[MIG1102]: OVERLAY_NAME=x, from the name of the file

        estimated: unknown, no earlier run here
    "#]].assert_eq(&report.to_string());
}
