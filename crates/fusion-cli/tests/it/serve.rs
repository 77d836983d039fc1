//! The service, started, asked and stopped as its users do.

#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::{Value, json};

use crate::binary::{Ran, finish, folder, fusion, replace, run, wait_for, write};

const CONFIGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs");

/// A service that listens.
pub(crate) struct Serving {
    child: Child,
    stderr: BufReader<ChildStderr>,
    /// What it said before it listened.
    before: String,
    pub(crate) base: String,
}

impl Serving {
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("fusion starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut res = Self { child, stderr, before: String::new(), base: String::new() };
        while res.base.is_empty() {
            let mut line = String::new();
            let len = res.stderr.read_line(&mut line).expect("a line");
            assert_ne!(len, 0, "it ended: {}", res.before);
            match line.trim_end().strip_prefix("listening on ") {
                Some(base) => res.base = base.to_owned(),
                None => res.before.push_str(&line),
            }
        }
        res
    }

    #[track_caller]
    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Sends a signal and waits for the end.
    #[track_caller]
    pub(crate) fn stop(mut self, signal: &str) -> Ran {
        self.signal(signal);
        let mut stderr = std::mem::take(&mut self.before);
        self.stderr.read_to_string(&mut stderr).expect("UTF-8");
        let mut stdout = String::new();
        let mut pipe = self.child.stdout.take().expect("a pipe");
        pipe.read_to_string(&mut stdout).expect("UTF-8");
        let status = self.child.wait().expect("it ends");
        Ran { code: status.code().expect("it ends by itself"), stdout, stderr }
    }

    #[track_caller]
    fn get(&self, path: &str) -> String {
        let url = format!("{}{path}", self.base);
        let mut answer = ureq::get(&url).call().expect("an answer");
        answer.body_mut().read_to_string().expect("a body")
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value, authorization: &str) -> Value {
        let url = format!("{}{path}", self.base);
        let request = ureq::post(&url).header("content-type", "application/json");
        let request = request.header("authorization", authorization);
        let mut answer = request.send(body.to_string()).expect("an answer");
        let text = answer.body_mut().read_to_string().expect("a body");
        serde_json::from_str(&text).expect("JSON")
    }

    /// The code of an answer, whichever it is.
    #[track_caller]
    fn code(&self, path: &str) -> u16 {
        match ureq::get(format!("{}{path}", self.base)).call() {
            Ok(answer) => answer.status().as_u16(),
            Err(ureq::Error::StatusCode(code)) => code,
            Err(err) => panic!("no answer: {err}"),
        }
    }

    /// How many series of routes there are after answers to forty kinds of work that nobody
    /// knows.
    #[track_caller]
    fn series_of_strangers(&self) -> usize {
        for n in 0..40 {
            let request = json!({ "scenario_type": format!("strange_{n}"), "confidence": 0.9 });
            self.post("/v1/route", &request, "");
        }
        let page = self.get("/metrics");
        page.lines().filter(|it| it.starts_with("fusion_routing_overlay_selected_total{")).count()
    }

    /// The next line of the log, once the service listens.
    #[track_caller]
    pub(crate) fn whole_line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).expect("a line");
        line
    }

    /// The next line of the log without its time.
    #[track_caller]
    fn line(&mut self) -> String {
        let line = self.whole_line();
        let (time, text) = line.trim_end().split_once(' ').expect("a time and a text");
        assert!(time.ends_with('Z'), "{line}");
        text.to_owned()
    }

    #[track_caller]
    fn delete(&self, path: &str, authorization: &str) {
        let request = ureq::delete(format!("{}{path}", self.base));
        request.header("authorization", authorization).call().expect("an answer");
    }

    /// What the service answers a refund with.
    #[track_caller]
    fn primary(&self) -> Value {
        let request = json!({ "scenario_type": "refund_processing", "confidence": 0.9 });
        self.post("/v1/route", &request, "")["primary_overlay"].clone()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It has ended where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(dir: &Path) -> Command {
    let mut command = fusion(dir);
    command.args(["serve", "--configs", CONFIGS, "--listen", "127.0.0.1:0"]);
    command
}

/// A deployment is in force for requests that come after it, without a restart, and the
/// instance says which epoch it accepted.
#[test]
fn it_follows_the_pointer_of_a_deployment_root() {
    let dir = folder(&[]);
    let overlay = Path::new(CONFIGS).join("overlays/fusion_overlay.rollback_first.txt");
    let text = std::fs::read_to_string(overlay).expect("a shipped overlay");
    let deploy = |floor: &str| {
        write(&dir.path().join("next.txt"), text.replace("TRUST_FLOOR=0.65", floor));
        let args = ["deploy", "apply", "next.txt", "--root", "prod", "--from", CONFIGS];
        let args = if floor == "TRUST_FLOOR=0.65" { &args[..] } else { &args[..5] };
        run(dir.path(), args).ends_with(0);
    };
    deploy("TRUST_FLOOR=0.65");
    let mut command = fusion(dir.path());
    command.args(["serve", "--root", "prod", "--listen", "127.0.0.1:0"]).env("HOSTNAME", "node-1");
    let serving = Serving::start(&mut command);
    assert_eq!(serving.primary(), "rollback_first");
    deploy("TRUST_FLOOR=0.7");
    let accepted = || {
        let text = std::fs::read(dir.path().join("prod/state/node-1/ack.json")).unwrap_or_default();
        let said: Value = serde_json::from_slice(&text).unwrap_or_default();
        said["epoch"] == 2 && said["refused"].is_null()
    };
    wait_for("an acknowledgement", || accepted().then_some(()));
    assert!(serving.get("/metrics").contains("fusion_config_reloads_total{result=\"success\"} 2"));
    serving.stop("-TERM").ends_with(0);
}

/// The kill of an operator and that of the API, for a service that follows a root: obeyed,
/// logged and audited.
#[test]
fn the_switch_of_a_root_is_obeyed_and_audited() {
    let dir = folder(&[("token", "s3cret")]);
    let overlay = Path::new(CONFIGS).join("overlays/fusion_overlay.rollback_first.txt");
    write(&dir.path().join("next.txt"), crate::binary::read(&overlay));
    let deploy = ["deploy", "apply", "next.txt", "--root", "prod", "--from", CONFIGS];
    run(dir.path(), &deploy).ends_with(0);
    let mut command = fusion(dir.path());
    command.args(["serve", "--root", "prod", "--listen", "127.0.0.1:0"]);
    command.args(["--admin-token-file", "token"]).env("HOSTNAME", "node-1");
    let mut serving = Serving::start(&mut command);
    assert_eq!(serving.primary(), "rollback_first");
    let kill = ["flags", "kill", "--root", "prod", "--reason", "a drill"];
    run(dir.path(), &kill).ends_with(0);
    let thrown = "switch thrown: every overlay is off by KILL in the deployment root (a drill";
    let line = serving.line();
    assert!(line.starts_with(thrown), "{line}");
    assert_eq!(serving.primary(), Value::Null);
    run(dir.path(), &[&kill[..], &["--undo"]].concat()).ends_with(0);
    assert_eq!(serving.line(), "switch taken back: the flags decide");
    assert_eq!(serving.primary(), "rollback_first");

    let reason = json!({ "reason": "sums", "by": "ann" });
    serving.post("/admin/v1/kill", &reason, "Bearer s3cret");
    assert_eq!(serving.line(), "switch thrown: every overlay is off by the API (sums, ann)");
    let root = dir.path().join("prod");
    let audited = || {
        let store = overlay_store::Store::open(&root).expect("a root");
        let last = store.audit().last().expect("a log").expect("a record");
        (last.entry.action, last.entry.detail["reason"].clone())
    };
    let expected = ("kill".to_owned(), json!("sums"));
    wait_for("a record", || (audited() == expected).then_some(()));
    serving.stop("-TERM").ends_with(0);
}

/// Nothing that somebody does through the API is missing in the audit log, however fast it
/// is done, and a switch that ends with its process ends there too.
#[test]
fn what_the_api_does_is_audited() {
    let dir = folder(&[("token", "s3cret")]);
    let overlay = Path::new(CONFIGS).join("overlays/fusion_overlay.rollback_first.txt");
    write(&dir.path().join("next.txt"), crate::binary::read(&overlay));
    let deploy = ["deploy", "apply", "next.txt", "--root", "prod", "--from", CONFIGS];
    run(dir.path(), &deploy).ends_with(0);
    let mut command = fusion(dir.path());
    command.args(["serve", "--root", "prod", "--listen", "127.0.0.1:0"]);
    command.args(["--admin-token-file", "token"]).env("HOSTNAME", "node-1");
    let serving = Serving::start(&mut command);
    let kill = |reason: &str, by: &str| {
        let reason = json!({ "reason": reason, "by": by });
        serving.post("/admin/v1/kill", &reason, "Bearer s3cret");
    };
    for round in 0..4 {
        kill(&format!("round {round}"), "ann");
        serving.delete("/admin/v1/kill", "Bearer s3cret");
    }
    let hand = json!({ "reason": "sums", "by": "ann" });
    serving.post("/admin/v1/breakers/rollback_first/isolate", &hand, "Bearer s3cret");
    serving.post("/admin/v1/breakers/rollback_first/close", &json!({}), "Bearer s3cret");
    kill("first", "ann");
    kill("second", "eve");
    let ran = serving.stop("-TERM").ends_with(0);
    let lines: Vec<_> = ran.stderr.lines().rev().take(4).collect();
    let text = |line: &str| line.split_once(' ').map(|(_, text)| text.to_owned());
    assert_eq!(lines[0], "stopped", "{ran:#?}");
    assert_eq!(
        text(lines[1]).unwrap_or_default(),
        "switch taken back: that of the API (second, eve) ends with the service"
    );
    let thrown = "switch thrown: every overlay is off by the API (second, eve)";
    assert_eq!(text(lines[2]).unwrap_or_default(), thrown);

    let store = overlay_store::Store::open(&dir.path().join("prod")).expect("a root");
    let records = store.audit().records(1).expect("a log").map(|it| it.expect("a record").entry);
    let of_api = records.filter(|it| it.detail["form"] == "api");
    let said: Vec<_> = of_api
        .map(|it| {
            let [reason, by] = ["reason", "by"].map(|key| it.detail[key].as_str().unwrap_or("-"));
            format!("{} {reason} {by}", it.action)
        })
        .collect();
    let mut expected: Vec<_> =
        (0..4).flat_map(|it| [format!("kill round {it} ann"), "revive - -".to_owned()]).collect();
    let rest = [
        "isolate sums ann",
        "close  ",
        "kill first ann",
        "kill second eve",
        "revive the service stopped -",
    ];
    expected.extend(rest.map(str::to_owned));
    assert_eq!(said, expected);
}

/// A mistyped root is never made, and an installation is none: both are waited for.
#[test]
fn a_root_without_a_pointer_is_waited_for() {
    let dir = folder(&[]);
    let serve = |root: &str| {
        let mut command = fusion(dir.path());
        command.args(["serve", "--root", root, "--listen", "127.0.0.1:0"]).env("HOSTNAME", "n");
        command
    };
    for _ in 0..2 {
        let ran = finish(serve("typo").arg("--strict"), b"").ends_with(1);
        assert!(ran.stderr.contains("typo is no deployment root: it has no CURRENT"), "{ran:#?}");
    }
    write(&dir.path().join("configs/overlays/fusion_overlay.x.txt"), "");
    let ran = finish(serve("configs").arg("--strict"), b"").ends_with(1);
    assert!(ran.stderr.contains("serve it with --configs"), "{ran:#?}");
    assert!(!dir.path().join("configs/state").exists());

    let mut serving = Serving::start(&mut serve("typo"));
    assert_eq!(serving.code("/readyz"), 503);
    assert!(!dir.path().join("typo").exists());
    let overlay = Path::new(CONFIGS).join("overlays/fusion_overlay.rollback_first.txt");
    write(&dir.path().join("next.txt"), crate::binary::read(&overlay));
    let deploy = ["deploy", "apply", "next.txt", "--root", "typo", "--from", CONFIGS];
    run(dir.path(), &deploy).ends_with(0);
    let line = serving.line();
    assert!(line.starts_with("accepted: epoch 2, ") && line.contains("to generation 1"), "{line}");
    assert_eq!((serving.code("/readyz"), serving.primary()), (200, json!("rollback_first")));
    serving.stop("-TERM").ends_with(0);

    // Who does not get the address leaves nothing in the root.
    std::fs::remove_dir_all(dir.path().join("typo/state")).expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    let args = ["serve", "--root", "typo", "--listen", &taken];
    finish(fusion(dir.path()).args(args).env("HOSTNAME", "n"), b"").ends_with(75);
    assert!(!dir.path().join("typo/state").exists());
}

/// A folder for copies that can be none is told of at the start.
#[test]
fn a_copy_that_cannot_be_kept_is_told_of_at_the_start() {
    let dir = folder(&[("token", "s3cret")]);
    let start = || {
        let mut start = command(dir.path());
        start.args(["--state", "token"]);
        start
    };
    let said = "warning: no copy of this configuration is kept: ";
    let serving = Serving::start(&mut start());
    assert!(serving.before.contains(said), "{}", serving.before);
    serving.stop("-TERM").ends_with(0);
    let ran = finish(start().arg("--strict"), b"").ends_with(1);
    assert!(ran.stderr.contains(said), "{ran:#?}");
}

#[test]
fn a_hangup_has_the_files_read_again() {
    let dir = folder(&[]);
    let mut serving = Serving::start(&mut command(dir.path()));
    serving.signal("-HUP");
    assert_eq!(serving.line(), "reload: SIGHUP asks for it");
    assert_eq!(serving.primary(), "rollback_first");
    let ran = serving.stop("-TERM").ends_with(0);
    assert!(ran.stderr.ends_with("stopped\n"), "{ran:#?}");
}

#[test]
fn what_happens_is_logged() {
    let dir = folder(&[]);
    for name in ["overlays/fusion_overlay.rollback_first.txt", "providers.toml"] {
        let text = crate::binary::read(&Path::new(CONFIGS).join(name));
        write(&dir.path().join("configs").join(name), text);
    }
    let flags = dir.path().join("configs/overlay_feature_flags.yaml");
    let text = |share: u32| {
        format!(
            "schema_version: 2\nfeatures: {{a: {{enabled_overlays: [rollback_first], \
             rollout_percentage: {share}}}}}\n"
        )
    };
    write(&flags, text(100));
    let mut command = fusion(dir.path());
    let mut serving =
        Serving::start(command.args(["serve", "--configs", "configs", "--listen", "127.0.0.1:0"]));
    replace(&flags, text(50));
    let line = serving.line();
    assert!(line.starts_with("accepted: epoch 2, digest "), "{line}");
    replace(&flags, text(140));
    let line = serving.line();
    assert!(line.starts_with("refused: overlay_feature_flags.yaml:2:"), "{line}");
    let status: Value = serde_json::from_str(&serving.get("/v1/status")).expect("JSON");
    assert_eq!(status["nacks"], 1);
    serving.stop("-TERM").ends_with(0);
}

#[test]
fn an_environment_that_the_flag_file_does_not_have_is_warned_of() {
    let flags = "schema_version: 2\nfeatures: {a: {enabled_overlays: [rollback_first]}}\n\
                 environments: {staging: {global_rollout_percentage: 0}}\n";
    let dir = folder(&[("configs/overlay_feature_flags.yaml", flags)]);
    for name in ["overlays/fusion_overlay.rollback_first.txt", "providers.toml"] {
        let text = crate::binary::read(&Path::new(CONFIGS).join(name));
        write(&dir.path().join("configs").join(name), text);
    }
    let args = ["serve", "--configs", "configs", "--listen", "127.0.0.1:0", "--env", "stagin"];
    let ran = Serving::start(fusion(dir.path()).args(args)).stop("-TERM").ends_with(0);
    assert!(ran.stderr.contains("no environment `stagin`, only staging"), "{ran:#?}");
    finish(fusion(dir.path()).args(args).arg("--strict"), b"").ends_with(1);
    let status = ["overlay", "status", "--root", "configs"];
    let ran = finish(fusion(dir.path()).env("RESON_ENV", "stagin").args(status), b"").ends_with(0);
    assert!(ran.stdout.contains("no environment `stagin`"), "{ran:#?}");
    let mut strict = fusion(dir.path());
    finish(strict.env("RESON_ENV", "stagin").args(status).arg("--strict"), b"").ends_with(1);
}

#[test]
fn it_serves_until_it_is_told_to_stop() {
    let dir = folder(&[]);
    for signal in ["-TERM", "-INT"] {
        let serving = Serving::start(&mut command(dir.path()));
        assert_eq!(serving.get("/livez"), "ok\n");
        assert_eq!(serving.primary(), "rollback_first");
        assert!(serving.get("/metrics").contains("\nfusion_system_health 1\n"));
        let ran = serving.stop(signal).ends_with(0);
        assert_eq!((&*ran.stdout, &*ran.stderr), ("", "stopped\n"));
    }
}

#[test]
fn a_machine_reads_the_address() {
    let dir = folder(&[]);
    let serving = Serving::start(command(dir.path()).arg("--json"));
    let base = serving.base.clone();
    let ran = serving.stop("-TERM").ends_with(0);
    let json = ran.json();
    assert_eq!(json["schema"], "fusion/serve/1");
    assert_eq!(format!("http://{}", json["address"].as_str().expect("an address")), base);
    assert_eq!(json["health"]["status"], "healthy");
}

#[test]
fn the_switch_is_thrown_with_the_token_of_the_file() {
    let dir = folder(&[("token", " s3cret\n")]);
    let serving = Serving::start(command(dir.path()).args(["--admin-token-file", "token"]));
    let reason = json!({ "reason": "a drill" });
    let killed = serving.post("/admin/v1/kill", &reason, "Bearer s3cret");
    assert_eq!(killed["emergency"], true);
    assert_eq!(serving.primary(), Value::Null);
    serving.stop("-TERM").ends_with(0);
}

#[test]
fn the_environment_is_read() {
    let dir = folder(&[]);
    let serving = Serving::start(command(dir.path()).env("RESON_FEATURES", ""));
    assert_eq!(serving.primary(), Value::Null);
    let ran = serving.stop("-TERM").ends_with(0);
    assert!(ran.stderr.contains("warning: every overlay is off by RESON_FEATURES\n"), "{ran:#?}");

    let switch = dir.path().join("switch");
    write(&switch, "-refund_lot_switch\n");
    let serving = Serving::start(command(dir.path()).env("RESON_FEATURES_FILE", &switch));
    assert_eq!(serving.primary(), Value::Null);
    serving.stop("-TERM").ends_with(0);

    let serving = Serving::start(
        command(dir.path())
            .env("RESONTINEX_FUSION_TRUST_FLOOR", "0.7")
            .env("RESONTINEX_FUSION_TRUST_FLOR", "0.7"),
    );
    let status: Value = serde_json::from_str(&serving.get("/v1/status")).expect("JSON");
    assert_eq!(status["shadowed"], json!(["TRUST_FLOOR"]));
    let ran = serving.stop("-TERM").ends_with(0);
    assert!(ran.stderr.contains("RESONTINEX_FUSION_TRUST_FLOR has no effect"), "{ran:#?}");
}

#[test]
fn the_limits_of_series_are_those_of_the_options() {
    let dir = folder(&[]);
    let of_metric = ("RESON__METRICS__SERIES_PER_METRIC", "16");
    let overall = ("RESON__METRICS__SERIES_OVERALL", "300");
    let serving = Serving::start(command(dir.path()).envs([of_metric, overall]));
    assert!(serving.series_of_strangers() <= 16);
    assert!(serving.get("/metrics").contains("\nfusion_metrics_series_limit 300\n"));
    serving.stop("-TERM").ends_with(0);

    let serving = Serving::start(&mut command(dir.path()));
    assert!(serving.series_of_strangers() >= 40);
    assert!(serving.get("/metrics").contains("\nfusion_metrics_series_limit 10000\n"));
    serving.stop("-TERM").ends_with(0);
}

#[test]
fn limits_that_cannot_be_kept_are_said() {
    let dir = folder(&[]);
    let overall = ("RESON__METRICS__SERIES_OVERALL", "300");
    let serving = Serving::start(command(dir.path()).envs([overall]));
    assert!(serving.get("/metrics").contains("\nfusion_metrics_series_limit 10000\n"));
    let ran = serving.stop("-TERM").ends_with(0);
    assert!(
        ran.stderr.contains("limit of 1000 series a metric: use 16 to the overall"),
        "{ran:#?}"
    );
    let ran = finish(command(dir.path()).arg("--strict").envs([overall]), b"").ends_with(1);
    assert!(ran.stderr.contains("the options of the service are not as they were"), "{ran:#?}");
}

#[test]
fn metrics_go_where_the_options_say() {
    let dir = folder(&[]);
    for (sink, code) in [("prometheus", 200), ("null", 404), ("sqlite", 200)] {
        let serving = Serving::start(command(dir.path()).env("RESON__METRICS__SINK", sink));
        assert_eq!(serving.code("/metrics"), code, "{sink}");
        assert_eq!(serving.primary(), "rollback_first");
        assert_eq!(serving.code("/livez"), 200);
        let ran = serving.stop("-TERM").ends_with(0);
        assert_eq!(ran.stderr.contains("`sqlite` is no adapter for this"), sink == "sqlite");
    }
}

#[test]
fn the_environment_of_the_flag_file_is_named() {
    let flags = "schema_version: 2\nfeatures: {a: {enabled_overlays: [rollback_first]}}\n\
                 environments: {staging: {global_rollout_percentage: 0}}\n";
    let dir = folder(&[("configs/overlay_feature_flags.yaml", flags)]);
    for name in ["overlays/fusion_overlay.rollback_first.txt", "providers.toml"] {
        let text = crate::binary::read(&Path::new(CONFIGS).join(name));
        write(&dir.path().join("configs").join(name), text);
    }
    let start = |args: &[&str], env: &[(&str, &str)]| {
        let mut command = fusion(dir.path());
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(args);
        let env = env.iter().chain(&[("FUSION_CONFIGS", "configs")]);
        Serving::start(command.envs(env.copied()))
    };
    let staging = ("RESON_ENV", "staging");
    for (args, env, primary) in [
        (&[][..], &[][..], json!("rollback_first")),
        (&["--env", "staging"], &[], Value::Null),
        (&[], &[staging], Value::Null),
        (&["--env", "production"], &[staging], json!("rollback_first")),
    ] {
        let serving = start(args, env);
        assert_eq!(serving.primary(), primary, "{args:?} {env:?}");
        serving.stop("-TERM").ends_with(0);
    }
}

#[test]
fn an_open_address_is_warned_of() {
    let dir = folder(&[]);
    let mut command = fusion(dir.path());
    command.args(["serve", "--configs", CONFIGS, "--listen", "0.0.0.0:0"]);
    let ran = Serving::start(&mut command).stop("-TERM").ends_with(0);
    assert!(ran.stderr.starts_with("warning: 0.0.0.0:0 is no loopback address"), "{ran:#?}");
}

#[test]
fn without_an_installation_it_is_not_ready() {
    let dir = folder(&[]);
    let args = ["serve", "--configs", "nowhere", "--listen", "127.0.0.1:0"];
    let serving = Serving::start(fusion(dir.path()).args(args));
    assert!(ureq::get(format!("{}/readyz", serving.base)).call().is_err());
    assert_eq!(serving.get("/livez"), "ok\n");
    let ran = serving.stop("-TERM").ends_with(0);
    assert!(ran.stderr.contains("serving the built-in overlay only"), "{ran:#?}");

    let ran = finish(fusion(dir.path()).args(args).arg("--strict"), b"").ends_with(1);
    assert!(ran.stderr.contains("error: the configuration is not as it was asked for"));

    // A folder that is there, and empty.
    std::fs::create_dir(dir.path().join("empty")).expect("a folder");
    let args = ["serve", "--configs", "empty", "--listen", "127.0.0.1:0"];
    let serving = Serving::start(fusion(dir.path()).args(args));
    assert_eq!(serving.code("/readyz"), 503);
    let ran = serving.stop("-TERM").ends_with(0);
    assert!(ran.stderr.contains("neither an overlay nor a flag file"), "{ran:#?}");
    finish(fusion(dir.path()).args(args).arg("--strict"), b"").ends_with(1);
    let ran = run(dir.path(), &["overlay", "status", "--root", "empty"]).ends_with(1);
    assert!(ran.stdout.contains("empty: unhealthy"), "{ran:#?}");
}

#[test]
fn a_wrong_start_says_why() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    let huge = "a".repeat(5000);
    let files = [("empty", " \n"), ("two", "a\nb\n"), ("odd", "t\u{f6}ken"), ("huge", &huge)];
    let dir = folder(&files);
    for (args, code, why) in [
        (&["--listen", "127.0.0.1:0"][..], 64, "give --configs DIR"),
        (&["--configs", CONFIGS, "--listen", "9630"], 64, "invalid"),
        (&["--configs", CONFIGS, "--format", "sarif"], 64, "sarif"),
        (&["--configs", CONFIGS, "--admin-token-file", "nobody"], 65, "nobody: no such file"),
        (&["--configs", CONFIGS, "--admin-token-file", "empty"], 65, "empty: there is no token"),
        // Nobody could ever give one of them.
        (&["--configs", CONFIGS, "--admin-token-file", "two"], 65, "more than one line"),
        (&["--configs", CONFIGS, "--admin-token-file", "odd"], 65, "none of the printable ASCII"),
        (&["--configs", CONFIGS, "--admin-token-file", "huge"], 65, "more than 4096 bytes"),
        (&["--configs", CONFIGS, "--listen", &taken], 75, "name another address with --listen"),
        // Of a network that is for examples only.
        (&["--configs", CONFIGS, "--listen", "192.0.2.1:9630"], 64, "cannot listen on 192.0.2.1"),
    ] {
        let ran = finish(fusion(dir.path()).arg("serve").args(args), b"").ends_with(code);
        assert!(ran.stderr.contains(why), "{ran:#?}");
    }
}
