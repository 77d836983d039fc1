use std::io;

use overlay_model::Digest;
use serde::Serialize;

use super::broken::{AuditError, Broken, Damage, at};
use super::journal::{self, Mark};
use super::line::{Hasher, Link};
use super::pending::Pending;
use super::segment::{self, DIR, Lines};
use super::tail::Tail;
use super::{Head, Log};
use crate::vfs::Vfs;

/// What was put in order at the end of the log; worth a `tail_repaired` record.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Repair {
    /// How many bytes of a record that was never acknowledged were cut off `audit/HEAD`.
    pub cut_bytes: u64,
    /// How many bytes of acknowledged records the segment lacked, and got from `audit/HEAD`.
    pub restored_bytes: u64,
    /// How many bytes stood in the segments that neither a writer nor a crash put there.
    /// They were taken out of the log, and are kept in `audit/foreign-<digest>`.
    pub foreign_bytes: u64,
}

/// Puts the end of the log in order after a crash, and says where it ends. `expected` is
/// what the pointer says.
///
/// Only the end is looked at. The names in `audit` must be durable, and the writers' lock be
/// held.
///
/// # Errors
///
/// [`AuditError::Broken`] where `audit/HEAD` was changed, or the log ends before it or
/// `expected`, or differs from them; nothing is changed then. `Io` as the system gives them.
pub fn recover<F: Vfs + ?Sized>(
    fs: &F,
    expected: Option<Head>,
) -> Result<(Head, Option<Repair>), AuditError> {
    let tail = Tail::read(fs)?;
    tail.hold_head()?;
    tail.hold_base(fs)?;
    if let Some(expected) = expected {
        tail.hold_against(fs, expected)?;
    }
    let repair = tail.repair(fs)?;
    Ok((tail.pending.end().head, Some(repair).filter(|it| *it != Repair::default())))
}

impl Tail {
    /// The segments must have the record up to which `audit/HEAD` says that they are durable,
    /// and the file of the records behind it must be there.
    fn hold_base(&self, fs: &(impl Vfs + ?Sized)) -> Result<(), AuditError> {
        let Pending { base, .. } = self.pending;
        let full;
        let bytes = if base.segment == self.pending.segment() {
            self.file.as_deref().unwrap_or_default()
        } else {
            full = segment::read(fs, base.segment)?.unwrap_or_default();
            &full
        };
        let end = usize::try_from(base.end).unwrap_or(usize::MAX);
        let last = bytes.get(..end).and_then(segment::last_line);
        let hash = last.map(|it| Hasher::default().hash(it));
        if base.head.seq > 0 && hash != Some(base.head.hash) {
            return Err(unlike_base(fs, bytes, base)?.into());
        }
        if self.durable().is_none() {
            let Mark { head, segment, .. } = self.pending.end();
            let (seq, what) = (base.head.seq + 1, Damage::Missing { until: head.seq });
            return Err(Broken { seq, file: segment::path(segment), line: 1, what }.into());
        }
        Ok(())
    }

    fn hold_against<F: Vfs + ?Sized>(&self, fs: &F, expected: Head) -> Result<(), AuditError> {
        let Pending { base, marks, .. } = &self.pending;
        let end = self.pending.end();
        let file = segment::path(end.segment);
        if expected.seq > end.head.seq {
            let what = Damage::Missing { until: expected.seq };
            return Err(Broken { seq: end.head.seq + 1, file, line: 0, what }.into());
        }
        let mut known = marks.iter().copied().chain([*base, Mark::start()]).map(|it| it.head);
        let hash = match known.find(|it| it.seq == expected.seq) {
            Some(known) => Some(known.hash),
            None => Log::new(fs).hash_of(expected.seq)?,
        };
        if hash == Some(expected.hash) {
            return Ok(());
        }
        let what = Damage::Unexpected { expected: expected.hash };
        Err(Broken { seq: expected.seq, file, line: 0, what }.into())
    }

    /// What is lost of this, as it is not synced, the next `recover` does again.
    fn repair<F: Vfs + ?Sized>(&self, fs: &F) -> Result<Repair, AuditError> {
        let Pending { lines, torn, text, .. } = &self.pending;
        let difference = self.difference();
        journal::remove_new(fs).map_err(at(journal::PATH))?;
        if *torn > 0 {
            fs.truncate(journal::PATH, *lines).map_err(at(journal::PATH))?;
        }
        let path = segment::path(self.pending.segment());
        if difference.foreign > 0 {
            put_aside(fs, self.found())?;
        }
        if difference.foreign + difference.missing > 0 {
            // A segment never has what may still be lost of HEAD.
            fs.sync_file(journal::PATH).map_err(at(journal::PATH))?;
            fs.truncate(&path, self.pending.start()).map_err(at(&path))?;
            fs.append(&path, text).map_err(at(&path))?;
        }
        let mut foreign_bytes = difference.foreign;
        for (number, bytes) in &self.behind {
            put_aside(fs, bytes)?;
            let path = segment::path(*number);
            fs.truncate(&path, 0).map_err(at(&path))?;
            foreign_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        }
        Ok(Repair { cut_bytes: *torn, restored_bytes: difference.missing, foreign_bytes })
    }
}

/// Keeps what somebody had written into the log: it may show who.
fn put_aside<F: Vfs + ?Sized>(fs: &F, bytes: &[u8]) -> Result<(), AuditError> {
    let path = format!("{DIR}/foreign-{}", Digest::of(bytes).short());
    let kept = match fs.write_new(&path, bytes, 0o444) {
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => {
            fs.remove_file(&path).and_then(|()| fs.write_new(&path, bytes, 0o444))
        }
        kept => kept,
    };
    kept.map_err(at(&path))
}

/// What is wrong with a segment that does not have the last record it should have.
fn unlike_base(fs: &(impl Vfs + ?Sized), bytes: &[u8], base: Mark) -> Result<Broken, AuditError> {
    let Head { seq, hash: expected } = base.head;
    let file = segment::path(base.segment);
    let mut line = 0;
    for it in Lines::new(bytes).filter(|it| it.whole) {
        line = it.number;
        if it.end == base.end {
            return Ok(Broken { seq, file, line, what: Damage::Unexpected { expected } });
        }
    }
    let first = (last_before(fs, base.segment, bytes)? + 1).min(seq);
    Ok(Broken { seq: first, file, line: line + 1, what: Damage::Missing { until: seq } })
}

/// The number of the last record in `bytes`, or where there is none in the segment before.
fn last_before(fs: &(impl Vfs + ?Sized), segment: u64, bytes: &[u8]) -> Result<u64, AuditError> {
    let last = |bytes: &[u8]| {
        let whole = Lines::new(bytes).filter(|it| it.whole);
        whole.filter_map(|it| Link::parse(it.bytes).ok()).map(|it| it.seq).last()
    };
    match last(bytes) {
        Some(seq) => Ok(seq),
        None if segment > 1 => {
            let bytes = segment::read(fs, segment - 1)?.unwrap_or_default();
            Ok(last(&bytes).unwrap_or_default())
        }
        None => Ok(0),
    }
}
