//! A configuration that changes on disk, in every way files change.
//!
//! No poll comes while a test runs: what is seen here, an event has told of.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use overlay_loader::{HealthStatus, Installation, Live, Options, Snapshot, Source};
use tempfile::TempDir;

use crate::tree::{PROVIDERS, overlay};

/// When something that has to come counts as lost.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);
/// Never.
const POLL: Duration = Duration::from_secs(24 * 3600);
/// A bit less than what may be a moment of somebody's saving.
const REST: Duration = Duration::from_millis(40);

pub(crate) const BASELINE: &str = "overlays/fusion_overlay.baseline.txt";
pub(crate) const REFUND: &str = "overlays/fusion_overlay.refund.txt";
pub(crate) const FLAGS: &str = "overlay_feature_flags.yaml";

pub(crate) fn refund_text(mark: u64) -> String {
    overlay("refund", &format!("OVERLAY_TARGET_SCENARIOS=refund\nMAX_TOKENS={mark}\n"))
}

pub(crate) fn flags_text(mark: u64, more: &str) -> String {
    format!(
        "schema_version: 2\nfeatures:\n  mark_{mark}:\n    description: A mark\n    \
         enabled_overlays: [refund]\n    rollout_percentage: 100\n{more}"
    )
}

/// The files of an installation in which everything says `mark`.
pub(crate) fn files(mark: u64) -> Vec<(&'static str, String)> {
    vec![
        (BASELINE, overlay("baseline", &format!("MAX_TOKENS={mark}\n"))),
        (REFUND, refund_text(mark)),
        ("micro_overlays/refund.md", format!("Mark {mark}\n")),
        ("providers.toml", PROVIDERS.to_owned()),
        (
            "scenarios.yaml",
            format!("scenarios:\n  - {{id: mark-{mark}, type: refund, prompt: p}}\n"),
        ),
        (FLAGS, flags_text(mark, "")),
    ]
}

/// Writes a file as a whole: one that is written in place may be seen empty.
pub(crate) fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    let fresh = path.with_file_name(".fresh");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&fresh, text).unwrap();
    fs::rename(fresh, path).unwrap();
}

/// Writes the installation in which everything says `mark`.
pub(crate) fn plant(root: &Path, mark: u64) {
    for (name, text) in files(mark) {
        write(root, name, &text);
    }
}

/// What the parts of the stable generation say, each once; 0 for a part that is missing.
pub(crate) fn marks(snapshot: &Snapshot) -> BTreeSet<u64> {
    let stable = snapshot.stable();
    let generation = stable.generation();
    let installation = generation.installation();
    let tokens = [None, Some("refund")].map(|name| {
        let name = name.map(|it| it.parse().unwrap());
        generation.settings(name.as_ref()).and_then(|it| it.sampling.max_tokens)
    });
    let after = |text: Option<&str>, word| text?.trim().strip_prefix(word)?.parse().ok();
    let micro = installation.overlays().get("refund").and_then(|it| it.micro.as_ref());
    let words = [
        after(stable.flags().snapshot().names().next(), "mark_"),
        after(installation.catalogue().scenarios.first().map(|it| it.id.as_str()), "mark-"),
        after(micro.map(|it| it.1.text()), "Mark "),
    ];
    tokens.into_iter().chain(words).map(Option::unwrap_or_default).collect()
}

/// What the overlay `refund` says; `None` where there is none.
fn refund(snapshot: &Snapshot) -> Option<u64> {
    let settings = snapshot.stable().generation().settings(Some(&"refund".parse().unwrap()))?;
    settings.sampling.max_tokens
}

/// A configuration in force, and the folder it comes from.
pub(crate) struct Running {
    pub(crate) dir: TempDir,
    pub(crate) root: PathBuf,
    pub(crate) live: Live,
    pub(crate) epochs: Receiver<u64>,
    /// How long the slowest change took.
    slowest: Duration,
}

pub(crate) fn options(root: &Path) -> Options {
    Options { poll: POLL, ..Options::new(root, Arc::new(|| 0)) }
}

impl Running {
    /// The installation `root` in a new folder, as `plant` makes it.
    #[track_caller]
    pub(crate) fn start(plant: impl FnOnce(&Path)) -> Self {
        Self::start_with(plant, |_, _| ())
    }

    #[track_caller]
    pub(crate) fn start_with(
        plant: impl FnOnce(&Path),
        set: impl FnOnce(&mut Options, &Path),
    ) -> Self {
        let dir = TempDir::new().unwrap();
        let root = dir.path().join("root");
        plant(&root);
        let mut options = options(&root);
        set(&mut options, dir.path());
        let live = Live::start(options).unwrap();
        assert_eq!(live.status().watch_error, None);
        let epochs = live.subscribe();
        Self { dir, root, live, epochs, slowest: Duration::ZERO }
    }

    /// Waits until what is in force is as wanted.
    #[track_caller]
    pub(crate) fn wait(&self, wanted: impl Fn(&Snapshot) -> bool) {
        let end = Instant::now() + DEADLINE;
        while !wanted(&self.live.snapshot()) {
            let left = end.saturating_duration_since(Instant::now());
            if self.epochs.recv_timeout(left).is_err() {
                panic!("not seen: {:#?}", self.live.status());
            }
        }
    }

    /// Waits until the status is as wanted; a refusal is no epoch.
    #[track_caller]
    pub(crate) fn wait_for(&self, wanted: impl Fn(&overlay_loader::Status) -> bool) {
        let end = Instant::now() + DEADLINE;
        while !wanted(&self.live.status()) {
            assert!(Instant::now() < end, "not seen: {:#?}", self.live.status());
            let _ = self.epochs.recv_timeout(Duration::from_millis(5));
        }
    }

    /// Makes a change after which the overlay says `mark`, and waits for the event of it.
    #[track_caller]
    fn change(&mut self, mark: u64, change: impl FnOnce(&Path)) {
        let started = Instant::now();
        change(&self.root);
        self.slowest = self.slowest.max(started.elapsed());
        self.wait(|it| refund(it) == Some(mark));
    }

    /// Checks that no change was refused, not even for a moment. Whoever takes longer for
    /// one than a file may rest is not waited for.
    #[track_caller]
    fn never_refused(&self) {
        let status = self.live.status();
        assert!(status.nacks == 0 || self.slowest > REST, "{status:#?}");
        self.wait_for(|it| it.last_error.is_none());
    }
}

#[test]
fn written_in_place() {
    let mut it = Running::start(|root| plant(root, 1));
    assert_eq!(marks(&it.live.snapshot()), [1].into());
    for mark in 2..6 {
        it.change(mark, |root| {
            let file = File::options().write(true).open(root.join(REFUND)).unwrap();
            (&file).write_all(refund_text(mark).as_bytes()).unwrap();
        });
    }
    it.never_refused();
}

#[test]
fn truncated_and_written_piece_by_piece() {
    let mut it = Running::start(|root| plant(root, 1));
    for mark in 2..6 {
        it.change(mark, |root| {
            let mut file = File::create(root.join(REFUND)).unwrap();
            for line in refund_text(mark).split_inclusive('\n') {
                file.write_all(line.as_bytes()).unwrap();
            }
        });
    }
    it.never_refused();
}

/// A prompt is whole at every length: only waiting for the writer keeps half of it out.
#[test]
fn half_a_text_is_never_in_force() {
    let ticks = AtomicI64::new(0);
    let it = Running::start_with(
        |root| plant(root, 1),
        |options, _| options.clock = Arc::new(move || ticks.fetch_add(1, Ordering::Relaxed)),
    );
    let path = it.root.join("micro_overlays/refund.md");
    // The look at the start is over, with nothing new.
    it.wait_for(|it| it.checked_at_ms > 0);
    let started = Instant::now();
    let mut file = File::create(path).unwrap();
    for piece in ["Ma", "rk", " ", "2", "3"] {
        file.write_all(piece.as_bytes()).unwrap();
        let early = it.epochs.recv_timeout(Duration::from_millis(5));
        assert!(early.is_err() || started.elapsed() > REST, "{:?}", marks(&it.live.snapshot()));
    }
    drop(file);
    it.wait(|it| marks(it) == [1, 23].into());
}

#[test]
fn renamed_over() {
    let mut it = Running::start(|root| plant(root, 1));
    for (mark, temporary) in (2..).zip(["overlays/.new", "overlays/new.tmp", "../new", "x.toml"]) {
        it.change(mark, |root| {
            write(root, temporary, &refund_text(mark));
            fs::rename(root.join(temporary), root.join(REFUND)).unwrap();
        });
    }
    it.never_refused();
}

#[test]
fn saved_by_an_editor() {
    let mut it = Running::start(|root| plant(root, 1));
    for mark in 2..6 {
        it.change(mark, |root| {
            let (file, backup) = (root.join(REFUND), root.join(format!("{REFUND}~")));
            write(root, "overlays/4913", "");
            fs::remove_file(root.join("overlays/4913")).unwrap();
            fs::rename(&file, &backup).unwrap();
            fs::write(&file, refund_text(mark)).unwrap();
            fs::remove_file(&backup).unwrap();
        });
        let epoch = it.live.status().epoch;
        assert!(epoch == mark || it.slowest > REST, "the file was gone: {epoch}");
    }
    it.never_refused();
}

#[test]
fn a_file_is_deleted_and_made_again() {
    // Without a flag: a flag refers to the overlay.
    let mut it = Running::start(|root| {
        plant(root, 1);
        fs::remove_file(root.join(FLAGS)).unwrap();
    });
    for mark in 2..5 {
        fs::remove_file(it.root.join(REFUND)).unwrap();
        it.wait(|it| refund(it).is_none());
        it.change(mark, |root| write(root, REFUND, &refund_text(mark)));
    }
}

#[test]
fn folders_are_deleted_and_made_again() {
    let mut it = Running::start(|root| plant(root, 1));
    for mark in 2..5 {
        let overlays = it.root.join("overlays");
        it.change(mark, |root| {
            fs::remove_dir_all(&overlays).unwrap();
            plant(root, mark);
        });
        it.change(mark + 10, |root| write(root, REFUND, &refund_text(mark + 10)));
        it.change(mark + 20, |root| {
            fs::rename(&overlays, root.join("was")).unwrap();
            plant(root, mark + 20);
            fs::remove_dir_all(root.join("was")).unwrap();
        });
        it.change(mark + 30, |root| write(root, REFUND, &refund_text(mark + 30)));
    }
}

#[test]
fn the_root_vanishes_and_returns() {
    let mut it = Running::start(|root| plant(root, 1));
    for mark in 2..5 {
        let before = marks(&it.live.snapshot());
        let away = it.dir.path().join("away");
        fs::rename(&it.root, &away).unwrap();
        fs::remove_dir_all(&away).unwrap();
        it.wait_for(|it| it.last_error.is_some());
        assert_eq!(marks(&it.live.snapshot()), before, "what was in force stays");
        assert_eq!(it.live.health().status, HealthStatus::Degraded);
        it.change(mark, |root| plant(root, mark));
        it.wait(|it| marks(it) == [mark].into());
        it.change(mark + 10, |root| plant(root, mark + 10));
        it.wait_for(|it| it.last_error.is_none());
        it.wait(|it| marks(it) == [mark + 10].into());
    }
    assert_eq!(it.live.health().status, HealthStatus::Healthy);
}

#[test]
fn the_folder_above_the_root_vanishes_and_returns() {
    let mut it = Running::start_with(
        |root| plant(&root.join("a/b"), 1),
        |options, dir| options.root = dir.join("root/a/b"),
    );
    for mark in 2..5 {
        fs::remove_dir_all(&it.root).unwrap();
        it.wait_for(|it| it.last_error.is_some());
        it.change(mark, |root| plant(&root.join("a/b"), mark));
    }
}

#[test]
fn the_root_is_renamed_and_replaced() {
    let mut it = Running::start(|root| plant(root, 1));
    for mark in 2..6 {
        let (next, old) = (it.dir.path().join("next"), it.dir.path().join("old"));
        plant(&next, mark);
        it.change(mark, |root| {
            fs::rename(root, &old).unwrap();
            fs::rename(&next, root).unwrap();
        });
        assert_eq!(marks(&it.live.snapshot()), [mark].into());
        fs::remove_dir_all(&old).unwrap();
        it.change(mark + 10, |root| write(root, REFUND, &refund_text(mark + 10)));
    }
}

/// It is the same folder, yet the watch of it has ended.
#[test]
fn the_root_is_renamed_and_back() {
    let mut it = Running::start(|root| plant(root, 1));
    let away = it.dir.path().join("away");
    for mark in 2..6 {
        fs::rename(&it.root, &away).unwrap();
        fs::rename(&away, &it.root).unwrap();
        it.change(mark, |root| write(root, REFUND, &refund_text(mark)));
        it.change(mark + 10, |root| write(root, REFUND, &refund_text(mark + 10)));
    }
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Makes the link `at` lead to `target`, by one rename.
    pub(super) fn lead(at: &Path, target: &Path) {
        let fresh = at.with_file_name(".fresh_link");
        symlink(target, &fresh).unwrap();
        fs::rename(&fresh, at).unwrap();
    }

    #[test]
    fn the_root_is_a_link_that_is_led_elsewhere() {
        let mut it = Running::start(|root| {
            plant(&root.with_file_name("1"), 1);
            symlink("1", root).unwrap();
        });
        for mark in 2..6 {
            plant(&it.dir.path().join(mark.to_string()), mark);
            it.change(mark, |root| lead(root, Path::new(&mark.to_string())));
            assert_eq!(marks(&it.live.snapshot()), [mark].into());
            let in_place = format!("{mark}/{REFUND}");
            let dir = it.dir.path().to_owned();
            it.change(mark + 10, |_| write(&dir, &in_place, &refund_text(mark + 10)));
        }
        it.never_refused();
    }

    /// As `ln -sfn` does it: the link is gone for a moment.
    #[test]
    fn the_root_is_a_link_that_is_removed_and_made_again() {
        let mut it = Running::start(|root| {
            plant(&root.with_file_name("1"), 1);
            symlink("1", root).unwrap();
        });
        for mark in 2..6 {
            plant(&it.dir.path().join(mark.to_string()), mark);
            it.change(mark, |root| {
                fs::remove_file(root).unwrap();
                symlink(mark.to_string(), root).unwrap();
            });
        }
        it.never_refused();
    }

    #[test]
    fn a_link_in_the_middle_of_the_way_is_led_elsewhere() {
        let mut it = Running::start_with(
            |root| {
                plant(&root.join("generations/1/tree"), 1);
                symlink("generations/1", root.join("live")).unwrap();
                symlink("live", root.join("current")).unwrap();
            },
            |options, dir| options.root = dir.join("root/current/tree"),
        );
        for mark in 2..6 {
            let target = PathBuf::from(format!("generations/{mark}"));
            plant(&it.root.join(&target).join("tree"), mark);
            it.change(mark, |root| lead(&root.join("live"), &target));
            assert_eq!(marks(&it.live.snapshot()), [mark].into());
        }
    }

    /// What Kubernetes does to a mounted configuration: a new folder, and one rename.
    fn mount(root: &Path, mark: u64) {
        let stamp = format!("..2026_11_21_{mark:02}");
        plant(&root.join(&stamp), mark);
        lead(&root.join("..data"), Path::new(&stamp));
        for entry in fs::read_dir(root.join(&stamp)).unwrap() {
            let name = entry.unwrap().file_name();
            if !root.join(&name).exists() {
                symlink(Path::new("..data").join(&name), root.join(&name)).unwrap();
            }
        }
        for entry in fs::read_dir(root).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.starts_with("..2026") && name != stamp {
                fs::remove_dir_all(root.join(name)).unwrap();
            }
        }
    }

    #[test]
    fn a_mounted_configuration_is_swapped() {
        let mut it = Running::start(|root| mount(root, 1));
        for mark in 2..6 {
            it.change(mark, |root| mount(root, mark));
            assert_eq!(marks(&it.live.snapshot()), [mark].into());
            let digest = Installation::read(&it.root).unwrap().digest();
            assert_eq!(it.live.status().digest, digest, "read as any other tree");
        }
        // Two in a row: nothing in between need be seen.
        it.change(8, |root| {
            mount(root, 7);
            mount(root, 8);
        });
        it.never_refused();
    }

    #[test]
    fn mounted_folders_are_swapped_each_for_itself() {
        let mount = |overlays: &Path, mark: u64| {
            let stamp = format!("..stamp_{mark}");
            write(overlays, &format!("{stamp}/fusion_overlay.refund.txt"), &refund_text(mark));
            lead(&overlays.join("..data"), Path::new(&stamp));
        };
        let mut it = Running::start(|root| {
            plant(root, 1);
            mount(&root.join("overlays"), 1);
            fs::remove_file(root.join(REFUND)).unwrap();
            symlink("..data/fusion_overlay.refund.txt", root.join(REFUND)).unwrap();
        });
        for mark in 2..6 {
            it.change(mark, |root| mount(&root.join("overlays"), mark));
        }
    }
}

#[test]
fn times_go_backwards() {
    let mut it = Running::start(|root| plant(root, 1));
    for mark in 2..6 {
        it.change(mark, |root| {
            let text = refund_text(mark);
            let mut file = File::create(root.join("overlays/.new")).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let back = Duration::from_secs(1_000_000 - mark);
            file.set_modified(std::time::UNIX_EPOCH + back).unwrap();
            drop(file);
            fs::rename(root.join("overlays/.new"), root.join(REFUND)).unwrap();
        });
    }
}

#[test]
fn thousands_of_files_come_and_go() {
    let mut it = Running::start(|root| plant(root, 1));
    let other = |folder: &str, number| it.root.join(format!("{folder}/other_{number}.md"));
    for number in 0..1_000 {
        fs::write(other("micro_overlays", number), "").unwrap();
        fs::write(other("overlays", number), "").unwrap();
    }
    for number in 0..1_000 {
        fs::remove_file(other("micro_overlays", number)).unwrap();
        fs::remove_file(other("overlays", number)).unwrap();
    }
    write(&it.root, REFUND, &refund_text(2));
    it.wait(|it| refund(it) == Some(2));
    it.change(3, |root| write(root, REFUND, &refund_text(3)));
    it.wait(|it| marks(it) == [1, 3].into());
}

/// Another name of the file lies where nobody watches: only the poll can see this.
#[cfg(unix)]
#[test]
fn what_no_event_tells_is_polled_for() {
    let it = Running::start_with(
        |root| {
            plant(root, 1);
            fs::hard_link(root.join(REFUND), root.with_file_name("elsewhere")).unwrap();
        },
        // Less than a second counts as one.
        |options, _| options.poll = Duration::ZERO,
    );
    for mark in 2..4 {
        fs::write(it.dir.path().join("elsewhere"), refund_text(mark)).unwrap();
        it.wait(|it| refund(it) == Some(mark));
    }
}

/// While one file never rests, the others are looked at: it is written to again before it
/// counts as whole, and less often than a tree is read.
#[test]
fn writing_without_end_holds_nothing_up() {
    let mut it = Running::start(|root| plant(root, 1));
    let log = it.root.join("slo.toml");
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let writer = std::thread::spawn(move || {
        let mut file = File::create(log).unwrap();
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            file.write_all(b"#").unwrap();
            std::thread::sleep(REST / 2);
        }
    });
    // In steps: a tree that changes while it is read is read again.
    for mark in 2..4 {
        it.change(mark, |root| write(root, REFUND, &refund_text(mark)));
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
}

#[test]
fn every_subscriber_gets_every_epoch() {
    let it = Running::start(|root| plant(root, 1));
    let others: Vec<_> = (0..3).map(|_| it.live.subscribe()).collect();
    drop(it.live.subscribe());
    for mark in 2..5 {
        write(&it.root, REFUND, &refund_text(mark));
        it.wait(|it| refund(it) == Some(mark));
    }
    assert_eq!(it.live.snapshot().epoch(), 4);
    assert_eq!(it.live.status().source, Source::Files);
    drop(it.live);
    for other in others {
        assert_eq!(other.iter().collect::<Vec<_>>(), [2, 3, 4]);
    }
}

#[test]
fn dropping_ends_the_watching() {
    let it = Running::start(|root| plant(root, 1));
    let (ended, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        drop(it.live);
        ended.send(()).unwrap();
    });
    assert_eq!(told.recv_timeout(DEADLINE), Ok(()), "it waits for no poll");
    assert!(it.epochs.recv().is_err(), "nothing is left that could send");
}
