//! Drills: how long an emergency measure takes, measured on a service that runs, and what
//! many deployers at once come to.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use fusion_cli::{Exit, wall_clock};
use fusion_gateway::{Service, serve};
use fusion_metrics::FusionMetrics;
use overlay_loader::{Live, Options, RootSwitch};
use overlay_store::audit::Entry;
use overlay_store::{Change, Holder, Origin, Store, Tree};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::deployers::Deployers;
use crate::root::root;

/// Measure an emergency measure, or many deployers at once
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask drill deployers
  cargo xtask drill kill-switch
  cargo xtask drill kill-switch --json")]
pub(crate) struct Drill {
    #[command(subcommand)]
    command: DrillCommand,
}

#[derive(Debug, Subcommand)]
enum DrillCommand {
    Deployers(Deployers),
    KillSwitch(KillSwitch),
}

/// Switch every overlay off while requests run: by file, flag file, deployment root and API
///
/// For each form a service is started on a copy of `configs/` and asked in a loop. The time
/// runs from the moment before the write, or the call, to the first answer of the baseline.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask drill kill-switch
  cargo xtask drill kill-switch --json

Ends with 1 where a form takes a second or more, or where an overlay answers after the
baseline did.")]
struct KillSwitch {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Drill {
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        match self.command {
            DrillCommand::Deployers(it) => it.run(),
            DrillCommand::KillSwitch(it) => it.run(),
        }
    }
}

/// A second or more is too long.
const LIMIT: Duration = Duration::from_secs(1);

/// How long is waited for the first answer of the baseline, or for any answer at all.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers of the overlay before the switch is thrown.
const BEFORE: usize = 50;

/// Answers after the first one of the baseline.
const AFTER: usize = 500;

const TOKEN: &str = "drill";

/// A way to throw the switch.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    /// The file that `RESON_FEATURES_FILE` names, written empty.
    File,
    /// `global.kill_switch` in the flag file.
    FlagFile,
    /// The file `KILL` in the deployment root that the service follows.
    Root,
    /// `POST /admin/v1/kill`.
    Api,
}

/// What one form came to.
#[derive(Debug, Serialize)]
struct Outcome {
    form: Form,
    what: &'static str,
    /// From the write to the first answer of the baseline; absent where none came.
    seconds: Option<f64>,
    /// Answers after that one.
    answers_after: usize,
    /// Those of them that were not the baseline's.
    overlay_after: usize,
    passed: bool,
}

impl KillSwitch {
    fn run(&self) -> anyhow::Result<Exit> {
        let outcomes: Vec<Outcome> = [Form::File, Form::FlagFile, Form::Root, Form::Api]
            .into_iter()
            .map(|form| drill(form).with_context(|| format!("drilling {}", form.what())))
            .collect::<anyhow::Result<_>>()?;
        let passed = outcomes.iter().all(|it| it.passed);
        if self.json {
            let report = json!({
                "schema": "fusion/drill-kill-switch/1",
                "limit_seconds": LIMIT.as_secs_f64(),
                "forms": outcomes,
                "passed": passed,
            });
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            outcomes.iter().for_each(print);
        }
        Ok(if passed { Exit::DONE } else { Exit::FINDINGS })
    }
}

fn print(outcome: &Outcome) {
    let Outcome { what, answers_after, overlay_after, .. } = outcome;
    let seconds = outcome.seconds.map_or("never".to_owned(), |it| format!("{it:.4} s"));
    let verdict = if outcome.passed { "passed" } else { "FAILED" };
    println!("{what:<32} {seconds:>9}  < {LIMIT:?}  {verdict}");
    println!("{:<32} {overlay_after} of {answers_after} later answers by an overlay", "");
}

impl Form {
    fn what(self) -> &'static str {
        match self {
            Self::File => "file RESON_FEATURES_FILE",
            Self::FlagFile => "flag file global.kill_switch",
            Self::Root => "deployment root KILL",
            Self::Api => "API POST /admin/v1/kill",
        }
    }

    /// Throws the switch of `ground`, as an operator does.
    fn throw(self, ground: &Ground) -> anyhow::Result<()> {
        match self {
            Self::File => std::fs::write(&ground.switches, "").context("writing the switch"),
            Self::FlagFile => ground.kill_by_flag_file(),
            Self::Root => RootSwitch { reason: "drill".to_owned(), ..RootSwitch::default() }
                .throw(&ground.served)
                .map(drop)
                .context("writing the switch"),
            Self::Api => ground.asker.kill(),
        }
    }
}

fn drill(form: Form) -> anyhow::Result<Outcome> {
    let ground = Ground::start(form)?;
    let answers = ground.answers();
    for _ in 0..BEFORE {
        let answer = answers.recv_timeout(PATIENCE).context("no answer")??;
        ensure!(!answer.is_baseline, "the shipped flags do not serve an overlay");
    }
    let begun = Instant::now();
    form.throw(&ground)?;
    let seconds = first_baseline(&answers, begun)?;
    let (mut answers_after, mut overlay_after) = (0, 0);
    while seconds.is_some() && answers_after < AFTER {
        let answer = answers.recv_timeout(PATIENCE).context("no answer")??;
        answers_after += 1;
        overlay_after += usize::from(!answer.is_baseline);
    }
    let is_fast = seconds.is_some_and(|it| it < LIMIT);
    Ok(Outcome {
        form,
        what: form.what(),
        seconds: seconds.map(|it| it.as_secs_f64()),
        answers_after,
        overlay_after,
        passed: is_fast && overlay_after == 0,
    })
}

/// From `begun` to the first answer of the baseline; `None` where patience ends before.
fn first_baseline(
    answers: &Receiver<anyhow::Result<Answer>>,
    begun: Instant,
) -> anyhow::Result<Option<Duration>> {
    while let Some(left) = PATIENCE.checked_sub(begun.elapsed()) {
        match answers.recv_timeout(left) {
            Ok(answer) => {
                let Answer { at, is_baseline } = answer?;
                if is_baseline {
                    return Ok(Some(at.duration_since(begun)));
                }
            }
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => bail!("nobody asks any more"),
        }
    }
    Ok(None)
}

/// One answer of the service.
struct Answer {
    at: Instant,
    is_baseline: bool,
}

/// A service on a copy of `configs/`, or on a deployment root with it.
struct Ground {
    dir: tempfile::TempDir,
    /// What the service follows.
    served: PathBuf,
    switches: PathBuf,
    asker: Asker,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Ground {
    fn start(form: Form) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir().context("making a folder")?;
        let configs = dir.path().join("configs");
        copy(&root().join("configs"), &configs)?;
        let served = match form {
            Form::Root => deployed(&configs, dir.path().join("root"))?,
            _ => configs,
        };
        let switches = dir.path().join("switches");
        let options = Options {
            features_file: Some(switches.clone()),
            ..Options::new(&served, wall_clock())
        };
        let live = Live::start(options).context("watching the configuration")?;
        let service = Service::new(live, FusionMetrics::new(), wall_clock());
        let service = Arc::new(service.with_admin_token(TOKEN));
        let (stop, stopped) = oneshot::channel();
        let (ready, address) = channel();
        let thread = std::thread::spawn(move || listen(service, &ready, stopped));
        let address: String = address.recv().context("the service did not start")?;
        let asker =
            Asker { base: format!("http://{address}"), agent: ureq::Agent::new_with_defaults() };
        Ok(Self { dir, served, switches, asker, stop: Some(stop), thread: Some(thread) })
    }

    /// Answers of a caller that asks without pause, until they are no longer wanted.
    fn answers(&self) -> Receiver<anyhow::Result<Answer>> {
        let (sender, answers) = channel();
        let asker = self.asker.clone();
        std::thread::spawn(move || while sender.send(asker.ask()).is_ok() {});
        answers
    }

    /// Puts a flag file in place whose kill switch is on.
    fn kill_by_flag_file(&self) -> anyhow::Result<()> {
        let path = self.dir.path().join("configs/overlay_feature_flags.yaml");
        let text = std::fs::read_to_string(&path).context("reading the flag file")?;
        let killed = text.replace("kill_switch: false", "kill_switch: true");
        ensure!(killed != text, "the flag file has no `kill_switch: false`");
        let beside = self.dir.path().join("flags");
        std::fs::write(&beside, killed).context("writing the flag file")?;
        std::fs::rename(beside, path).context("putting the flag file in place")
    }
}

/// A deployment root in which the installation in `configs` is live.
fn deployed(configs: &Path, root: PathBuf) -> anyhow::Result<PathBuf> {
    let store = Store::create(&root).context("making a deployment root")?;
    let tree = Tree::read_dir(configs).context("reading the installation")?;
    let holder = Holder {
        pid: std::process::id(),
        host: "drill".to_owned(),
        started_us: 0,
        deployment: None,
    };
    let mut writer = store.lock(&holder).context("locking the deployment root")?;
    let generation = writer.publish(&tree, Origin::default(), "drill", 0);
    let generation = generation.context("publishing the installation")?;
    let entry = Entry {
        at_us: 0,
        actor: "drill".to_owned(),
        host: "drill".to_owned(),
        action: "deploy".to_owned(),
        env: "development".to_owned(),
        deployment: None,
        generation: None,
        base: None,
        manifest_sha256: None,
        detail: Value::Null,
    };
    writer.switch(None, Change::to(generation), entry).context("moving the pointer")?;
    Ok(root)
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // A service that has ended already has nobody to stop.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(
    service: Arc<Service>,
    ready: &Sender<String>,
    stopped: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("starting threads")?;
    runtime.block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("listening")?;
        ready.send(listener.local_addr()?.to_string()).context("nobody waits")?;
        let stop = async {
            // A sender that is gone means the same.
            let _ = stopped.await;
        };
        serve(listener, service, stop).await.context("answering")
    })
}

/// A caller of the service.
#[derive(Clone)]
struct Asker {
    base: String,
    agent: ureq::Agent,
}

impl Asker {
    /// Asks for the overlay of a refund.
    fn ask(&self) -> anyhow::Result<Answer> {
        let request = json!({
            "scenario_type": "refund_processing",
            "confidence": 0.95,
            "unit": "drill",
        });
        let route = self.post("/v1/route", &request)?;
        let is_baseline = route.get("primary_overlay").is_none_or(Value::is_null);
        Ok(Answer { at: Instant::now(), is_baseline })
    }

    fn kill(&self) -> anyhow::Result<()> {
        self.post("/admin/v1/kill", &json!({ "reason": "drill", "by": "xtask" })).map(|_| ())
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.agent.post(format!("{}{path}", self.base));
        let request = request.header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {TOKEN}"));
        let mut answer = request.send(body.to_string()).with_context(|| format!("POST {path}"))?;
        let text = answer.body_mut().read_to_string().context("reading the answer")?;
        serde_json::from_str(&text).context("the answer is no JSON")
    }
}

/// Copies the files of a folder, and those below it.
pub(crate) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    for entry in from.read_dir().with_context(|| format!("reading {}", from.display()))? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            std::fs::copy(&path, target).with_context(|| format!("copying {}", path.display()))?;
        }
    }
    Ok(())
}
