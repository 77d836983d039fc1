//! `fusion doctor` and `fusion health`, as they are typed.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use overlay_sqlite::{AuditIndex, DatabaseKind, Performance};
use overlay_store::audit::Entry;
use overlay_store::{Change, Holder, Origin, Store, Tree};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{NOBODY, Ran, finish, folder, fusion, write};
use crate::status::BASE;

const FLAGS: &str = "\
schema_version: 2
defaults: {match: exact, missing_confidence: deny}
features:
  refunds:
    description: Refunds
    enabled_overlays: [baseline]
";

const PROVIDERS: &str = "\
schema = \"fusion/providers/1\"
[[providers]]
name = \"vendor\"
endpoint = \"https://api.example.com/v1\"
api_key = \"${VENDOR_KEY}\"
";

/// An installation in `configs`.
fn installation() -> TempDir {
    folder(&[
        ("configs/overlays/fusion_overlay.baseline.txt", BASE),
        ("configs/overlay_feature_flags.yaml", FLAGS),
        ("configs/providers.toml", PROVIDERS),
    ])
}

/// The same, deployed to `root`.
fn deployed() -> TempDir {
    let dir = installation();
    let root = dir.path().join("root");
    let store = Store::create(&root).expect("a root");
    let holder = Holder { pid: 1, host: "test".into(), started_us: 1, deployment: None };
    let mut writer = store.lock(&holder).expect("the lock");
    let mut tree = Tree::new();
    for name in ["overlays/fusion_overlay.baseline.txt", "overlay_feature_flags.yaml"] {
        let bytes = std::fs::read(dir.path().join("configs").join(name)).expect("a file");
        tree.insert(name, bytes).expect("a file of a tree");
    }
    let first = writer.publish(&tree, Origin::default(), "d-1", 1).expect("published");
    let entry = Entry {
        at_us: 1,
        actor: "mara".into(),
        host: "test".into(),
        action: "deploy".into(),
        env: "staging".into(),
        deployment: None,
        generation: None,
        base: None,
        manifest_sha256: None,
        detail: Value::Null,
    };
    writer.switch(Some(0), Change::to(first), entry).expect("deployed");
    let mut index = AuditIndex::open(&root.join(DatabaseKind::Audit.path())).expect("an index");
    index.rebuild(store.audit().records(1).expect("records")).expect("rebuilt");
    Performance::open(&root.join(DatabaseKind::Performance.path())).expect("rows");
    dir
}

/// Runs `fusion` with `args`, the secret and a port that is free.
#[track_caller]
fn typed(dir: &Path, args: &str, variables: &[(&str, &str)]) -> Ran {
    let mut command = fusion(dir);
    command.env("VENDOR_KEY", "sk-very-secret").env("RESON__SERVICE__LISTEN", "127.0.0.1:0");
    command.envs(variables.iter().copied());
    finish(command.args(args.split_whitespace()), b"")
}

#[track_caller]
fn doctor(dir: &Path, variables: &[(&str, &str)], code: i32, line: &str) {
    let ran = typed(dir, "doctor --env staging --configs configs", variables).ends_with(code);
    assert!(ran.stdout.lines().any(|it| it.starts_with(line)), "no `{line}`: {}", ran.stdout);
    assert!(!ran.stdout.contains("sk-very-secret"));
}

#[test]
fn an_installation_that_is_fit_ends_with_0() {
    let dir = installation();
    doctor(dir.path(), &[], 0, "✓ Secrets: 1 secret is set");
    let report = typed(dir.path(), "doctor --env staging --json", &[]).ends_with(0).json();
    assert_eq!(report["schema"], "fusion/doctor/1");
    assert_eq!((&report["environment"], &report["verdict"]), (&json!("staging"), &json!("ok")));
    let checks = report["checks"].as_array().expect("checks");
    assert_eq!(checks.len(), overlay_doctor::check_ids().count());
    let fields: Vec<_> = checks[0].as_object().expect("a check").keys().collect();
    assert_eq!(fields, ["hint", "id", "message", "status", "title"]);
    assert!(report.get("options").is_none());
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let dir = installation();
    let missing = "✗ Secrets: the variable VENDOR_KEY of provider `vendor` is not set";
    let mut command = fusion(dir.path());
    let ran = finish(command.args(["doctor", "--env", "staging"]), b"").ends_with(1);
    assert!(ran.stdout.contains(missing), "{}", ran.stdout);
    assert!(ran.stdout.contains("    fix: set VENDOR_KEY\n"), "{}", ran.stdout);

    write(
        &dir.path().join("configs/overlay_feature_flags.yaml"),
        FLAGS.replace("[baseline]", "[ghost]"),
    );
    let ghost = "✗ References: overlay_feature_flags.yaml:6:24: ";
    doctor(dir.path(), &[], 1, ghost);
    write(&dir.path().join("configs/overlay_feature_flags.yaml"), FLAGS);
    write(&dir.path().join("configs/fusion.toml"), "[service]\npool = \n");
    doctor(dir.path(), &[], 1, "✗ Options: fusion.toml:2:8: error[DOC1001]: ");
    write(&dir.path().join("configs/fusion.toml"), "[audit]\nsink = \"null\"\n");
    doctor(dir.path(), &[], 0, "⚠ Audit and metrics sinks: audit.sink is `null`");
    typed(dir.path(), "doctor --env production", &[]).ends_with(1);
    typed(dir.path(), "doctor --env staging --strict", &[]).ends_with(1);
}

#[test]
fn what_nothing_could_be_deployed_by_is_not_fit() {
    for (name, text, line) in [
        (
            "deploy.toml",
            "[environments.staging]\nmode = \"banana\"\n",
            "✗ Configuration files: deploy.toml:2:8: error[DEP",
        ),
        (
            "budgets.toml",
            "schema = \"fusion/budgets/1\"\n[defaults]\nbanana = 1\n",
            "✗ Configuration files: budgets.toml:",
        ),
    ] {
        let dir = installation();
        write(&dir.path().join("configs").join(name), text);
        doctor(dir.path(), &[("VENDOR_KEY", "k")], 1, line);
    }
}

#[test]
fn an_environment_that_there_is_not_is_a_wrong_command_line() {
    let dir = installation();
    for args in ["doctor --env prod", "doctor"] {
        typed(dir.path(), args, &[]).ends_with(64);
    }
    let ran = typed(dir.path(), "doctor --env prod", &[]);
    assert!(
        ran.stderr.contains("`prod` is none of development, staging, production"),
        "{}",
        ran.stderr
    );
}

#[test]
fn every_option_says_who_set_it() {
    let dir = installation();
    write(&dir.path().join("configs/fusion.toml"), "[health]\n  memory_mb = 64\n");
    let variables = [("RESON__SERVICE__POOL", "7")];
    let ran = typed(dir.path(), "doctor --env staging --show-origin", &variables).ends_with(0);
    let words: Vec<Vec<&str>> =
        ran.stdout.lines().map(|it| it.split_whitespace().collect()).collect();
    for line in [
        "health.memory_mb 64 fusion.toml:2:3",
        "service.pool 7 RESON__SERVICE__POOL",
        "performance.retention_days 90 default",
    ] {
        assert!(words.contains(&line.split(' ').collect()), "no `{line}`: {}", ran.stdout);
    }
    let report = typed(dir.path(), "doctor --env staging --show-origin --json", &variables).json();
    let options = report["options"].as_array().expect("options");
    let pool = options.iter().find(|it| it["option"] == "service.pool").expect("an option");
    assert_eq!(
        *pool,
        json!({"option": "service.pool", "value": 7, "origin": {"variable": "RESON__SERVICE__POOL"}})
    );
}

#[test]
fn an_index_that_was_dropped_is_named() {
    let dir = deployed();
    let args = "doctor --env staging --root root";
    typed(dir.path(), args, &[]).ends_with(0);
    let path = dir.path().join("root").join(DatabaseKind::Audit.path());
    let conn = rusqlite::Connection::open(path).expect("a database");
    conn.execute_batch("DROP INDEX idx_user_name").expect("dropped");
    let ran = typed(dir.path(), args, &[]).ends_with(1);
    let line = "✗ Audit index: db/audit.sqlite: index idx_user_name is missing\n";
    assert!(ran.stdout.contains(line), "{}", ran.stdout);
}

#[test]
fn a_root_says_how_it_is() {
    let dir = deployed();
    let report = typed(dir.path(), "health --root root --json", &[]).ends_with(0).json();
    assert_eq!(report["schema"], "fusion/health/1");
    assert_eq!(report["status"], "healthy", "{report:#}");
    assert_eq!(report["unknown"], json!(["pool", "latency", "memory"]));
    assert_eq!(report["data"]["databaseHealthy"], true);
    let text = typed(dir.path(), "health --root root", &[]).ends_with(0).stdout;
    assert!(text.contains("\n  memory          unknown  memory unknown\n"), "{text}");
    assert!(text.contains("\n  no data for pool, latency, memory\n"), "{text}");

    write(&dir.path().join("root/gen/00000001/tree/overlay_feature_flags.yaml"), "features: {}\n");
    let report = typed(dir.path(), "health --root root --json", &[]).ends_with(1).json();
    assert_eq!(report["status"], "unhealthy");
    assert!(
        report["message"].as_str().is_some_and(|it| it.contains("tampered with")),
        "{report:#}"
    );
    typed(dir.path(), "health --root nowhere", &[]).ends_with(65);
}

/// Every file and folder below `dir`.
fn paths(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a folder").map(|it| it.expect("an entry").path());
    let mut found: Vec<_> = entries
        .flat_map(|path| {
            if path.is_dir() { [vec![path.clone()], paths(&path)].concat() } else { vec![path] }
        })
        .collect();
    found.sort();
    found
}

#[test]
fn neither_writes_anything() {
    let dir = deployed();
    let before = paths(&dir.path().join("root"));
    typed(dir.path(), "doctor --env staging --root root", &[]).ends_with(0);
    typed(dir.path(), "health --root root", &[]).ends_with(0);
    assert_eq!(paths(&dir.path().join("root")), before);
}

#[test]
fn a_damaged_pointer_leads_to_the_way_back() {
    let dir = deployed();
    write(&dir.path().join("root/CURRENT"), "nonsense");
    let ran = typed(dir.path(), "doctor --env staging --root root", &[]).ends_with(1);
    assert!(
        ran.stdout.contains("`fusion backup restore --rebuild` brings a backup back"),
        "{ran:#?}"
    );
    let ran = typed(dir.path(), "health --root root", &[]).ends_with(1);
    assert_eq!(ran.stdout.matches("CURRENT is damaged").count(), 1, "{ran:#?}");
}

/// A service that answers one request with `status` and `body`; gives its address.
pub(crate) fn answering(status: &str, body: &Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let body = body.to_string();
    let len = body.len();
    let answer =
        format!("HTTP/1.1 {status}\r\ncontent-length: {len}\r\nconnection: close\r\n\r\n{body}");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut seen = Vec::new();
        let mut buffer = [0; 512];
        while !seen.ends_with(b"\r\n\r\n") {
            let len = stream.read(&mut buffer).expect("a request");
            seen.extend_from_slice(&buffer[..len]);
        }
        stream.write_all(answer.as_bytes()).expect("answered");
    });
    format!("http://{address}/health")
}

#[test]
fn a_service_is_asked_for_its_pool_and_memory() {
    let dir = deployed();
    let ask_at = |url: &str, code| {
        let args = format!("health --root root --url {url} --json");
        typed(dir.path(), &args, &[]).ends_with(code).json()
    };
    let ask = |status, body: &Value, code| ask_at(&answering(status, body), code);
    let data = json!({"poolHealth": {"total": 100, "active": 95}, "memoryUsageMB": 20.5});
    let report = ask("200 OK", &json!({"status": "pass", "output": "", "data": data}), 0);
    assert_eq!(report["message"], "the overlay system is degraded: pool usage high: 95 %");
    assert_eq!(report["data"]["memoryUsageMB"], 20.5);
    assert_eq!(report["unknown"], json!(["latency"]));
    let body = json!({"status": "fail", "output": "serving the built-in overlay only"});
    let url = answering("503 Service Unavailable", &body);
    let expect = format!(
        "the overlay system is unhealthy: overlay service is not responding: {url}: serving the \
         built-in overlay only"
    );
    assert_eq!(ask_at(&url, 1)["message"], expect);
    let report = ask("200 OK", &json!({"hello": "world"}), 69);
    assert_eq!(report["exit_code"], 69);
}

#[test]
fn nobody_there_ends_with_69_and_nobody_in_time_with_1() {
    let dir = deployed();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/health", listener.local_addr().expect("an address"));
    let args = format!("health --root root --url {url}");
    let late = [("RESON__HEALTH__ANSWER_WITHIN_MS", "100")];
    let ran = typed(dir.path(), &args, &late).ends_with(1);
    assert!(ran.stdout.contains("not responding within 0.1 s"), "{}", ran.stdout);
    let args = format!("health --root root --url http://{NOBODY}/health");
    typed(dir.path(), &args, &[]).ends_with(69);
    typed(dir.path(), "health --root root --url ftp://x", &[]).ends_with(64);
}

#[test]
fn health_tells_of_options_that_are_wrong() {
    let dir = deployed();
    let wrong = [("RESON__HEALTH__LATENCY_MEAN_MS", "abc")];
    let ran = typed(dir.path(), "health --root root --json", &wrong).ends_with(0);
    assert!(ran.stderr.contains("error[DOC1007]: RESON__HEALTH__LATENCY_MEAN_MS"), "{ran:#?}");
    assert_eq!(ran.json()["options"][0]["code"], "DOC1007");
    let misspelt = [("RESON__HEALTH__LATENCY_MEEN_MS", "5")];
    let ran = typed(dir.path(), "health --root root --strict", &misspelt).ends_with(1);
    assert!(ran.stderr.contains("did you mean `RESON__HEALTH__LATENCY_MEAN_MS`?"), "{ran:#?}");
}

#[test]
fn a_model_of_the_table_of_retired_ones_is_named() {
    let dir = installation();
    let model = "default_models = [\"gpt-4-32k\"]\n";
    let row = "\n[[models]]\nid = \"gpt-4-32k\"\nprovider = \"vendor\"\nencoding = \"cl100k_base\"\n\
               context_tokens = 32768\ninput_usd_per_mtok = 60\noutput_usd_per_mtok = 120\n";
    let providers = PROVIDERS.replace("api.example.com", "api.openai.com");
    let providers = providers.replacen("[[providers]]", &format!("{model}[[providers]]"), 1) + row;
    write(&dir.path().join("configs/providers.toml"), providers);
    let line = "✗ Models: default_models: model `gpt-4-32k` retired on 2025-06-06";
    doctor(dir.path(), &[], 1, line);
}
