mod append;
mod checkpoint;
mod crash;
mod memory;
mod read;
mod recover;
mod tamper;

use overlay_store::audit::{self, Entry, Head};
use overlay_store::vfs::Vfs;
use serde_json::json;

/// Entry number `n` of a made-up history.
fn entry(n: u64) -> Entry {
    Entry {
        at_us: 1_764_000_000_000_000 + i64::try_from(n).unwrap() * 1_000_000,
        actor: ["ops", "ci", "mara"][usize::try_from(n).unwrap() % 3].to_owned(),
        host: "deploy-1".to_owned(),
        action: ["deploy_intent", "deploy_committed"][usize::try_from(n).unwrap() % 2].to_owned(),
        env: "production".to_owned(),
        deployment: (!n.is_multiple_of(5)).then(|| format!("d-{}", n / 2)),
        generation: Some(n / 2),
        base: (n > 1).then(|| n / 2 - 1),
        manifest_sha256: Some(overlay_model::Digest::of(&n.to_le_bytes())),
        detail: json!({"weight": n % 100, "reason": "stage passed", "ä": ["\n", null, 0.5]}),
    }
}

/// Appends `n` records to an empty log.
#[track_caller]
fn write(fs: &impl Vfs, n: u64) -> Head {
    (1..=n).fold(Head::empty(), |head, n| audit::append(fs, head, entry(n)).unwrap().1)
}

/// As [`entry`], and so long that the append after it moves all records to their segment.
fn long(n: u64) -> Entry {
    Entry { detail: json!("x".repeat(33_000)), ..entry(n) }
}

/// As [`write`], with one record more in `audit/HEAD` than the segment has durably.
#[track_caller]
fn write_flushed(fs: &impl Vfs, n: u64) -> Head {
    let head = write(fs, n - 2);
    let (_, head) = audit::append(fs, head, long(n - 1)).unwrap();
    audit::append(fs, head, entry(n)).unwrap().1
}

/// The lines of a text, each with its line feed.
fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|it| *it == b'\n').map(<[u8]>::to_vec).collect()
}
