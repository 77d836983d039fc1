//! A service that runs while it is held.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use fusion_gateway::{Service, serve};
use fusion_metrics::FusionMetrics;
use overlay_doctor::Thresholds;
use overlay_loader::{Clock, Live, Options};
use overlay_sqlite::Sample;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::client::Client;
use crate::installation::Tree;

pub(crate) const TOKEN: &str = "correct horse";
pub(crate) const ADMIN: (&str, &str) = ("authorization", "Bearer correct horse");

/// The moment that the clock of the tests stands at.
pub(crate) const NOW_MS: i64 = 1_790_000_000_000;

pub(crate) struct Running {
    pub(crate) client: Client,
    pub(crate) service: Arc<Service>,
    pub(crate) address: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The options of a service on `root`, under the clock of the tests.
pub(crate) fn options(root: PathBuf) -> Options {
    Options::new(root, clock())
}

fn clock() -> Clock {
    Arc::new(|| NOW_MS)
}

/// A service that waits for whoever is slow, and is not judged by how long it takes itself.
fn service(options: Options) -> Service {
    let live = Live::start(options).expect("a thread");
    let service = Service::new(live, FusionMetrics::seeded(Default::default(), 7), clock());
    service.with_patience(LONG).with_health(100, thresholds())
}

/// When something that has to come counts as lost.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);
/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(600);

/// Those that a service has, and no limit for its own answers.
pub(crate) fn thresholds() -> Thresholds {
    Thresholds { answer_within: LONG, ..Thresholds::default() }
}

impl Running {
    /// A service on `tree` with an admin token.
    pub(crate) fn on(tree: &Tree) -> Self {
        Self::with(options(tree.configs()), Some(TOKEN))
    }

    pub(crate) fn with(options: Options, token: Option<&str>) -> Self {
        let mut service = service(options);
        if let Some(token) = token {
            service = service.with_admin_token(token);
        }
        Self::of(service)
    }

    /// A service on `tree` whose health is judged by these figures.
    pub(crate) fn judged(tree: &Tree, pool: u64, thresholds: Thresholds) -> Self {
        Self::of(service(options(tree.configs())).with_health(pool, thresholds))
    }

    /// A service on `tree` whose clock the test moves.
    pub(crate) fn ticking(tree: &Tree) -> (Self, Arc<AtomicI64>) {
        let now = Arc::new(AtomicI64::new(NOW_MS));
        let shown = Arc::clone(&now);
        let clock: Clock = Arc::new(move || shown.load(Ordering::Relaxed));
        let live = Live::start(Options::new(tree.configs(), Arc::clone(&clock))).expect("a thread");
        let metrics = FusionMetrics::seeded(Default::default(), 7);
        (Self::of(Service::new(live, metrics, clock).with_admin_token(TOKEN)), now)
    }

    /// A service on `tree` that waits no longer than this for the rest of a request.
    pub(crate) fn hasty(tree: &Tree, patience: Duration) -> Self {
        Self::of(service(options(tree.configs())).with_patience(patience))
    }

    /// A service on `tree` that takes so many connections at a time.
    pub(crate) fn crowded(tree: &Tree, most: usize) -> Self {
        Self::of(service(options(tree.configs())).with_connections(most))
    }

    /// A service that gives the calls of a rollout to `keep`.
    pub(crate) fn sampling(
        options: Options,
        keep: impl Fn(Sample) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::of(service(options).with_samples(keep))
    }

    fn of(service: Service) -> Self {
        let service = Arc::new(service);
        let (stop, stopped) = oneshot::channel();
        let (ready, address) = channel();
        let served = Arc::clone(&service);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                ready.send(listener.local_addr().expect("an address")).expect("somebody waits");
                let stop = async {
                    let _ = stopped.await;
                };
                serve(listener, served, stop).await.expect("it serves");
            });
        });
        let address = address.recv().expect("an address").to_string();
        let client = Client::new(format!("http://{address}"));
        Self { client, service, address, stop: Some(stop), thread: Some(thread) }
    }

    /// The changes from now on.
    pub(crate) fn changes(&self) -> Receiver<u64> {
        self.service.live().subscribe()
    }
}

/// Waits for the next change to be in force.
#[track_caller]
pub(crate) fn wait(changes: &Receiver<u64>) {
    changes.recv_timeout(DEADLINE).expect("a change comes into force");
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.stop.take().expect("stopped once").send(());
        let ended = self.thread.take().expect("joined once").join();
        if !std::thread::panicking() {
            ended.expect("the service ends without a panic");
        }
    }
}
