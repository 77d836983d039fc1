//! A deployment root with a clock that only sleeping moves, and samples as a test wants
//! them.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use overlay_deploy::{
    Applied, Arm, Base, DeployError, DeploymentId, EnvironmentName, Moments, Observed, Planned,
    Progress, Request, Root, Surroundings, Window, execute, minimal_tree, plan, record_verdict,
    rules_of,
};
use overlay_model::Digest;
use overlay_store::model::{Faulty, ModelFs};
use overlay_store::vfs::{RealFs, Vfs};
use overlay_store::{GenerationId, Manifest, Phase, Store, Tree};
use tempfile::TempDir;

use crate::plan::{overlay, overlay_text};

type Observe = Box<dyn FnMut(&Window<'_>) -> Result<Observed, String>>;

pub(crate) struct World<F: Vfs = RealFs> {
    pub(crate) store: Store<F>,
    dir: Option<TempDir>,
    pub(crate) environment: EnvironmentName,
    pub(crate) now_us: Cell<i64>,
    pub(crate) slept: Cell<Duration>,
    observe: RefCell<Observe>,
    /// How far the clock is ahead of what was slept.
    ahead_us: RefCell<Rc<Cell<i64>>>,
    /// Phase and weight of each move of the pointer, in percent.
    pub(crate) moves: RefCell<Vec<String>>,
}

/// The ids of all worlds differ.
static IDS: AtomicU32 = AtomicU32::new(0);

const START_US: i64 = 1_767_225_600_000_000;

impl World {
    pub(crate) fn new(environment: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path()).unwrap();
        let mut res = Self::of(store, environment);
        res.dir = Some(dir);
        res
    }

    /// Another process on the same root.
    pub(crate) fn sharing(path: &Path, environment: &str) -> Self {
        Self::of(Store::open(path).unwrap(), environment)
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.as_ref().unwrap().path()
    }

    /// Writes over the overlay `refund` of a generation.
    pub(crate) fn tamper(&self, generation: u64) {
        let file = format!("gen/{generation:08}/tree/overlays/fusion_overlay.refund.txt");
        let file = self.path().join(file);
        std::fs::remove_file(&file).ok();
        std::fs::write(file, "TRUST_FLOOR=0.0\n").unwrap();
    }

    /// [`Self::tamper`], with a manifest that fits.
    pub(crate) fn forge(&self, generation: u64) {
        forge(self.path(), generation, "TRUST_FLOOR=0.0\n");
    }
}

impl World<ModelFs> {
    pub(crate) fn model(fs: ModelFs, environment: &str) -> Self {
        Self::of(Store::with(fs), environment)
    }
}

impl World<Faulty<ModelFs>> {
    pub(crate) fn faulty(fs: Faulty<ModelFs>) -> Self {
        Self::of(Store::with(fs), "development")
    }
}

impl<F: Vfs> World<F> {
    fn of(store: Store<F>, environment: &str) -> Self {
        Self {
            store,
            dir: None,
            environment: environment.parse().unwrap(),
            now_us: Cell::new(START_US),
            slept: Cell::default(),
            ahead_us: RefCell::default(),
            observe: RefCell::new(Box::new(|_| Ok(harmless()))),
            moves: RefCell::default(),
        }
    }

    /// What is seen from now on.
    pub(crate) fn see(
        &self,
        observe: impl FnMut(&Window<'_>) -> Result<Observed, String> + 'static,
    ) {
        *self.observe.borrow_mut() = Box::new(observe);
    }

    /// From now on the clock is so far ahead.
    pub(crate) fn jump_by(&self, ahead_us: &Rc<Cell<i64>>) {
        *self.ahead_us.borrow_mut() = Rc::clone(ahead_us);
    }

    /// An id that was not there before.
    pub(crate) fn id(&self) -> DeploymentId {
        let [a, b, c, d] = IDS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        DeploymentId::new(self.now_us.get(), [1, 2, 3, 4, 5, 6, a, b, c, d])
    }

    /// Lets somebody act on the root.
    pub(crate) fn act<R>(&self, act: impl FnOnce(&Root<'_, F>) -> R) -> R {
        self.act_as("anna", act)
    }

    pub(crate) fn act_as<R>(&self, actor: &str, act: impl FnOnce(&Root<'_, F>) -> R) -> R {
        let sleep = |span: Duration| {
            if span < Duration::from_millis(100) {
                // For the lock of a root, which a program that another test is just starting
                // may hold: that one needs real time.
                std::thread::sleep(span);
            }
            self.slept.set(self.slept.get() + span);
            self.now_us.set(self.now_us.get() + i64::try_from(span.as_micros()).unwrap());
        };
        let observe = |window: &Window<'_>| (self.observe.borrow_mut())(window);
        let report = |progress: &Progress<'_>| {
            if let Progress::Moved(pointer) = progress {
                let percent = pointer.weight / 1000;
                self.moves.borrow_mut().push(format!("{:?} {percent}", pointer.phase));
            }
        };
        let surroundings = Surroundings {
            root: self.dir.as_ref().map(TempDir::path),
            actor,
            uid: Some(1000),
            user: None,
            host: "test",
            pid: 1,
            environment: &self.environment,
            now_us: &|| self.now_us.get() + self.ahead_us.borrow().get(),
            sleep: &sleep,
            observe: &observe,
            report: &report,
        };
        act(&Root { store: &self.store, around: &surroundings })
    }

    /// What is in force, or what to begin with.
    pub(crate) fn base(&self) -> Base {
        Base::read(&self.store, minimal_tree()).unwrap()
    }

    pub(crate) fn request(&self) -> Request {
        Request::to(self.environment.clone())
    }

    pub(crate) fn planned(&self, request: &Request) -> Planned {
        let base = self.base();
        let (rules, findings) = rules_of(&base.tree);
        assert!(findings.is_empty(), "{findings:?}");
        let (planned, findings) = plan(&base, request, &rules);
        planned.unwrap_or_else(|| panic!("{findings:?}"))
    }

    /// A plan of the overlay `refund` with this trust floor.
    pub(crate) fn refund(&self, floor: &str) -> Planned {
        let overlays = vec![overlay("refund.txt", &overlay_text("refund", floor))];
        self.planned(&Request { overlays, ..self.request() })
    }

    /// Deploys what was planned; the golden tests have passed.
    pub(crate) fn try_deploy(&self, planned: &Planned) -> Result<Applied, DeployError> {
        self.pass_golden(planned);
        self.execute(planned)
    }

    pub(crate) fn pass_golden(&self, planned: &Planned) {
        self.act(|root| record_verdict(root, planned.plan.tree, true, "suite")).unwrap();
    }

    pub(crate) fn execute(&self, planned: &Planned) -> Result<Applied, DeployError> {
        let id = self.id();
        self.act(|root| execute(root, planned, &id))
    }

    pub(crate) fn deploy(&self, planned: &Planned) -> Applied {
        self.try_deploy(planned).unwrap()
    }

    /// The trust floor of the overlay `refund` that is in force.
    pub(crate) fn floor(&self) -> String {
        let (_, leased) = self.store.read_current().unwrap().expect("something is deployed");
        let text = leased.tree.get("overlays/fusion_overlay.refund.txt").unwrap_or_default();
        let text = String::from_utf8(text.to_vec()).unwrap();
        let line = text.lines().find_map(|it| it.strip_prefix("TRUST_FLOOR="));
        line.unwrap_or("none").to_owned()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.store.current().unwrap().unwrap().phase
    }

    /// The moves since the last call.
    pub(crate) fn moved(&self) -> String {
        self.moves.take().join(", ")
    }

    pub(crate) fn actions(&self) -> Vec<String> {
        let records = self.store.audit().records(1).unwrap();
        records.map(|it| it.unwrap().entry.action).collect()
    }
}

/// Writes over the overlay `refund` of a generation of a root, and writes a manifest that fits.
pub(crate) fn forge(root: &Path, generation: u64, text: &str) {
    let dir = root.join(format!("gen/{generation:08}"));
    let path = "overlays/fusion_overlay.refund.txt";
    std::fs::remove_file(dir.join("tree").join(path)).unwrap();
    std::fs::write(dir.join("tree").join(path), text).unwrap();
    let store = Store::open(root).unwrap();
    let (mut manifest, _): (Manifest, _) = store.manifest(GenerationId(generation)).unwrap();
    let file = manifest.files.iter_mut().find(|it| it.path == path).unwrap();
    (file.bytes, file.sha256) = (text.len() as u64, Digest::of(text.as_bytes()));
    manifest.tree = Tree::read_dir(&dir.join("tree")).unwrap().digest();
    std::fs::remove_file(dir.join("manifest.json")).unwrap();
    std::fs::write(dir.join("manifest.json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
    store.verify(manifest.generation, None).expect("it fits");
}

/// Enough samples of both arms with the same error rate.
pub(crate) fn harmless() -> Observed {
    Observed { control: samples(400, 8), candidate: samples(400, 8), nacks: Vec::new() }
}

pub(crate) fn samples(samples: u64, errors: u64) -> Arm {
    let moments = |mean| Moments { count: samples, mean, squares: samples as f64 * 0.3 };
    Arm { samples, errors, durations: moments(11.0), tokens: moments(5.0), ..Arm::default() }
}

/// A candidate that fails six times as often.
pub(crate) fn harmful() -> Observed {
    Observed { control: samples(400, 8), candidate: samples(400, 48), nacks: Vec::new() }
}
