//! What durability costs: each figure beside a floor measured in the same run, and its goal.
//! Ends with 1 where a goal is missed. `cargo run --release -p overlay-store --example
//! figures [DIR]` measures the disk that `DIR` is on; without one that of the temporary
//! folder.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use overlay_model::Digest;
use overlay_store::audit::{Entry, Head, Record, SEGMENT_BYTES};
use overlay_store::vfs::RealFs;
use overlay_store::{Change, Holder, Origin, Store, Tree};
use serde_json::{Value, json};

const NOW_US: i64 = 1_767_225_600_000_000;

/// Records of the log that is verified.
const RECORDS: u64 = 200_000;
/// What one write and fdatasync took on the machine that the goals were set on.
const FLOOR_MS: f64 = 0.153;
const DEPLOYS: usize = 41;
const APPENDS: usize = 401;
const PASSES: usize = 7;

type Res<T> = Result<T, Box<dyn Error>>;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "an example shows its figures")]
fn main() -> ExitCode {
    let dir = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let figures = match figures(&dir) {
        Ok(it) => it,
        Err(err) => {
            eprintln!("error: {err}");
            return ExitCode::from(70);
        }
    };
    for it in &figures {
        let Figure { what, value, floor, ratio, goal, reached } = it;
        let verdict = if *reached { "reached" } else { "MISSED" };
        println!("{what:<30} {value:>16}  {goal:<20} {verdict:<8} {ratio:.2} × {floor}");
    }
    ExitCode::from(u8::from(figures.iter().any(|it| !it.reached)))
}

struct Figure {
    what: &'static str,
    value: String,
    /// What is measured beside it.
    floor: String,
    /// The figure, in floors.
    ratio: f64,
    goal: &'static str,
    reached: bool,
}

fn figures(dir: &Path) -> Res<Vec<Figure>> {
    let (young, old) = (Ground::new(dir)?, Ground::new(dir)?);
    let bytes = old.fill()?;
    let verified = old.verify(bytes)?;
    let [first, second] = deploys([&young, &old])?;
    Ok(vec![first, second, young.append()?, verified])
}

/// A change from lock to acknowledgement, six files published and the pointer moved, in a
/// young root and in one with a long audit log, in turns.
fn deploys(grounds: [&Ground; 2]) -> Res<[Figure; 2]> {
    let tree = tree()?;
    let bytes = vec![b'x'; tree.iter().map(|(_, bytes)| bytes.len()).sum()];
    let mut times = [Vec::new(), Vec::new()];
    let mut floors = Vec::new();
    for _ in 0..DEPLOYS {
        for (ground, times) in grounds.iter().zip(&mut times) {
            times.push(timed(&mut || ground.deploy(&tree))?);
            floors.push(ground.floor(&bytes)?);
        }
    }
    let floor = usual(floors);
    let [young, old] = times.map(usual);
    let goal = Goal { most: Duration::from_millis(25), ratio: None, text: "≤ 25 ms" };
    Ok([
        figure("durable deploy", young, floor, goal),
        figure("after 200,000 audit records", old, floor, goal),
    ])
}

/// A root of its own.
struct Ground {
    dir: tempfile::TempDir,
    store: Store<RealFs>,
}

impl Ground {
    fn new(dir: &Path) -> Res<Self> {
        let dir = tempfile::tempdir_in(dir)?;
        let store = Store::create(&dir.path().join("root"))?;
        Ok(Self { dir, store })
    }

    fn deploy(&self, tree: &Tree) -> Res<()> {
        let mut writer = self.store.lock(&holder())?;
        let made = writer.publish(tree, Origin::default(), "d", NOW_US)?;
        writer.switch(None, Change::to(made), entry(1, "deploy"))?;
        Ok(())
    }

    fn append(&self) -> Res<Figure> {
        let mut writer = self.store.lock(&holder())?;
        let line = writer.append(entry(1, "sample"))?.to_line()?;
        let (mut times, mut floors) = (Vec::new(), Vec::new());
        for _ in 0..APPENDS {
            times.push(timed(&mut || {
                writer.append(entry(1, "sample"))?;
                Ok(())
            })?);
            floors.push(self.floor(line.as_bytes())?);
        }
        let goal = Goal {
            most: Duration::from_micros(300),
            ratio: Some(0.3 / FLOOR_MS),
            text: "≤ 0.3 ms or 1.96 ×",
        };
        Ok(figure("durable audit append", usual(times), usual(floors), goal))
    }

    /// One write of `bytes`, and its sync.
    fn floor(&self, bytes: &[u8]) -> Res<Duration> {
        let path = self.dir.path().join("floor");
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        timed(&mut || synced(&mut file, bytes))
    }

    fn verify(&self, bytes: u64) -> Res<Figure> {
        let (mut values, mut floors) = (Vec::new(), Vec::new());
        let block = vec![b'x'; usize::try_from(bytes)?];
        for _ in 0..PASSES {
            values.push(timed(&mut || {
                let verified = self.store.audit().verify(None)?;
                if verified.records == RECORDS { Ok(()) } else { Err("records are missing".into()) }
            })?);
            floors.push(timed(&mut || {
                black_box(Digest::of(black_box(&block)));
                Ok(())
            })?);
        }
        let (value, floor) = (usual(values), usual(floors));
        let rate = 200_000.0 / value.as_secs_f64();
        Ok(Figure {
            what: "audit verify",
            value: format!("{:.2} M records/s", rate / 1e6),
            ratio: value.as_secs_f64() / floor.as_secs_f64(),
            floor: format!("SHA-256 of the same bytes ({})", time(floor)),
            goal: "≥ 1 M records/s",
            reached: rate >= 1e6,
        })
    }

    /// Writes a log of [`RECORDS`] records, and gives its length in bytes.
    fn fill(&self) -> Res<u64> {
        let (mut head, mut segment, mut text, mut bytes) = (Head::empty(), 1, String::new(), 0);
        for seq in 1..=RECORDS {
            let record = Record { v: 1, seq, entry: entry(seq, "sample"), prev: head.hash };
            let line = record.to_line()?;
            if (text.len() + line.len()) as u64 >= SEGMENT_BYTES {
                self.write_segment(segment, &text)?;
                segment += 1;
                text.clear();
            }
            head = Head { seq, hash: record.hash()? };
            text.push_str(&line);
            text.push('\n');
            bytes += line.len() as u64 + 1;
        }
        self.write_segment(segment, &text)?;
        let mark = format!("{} {} {segment} {}", head.seq, head.hash, text.len());
        let sum = Digest::of(mark.as_bytes()).short();
        std::fs::write(self.dir.path().join("root/audit/HEAD"), format!("{mark} {sum}\n"))?;
        Ok(bytes)
    }

    fn write_segment(&self, segment: u64, text: &str) -> Res<()> {
        let path = self.dir.path().join(format!("root/audit/{segment:08}.jsonl"));
        Ok(std::fs::write(path, text)?)
    }
}

/// What a figure is held to.
#[derive(Clone, Copy)]
struct Goal {
    most: Duration,
    /// Enough as well: so many floors, on a disk that is slower than the one the goal was
    /// set on.
    ratio: Option<f64>,
    text: &'static str,
}

fn figure(what: &'static str, value: Duration, floor: Duration, goal: Goal) -> Figure {
    let ratio = value.as_secs_f64() / floor.as_secs_f64();
    Figure {
        what,
        value: time(value),
        ratio,
        floor: format!("one write of the same size and fdatasync ({})", time(floor)),
        goal: goal.text,
        reached: value <= goal.most || goal.ratio.is_some_and(|it| ratio <= it),
    }
}

fn synced(file: &mut File, bytes: &[u8]) -> Res<()> {
    file.write_all(bytes)?;
    Ok(file.sync_data()?)
}

fn timed(act: &mut impl FnMut() -> Res<()>) -> Res<Duration> {
    let started = Instant::now();
    act()?;
    Ok(started.elapsed())
}

/// The lower quartile: whatever else the machine does only ever adds to a time.
fn usual(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 4).copied().unwrap_or_default()
}

fn time(it: Duration) -> String {
    format!("{:.3} ms", it.as_secs_f64() * 1e3)
}

/// An installation of a usual size: 40 kB in six files.
fn tree() -> Res<Tree> {
    let mut tree = Tree::new();
    for number in 1..=4 {
        tree.insert(&format!("overlays/fusion_overlay.n{number}.txt"), vec![b'k'; 2_000])?;
    }
    tree.insert("micro_overlays/n1.md", vec![b'#'; 8_000])?;
    tree.insert("scenarios.yaml", vec![b'-'; 24_000])?;
    Ok(tree)
}

fn holder() -> Holder {
    Holder { pid: 4711, host: "db1".to_owned(), started_us: NOW_US, deployment: None }
}

fn entry(number: u64, action: &str) -> Entry {
    let detail = if number == 1 { Value::Null } else { json!({ "weight": number % 100 }) };
    Entry {
        at_us: NOW_US,
        actor: "mara".to_owned(),
        host: "db1".to_owned(),
        action: action.to_owned(),
        env: "production".to_owned(),
        deployment: Some(format!("d-{number}")),
        generation: Some(number),
        base: None,
        manifest_sha256: Some(Digest::of(b"manifest")),
        detail,
    }
}
