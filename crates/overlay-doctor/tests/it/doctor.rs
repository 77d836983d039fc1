use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use expect_test::expect;
use overlay_doctor::{CheckStatus, Environment, UnknownEnvironment, check_ids};
use overlay_sqlite::DatabaseKind;
use overlay_store::{Change, Store};

use crate::site::{NOW_US, Site};

use CheckStatus::{Fail, Ok, Skip, Warn};

const DAY_US: i64 = 86_400 * 1_000_000;

#[test]
fn a_deployment_root_that_is_fit_passes_every_check() {
    let report = Site::new().deployed().report();
    let bad: Vec<_> = report.checks.iter().filter(|it| it.status > Ok).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert_eq!(report.verdict, Ok);
    let skipped: Vec<_> =
        report.checks.iter().filter(|it| it.status == Skip).map(|it| it.id).collect();
    assert_eq!(skipped, ["secrets"]);
    assert!(report.checks.iter().map(|it| it.id).eq(check_ids()));
}

#[test]
fn an_installation_alone_is_checked_without_a_root() {
    let report = Site::new().report();
    assert_eq!(report.verdict, Ok);
    let text = report.text();
    let lines: Vec<_> = text.lines().filter(|it| !it.starts_with("✓ Disk")).collect();
    let lines = lines.join("\n").replace(env!("CARGO_PKG_VERSION"), "0.1.0") + "\n";
    expect![[r#"
        ✓ Program and overlay format: fusion 0.1.0 reads format 2.1.0, 2 overlays
        ✓ Clock: it is 2026-09-21T14:13:20Z
        ✓ Inotify watches: a user may have 8192
        ✓ Open files: a process may have 1024
        ✓ Options: 0 set by fusion.toml (there is none), 1 by variables, the rest by default
        ✓ Variables of the environment: none beats an overlay
        ✓ Configuration files: 2 overlays, 0 scenarios, 1 flag
        ✓ References: every flag, overlay, scenario and model that is named is there
        ✓ Models: 1 model asked, none retired
        - Secrets: providers.toml names none
        ✓ Adapters: file, prometheus, sqlite are in this build
        ✓ Audit and metrics sinks: audit to file, metrics to prometheus
        ✓ Metric series: known names can have 86 series of 10000
        ✓ Permissions: the installation can be read
        ✓ Port: 127.0.0.1:0 is free
        - Live generation: no deployment root is named
        - Rollout: nothing is live that could be replaced
        - Audit chain: there is no deployment root to read
        - Audit index: there is no deployment root to read
        - Performance rows: there is no deployment root to read
        production: fit (15 fine, 0 warned, 0 failed, 6 skipped)
    "#]]
    .assert_eq(&lines);
}

#[test]
fn only_three_environments_can_be_checked_for() {
    assert_eq!("staging".parse(), Result::Ok(Environment::Staging));
    for name in ["prod", "Production", ""] {
        let err = UnknownEnvironment(name.to_owned());
        assert_eq!(name.parse::<Environment>(), Err(err));
    }
}

#[test]
fn none_of_many_faults_hides_another() {
    let site = Site::new()
        .deployed()
        .variable("RESON__AUDIT__SINK", "null")
        .variable("RESON__DATABASE__KIND", "oracle")
        .variable("RESON__DOCTOR__DISK_FREE_MB", "1000000000");
    std::fs::write(site.root().join(DatabaseKind::Audit.path()), "no database at all, at all")
        .expect("written");
    let report = site.report();
    let failed: Vec<_> =
        report.checks.iter().filter(|it| it.status == Fail).map(|it| it.id).collect();
    assert_eq!(failed, ["options", "sinks", "disk", "audit-database"]);
    assert_eq!(report.verdict, Fail);
    assert_eq!(report.checks.len(), check_ids().count());
}

#[test]
fn the_clock_is_neither_before_the_build_nor_behind_the_audit_log() {
    let mut site = Site::new().deployed();
    site.now_us = 0;
    site.check("clock", Fail, "before this program was made");
    site.now_us = NOW_US - 3600 * 1_000_000;
    site.check("clock", Fail, "the newest audit record is 3600 s ahead of the clock");
    site.now_us = NOW_US - 200 * 1_000_000;
    site.check("clock", Ok, "it is");
}

#[test]
fn limits_of_the_machine_warn_and_production_takes_no_warning_it_names() {
    let mut site = Site::new();
    site.host.inotify_watches = Some(12);
    site.check("inotify", Warn, "a user may have 12, at least 1024 are wanted");
    site.host.inotify_watches = None;
    site.check("inotify", Skip, "does not say");
    site.host.open_files = Some(256);
    site.check("open-files", Fail, "no mere warning in production");
    site.environment = Environment::Staging;
    site.check("open-files", Warn, "a process may have 256");
}

#[test]
fn options_are_checked_with_their_lines() {
    let site = Site::new();
    site.write("configs/fusion.toml", "[service]\npoool = 3\n");
    let check =
        site.check("options", Fail, "fusion.toml:2:1: error[DOC1002]: unknown option `poool`");
    assert_eq!(check.hint.as_deref(), Some("did you mean `pool`?"));
    let site = Site::new().variable("RESON__SERVICE__POOOL", "3");
    site.check("options", Warn, "RESON__SERVICE__POOOL has no effect");
}

#[test]
fn variables_that_beat_what_is_deployed_are_told() {
    let site = Site::new().deployed().variable("RESONTINEX_FUSION_TRUST_FLOOR", "0.9");
    site.check("variables", Warn, "variables beat every overlay in TRUST_FLOOR");
    let site = Site::new().variable("RESON_ENV", "staging");
    site.check("variables", Warn, "RESON_ENV=staging, and this is a check for production");
    let site = Site::new().variable("RESONTINEX_FUSION_TRUST_FLOR", "0.9");
    site.check("variables", Warn, "there is no parameter `TRUST_FLOR`");
}

#[test]
fn files_are_checked_with_their_lines() {
    let site = Site::new();
    site.write("configs/deploy.toml", "[environments.staging]\nbake = \n");
    site.check("files", Fail, "deploy.toml:2:8: error:");
    let report = site.report_of(None, Some(&site.path("nowhere")));
    let files = report.checks.iter().find(|it| it.id == "files").expect("a check");
    assert_eq!(files.status, Fail);
    assert!(files.message.contains("cannot read"), "{files:#?}");
}

#[test]
fn an_overlay_that_is_wrong_is_named_with_its_line() {
    let site = Site::new();
    site.write(
        "configs/overlays/fusion_overlay.refund.txt",
        "OVERLAY_NAME=refund\nTRUST_FLOOR=7\n",
    );
    let report = site.report();
    let files = report.checks.iter().find(|it| it.id == "files").expect("a check");
    assert_eq!(files.status, Fail);
    let line = "overlays/fusion_overlay.refund.txt:2:13: error[OVL";
    assert!(files.found.iter().any(|it| it.starts_with(line)), "{files:#?}");
}

#[test]
fn a_flag_that_names_no_overlay_fails() {
    let site = Site::new();
    site.write(
        "configs/overlay_feature_flags.yaml",
        "schema_version: 2\ndefaults: {match: exact, missing_confidence: deny}\nfeatures:\n  \
         refunds:\n    description: Refunds\n    enabled_overlays: [refnd]\n",
    );
    let check = site.check("references", Fail, "overlay_feature_flags.yaml:6:24: ");
    assert!(check.message.contains("names the overlay `refnd`, which there is not"), "{check:#?}");
    assert_eq!(check.hint.as_deref(), Some("did you mean `refund`?"));
}

#[test]
fn a_model_that_retires_is_told_in_time() {
    let mut site = Site::new();
    let providers = std::fs::read_to_string(site.path("configs/providers.toml")).expect("a file");
    site.write("configs/providers.toml", &format!("{providers}retires = \"2026-10-01\"\n"));
    let check = site.check(
        "models",
        Fail,
        "default_models, refund: model `small` retires on 2026-10-01, in 10 days",
    );
    assert!(check.message.contains("no mere warning"), "{check:#?}");
    site.environment = Environment::Development;
    site.check("models", Warn, "in 10 days");
    site.now_us = NOW_US - 30 * DAY_US;
    site.check("models", Ok, "none retired");
    site.now_us = NOW_US + 10 * DAY_US;
    site.check("models", Fail, "retired on 2026-10-01");
}

#[test]
fn a_model_that_its_vendor_ended_fails() {
    let mut site = Site::new();
    for name in ["providers.toml", "overlays/fusion_overlay.refund.txt"] {
        let path = format!("configs/{name}");
        let text = std::fs::read_to_string(site.path(&path)).expect("a file");
        let text = text.replace("\"small\"", "\"gpt-4-32k\"").replace("=small", "=gpt-4-32k");
        site.write(&path, &text);
    }
    // Who has it at another endpoint asks another vendor.
    site.check("models", Ok, "none retired");
    let path = "configs/providers.toml";
    let text = std::fs::read_to_string(site.path(path)).expect("a file");
    site.write(path, &text.replace("http://127.0.0.1:1/v1", "https://api.openai.com/v1"));
    let check = site.check("models", Fail, "model `gpt-4-32k` retired on 2025-06-06");
    assert_eq!(check.hint.as_deref(), Some("name another model, its vendor recommends `gpt-4o`"));
    site.now_us = NOW_US - 500 * DAY_US;
    site.check("models", Fail, "retires on 2025-06-06, in 28 days");
}

#[test]
fn secrets_are_missed_and_never_shown() {
    let key = |reference: &str| {
        let mut site = Site::new();
        let providers =
            std::fs::read_to_string(site.path("configs/providers.toml")).expect("a file");
        let reference = reference.replace("DIR", &site.path("").display().to_string());
        let with =
            providers.replace("[[models]]", &format!("api_key = \"{reference}\"\n[[models]]"));
        site.write("configs/providers.toml", &with);
        site.variables.insert("OTHER_KEY".into(), "sk-very-secret".into());
        site
    };
    let mut site = key("${SOME_KEY}");
    site.check("secrets", Fail, "the variable SOME_KEY of provider `local` is not set");
    site.environment = Environment::Development;
    site.check("secrets", Warn, "is not set");
    let site = site.variable("SOME_KEY", " ");
    site.check("secrets", Warn, "is empty");
    let site = key("${OTHER_KEY}");
    site.check("secrets", Ok, "1 secret is set");
    let json = serde_json::to_string(&site.report()).expect("JSON");
    assert!(!json.contains("sk-very-secret") && !site.report().text().contains("sk-very-secret"));

    let site = key("file:DIRsecret");
    site.check("secrets", Fail, "cannot be read");
    site.write("secret", "");
    site.check("secrets", Fail, "holds no secret");
    site.write("secret", "sk-very-secret\n");
    let mode =
        |mode| std::fs::set_permissions(site.path("secret"), std::fs::Permissions::from_mode(mode));
    mode(0o644).expect("a file");
    site.check("secrets", Warn, "others may read or write");
    mode(0o600).expect("a file");
    site.check("secrets", Ok, "1 secret is set");
}

#[test]
fn production_refuses_to_keep_nothing() {
    for (variable, what) in
        [("RESON__AUDIT__SINK", "audit.sink"), ("RESON__METRICS__SINK", "metrics.sink")]
    {
        let mut site = Site::new().variable(variable, "null");
        let check = site.check("sinks", Fail, &format!("{what} is `null`"));
        assert_eq!(check.hint, Some(format!("unset {variable}")));
        site.environment = Environment::Development;
        site.check("sinks", Warn, what);
    }
    let site = Site::new();
    site.write("configs/fusion.toml", "[audit]\nsink = \"null\"\n");
    let check = site.check("sinks", Fail, "audit.sink is `null`");
    assert_eq!(check.hint.as_deref(), Some("take `audit.sink` out of fusion.toml"));
}

#[test]
fn an_adapter_of_another_build_is_named() {
    let site = Site::new();
    site.write("configs/fusion.toml", "[adapters]\nuse = [\"sqlite\", \"postgresql\"]\n");
    let check = site.check("adapters", Fail, "adapters.use names the adapter `postgresql`");
    assert_eq!(check.hint.as_deref(), Some("this build has file, null, prometheus, sqlite"));
}

/// An adapter that this build has plays its own part only.
#[test]
fn an_adapter_of_another_option_is_refused() {
    let cases = [
        ("audit", "sink", "prometheus", "`file` or `null`"),
        ("audit", "sink", "flagd", "`file` or `null`"),
        ("metrics", "sink", "file", "`null` or `prometheus`"),
        ("database", "kind", "prometheus", "`null` or `sqlite`"),
    ];
    for (section, key, name, wanted) in cases {
        let site = Site::new();
        site.write("configs/fusion.toml", &format!("[{section}]\n{key} = \"{name}\"\n"));
        let what = format!("`{section}.{key}`: `{name}` is no adapter for this: use {wanted}");
        site.check("options", Fail, &what);
    }
}

#[test]
fn production_is_warned_of_no_database() {
    let site = Site::new().variable("RESON__DATABASE__KIND", "null");
    let check = site.check("sinks", Warn, "database.kind is `null`");
    assert_eq!(check.hint.as_deref(), Some("unset RESON__DATABASE__KIND"));
}

#[test]
fn checks_that_must_not_warn_are_checks() {
    let site = Site::new();
    site.write("configs/fusion.toml", "[doctor]\nfail_on = [\"disc\", \"port\"]\n");
    site.check("options", Fail, "`doctor.fail_on`: `disc` is no check: did you mean `disk`?");
    let site = Site::new().variable("RESON__DOCTOR__FAIL_ON", "nosuch");
    site.check("options", Fail, "`nosuch` is no check: there are version, clock, ");
}

#[test]
fn series_of_known_names_beyond_a_limit_warn() {
    let site = Site::new().variable("RESON__METRICS__SERIES_OVERALL", "256");
    site.check("series", Fail, "use 16 to the overall limit");
    let site = site.variable("RESON__METRICS__SERIES_PER_METRIC", "16");
    for n in 0..20 {
        let text = format!(
            "FUSION_OVERLAY_VERSION=2.1.0\nOVERLAY_NAME=o{n}\nFUSION_MODE=speed_optimized\n\
             ENTROPY_REDUCTION_TARGET=0.3\nCONTINUITY_ENFORCEMENT=basic_thread\n\
             TRUST_SCORING_MODEL=simple_alignment\nTRUST_FLOOR=0.6\n"
        );
        site.write(&format!("configs/overlays/fusion_overlay.o{n}.txt"), &text);
    }
    let check = site.check("series", Warn, "series of known names, 16 are its limit");
    assert!(check.found.last().is_some_and(|it| it.contains("256 is the limit")), "{check:#?}");
}

#[test]
fn the_root_belongs_to_whoever_deploys() {
    let mut site = Site::new().deployed();
    site.host.user += 1;
    let check = site.check("permissions", Fail, "belongs to user");
    assert_eq!(check.found.len(), 7, "{check:#?}");
    site.host.user -= 1;
    let mode = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(site.root().join("db"), mode).expect("a folder");
    site.environment = Environment::Staging;
    site.check("permissions", Warn, "everybody may write to");
}

#[test]
fn a_root_is_on_one_file_system() {
    use std::os::unix::fs::MetadataExt as _;

    let site = Site::new().deployed();
    let Result::Ok(other) = tempfile::tempdir_in("/dev/shm") else { return };
    let device = |path: &std::path::Path| std::fs::metadata(path).expect("a folder").dev();
    if device(other.path()) == device(&site.root()) {
        return;
    }
    let tmp = site.root().join("tmp");
    std::fs::remove_dir_all(&tmp).expect("removed");
    std::os::unix::fs::symlink(other.path(), &tmp).expect("linked");
    site.check("permissions", Fail, "root/tmp is on another file system than ");
}

#[test]
fn room_on_the_disk_is_wanted() {
    let site = Site::new().variable("RESON__DOCTOR__DISK_FREE_MB", "1000000000");
    site.check("disk", Fail, "at least 1000000000 MB are wanted");
}

#[test]
fn a_port_that_another_program_has_fails() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let site = Site::new().variable("RESON__SERVICE__LISTEN", &address);
    site.check("port", Fail, &format!("another program has {address}"));
    drop(taken);
    site.check("port", Ok, "is free");
}

#[test]
fn a_part_of_the_schema_that_is_missing_is_named() {
    let site = Site::new().deployed();
    let part = |kind: DatabaseKind, sql: &str| {
        let conn = rusqlite::Connection::open(site.root().join(kind.path())).expect("a database");
        conn.execute_batch(sql).expect("dropped");
    };
    site.check("audit-database", Ok, "has its whole schema");
    part(DatabaseKind::Audit, "DROP INDEX idx_deployment_id");
    site.check("audit-database", Fail, "db/audit.sqlite: index idx_deployment_id is missing");
    part(DatabaseKind::Audit, "DROP TRIGGER overlay_audit_log_delete");
    let check = site.check("audit-database", Fail, "(and 1 more)");
    let trigger = "db/audit.sqlite: trigger overlay_audit_log_delete is missing";
    assert!(check.found.iter().any(|it| it == trigger), "{check:#?}");
    std::fs::remove_file(site.root().join(DatabaseKind::Audit.path())).expect("removed");
    site.check("audit-database", Skip, "there is no db/audit.sqlite");
}

#[test]
fn a_row_that_the_audit_log_does_not_know_is_named() {
    let site = Site::new().deployed();
    site.check("audit-database", Ok, "whole schema, and 2 rows as the log has them");
    site.switch(|writer| Change::to(writer.current().expect("a pointer").stable));
    site.check("audit-database", Ok, "whole schema; 2 records of the log to be taken in");
    let path = site.root().join(DatabaseKind::Audit.path());
    let conn = rusqlite::Connection::open(path).expect("a database");
    let trigger = "SELECT sql FROM sqlite_schema WHERE name = 'overlay_audit_log_update'";
    let trigger: String = conn.query_one(trigger, [], |row| row.get(0)).expect("a trigger");
    let change = "DROP TRIGGER overlay_audit_log_update;
        UPDATE overlay_audit_log SET user_name = 'mallory'";
    conn.execute_batch(change).expect("changed");
    conn.execute_batch(&trigger).expect("made again");
    let check =
        site.check("audit-database", Fail, "db/audit.sqlite: row 1 is not what the audit log says");
    assert!(check.hint.is_some_and(|it| it.contains("it is built again from the audit log")));
}

#[test]
fn rows_without_a_column_or_a_table_are_named() {
    let site = Site::new().deployed();
    let path = site.root().join(DatabaseKind::Performance.path());
    let conn = rusqlite::Connection::open(path).expect("a database");
    conn.execute_batch("ALTER TABLE rollout_samples DROP COLUMN tokens").expect("dropped");
    site.check("performance-database", Fail, "column rollout_samples.tokens is missing");
    conn.execute_batch("DROP TABLE rollout_samples").expect("dropped");
    let check = site.check("performance-database", Fail, "more)");
    let table = "db/perf.sqlite: table rollout_samples is missing";
    assert!(check.found.iter().any(|it| it == table), "{check:#?}");
}

#[test]
fn a_generation_that_was_changed_fails() {
    let site = Site::new().deployed();
    site.write("root/gen/00000001/tree/providers.toml", "schema = \"fusion/providers/1\"\n");
    let report = site.report();
    let failed: Vec<_> =
        report.checks.iter().filter(|it| it.status == Fail).map(|it| it.id).collect();
    assert_eq!(failed, ["files", "store"]);
    let store = report.checks.iter().find(|it| it.id == "store").expect("a check");
    assert!(store.message.contains("tampered with"), "{store:#?}");
    assert!(store.message.contains("providers.toml"), "{store:#?}");
}

#[test]
fn an_audit_record_that_was_changed_fails() {
    let site = Site::new().deployed();
    let path = site.root().join("audit/00000001.jsonl");
    let log = std::fs::read_to_string(&path).expect("the log");
    std::fs::write(&path, log.replace("mara", "nobody")).expect("written");
    site.check("audit", Fail, "record");
}

#[test]
fn a_root_without_a_deployment_warns() {
    let site = Site::new();
    overlay_store::Store::create(&site.root()).expect("a root");
    let report = site.report_of(Some(&site.root()), Some(&site.path("configs")));
    let warned: Vec<_> = report.checks.iter().filter(|it| it.status > Ok).map(|it| it.id).collect();
    assert_eq!(warned, ["store"]);
    let report = site.report_of(Some(&site.path("nowhere")), None);
    let failed: Vec<_> =
        report.checks.iter().filter(|it| it.status == Fail).map(|it| it.id).collect();
    assert_eq!(failed, ["permissions", "disk", "store"]);
}

#[test]
fn a_rollout_that_nobody_drives_warns() {
    let site = Site::new().deployed();
    site.check("rollout", Ok, "none is under way");
    let site = site.left_alone();
    let check = site.check("rollout", Warn, "nobody drives the rollout d-1, which stands at 5 %");
    assert!(check.hint.is_some_and(|it| it.contains("`fusion deploy recover`")));
    let store = Store::open(&site.root()).expect("a root");
    let _driving = store.lock_rollout("d-1").expect("asked").expect("free");
    site.check("rollout", Ok, "driven");
}

#[test]
fn a_fall_of_the_token_budget_warns() {
    let site = Site::new().deployed().fallen();
    let check = site.check("store", Warn, "built-in minimum in force, since 2026-09-21T14:00:00Z");
    assert!(check.hint.is_some_and(|it| it.contains("`fusion budget check`")));
}

#[test]
fn a_pointer_that_is_damaged_missing_or_replaced_names_the_way_back() {
    let site = Site::new().deployed();
    let current = site.root().join("CURRENT");
    let earlier = std::fs::read(&current).expect("the pointer");
    site.switch(|writer| Change::to(writer.current().expect("a pointer").stable));
    let store = |what: &str| {
        let report = site.report_of(Some(&site.root()), Some(&site.path("configs")));
        let check = report.checks.into_iter().find(|it| it.id == "store").expect("a check");
        assert_eq!(check.status, Fail, "{what}: {check:#?}");
        let hint = check.hint.expect("a hint");
        for command in ["`fusion deploy recover --rebuild`", "`fusion backup restore --rebuild`"] {
            assert!(hint.contains(command), "{what}: {hint}");
        }
    };
    std::fs::write(&current, &earlier).expect("written");
    store("an earlier one");
    std::fs::write(&current, "nonsense").expect("written");
    store("a damaged one");
    std::fs::remove_file(&current).expect("removed");
    store("none");
}

#[test]
fn a_look_writes_nothing() {
    let site = Site::new().deployed();
    assert_eq!(site.databases(), ["audit.sqlite", "perf.sqlite"]);
    assert_eq!(site.report().verdict, Ok);
    assert_eq!(site.databases(), ["audit.sqlite", "perf.sqlite"]);
}

#[test]
fn a_database_that_cannot_be_reached_is_not_advised_to_be_removed() {
    let site = Site::new().deployed();
    let path = site.root().join(DatabaseKind::Audit.path());
    std::fs::remove_file(&path).expect("removed");
    std::fs::create_dir(&path).expect("a folder of its name");
    let check = site.check("audit-database", Fail, "cannot be reached");
    let hint = check.hint.expect("a hint");
    assert!(hint.starts_with("nothing is lost") && !hint.contains("remove"), "{hint}");
}
