//! What commands answer where there is little to do.

use super::crash::Deploying;
use super::{deploy, deployed, edit};
use crate::binary::{folder, write};

#[test]
fn a_canary_that_is_paused_is_not_paused_again() {
    let dir = deployed();
    let deploying = Deploying::start(dir.path(), &["--stages", "50,100", "--bake", "30s"]);
    deploy(dir.path(), &["pause"]).ends_with(0);
    deploying.end();
    deploy(dir.path(), &["pause"]).ends_with(3);
}

#[test]
fn a_name_that_is_none_is_a_wrong_command_line() {
    let dir = deployed();
    for name in ["a/b", "../x", "7", ""] {
        deploy(dir.path(), &["pin", name]).ends_with(64);
    }
    deploy(dir.path(), &["pin", "release-7"]).ends_with(0);
}

#[test]
fn a_name_that_was_written_over_leads_to_the_way_back() {
    let dir = deployed();
    deploy(dir.path(), &["pin", "release-7"]).ends_with(0);
    write(&dir.path().join("prod/pins/release-7"), "garbage");
    let ran = deploy(dir.path(), &["list"]).ends_with(8);
    assert!(ran.stderr.contains("`fusion deploy unpin NAME`"), "{ran:#?}");
    deploy(dir.path(), &["unpin", "release-7"]).ends_with(0);
    deploy(dir.path(), &["list"]).ends_with(0);
}

#[test]
fn nothing_is_verified_where_nothing_is_deployed() {
    let dir = folder(&[("prod/notes.txt", "")]);
    std::fs::remove_file(dir.path().join("prod/notes.txt")).expect("removed");
    let ran = deploy(dir.path(), &["verify"]).ends_with(5);
    assert_eq!(ran.stdout, "nothing is deployed\n");
}

#[test]
fn an_environment_that_the_rules_do_not_name_is_told_by_apply_too() {
    let dir = folder(&[]);
    edit(dir.path(), "0.6");
    let plan = deploy(dir.path(), &["plan", "refund.txt", "--env", "nosuchenv"]).ends_with(2);
    assert!(plan.stdout.contains("warning[DEP1109]"), "{plan:#?}");
    let ran = deploy(dir.path(), &["apply", "refund.txt", "--env", "nosuchenv"]).ends_with(1);
    assert!(ran.stderr.contains("warning[DEP1109]"), "{ran:#?}");
}

/// The database of the samples is there, and whoever makes it has not come to its tables.
#[test]
fn a_first_sample_that_is_on_its_way_is_no_fault() {
    let dir = deployed();
    write(&dir.path().join("prod/db/perf.sqlite"), "");
    edit(dir.path(), "0.7");
    let args = ["apply", "refund.txt", "--mode", "staged", "--stages", "50", "--bake", "0s"];
    let ran = deploy(dir.path(), &args);
    assert!(!ran.stderr.contains("no samples"), "{ran:#?}");
}

#[test]
fn recover_builds_an_index_anew_that_was_edited() {
    let dir = deployed();
    let edited = "DROP TRIGGER overlay_audit_log_update;
        UPDATE overlay_audit_log SET user_name = 'mallory'";
    let path = dir.path().join("prod/db/audit.sqlite");
    rusqlite::Connection::open(path).expect("the index").execute_batch(edited).expect("edited");
    let doctor = ["doctor", "--env", "development", "--root", "prod"];
    let ran = crate::binary::run(dir.path(), &doctor).ends_with(1);
    assert!(ran.stdout.contains("✗ Audit index"), "{ran:#?}");
    let ran = deploy(dir.path(), &["recover"]).ends_with(0);
    assert!(
        ran.stdout.contains("the index of the audit log was not what the log says"),
        "{ran:#?}"
    );
    let ran = crate::binary::run(dir.path(), &doctor);
    assert!(ran.stdout.contains("✓ Audit index"), "{ran:#?}");
    assert_eq!(deploy(dir.path(), &["recover"]).stdout, "nothing to put in order\n");
}

/// At a terminal of its own.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_at_a_question_is_a_no() {
    use std::fs::File;
    use std::io::{Read as _, Write as _};
    use std::process::Stdio;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

    let dir = deployed();
    edit(dir.path(), "0.7");
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("its other end");
    let name = ptsname(&master, Vec::new()).expect("a name");
    let end = File::options().read(true).write(true).open(name.to_str().expect("UTF-8"));
    let end = end.expect("its other end");
    // As it is while a key is waited for: Ctrl-C is one of them.
    let mut mode = tcgetattr(&end).expect("its mode");
    mode.make_raw();
    tcsetattr(&end, OptionalActions::Now, &mode).expect("its mode");
    let mut terminal = File::from(master);
    terminal.write_all(b"\x03").expect("typed");
    let mut command = crate::binary::fusion(dir.path());
    command.args(["deploy", "apply", "refund.txt", "--root", "prod"]).stdout(Stdio::null());
    command.stdin(end.try_clone().expect("an end")).stderr(end);
    let mut child = command.spawn().expect("fusion starts");
    // The terminal ends with the last who has its other end.
    drop(command);
    let reading = std::thread::spawn(move || {
        let (mut said, mut buffer) = (Vec::new(), [0; 512]);
        while let Ok(len @ 1..) = terminal.read(&mut buffer) {
            said.extend_from_slice(&buffer[..len]);
        }
        String::from_utf8_lossy(&said).into_owned()
    });
    let code = child.wait().expect("it runs").code();
    let said = reading.join().expect("read");
    assert_eq!(code, Some(10), "{said}");
    assert!(said.contains("Deploy this? [y/N] "), "{said}");
    assert!(said.contains("nothing was changed"), "{said}");
    assert!(!said.contains("\u{1b}[?25l"), "the cursor is hidden: {said:?}");
}
