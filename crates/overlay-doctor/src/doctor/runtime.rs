//! The program and the machine it runs on.

use overlay_model::plural;
use overlay_schema::FORMAT_VERSION;
use overlay_store::audit::Record;

use super::Scene;
use super::outcome::{Found, Outcome};

/// One second, microseconds.
const SECOND_US: i64 = 1_000_000;

pub(super) fn version(scene: &Scene<'_>) -> Outcome {
    let program = scene.inputs.version;
    let mut found = Vec::new();
    let mut count = 0;
    if let Some(Ok(installation)) = &scene.site.installation {
        for (name, loaded) in installation.overlays() {
            count += 1;
            let version = loaded.overlay.value("FUSION_OVERLAY_VERSION").unwrap_or_default();
            if major(version) != major(FORMAT_VERSION) {
                let text = format!(
                    "{}: overlay `{name}` has version `{version}`, this program reads {FORMAT_VERSION}",
                    loaded.path
                );
                found.push(Found::fail(text).hint(way_on(version)));
            }
        }
    }
    let overlays = plural(count, "overlay");
    Outcome::of(found, format!("fusion {program} reads format {FORMAT_VERSION}, {overlays}"))
}

/// What to do about an overlay of another major version.
fn way_on(version: &str) -> &'static str {
    if major(version) > major(FORMAT_VERSION) {
        "it was written for a later fusion: install that one, or deploy the overlay of before"
    } else {
        "`fusion migrate plan` says how to bring it up to date"
    }
}

/// The first number of a version.
fn major(version: &str) -> Option<u64> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

pub(super) fn clock(scene: &Scene<'_>) -> Outcome {
    let (now, least) = (scene.inputs.now_us, scene.inputs.not_before_us);
    let hint = "set the clock, and keep it by NTP";
    if now < least {
        let text =
            format!("it is {}, before this program was made ({})", moment(now), moment(least));
        return Found::fail(text).hint(hint).into();
    }
    let newest = newest_record(scene).map(|it| it.entry.at_us);
    let skew = scene.options.count("doctor", "clock_skew_s");
    let ahead = newest.map_or(0, |it| it.saturating_sub(now) / SECOND_US);
    if u64::try_from(ahead).unwrap_or_default() > skew {
        let text = format!("the newest audit record is {ahead} s ahead of the clock");
        return Found::fail(text).hint(hint).into();
    }
    Outcome::ok(format!("it is {}", moment(now)))
}

/// The last record of the audit log, where there is one that can be read.
fn newest_record(scene: &Scene<'_>) -> Option<Record> {
    let Some(Ok(store)) = &scene.site.store else { return None };
    let log = store.audit();
    let head = log.head().ok().filter(|it| it.seq > 0)?;
    log.records(head.seq).ok()?.find_map(Result::ok)
}

/// A moment, to the second.
pub(super) fn moment(at_us: i64) -> String {
    let moment = jiff::Timestamp::from_second(at_us.div_euclid(SECOND_US));
    moment.map_or_else(|_| format!("{at_us} µs after 1970"), |it| it.to_string())
}

pub(super) fn inotify(scene: &Scene<'_>) -> Outcome {
    let least = scene.options.count("doctor", "inotify_watches");
    match scene.inputs.host.inotify_watches {
        None => Outcome::skip("the system does not say how many there are"),
        Some(it) if it < least => {
            let text = format!("a user may have {it}, at least {least} are wanted");
            let hint =
                format!("sysctl fs.inotify.max_user_watches={least}; files are polled meanwhile");
            Found::warn(text).hint(hint).into()
        }
        Some(it) => Outcome::ok(format!("a user may have {it}")),
    }
}

pub(super) fn open_files(scene: &Scene<'_>) -> Outcome {
    let least = scene.options.count("doctor", "open_files");
    match scene.inputs.host.open_files {
        None => Outcome::ok("any number"),
        Some(it) if it < least => {
            let text = format!("a process may have {it}, at least {least} are wanted");
            Found::warn(text).hint(format!("ulimit -n {least}, or LimitNOFILE= of the unit")).into()
        }
        Some(it) => Outcome::ok(format!("a process may have {it}")),
    }
}
