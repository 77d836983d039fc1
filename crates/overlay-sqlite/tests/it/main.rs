//! Tests of the public API, in one binary.

mod audit_index;
mod batch;
mod copy;
mod look;
mod migrate;
mod performance;

use overlay_store::audit::{self, Entry, Head, Record};
use overlay_store::vfs::RealFs;
use serde_json::json;
use tempfile::TempDir;

/// A root with an audit log.
struct Root {
    dir: TempDir,
    fs: RealFs,
    head: Head,
}

impl Root {
    fn new(records: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["audit", "db"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        let fs = RealFs::open(dir.path()).unwrap();
        let mut res = Self { dir, fs, head: Head::empty() };
        for n in 1..=records {
            res.append(entry(n));
        }
        res
    }

    fn append(&mut self, entry: Entry) -> Record {
        let (record, head) = audit::append(&self.fs, self.head, entry).unwrap();
        self.head = head;
        record
    }

    fn log(&self) -> audit::Log<'_, RealFs> {
        audit::Log::new(&self.fs)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }
}

fn entry(n: u64) -> Entry {
    Entry {
        at_us: at(n),
        actor: if n.is_multiple_of(3) { "mara" } else { "ci" }.to_owned(),
        host: "deploy-1".to_owned(),
        action: if n.is_multiple_of(2) { "deploy_committed" } else { "deploy_intent" }.to_owned(),
        env: "production".to_owned(),
        deployment: Some(format!("d-{}", n.div_ceil(2))),
        generation: Some(n),
        base: None,
        manifest_sha256: None,
        detail: json!({"overlays": if n == 1 { vec!["refund", "audit"] } else { vec!["refund"] }}),
    }
}

/// The second `n` of the history.
fn at(n: u64) -> i64 {
    1_764_000_000_000_000 + i64::try_from(n).unwrap() * 1_000_000
}

/// Records as the log would have them, without a file.
fn records(n: u64) -> Vec<Record> {
    let mut prev = Head::empty().hash;
    let record = |seq| {
        let record = Record { v: 1, seq, entry: entry(seq), prev };
        prev = record.hash().unwrap();
        record
    };
    (1..=n).map(record).collect()
}
