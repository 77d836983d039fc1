use std::os::unix::fs::PermissionsExt as _;

use expect_test::expect;
use overlay_doctor::{CheckStatus, Environment, UnknownEnvironment, check_ids};
use overlay_sqlite::DatabaseKind;

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
    for value in ["abc", "7"] {
        let site = Site::new().variable("RESONTINEX_FUSION_TRUST_FLOOR", value);
        site.check("variables", Fail, "RESONTINEX_FUSION_TRUST_FLOOR");
    }
}

#[test]
fn files_are_checked_with_their_lines() {
    let site = Site::new();
    site.write("configs/deploy.toml", "[environments.staging]\nbake = \n");
    site.check("files", Fail, "deploy.toml:2:8: error:");
    site.write("configs/deploy.toml", "[environments.staging]\nmode = \"banana\"\n");
    site.check("files", Fail, "deploy.toml:2:9: error[DEP1001]: no such mode: banana");
    let report = site.report_of(None, Some(&site.path("nowhere")));
    let files = report.checks.iter().find(|it| it.id == "files").expect("a check");
    assert_eq!(files.status, Fail);
    assert!(files.message.contains("cannot read"), "{files:#?}");
}

#[test]
fn the_way_on_from_another_version_leads_somewhere() {
    for (version, hint) in [("1.0.0", "`fusion migrate plan`"), ("3.0.0", "a later fusion")] {
        let site = Site::new();
        let text = format!("OVERLAY_NAME=refund\nFUSION_OVERLAY_VERSION={version}\n");
        site.write("configs/overlays/fusion_overlay.refund.txt", &text);
        let checks = site.report().checks;
        let check = checks.into_iter().find(|it| it.id == "version").expect("the check");
        assert_eq!(check.status, Fail);
        assert!(check.hint.is_some_and(|it| it.contains(hint)), "{version}");
    }
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
